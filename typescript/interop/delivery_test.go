//go:build integration

package interop

import (
	"bytes"
	"context"
	"io"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	pb "github.com/codingflow/rating/proto/natsgrpctest/v1"
)

func TestACallThatFailsEachTimeIsGivenUp(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	ensure(t, ns, testServices...)
	var tried atomic.Int64
	start(t, fixture, ns.ClientURL(), handlers(t, echo(func(ctx context.Context, _ []byte) ([]byte, error) {
		tried.Add(1)
		return nil, grpc.SetTrailer(ctx, metadata.Pairs("retry", "1"))
	})))
	client := pb.NewEchoServiceClient(connect(t, ns))

	_, err := client.Query(t.Context(), &pb.QueryRequest{})
	requireReason(t, err, codes.Internal, "ATTEMPTS_EXHAUSTED", "natsgrpctest.v1.EchoService/Query failed 5 times")
	require.EqualValues(t, 5, tried.Swap(0))

	request := &pb.CommandRequest{Payload: []byte("precious")}
	var id string
	_, err = client.Command(metadata.AppendToOutgoingContext(t.Context(), "key", " value "), request, natsgrpc.CallID(&id))
	requireReason(t, err, codes.Internal, "ATTEMPTS_EXHAUSTED", "natsgrpctest.v1.EchoService/Command failed 3 times")
	require.EqualValues(t, 3, tried.Load())
	letters, err := natsgrpc.NewDeadLetters(natsgrpctest.Connect(t, ns))
	require.NoError(t, err)
	letter, err := letters.Get(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, 3, letter.Attempts)
	require.Equal(t, []string{" value "}, letter.Metadata.Get("key"))
	encoded, err := proto.Marshal(request)
	require.NoError(t, err)
	require.Equal(t, encoded, letter.Request)
}

func TestACommandWithAKeyActsOnce(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	ensure(t, ns, testServices...)
	var acted atomic.Int64
	start(t, fixture, ns.ClientURL(), handlers(t, echo(func(_ context.Context, payload []byte) ([]byte, error) {
		acted.Add(1)
		return payload, nil
	})))
	for range 2 { // the second caller is another process's
		client := pb.NewEchoServiceClient(connect(t, ns))
		answer, err := client.Command(t.Context(), &pb.CommandRequest{Payload: []byte("x")}, natsgrpc.IdempotencyKey("ada", "1"))
		require.NoError(t, err)
		require.Equal(t, "x", string(answer.GetPayload()))
		_, err = client.Command(t.Context(), &pb.CommandRequest{Payload: []byte("y")}, natsgrpc.IdempotencyKey("ada", "1"))
		require.Equal(t, "IDEMPOTENCY_KEY_REUSED", natsgrpc.ReasonOf(status.Convert(err)))
	}
	require.EqualValues(t, 1, acted.Load())
}

func TestAQueryWhoseCallerHasLeftIsCancelled(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	ensure(t, ns, testServices...)
	running, ended := make(chan struct{}, 1), make(chan error, 1)
	start(t, fixture, ns.ClientURL(), handlers(t, echo(func(ctx context.Context, _ []byte) ([]byte, error) {
		running <- struct{}{}
		<-ctx.Done()
		ended <- ctx.Err()
		return nil, ctx.Err()
	})))
	ctx, leave := context.WithCancel(t.Context())
	query := calls(connect(t, ns))["query"]
	left := make(chan error, 1)
	go func() {
		_, err := query(ctx, "x")
		left <- err
	}()
	natsgrpctest.Await(t, soon, "the handler", running)
	leave()
	require.Equal(t, codes.Canceled, status.Code(natsgrpctest.Await(t, soon, "the end of the call", left)))
	require.ErrorIs(t, natsgrpctest.Await(t, 5*time.Second, "the end of the handler", ended), context.Canceled)
}

func TestLargeMessagesPassInParts(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	js := ensure(t, ns, testServices...)
	start(t, fixture, ns.ClientURL(), handlers(t, echo(func(_ context.Context, payload []byte) ([]byte, error) { return payload, nil })))
	for kind, call := range calls(connect(t, ns)) {
		payload := bytes.Repeat([]byte(kind), 500_000) // NATS takes 1 MiB in one message
		answer, err := call(t.Context(), string(payload))
		require.NoError(t, err)
		require.True(t, answer == string(payload))
	}
	// The query's parts and the request's of the command are freed; the answer to the command is kept.
	parts, err := js.Stream(t.Context(), "PARTS")
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		info, err := parts.Info(t.Context())
		require.NoError(t, err)
		return info.State.Bytes < 4_000_000
	}, soon, 50*time.Millisecond)
}

