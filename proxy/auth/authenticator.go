package auth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"

	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/reflect/protoreflect"

	authv1 "github.com/codingflow/rating/proto/auth/v1"
)

// Authenticator checks who calls. It is safe for concurrent use.
type Authenticator struct {
	issuer    string
	audiences []string
	options   options
	resource  *resource // nil without WithResource
	keys      *keyCache // nil if nothing is checked
	// fixed is the metadata of callers without a token, or of all where nothing is checked.
	fixed    metadata.MD
	accesses accesses
}

// New returns an authenticator of the tokens of an issuer that are for at least one of the audiences. It asks the issuer for
// its keys in the background, until Close; one that does not answer is no error. It fails if an argument or an option is
// invalid, or a file of keys cannot be read.
func New(issuer string, audiences []string, opts ...Option) (*Authenticator, error) {
	a := &Authenticator{issuer: issuer, audiences: slices.Clone(audiences), options: options{
		algorithms: algorithms,
		leeway:     DefaultLeeway,
		client:     newClient(),
		logger:     slog.New(slog.DiscardHandler),
		timing:     defaultTiming,
	}}
	var errs []error
	if issuer == "" {
		errs = append(errs, errors.New("no issuer"))
	}
	if len(audiences) == 0 || slices.Contains(audiences, "") {
		errs = append(errs, errors.New("no audience, or an empty one"))
	}
	for _, opt := range opts {
		errs = append(errs, opt.apply(&a.options))
	}
	source, err := newSource(issuer, a.options.keys, a.options.client)
	if err := errors.Join(append(errs, err)...); err != nil {
		return nil, fmt.Errorf("auth: %w", err)
	}
	if a.options.resource != "" {
		a.resource = newResource(a.options.resource, issuer)
	}
	a.fixed = a.metadata(Principal{}, nil)
	a.keys = newKeyCache(source, a.options.timing, a.options.logger)
	return a, nil
}

// NewUnchecked returns an authenticator that checks nothing: all calls are those of [Development], whatever token they have.
func NewUnchecked() *Authenticator {
	a := &Authenticator{}
	a.fixed = a.metadata(Development, nil)
	return a
}

// Close ends the fetching of keys and waits for it. Calls after it are checked with the keys that are known.
func (a *Authenticator) Close() error {
	if a.keys != nil {
		a.keys.close()
		a.options.client.CloseIdleConnections()
	}
	return nil
}

// Authorize checks whether the request with a header may call a method. It returns the context for the call, which tells
// [PrincipalFrom] who calls, and the metadata to send with it. The metadata replaces what the client has sent under the same
// names; a name without a value is to be removed. It must not be changed.
//
// A refusal is an [*Error], whose status, and header over HTTP, are for the client. The end of ctx is CANCELLED or
// DEADLINE_EXCEEDED; any other error is a fault of the descriptor.
func (a *Authenticator) Authorize(
	ctx context.Context, method protoreflect.MethodDescriptor, header http.Header,
) (context.Context, metadata.MD, error) {
	if a.keys == nil {
		return context.WithValue(ctx, principalKey{}, Development), a.fixed, nil
	}
	access, err := a.accesses.of(method)
	if err != nil {
		return nil, nil, err
	}
	c, err := a.authorize(ctx, access, header)
	if err != nil {
		return nil, nil, a.explain(err, access)
	}
	if c == nil {
		return ctx, a.fixed, nil
	}
	principal := Principal{Issuer: c.Issuer, Subject: c.Subject}
	return context.WithValue(ctx, principalKey{}, principal), a.metadata(principal, c), nil
}

// authorize returns the claims of a caller who may call, nil if there is no token and none is needed.
func (a *Authenticator) authorize(ctx context.Context, access *authv1.Access, header http.Header) (*claims, error) {
	required := access.GetRequiredScopes()
	token, err := bearerToken(header)
	if err != nil {
		return nil, err
	}
	if token == "" {
		if access.GetAllowUnauthenticated() && len(required) == 0 {
			return nil, nil
		}
		return nil, missing()
	}
	c, err := a.verify(ctx, token)
	if err != nil {
		return nil, err
	}
	if c.lacks(required) {
		return nil, insufficient()
	}
	return c, nil
}

// explain adds to a refusal what the client needs: the scopes, unless its token is wrong anyway, and where to get a token.
func (a *Authenticator) explain(err error, access *authv1.Access) error {
	var refused *Error
	if !errors.As(err, &refused) || refused.challenge == nil {
		return err
	}
	if refused.challenge.code == "" || refused.challenge.code == "insufficient_scope" {
		refused.challenge.scopes = access.GetRequiredScopes()
	}
	if a.resource != nil {
		refused.challenge.metadata = a.resource.metadataURL
	}
	return err
}
