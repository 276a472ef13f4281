package transcode

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestHTTPStatus(t *testing.T) {
	tests := map[code.Code]int{
		code.Code_OK:                  200,
		code.Code_CANCELLED:           499,
		code.Code_UNKNOWN:             500,
		code.Code_INVALID_ARGUMENT:    400,
		code.Code_DEADLINE_EXCEEDED:   504,
		code.Code_NOT_FOUND:           404,
		code.Code_ALREADY_EXISTS:      409,
		code.Code_PERMISSION_DENIED:   403,
		code.Code_RESOURCE_EXHAUSTED:  429,
		code.Code_FAILED_PRECONDITION: 400,
		code.Code_ABORTED:             409,
		code.Code_OUT_OF_RANGE:        400,
		code.Code_UNIMPLEMENTED:       501,
		code.Code_INTERNAL:            500,
		code.Code_UNAVAILABLE:         503,
		code.Code_DATA_LOSS:           500,
		code.Code_UNAUTHENTICATED:     401,
	}
	require.Len(t, tests, len(code.Code_name), "a code is missing")
	for number, name := range code.Code_name {
		t.Run(name, func(t *testing.T) {
			got := HTTPStatus(status.New(codes.Code(number), "m"))
			require.Equal(t, tests[code.Code(number)], got)
			require.NotEmpty(t, statusTitle(got))
		})
	}
	require.Equal(t, 500, HTTPStatus(status.New(77, "m")))
}

func TestHTTPStatusByReason(t *testing.T) {
	tests := []struct {
		name           string
		code           codes.Code
		reason, domain string
		want           int
	}{
		{"too large for the transport", codes.ResourceExhausted, "MESSAGE_TOO_LARGE", "natsgrpc", http.StatusRequestEntityTooLarge},
		{"too large for a service", codes.ResourceExhausted, "MESSAGE_TOO_LARGE", "rating.example.com", http.StatusTooManyRequests},
		{"too large for nobody", codes.ResourceExhausted, "MESSAGE_TOO_LARGE", "", http.StatusTooManyRequests},
		{"a key of another request", codes.InvalidArgument, "IDEMPOTENCY_KEY_REUSED", "natsgrpc", http.StatusUnprocessableEntity},
		{"a key of another request, of a service", codes.InvalidArgument, "IDEMPOTENCY_KEY_REUSED", "rating.example.com", http.StatusBadRequest},
		{"with another code", codes.InvalidArgument, "MESSAGE_TOO_LARGE", "natsgrpc", http.StatusBadRequest},
		{"full", codes.ResourceExhausted, "QUEUE_FULL", "natsgrpc", http.StatusTooManyRequests},
		{"backlog", codes.ResourceExhausted, "BACKLOG", "natsgrpc", http.StatusTooManyRequests},
		{"no workers", codes.Unavailable, "NO_WORKERS", "natsgrpc", http.StatusServiceUnavailable},
		{"not connected", codes.Unavailable, "NOT_CONNECTED", "natsgrpc", http.StatusServiceUnavailable},
		{"a service's own", codes.FailedPrecondition, "QUEUE_FULL", "natsgrpc", http.StatusBadRequest},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			st := withDetails(t, test.code, "m", &errdetails.ErrorInfo{Reason: test.reason, Domain: test.domain})
			require.Equal(t, test.want, HTTPStatus(st))
		})
	}
}
