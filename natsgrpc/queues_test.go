package natsgrpc_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	pb "github.com/codingflow/rating/proto/natsgrpctest/v1"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/reflect/protoreflect"
)

var echoService protoreflect.ServiceDescriptor = pb.File_natsgrpctest_v1_echo_proto.Services().ByName("EchoService")

func TestEnsureMakesWhatVerifyWants(t *testing.T) {
	nc := natsgrpctest.Connect(t, natsgrpctest.NewServer(t))
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	err = natsgrpc.Verify(t.Context(), js, echoService)
	require.ErrorIs(t, err, natsgrpc.ErrQueues)
	require.EqualError(t, err, natsgrpc.ErrQueues.Error()+": stream RESPONSES: missing\nstream DEAD: missing\nstream PARTS: missing\nstream KV_DESCRIPTORS: missing\nstream "+queryStream+": missing\nstream "+commandStream+": missing")
	for range 2 {
		require.NoError(t, natsgrpc.Ensure(t.Context(), js, echoService))
		require.NoError(t, natsgrpc.Verify(t.Context(), js, echoService))
	}
}

func TestEnsureUpdatesInPlaceAndLosesNothing(t *testing.T) {
	nc := natsgrpctest.Connect(t, natsgrpctest.NewServer(t))
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	queue := natsgrpc.Queues(echoService)[1]
	smaller := queue.Stream
	smaller.MaxMsgs = 5
	_, err = js.CreateStream(t.Context(), smaller)
	require.NoError(t, err)
	slower := queue.Consumer
	slower.AckWait = time.Minute
	_, err = js.CreateConsumer(t.Context(), smaller.Name, slower)
	require.NoError(t, err)
	_, err = js.Publish(t.Context(), "cmd.natsgrpctest_v1_EchoService.0.Command.kept", nil)
	require.NoError(t, err)

	err = natsgrpc.Verify(t.Context(), js, echoService)
	require.ErrorContains(t, err, "stream "+commandStream+": max_msgs is 5, want 100")
	require.ErrorContains(t, err, "consumer "+commandStream+"/workers: ack_wait is 1m0s, want 1s")
	require.NoError(t, natsgrpc.Ensure(t.Context(), js, echoService))
	require.NoError(t, natsgrpc.Verify(t.Context(), js, echoService))
	require.EqualValues(t, 1, pending(t, stream(t, nc, commandStream)))
}

func TestAnIncompatibleChangeIsRefusedWithTheDifference(t *testing.T) {
	nc := natsgrpctest.Connect(t, natsgrpctest.NewServer(t))
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	elsewhere := natsgrpc.Queues(echoService)[1].Stream
	elsewhere.Storage = jetstream.MemoryStorage
	_, err = js.CreateStream(t.Context(), elsewhere)
	require.NoError(t, err)
	_, err = js.Publish(t.Context(), "cmd.natsgrpctest_v1_EchoService.0.Command.kept", nil)
	require.NoError(t, err)
	err = natsgrpc.Ensure(t.Context(), js, echoService)
	require.ErrorContains(t, err, "update stream "+commandStream+" (storage is Memory, want File): ")
	require.EqualValues(t, 1, pending(t, stream(t, nc, commandStream)))
}

func TestManyServersMakeTheQueuesAtOnce(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	errs := make(chan error)
	for range 10 {
		nc := natsgrpctest.Connect(t, ns)
		go func() {
			js, err := jetstream.New(nc)
			if err == nil {
				err = natsgrpc.Ensure(context.Background(), js, echoService)
			}
			errs <- err
		}()
	}
	for range 10 {
		require.NoError(t, <-errs)
	}
}

func TestAServerThatOnlyVerifiesWaitsForItsQueues(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	nc := natsgrpctest.Connect(t, ns)
	srv, err := natsgrpc.NewServer(nc, natsgrpc.WithVerifyOnly())
	require.NoError(t, err)
	register(echo)(srv)
	require.ErrorIs(t, srv.NotReady(), natsgrpc.ErrStarting)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- srv.Serve(ctx) }()
	require.Eventually(t, func() bool { return !errors.Is(srv.NotReady(), natsgrpc.ErrStarting) }, soon, time.Millisecond)
	require.ErrorContains(t, srv.NotReady(), "stream "+commandStream+": missing")

	js, err := jetstream.New(nc)
	require.NoError(t, err)
	require.NoError(t, natsgrpc.Ensure(t.Context(), js, echoService))
	select {
	case <-srv.Ready():
	case <-time.After(10 * time.Second):
		t.Fatal("not ready")
	}
	require.NoError(t, srv.NotReady())
	got, err := command(t.Context(), connect(t, nc), "hello")
	require.NoError(t, err)
	require.Equal(t, "hello", got)
	cancel()
	require.NoError(t, <-done)
}

func TestAServerThatWaitsForItsQueuesCanBeStopped(t *testing.T) {
	nc := natsgrpctest.Connect(t, natsgrpctest.NewServer(t))
	srv, err := natsgrpc.NewServer(nc, natsgrpc.WithVerifyOnly())
	require.NoError(t, err)
	register(echo)(srv)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- srv.Serve(ctx) }()
	require.Eventually(t, func() bool { return !errors.Is(srv.NotReady(), natsgrpc.ErrStarting) }, soon, time.Millisecond)
	cancel()
	require.NoError(t, <-done)
}
