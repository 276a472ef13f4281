//go:build integration

package interop

import (
	"testing"

	"google.golang.org/grpc"

	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
)

// The suite's handlers are in Go. Each call of theirs comes from the Go client over NATS to the worker in TypeScript, which
// does all that the wire asks of a server, and from there by gRPC.
func TestAWorkerInTypeScriptPassesTheConformanceSuite(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	ensure(t, ns, testServices...)
	natsgrpctest.Run(t, func(t *testing.T, register func(grpc.ServiceRegistrar), interceptors ...grpc.UnaryServerInterceptor) grpc.ClientConnInterface {
		start(t, fixture, ns.ClientURL(), handlers(t, register, grpc.ChainUnaryInterceptor(interceptors...)))
		return connect(t, ns)
	})
}

func TestAWorkerInTypeScriptPassesTheConformanceSuiteOfStreams(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	ensure(t, ns, testServices...)
	build(t) // before the deadlines of the cases begin
	natsgrpctest.RunStreams(t, func(t *testing.T, register func(grpc.ServiceRegistrar), interceptors ...grpc.StreamServerInterceptor) grpc.ClientConnInterface {
		start(t, fixture, ns.ClientURL(), handlers(t, register, grpc.ChainStreamInterceptor(interceptors...)))
		return connect(t, ns)
	},
		"cancelling after a response is CANCELED at both ends", // Node's HTTP/2 tells the handler of a half-close first
		"an upload without an answer is INTERNAL",              // a handler in TypeScript returns one
		"the server receives up to 4 MiB",                      // the worker refuses it, and its handler is told by gRPC of a cancellation
	)
}
