package server

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"google.golang.org/grpc/metadata"

	"github.com/codingflow/rating/services/rating/store"
)

// The metadata in which the proxy says who calls, percent-encoded; docs/auth.md has its list. It is believed, for clients
// cannot set it through the proxy, and only who may put requests into the queues can without.
const (
	issuerKey   = "x-auth-issuer"
	subjectKey  = "x-auth-subject"
	claimPrefix = "x-auth-claim-"
)

// development is the owner that the development principal would have, whose all calls are where the proxy checks no tokens.
const development = "development developer"

// A caller is who calls.
type caller struct {
	// owner is whose the resources are that the caller creates: issuer and subject as they are in the metadata, with a space
	// between, which neither has. It is empty for the development principal, who is everybody, and so owns nothing.
	owner string
	// administrator says that the caller may change everybody's resources.
	administrator bool
}

var (
	// errNoPrincipal says that a call came without a token, or not by the proxy.
	errNoPrincipal = errors.New("who calls is not known: this needs a token")
	// errPrincipalTooLong says that no store can keep the caller as an owner.
	errPrincipalTooLong = errors.New("the issuer and the subject of the token are too long together")
)

// callerOf returns who makes a call.
func (s *Server) callerOf(ctx context.Context) (caller, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	issuer, subject := md.Get(issuerKey), md.Get(subjectKey)
	if len(issuer) != 1 || len(subject) != 1 {
		return caller{}, errNoPrincipal
	}
	owner := issuer[0] + " " + subject[0]
	switch {
	case owner == development:
		return caller{administrator: true}, nil
	case len(owner) > store.MaxOwner:
		return caller{}, errPrincipalTooLong
	}
	return caller{owner: owner, administrator: s.isAdministrator(md)}, nil
}

// isAdministrator reports whether one of the claims is there that make an administrator.
func (s *Server) isAdministrator(md metadata.MD) bool {
	return slices.ContainsFunc(s.adminClaims, func(claim adminClaim) bool {
		return slices.ContainsFunc(md.Get(claimPrefix+claim.name), func(encoded string) bool {
			value, err := url.PathUnescape(encoded)
			return err == nil && value == claim.value
		})
	})
}

// An adminClaim is a claim's value that makes an administrator.
type adminClaim struct{ name, value string }

// parseAdminClaim reads NAME=VALUE. The name is that of the metadata, which is in lower case.
func parseAdminClaim(text string) (adminClaim, error) {
	name, value, _ := strings.Cut(text, "=")
	if name == "" || value == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.") != "" {
		return adminClaim{}, fmt.Errorf("administrator's claim %q is not NAME=VALUE: the name must be of a-z, 0-9, -, _ and . only", text)
	}
	return adminClaim{name: name, value: value}, nil
}
