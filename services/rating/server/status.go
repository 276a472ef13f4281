package server

import (
	"context"
	"errors"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/codingflow/rating/natsgrpc/once"
	"github.com/codingflow/rating/services/rating/store"
)

// errorDomain is the domain of the reasons in google.rpc.ErrorInfo.
const errorDomain = "rating.codingflow.com"

// retryDelay is when a caller may try again who was told that the database is busy or unavailable: it has waited longer than
// that.
const retryDelay = time.Second

// statuses are the status codes and the reasons of errors that the client may see.
var statuses = []struct {
	err    error
	code   codes.Code
	reason string
}{
	{store.ErrNotFound, codes.NotFound, "NOT_FOUND"},
	{store.ErrAlreadyExists, codes.AlreadyExists, "ALREADY_EXISTS"},
	{store.ErrHasRatings, codes.FailedPrecondition, "HAS_RATINGS"},
	{store.ErrStale, codes.Aborted, "STALE_ETAG"},
	{errNoPrincipal, codes.Unauthenticated, "NO_PRINCIPAL"},
	{errPrincipalTooLong, codes.PermissionDenied, "PRINCIPAL_TOO_LONG"},
	{errNotOwner, codes.PermissionDenied, "NOT_OWNER"},
	{errAdministratorsOnly, codes.PermissionDenied, "ADMINISTRATORS_ONLY"},
	{once.ErrReused, codes.InvalidArgument, "REQUEST_ID_REUSED"},
}

// status returns the gRPC status of an error. It logs what the client is not told.
func (s *Server) status(ctx context.Context, err error) error {
	if invalid, ok := errors.AsType[invalidError](err); ok {
		return newStatus(codes.InvalidArgument, "INVALID_FIELDS", invalid.Error(),
			&errdetails.BadRequest{FieldViolations: invalid})
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return status.FromContextError(err).Err()
	}
	for _, known := range statuses {
		if errors.Is(err, known.err) {
			return newStatus(known.code, known.reason, err.Error())
		}
	}
	for _, passing := range []struct {
		err    error
		reason string
	}{{store.ErrBusy, "DATABASE_BUSY"}, {store.ErrUnavailable, "DATABASE_UNAVAILABLE"}} {
		if errors.Is(err, passing.err) {
			s.logger.WarnContext(ctx, passing.err.Error(), "error", err)
			return newStatus(codes.Unavailable, passing.reason, passing.err.Error(),
				&errdetails.RetryInfo{RetryDelay: durationpb.New(retryDelay)})
		}
	}
	s.logger.ErrorContext(ctx, "internal error", "error", err)
	return newStatus(codes.Internal, "INTERNAL", "internal error")
}

func newStatus(code codes.Code, reason, message string, details ...protoadapt.MessageV1) error {
	st := status.New(code, message)
	details = append(details, &errdetails.ErrorInfo{Reason: reason, Domain: errorDomain})
	withDetails, err := st.WithDetails(details...)
	if err != nil { // cannot happen: no code is OK and all details can be encoded
		return st.Err()
	}
	return withDetails.Err()
}
