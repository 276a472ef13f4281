package openloop

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// The kinds of failures that are no answers.
const (
	// TimedOut is the kind of calls that the load's Timeout ended.
	TimedOut = "timeout"
	// NotSent is the kind of calls that were due when MaxInFlight others were being made.
	NotSent = "not sent"
	// Other is the kind of errors that are neither a gRPC status nor an HTTPError, such as a lost connection.
	Other = "other"
)

// HTTPError is an HTTP answer with a status that is no success.
type HTTPError struct {
	// Status is the answer's, such as 503.
	Status int
	// Request and Body are for the message: "GET /ratings/1", and what the answer says.
	Request, Body string
}

// Error has it all.
func (e *HTTPError) Error() string {
	return fmt.Sprintf("%s: status %d: %s", e.Request, e.Status, e.Body)
}

// Kind says of which kind a call's error is: an HTTPError's status ("503"), a gRPC status's code ("Unavailable"),
// TimedOut for a context's deadline, or Other.
func Kind(err error) string {
	var http *HTTPError
	if errors.As(err, &http) {
		return strconv.Itoa(http.Status)
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return TimedOut
	case errors.Is(err, context.Canceled):
		return codes.Canceled.String()
	}
	if s, ok := status.FromError(err); ok {
		return s.Code().String()
	}
	return Other
}