func TestAMessageOfAStreamBeyondTheWorkersLimitIsRefused(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	ensure(t, ns, testServices...)
	start(t, fixture, ns.ClientURL(), handlers(t, func(registrar grpc.ServiceRegistrar) {
		pb.RegisterStreamServiceServer(registrar, &natsgrpctest.Streams{OnChat: natsgrpctest.EchoChat})
	}))
	stream, err := pb.NewStreamServiceClient(connect(t, ns)).Chat(t.Context())
	require.NoError(t, err)
	if err := stream.Send(&pb.ChatRequest{Payload: make([]byte, 5<<20)}); err != nil { // it may be refused halfway
		require.Equal(t, io.EOF, err)
	}
	_, err = stream.Recv()
	require.Equal(t, codes.ResourceExhausted, status.Code(err))
	require.Equal(t, "grpc: received message larger than max (5242885 vs. 4194304)", status.Convert(err).Message())
}

func TestAStreamThatIsCancelledEndsItsHandler(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	ensure(t, ns, testServices...)
	ended := make(chan error, 1)
	start(t, fixture, ns.ClientURL(), handlers(t, func(registrar grpc.ServiceRegistrar) {
		pb.RegisterStreamServiceServer(registrar, &natsgrpctest.Streams{OnChat: func(stream natsgrpctest.ChatStream) error {
			if err := stream.Send(&pb.ChatResponse{}); err != nil {
				return err
			}
			<-stream.Context().Done()
			ended <- stream.Context().Err()
			return nil
		}})
	}))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stream, err := pb.NewStreamServiceClient(connect(t, ns)).Chat(ctx)
	require.NoError(t, err)
	_, err = stream.Recv()
	require.NoError(t, err)
	cancel()
	require.ErrorIs(t, natsgrpctest.Await(t, 5*time.Second, "the end of the handler", ended), context.Canceled)
}

func TestAStreamWhoseWorkerIsKilledIsBroken(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	ensure(t, ns, testServices...)
	w := start(t, fixture, ns.ClientURL(), handlers(t, func(registrar grpc.ServiceRegistrar) {
		pb.RegisterStreamServiceServer(registrar, &natsgrpctest.Streams{OnChat: natsgrpctest.EchoChat})
	}))
	stream, err := pb.NewStreamServiceClient(connect(t, ns)).Chat(t.Context())
	require.NoError(t, err)
	require.NoError(t, stream.Send(&pb.ChatRequest{}))
	_, err = stream.Recv()
	require.NoError(t, err)
	w.kill()
	_, err = stream.Recv()
	require.Equal(t, codes.Unavailable, status.Code(err))
	require.Equal(t, "STREAM_BROKEN", natsgrpc.ReasonOf(status.Convert(err)))
}

func requireReason(t *testing.T, err error, code codes.Code, reason, message string) {
	t.Helper()
	st := status.Convert(err)
	require.Equal(t, code, st.Code(), "%v", err)
	require.Equal(t, reason, natsgrpc.ReasonOf(st))
	require.Equal(t, message, st.Message())
}

func TestAWorkerTakesNoMoreCallsThanItHasSlots(t *testing.T) {
	const slots, many = 16, 40
	ns := natsgrpctest.NewServer(t)
	js := ensure(t, ns, testServices...)
	var running atomic.Int64
	release := make(chan struct{})
	start(t, fixture, ns.ClientURL(), handlers(t, echo(func(_ context.Context, payload []byte) ([]byte, error) {
		running.Add(1)
		<-release
		return payload, nil
	})))
	command := calls(connect(t, ns))["command"]
	answers := make(chan error, many)
	for range many {
		go func() {
			_, err := command(t.Context(), "x")
			answers <- err
		}()
	}
	require.Eventually(t, func() bool { return running.Load() == slots }, soon, time.Millisecond)
	workers, err := js.Consumer(t.Context(), "CMD_natsgrpctest_v1_EchoService_0", "workers")
	require.NoError(t, err)
	require.Never(t, func() bool {
		info, err := workers.Info(t.Context())
		require.NoError(t, err)
		return running.Load() > slots || info.NumAckPending > slots || info.NumRedelivered > 0
	}, 2*ackWait, 50*time.Millisecond)
	close(release)
	for range many {
		require.NoError(t, natsgrpctest.Await(t, soon, "an answer", answers))
	}
	require.EqualValues(t, many, running.Load())
}
