package rpc_test

import (
	"errors"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	pb "github.com/codingflow/rating/proto/natsgrpctest/v1"
	"github.com/codingflow/rating/proxy/grpctest"
	"github.com/codingflow/rating/proxy/rpc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// soon is when something must have happened that takes a moment, on a busy machine too.
const soon = 20 * time.Second

// await returns what a channel gives soon.
func await[T any](t testing.TB, what string, from <-chan T) T {
	t.Helper()
	return natsgrpctest.Await(t, soon, what, from)
}

// interceptors are those of an upstream.
type interceptors struct {
	unary  []grpc.UnaryServerInterceptor
	stream []grpc.StreamServerInterceptor
}

// upstream serves what register adds until the test ends and returns a connection to it.
type upstream struct {
	name string
	// start starts what tests share, and returns how each is served.
	start func(t *testing.T) func(t *testing.T, register func(grpc.ServiceRegistrar), with interceptors) grpc.ClientConnInterface
}

var upstreams = []upstream{{"grpc", startGRPC}, {"natsgrpc", startNATS}}

func startGRPC(*testing.T) func(*testing.T, func(grpc.ServiceRegistrar), interceptors) grpc.ClientConnInterface {
	return func(t *testing.T, register func(grpc.ServiceRegistrar), with interceptors) grpc.ClientConnInterface {
		t.Helper()
		return grpctest.Serve(t, register, grpc.ChainUnaryInterceptor(with.unary...), grpc.ChainStreamInterceptor(with.stream...))
	}
}

func startNATS(t *testing.T) func(*testing.T, func(grpc.ServiceRegistrar), interceptors) grpc.ClientConnInterface {
	ns := natsgrpctest.NewServer(t)
	return func(t *testing.T, register func(grpc.ServiceRegistrar), with interceptors) grpc.ClientConnInterface {
		t.Helper()
		server, err := natsgrpc.NewServer(natsgrpctest.Connect(t, ns),
			natsgrpc.WithUnaryInterceptors(with.unary...), natsgrpc.WithStreamInterceptors(with.stream...))
		require.NoError(t, err)
		register(server)
		natsgrpctest.Serve(t, server)
		conn, err := natsgrpc.NewConn(natsgrpctest.Connect(t, ns))
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, conn.Close()) })
		return conn
	}
}

// services are the services of the tests.
func services() []protoreflect.ServiceDescriptor {
	return []protoreflect.ServiceDescriptor{
		pb.File_natsgrpctest_v1_echo_proto.Services().ByName("EchoService"),
		pb.File_natsgrpctest_v1_stream_proto.Services().ByName("StreamService"),
	}
}

// smallBuffer is the size of the buffers between client and handler, so that few messages fill them.
const smallBuffer = 64 << 10

// shrink makes the buffers of a connection small.
func shrink(conn net.Conn) error {
	tcp := conn.(*net.TCPConn)
	return errors.Join(tcp.SetReadBuffer(smallBuffer), tcp.SetWriteBuffer(smallBuffer))
}

// serve serves a handler over HTTP/1.1 and HTTP/2 without TLS until the test ends, and returns its address.
func serve(t *testing.T, handler http.Handler) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: soon,
		Protocols:         new(http.Protocols),
		HTTP2:             &http.HTTP2Config{MaxReceiveBufferPerStream: smallBuffer},
		ConnState: func(conn net.Conn, state http.ConnState) {
			if state == http.StateNew {
				assert.NoError(t, shrink(conn))
			}
		},
	}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		require.NoError(t, server.Close())
		require.ErrorIs(t, <-done, http.ErrServerClosed)
	})
	return listener.Addr().String()
}

// newHandler returns a handler for the services of the tests.
func newHandler(t *testing.T, conn grpc.ClientConnInterface, options ...rpc.Option) *rpc.Handler {
	t.Helper()
	handler, err := rpc.New(conn, services(), options...)
	require.NoError(t, err)
	return handler
}

// dial returns a connection of grpc-go to an address.
func dial(t *testing.T, address string) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	return conn
}
