package natsgrpc_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	natsgrpcv1 "github.com/codingflow/rating/proto/natsgrpc/v1"
	pb "github.com/codingflow/rating/proto/natsgrpctest/v1"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// ensure makes the queues of services that no server serves.
func ensure(t *testing.T, nc *nats.Conn, services ...protoreflect.ServiceDescriptor) {
	t.Helper()
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	require.NoError(t, natsgrpc.Ensure(t.Context(), js, services...))
}

func TestAServiceWithoutAServerIsSaid(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	ensure(t, natsgrpctest.Connect(t, ns), echoService, streamService)
	for name, call := range map[string]func(context.Context, *natsgrpc.Conn) error{
		"query":   func(ctx context.Context, conn *natsgrpc.Conn) error { _, err := query(ctx, conn, "x"); return err },
		"command": func(ctx context.Context, conn *natsgrpc.Conn) error { _, err := command(ctx, conn, "x"); return err },
		"command with a key": func(ctx context.Context, conn *natsgrpc.Conn) error {
			_, err := keyed(ctx, conn, "key", "x")
			return err
		},
		"stream": func(ctx context.Context, conn *natsgrpc.Conn) error {
			stream, err := pb.NewStreamServiceClient(conn).Chat(ctx)
			if err != nil {
				return err
			}
			return endOf(stream)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for range 2 { // the second command with a key finds the first in the queue
				start := time.Now()
				err := call(t.Context(), connect(t, natsgrpctest.Connect(t, ns)))
				took := time.Since(start)
				require.Equal(t, codes.Unavailable, status.Code(err), "%v", err)
				require.Equal(t, natsgrpc.ReasonNoWorkers, reason(err))
				require.Equal(t, "natsgrpc: no server of the service is running", status.Convert(err).Message())
				require.Greater(t, took, 400*time.Millisecond)
				require.Less(t, took, atOnce) // a service that was heard of has as long to come back
			}
		})
	}
}

func TestAServerThatRestartsFailsNoCall(t *testing.T) {
	for name, call := range map[string]func(context.Context, *natsgrpc.Conn) error{
		"query":   func(ctx context.Context, conn *natsgrpc.Conn) error { _, err := query(ctx, conn, "x"); return err },
		"command": func(ctx context.Context, conn *natsgrpc.Conn) error { _, err := command(ctx, conn, "x"); return err },
		"stream": func(ctx context.Context, conn *natsgrpc.Conn) error {
			stream, err := pb.NewStreamServiceClient(conn).Upload(ctx)
			if err != nil {
				return err
			}
			_, err = stream.CloseAndRecv()
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ns := natsgrpctest.NewServer(t)
			start := func() (stop func() error) {
				srv, err := natsgrpc.NewServer(natsgrpctest.Connect(t, ns))
				require.NoError(t, err)
				register(echo)(srv)
				streams(natsgrpctest.Streams{OnUpload: func(stream natsgrpctest.UploadStream) error {
					if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
						return err
					}
					return stream.SendAndClose(&pb.UploadResponse{})
				}})(srv)
				return serveUntil(t, srv)
			}
			conn := connect(t, natsgrpctest.Connect(t, ns))
			stop := start()
			require.NoError(t, call(t.Context(), conn))
			require.NoError(t, stop())
			waiting := begin(t.Context(), func(ctx context.Context) (string, error) { return "", call(ctx, conn) })
			select {
			case got := <-waiting:
				t.Fatal("the call does not wait for the restart: ", got)
			case <-time.After(1200 * time.Millisecond): // more than two probes
			}
			stop = start()
			require.Equal(t, result{}, await(t, "the call", waiting))
			require.NoError(t, stop())
		})
	}
}

func TestAServiceThatScalesToZeroIsWaitedFor(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	nc := natsgrpctest.Connect(t, ns)
	descriptors := describe(t, func(s *natsgrpcv1.ServiceDelivery, _ *natsgrpcv1.MethodDelivery) { s.ScaleToZero = true })
	ensure(t, nc, echoService)
	probes, err := nc.SubscribeSync("alive.>")
	require.NoError(t, err)
	conn := connect(t, nc, natsgrpc.WithDescriptors(descriptors))
	var calls []<-chan result
	for _, call := range shapes {
		calls = append(calls, begin(t.Context(), func(ctx context.Context) (string, error) { return call(ctx, conn, "x") }))
	}
	_, err = probes.NextMsg(1200 * time.Millisecond)
	require.ErrorIs(t, err, nats.ErrTimeout)
	serve(t, nc, register(echo), natsgrpc.WithDescriptors(descriptors)) // what the scaler does
	for _, call := range calls {
		require.Equal(t, result{answer: "x"}, await(t, "a call", call))
	}
}

func TestManyWaitingCallsProbeTogether(t *testing.T) {
	ns := natsgrpctest.NewServerWith(t, &server.Options{})
	nc := natsgrpctest.Connect(t, ns)
	described := describe(t, func(s *natsgrpcv1.ServiceDelivery, _ *natsgrpcv1.MethodDelivery) {
		s.GetCommands().MaxPending = 2000
	})
	release := make(chan struct{})
	serve(t, nc, register(func(_ context.Context, payload []byte) ([]byte, error) {
		<-release
		return payload, nil
	}), natsgrpc.WithDescriptors(described))
	conn := connect(t, natsgrpctest.Connect(t, ns), natsgrpc.WithDescriptors(described))
	probes, err := nc.SubscribeSync("alive.natsgrpctest_v1_EchoService")
	require.NoError(t, err)
	require.NoError(t, nc.Flush())
	var calls []<-chan result
	start := time.Now()
	for range 1000 {
		calls = append(calls, begin(t.Context(), func(ctx context.Context) (string, error) { return command(ctx, conn, "x") }))
	}
	for range 4 {
		_, err := probes.NextMsg(soon)
		require.NoError(t, err)
	}
	close(release)
	for _, call := range calls {
		require.Equal(t, result{answer: "x"}, await(t, "a call", call))
	}
	late, _, err := probes.Pending()
	require.NoError(t, err)
	require.LessOrEqual(t, 4+late, int(time.Since(start)/(500*time.Millisecond))+1, "more than one probe in 500 ms")
}
