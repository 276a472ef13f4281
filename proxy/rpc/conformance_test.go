package rpc_test

import (
	"net/http"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"

	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	"github.com/codingflow/rating/proxy/rpc"
)

// transparent are the options of a handler that lets through what the conformance suites send.
func transparent() []rpc.Option {
	return []rpc.Option{
		rpc.WithRequestHeaders("one", "many", "data-bin", "empty", "percent", "key"),
		rpc.WithResponseHeaders("h", "h-bin", "t", "t-bin", "key"),
		rpc.WithPublicStatus(func(st *status.Status) *status.Status { return st }),
		rpc.WithMaxMessage(16 << 20), // the limits of the suites are upstream's
	}
}

// withoutOffer has only those answers compressed whose requests are: under the race detector gzip takes minutes for all
// that the suites send.
func withoutOffer(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del("Grpc-Accept-Encoding")
		next.ServeHTTP(w, r)
	})
}

// The cases of the suites that the handler cannot pass.
const (
	// It decompresses, so upstream has another word for what is too large.
	bombCase = "a small message that becomes a large one is RESOURCE_EXHAUSTED"
	// net/http sends a header before each trailer.
	headerCase = "a stream without header has none"
)

// TestConformance runs natsgrpc's conformance suites with a client of grpc-go, through the handler.
func TestConformance(t *testing.T) {
	for _, upstream := range upstreams {
		t.Run(upstream.name, func(t *testing.T) {
			start := upstream.start(t)
			through := func(t *testing.T, register func(grpc.ServiceRegistrar), with interceptors) grpc.ClientConnInterface {
				t.Helper()
				return dial(t, serve(t, withoutOffer(newHandler(t, start(t, register, with), transparent()...))))
			}
			t.Run("unary", func(t *testing.T) {
				natsgrpctest.Run(t, func(t *testing.T, register func(grpc.ServiceRegistrar), unary ...grpc.UnaryServerInterceptor) grpc.ClientConnInterface {
					return through(t, register, interceptors{unary: unary})
				}, bombCase)
			})
			t.Run("streams", func(t *testing.T) {
				natsgrpctest.RunStreams(t, func(t *testing.T, register func(grpc.ServiceRegistrar), stream ...grpc.StreamServerInterceptor) grpc.ClientConnInterface {
					return through(t, register, interceptors{stream: stream})
				}, bombCase, headerCase)
			})
		})
	}
}
