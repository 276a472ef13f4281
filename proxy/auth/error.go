package auth

import (
	"net/http"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"
)

// ErrorDomain is the domain of the google.rpc.ErrorInfo in each error of this package.
const ErrorDomain = "auth.v1"

// The reasons of errors, in their google.rpc.ErrorInfo.
const (
	// ReasonTokenMissing goes with UNAUTHENTICATED: the method needs a token and there is none.
	ReasonTokenMissing = "TOKEN_MISSING"
	// ReasonTokenMalformed goes with INVALID_ARGUMENT: the Authorization header is not one that holds a token.
	ReasonTokenMalformed = "TOKEN_MALFORMED" //nolint:gosec // a reason is no credential
	// ReasonTokenExpired goes with UNAUTHENTICATED: the client needs a new token.
	ReasonTokenExpired = "TOKEN_EXPIRED"
	// ReasonTokenInvalid goes with UNAUTHENTICATED: the token is wrong in any other way.
	ReasonTokenInvalid = "TOKEN_INVALID"
	// ReasonScopeMissing goes with PERMISSION_DENIED: the token lacks a scope that the method needs.
	ReasonScopeMissing = "SCOPE_MISSING"
	// ReasonKeysUnavailable goes with UNAVAILABLE: the token's key is not known and the issuer cannot be asked. A
	// google.rpc.RetryInfo says when it will be asked again.
	ReasonKeysUnavailable = "KEYS_UNAVAILABLE"
)

// Error is why a call is refused. Neither its text nor its status holds any part of a token.
type Error struct {
	status    *status.Status
	challenge *challenge // nil where a token would not help
}

func (e *Error) Error() string { return "auth: " + e.status.Message() }

// GRPCStatus returns the status to answer, for package status.
func (e *Error) GRPCStatus() *status.Status { return e.status }

// Header returns what an answer over HTTP also has: the WWW-Authenticate of RFC 6750, section 3.
func (e *Error) Header() http.Header {
	if e.challenge == nil {
		return nil
	}
	return http.Header{"Www-Authenticate": {e.challenge.String()}}
}

func refusal(code codes.Code, reason, message string, c *challenge, details ...protoadapt.MessageV1) *Error {
	st := status.New(code, message)
	info := &errdetails.ErrorInfo{Reason: reason, Domain: ErrorDomain}
	// It fails for OK only.
	if detailed, err := st.WithDetails(append([]protoadapt.MessageV1{info}, details...)...); err == nil {
		st = detailed
	}
	return &Error{status: st, challenge: c}
}

// missing is the refusal of a call without a token. Its challenge has no error, as RFC 6750, section 3.1 has it.
func missing() *Error {
	return refusal(codes.Unauthenticated, ReasonTokenMissing, "the method needs a bearer token", &challenge{})
}

func malformed(description string) *Error {
	return refusal(codes.InvalidArgument, ReasonTokenMalformed, description,
		&challenge{code: "invalid_request", description: description})
}

func invalid(description string) *Error { return invalidFor(ReasonTokenInvalid, description) }

func expired() *Error { return invalidFor(ReasonTokenExpired, "the token has expired") }

func invalidFor(reason, description string) *Error {
	return refusal(codes.Unauthenticated, reason, description, &challenge{code: "invalid_token", description: description})
}

func insufficient() *Error {
	const description = "the token lacks a scope that the method needs"
	return refusal(codes.PermissionDenied, ReasonScopeMissing, description,
		&challenge{code: "insufficient_scope", description: description})
}

func unavailable(retry time.Duration) *Error {
	return refusal(codes.Unavailable, ReasonKeysUnavailable, "tokens cannot be checked at the moment", nil,
		&errdetails.RetryInfo{RetryDelay: durationpb.New(retry)})
}
