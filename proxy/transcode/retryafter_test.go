package transcode

import (
	"math"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"
)

func TestRetryAfter(t *testing.T) {
	reason := func(reason, domain string) protoadapt.MessageV1 {
		return &errdetails.ErrorInfo{Reason: reason, Domain: domain}
	}
	retry := func(delay time.Duration) protoadapt.MessageV1 {
		return &errdetails.RetryInfo{RetryDelay: durationpb.New(delay)}
	}
	tests := []struct {
		name    string
		code    codes.Code
		details []protoadapt.MessageV1
		want    string // "" is none
	}{
		{"429", codes.ResourceExhausted, []protoadapt.MessageV1{retry(2 * time.Second)}, "2"},
		{"503", codes.Unavailable, []protoadapt.MessageV1{retry(2 * time.Second)}, "2"},
		{"409", codes.Aborted, []protoadapt.MessageV1{retry(2 * time.Second)}, ""},
		{"rounded up", codes.Unavailable, []protoadapt.MessageV1{retry(1200 * time.Millisecond)}, "2"},
		{"a nanosecond", codes.Unavailable, []protoadapt.MessageV1{retry(1)}, "1"},
		{"none", codes.Unavailable, []protoadapt.MessageV1{retry(0)}, "0"},
		{"without a delay", codes.Unavailable, []protoadapt.MessageV1{&errdetails.RetryInfo{}}, "0"},
		{"in the past", codes.Unavailable, []protoadapt.MessageV1{retry(-time.Minute)}, "0"},
		{"for ever", codes.Unavailable, []protoadapt.MessageV1{retry(math.MaxInt64)}, "9223372037"},
		{"the first of two", codes.Unavailable, []protoadapt.MessageV1{retry(time.Second), retry(time.Minute)}, "1"},

		{"full, told when", codes.ResourceExhausted, []protoadapt.MessageV1{reason("QUEUE_FULL", "natsgrpc"), retry(time.Second)}, "1"},
		{"full", codes.ResourceExhausted, []protoadapt.MessageV1{reason("QUEUE_FULL", "natsgrpc")}, "5"},
		{"backlog", codes.ResourceExhausted, []protoadapt.MessageV1{reason("BACKLOG", "natsgrpc")}, "5"},
		{"no workers", codes.Unavailable, []protoadapt.MessageV1{reason("NO_WORKERS", "natsgrpc")}, "5"},
		{"not connected", codes.Unavailable, []protoadapt.MessageV1{reason("NOT_CONNECTED", "natsgrpc")}, "5"},
		{"no queue", codes.Unavailable, []protoadapt.MessageV1{reason("NO_QUEUE", "natsgrpc")}, ""},
		{"too large", codes.ResourceExhausted, []protoadapt.MessageV1{reason("MESSAGE_TOO_LARGE", "natsgrpc")}, ""},
		{"too large, told when", codes.ResourceExhausted, []protoadapt.MessageV1{reason("MESSAGE_TOO_LARGE", "natsgrpc"), retry(time.Second)}, ""},
		{"a service's own reason", codes.ResourceExhausted, []protoadapt.MessageV1{reason("QUEUE_FULL", "rating.example.com")}, ""},
		{"no reason", codes.Unavailable, nil, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			WriteError(w, httptest.NewRequest(http.MethodGet, "/", nil), withDetails(t, test.code, "m", test.details...))
			require.Equal(t, test.want, w.Header().Get("Retry-After"))
		})
	}
}
