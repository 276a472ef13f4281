// Package server implements the rating API on a [store.Store]. It knows no transport: what registers generated gRPC
// services can serve it.
//
//	srv, err := server.New(st, server.WithRequestID(natsgrpc.RequestID))
//	…
//	transport, err := natsgrpc.NewServer(nc, natsgrpc.WithUnaryInterceptors(srv.Interceptor()))
//	…
//	srv.Register(transport)
//
// # Who may change what
//
// Everybody whom the proxy lets through may read, and create services. Who has no user may create one, which is theirs from
// then on, as the service is that they create; the user of whoever calls is users/me to GetUser. Only their owner may change
// users, services, and a user's ratings; force, which deletes others' ratings with a service, is for administrators.
//
// Administrators may change everything: those who have one of the claims of [WithAdminClaims], and the development principal,
// in whose name the proxy calls where it checks no tokens. What that creates, and what there was before there were owners, is
// nobody's, so only administrators may change it.
//
// Who calls stands in metadata of the proxy. It is believed: NATS must let nobody else put requests into the queues.
//
// # Errors
//
// Each error carries a google.rpc.ErrorInfo with a reason below and the domain rating.codingflow.com, an INVALID_ARGUMENT
// also the google.rpc.BadRequest that names the fields.
//
//	INVALID_ARGUMENT     INVALID_FIELDS, REQUEST_ID_REUSED
//	UNAUTHENTICATED      NO_PRINCIPAL
//	PERMISSION_DENIED    NOT_OWNER, ADMINISTRATORS_ONLY, PRINCIPAL_TOO_LONG
//	NOT_FOUND            NOT_FOUND
//	ALREADY_EXISTS       ALREADY_EXISTS
//	FAILED_PRECONDITION  HAS_RATINGS
//	ABORTED              STALE_ETAG
//	UNAVAILABLE          DATABASE_BUSY, with a google.rpc.RetryInfo
//	INTERNAL             INTERNAL; the cause is logged only
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"buf.build/go/protovalidate"
	"google.golang.org/grpc"

	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
	"github.com/codingflow/rating/services/rating/store"
)

// A Server is the rating service: its three API services and the check of their requests.
type Server struct {
	store     store.Store
	validator protovalidate.Validator
	requestID func(context.Context) string
	logger    *slog.Logger
	// adminTexts are what WithAdminClaims was given, adminClaims what they say.
	adminTexts  []string
	adminClaims []adminClaim
}

// An Option changes how a [Server] works.
type Option interface{ apply(*Server) }

type optionFunc func(*Server)

func (f optionFunc) apply(s *Server) { f(s) }

// WithRequestID sets what tells the id of the request that a context belongs to, or "" where there is none: commands with
// the same id act once. Default: there is none.
func WithRequestID(requestID func(context.Context) string) Option {
	return optionFunc(func(s *Server) { s.requestID = requestID })
}

// WithAdminClaims makes administrators of those whose token has one of these claims, each written as NAME=VALUE. The proxy
// must pass the claim on, as x-auth-claim-NAME. Of a claim that is a list one value is enough. Default: none.
func WithAdminClaims(claims ...string) Option {
	return optionFunc(func(s *Server) { s.adminTexts = claims })
}

// WithLogger sets where the causes of INTERNAL errors are logged. Default [slog.Default].
func WithLogger(logger *slog.Logger) Option {
	return optionFunc(func(s *Server) { s.logger = logger })
}

// New returns a server of what is in a store, which stays the caller's.
func New(st store.Store, opts ...Option) (*Server, error) {
	s := &Server{
		store:     st,
		requestID: func(context.Context) string { return "" },
		logger:    slog.Default(),
	}
	for _, opt := range opts {
		opt.apply(s)
	}
	if s.store == nil || s.requestID == nil || s.logger == nil {
		return nil, errors.New("server: store, request id and logger must not be nil")
	}
	for _, text := range s.adminTexts {
		claim, err := parseAdminClaim(text)
		if err != nil {
			return nil, fmt.Errorf("server: %w", err)
		}
		s.adminClaims = append(s.adminClaims, claim)
	}
	var err error
	if s.validator, err = protovalidate.New(); err != nil {
		return nil, fmt.Errorf("server: create validator: %w", err)
	}
	return s, nil
}

// Register registers UserService, CatalogService and RatingService. Their handlers rely on [Server.Interceptor].
func (s *Server) Register(reg grpc.ServiceRegistrar) {
	ratingv1.RegisterUserServiceServer(reg, &userServer{Server: s})
	ratingv1.RegisterCatalogServiceServer(reg, &catalogServer{Server: s})
	ratingv1.RegisterRatingServiceServer(reg, &ratingServer{Server: s})
}
