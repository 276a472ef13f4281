package natsgrpc_test

import (
	"net"
	"testing"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

func TestStreamConformance(t *testing.T) {
	t.Run("natsgrpc", func(t *testing.T) {
		ns := natsgrpctest.NewServer(t)
		natsgrpctest.RunStreams(t, func(t *testing.T, register func(grpc.ServiceRegistrar), interceptors ...grpc.StreamServerInterceptor) grpc.ClientConnInterface {
			serve(t, natsgrpctest.Connect(t, ns), register, natsgrpc.WithStreamInterceptors(interceptors...))
			return connect(t, natsgrpctest.Connect(t, ns))
		})
	})
	t.Run("grpc", func(t *testing.T) {
		natsgrpctest.RunStreams(t, func(t *testing.T, register func(grpc.ServiceRegistrar), interceptors ...grpc.StreamServerInterceptor) grpc.ClientConnInterface {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			srv := grpc.NewServer(grpc.ChainStreamInterceptor(interceptors...))
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
