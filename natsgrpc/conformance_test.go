package natsgrpc_test

import (
	"context"
	"net"
	"testing"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

func TestConformance(t *testing.T) {
	t.Run("natsgrpc", func(t *testing.T) {
		ns := natsgrpctest.NewServer(t)
		natsgrpctest.Run(t, func(t *testing.T, register func(grpc.ServiceRegistrar), interceptors ...grpc.UnaryServerInterceptor) grpc.ClientConnInterface {
			nc := natsgrpctest.Connect(t, ns)
			serve(t, nc, register, natsgrpc.WithUnaryInterceptors(interceptors...))
			return connect(t, natsgrpctest.Connect(t, ns))
		})
	})
	t.Run("grpc", func(t *testing.T) {
		natsgrpctest.Run(t, func(t *testing.T, register func(grpc.ServiceRegistrar), interceptors ...grpc.UnaryServerInterceptor) grpc.ClientConnInterface {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			srv := grpc.NewServer(grpc.ChainUnaryInterceptor(interceptors...))
			register(srv)
			go func() { _ = srv.Serve(listener) }() // ended by Stop
			t.Cleanup(srv.Stop)
			cc, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, cc.Close()) })
			return cc
		})
	})
}

// serveUntil runs a server until the returned function is called, which reports what Serve returned.
func serveUntil(t testing.TB, srv *natsgrpc.Server) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- srv.Serve(ctx) }()
	select {
	case <-srv.Ready():
	case err := <-done:
		cancel()
		require.NoError(t, err)
		t.Fatal("Serve returned before it was ready")
	}
	return func() error {
		cancel()
		return <-done
	}
}
