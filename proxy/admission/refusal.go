package admission

import (
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
)

// ErrorDomain is the domain of the google.rpc.ErrorInfo in each refusal.
const ErrorDomain = "admission"

// The reasons of refusals, in their google.rpc.ErrorInfo.
const (
	// ReasonOverloaded goes with UNAVAILABLE: as many requests are in flight as may be.
	ReasonOverloaded = "OVERLOADED"
	// ReasonClientLimit goes with RESOURCE_EXHAUSTED: the client has as many requests in flight as one may have.
	ReasonClientLimit = "CLIENT_LIMIT"
	// ReasonFairShare goes with RESOURCE_EXHAUSTED: there is little room left, and the client has its share.
	ReasonFairShare = "FAIR_SHARE"
	// ReasonBacklog goes with RESOURCE_EXHAUSTED: the call would wait for too long.
	ReasonBacklog = "BACKLOG"
)

// The bounds of what clients are told to wait for. Less than a second makes no sense in Retry-After, and who waits for
// longer than the other does not notice that it is over.
const (
	minRetry = time.Second
	maxRetry = 30 * time.Second
)

func overloaded(retry time.Duration) error {
	return refusal(codes.Unavailable, ReasonOverloaded, "too many requests are in flight; try again later", retry)
}

func clientLimit(retry time.Duration) error {
	return refusal(codes.ResourceExhausted, ReasonClientLimit, "too many requests of this client are in flight; try again later", retry)
}

func fairShare(retry time.Duration) error {
	return refusal(codes.ResourceExhausted, ReasonFairShare,
		"there is little room left, and more requests of this client are in flight than of others; try again later", retry)
}

func backlog(retry time.Duration) error {
	return refusal(codes.ResourceExhausted, ReasonBacklog, "so many requests are waiting that the answer would come late; try again later", retry)
}

func refusal(code codes.Code, reason, message string, retry time.Duration) error {
	st, err := status.New(code, message).WithDetails(
		&errdetails.ErrorInfo{Reason: reason, Domain: ErrorDomain},
		&errdetails.RetryInfo{RetryDelay: durationpb.New(min(max(retry, minRetry), maxRetry))})
	if err != nil { // for OK only
		return status.Error(code, message)
	}
	return st.Err()
}
