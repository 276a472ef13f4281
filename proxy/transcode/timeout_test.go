package transcode

import (
	"context"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"
)

func TestParseTimeouts(t *testing.T) {
	const longest = math.MaxInt64 - 1
	seconds := map[string]time.Duration{
		"1": time.Second, "2.5": 2500 * time.Millisecond, ".5": 500 * time.Millisecond, "007": 7 * time.Second,
		"0.0000000001": 1, "99999999999999999999": longest,
		"": 0, "0": 0, "0.0": 0, "-1": 0, "+1": 0, "1e3": 0, "0x1": 0, "inf": 0, "NaN": 0, "1.2.3": 0, ".": 0, " 1": 0, "1s": 0, "1,5": 0,
		"100000000000000000000": 0, "١": 0,
	}
	for text, want := range seconds {
		got, ok := parseSeconds(text)
		require.Equal(t, want, got, text)
		require.Equal(t, want > 0, ok, text)
	}
	grpc := map[string]time.Duration{
		"1H": time.Hour, "2M": 2 * time.Minute, "3S": 3 * time.Second, "4m": 4 * time.Millisecond, "5u": 5 * time.Microsecond, "6n": 6,
		"00000001S": time.Second, "99999999S": 99999999 * time.Second, "99999999H": longest,
		"": 0, "S": 0, "1": 0, "0S": 0, "-1S": 0, "+1S": 0, "1s": 0, "1.5S": 0, "123456789S": 0, "1S ": 0,
	}
	for text, want := range grpc {
		got, ok := parseGRPCTimeout(text)
		require.Equal(t, want, got, text)
		require.Equal(t, want > 0, ok, text)
	}
}

func FuzzParseTimeouts(f *testing.F) {
	for _, seed := range []string{"2.5", "100m", "99999999H", "1e9", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, parse := range []func(string) (time.Duration, bool){parseSeconds, parseGRPCTimeout} {
			got, ok := parse(text)
			require.Equal(t, ok, got > 0)
			require.GreaterOrEqual(t, got, time.Duration(0))
		}
	})
}

// The shortest of what the client asks for and the handler allows counts.
func TestClientTimeout(t *testing.T) {
	backend := newBackend(t)
	handler, err := New(backend.conn, []protoreflect.ServiceDescriptor{thingsService(t, `get: "/x"`)}, WithTimeout(time.Hour))
	require.NoError(t, err)
	times := make(chan time.Duration, 1)
	backend.answer(func(ctx context.Context, _ []byte) ([]byte, error) {
		deadline, _ := ctx.Deadline()
		times <- time.Until(deadline)
		return nil, nil
	})
	for _, test := range []struct {
		headers []string
		want    time.Duration
	}{
		{nil, time.Hour},
		{[]string{"Request-Timeout: 600"}, 10 * time.Minute},
		{[]string{"Grpc-Timeout: 20M"}, 20 * time.Minute},
		{[]string{"Request-Timeout: 600", "Grpc-Timeout: 20M"}, 10 * time.Minute},
		{[]string{"Request-Timeout: 1800", "Grpc-Timeout: 20M"}, 20 * time.Minute},
		{[]string{"Request-Timeout: 7200", "Grpc-Timeout: 99999999H"}, time.Hour},
	} {
		require.Equal(t, 200, do(handler, "GET", "/x", "", test.headers...).Code, test.headers)
		left := <-times
		require.LessOrEqual(t, left, test.want, test.headers)
		require.Greater(t, left, test.want-time.Minute, test.headers)
	}
}

func TestClientTimeoutPasses(t *testing.T) {
	backend := newBackend(t)
	handler, err := New(backend.conn, []protoreflect.ServiceDescriptor{thingsService(t, `get: "/x"`)})
	require.NoError(t, err)
	backend.answer(func(ctx context.Context, _ []byte) ([]byte, error) {
		<-ctx.Done()
		return nil, status.FromContextError(ctx.Err()).Err()
	})
	w := do(handler, "GET", "/x", "", "Request-Timeout: 0.02")
	require.Equal(t, 504, w.Code)
	require.Equal(t, `{"error":{"code":504,"message":"the call took too long","status":"DEADLINE_EXCEEDED"}}`, w.Body.String())
}

func TestMalformedClientTimeout(t *testing.T) {
	backend := newBackend(t)
	handler, err := New(backend.conn, []protoreflect.ServiceDescriptor{thingsService(t, `get: "/x"`)})
	require.NoError(t, err)
	body := func(message string) string {
		return `{"error":{"code":400,"message":"` + message + `","status":"INVALID_ARGUMENT"}}`
	}
	seconds := body("header Request-Timeout must be a decimal number of seconds above 0, such as 2.5")
	grpc := body("header Grpc-Timeout must be a number above 0 of up to 8 digits and one of the units H, M, S, m, u and n, such as 2500m")
	for header, want := range map[string]string{
		"Request-Timeout: soon": seconds, "Request-Timeout: -1": seconds, "Request-Timeout: 0": seconds,
		"Grpc-Timeout: 10": grpc, "Grpc-Timeout: 0m": grpc,
	} {
		w := do(handler, "GET", "/x", "", header)
		require.Equal(t, 400, w.Code, header)
		require.Equal(t, want, w.Body.String(), header)
	}
	r := httptest.NewRequest(http.MethodGet, "/x", nil)
	r.Header["Request-Timeout"] = []string{"1", "2"}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	require.Equal(t, seconds, w.Body.String(), "twice")
}

// The client's time bounds a stream in each direction, although streams have no other bound here.
func TestClientTimeoutOfStreams(t *testing.T) {
	const want = `{"error":{"code":504,"message":"the call took too long","status":"DEADLINE_EXCEEDED"}}`
	backend := newStreamBackend(t)
	backend.answer(func(s *serverStream) error {
		<-s.Context().Done()
		return s.Context().Err()
	})
	overHTTP(t, backend.handler(t), func(t *testing.T, server *httptest.Server) {
		require.Equal(t, want, request(t, server, "GET", "/pages", nil, "Request-Timeout: 0.05").body)
		reader, writer := io.Pipe()
		require.Equal(t, want, request(t, server, "POST", "/up", reader, isNDJSON, "Grpc-Timeout: 50m").body)
		require.NoError(t, writer.Close())
	})
}
