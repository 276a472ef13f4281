package natsgrpc_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	natsgrpcv1 "github.com/codingflow/rating/proto/natsgrpc/v1"
	pb "github.com/codingflow/rating/proto/natsgrpctest/v1"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
)

const commandMethod = pb.EchoService_Command_FullMethodName

// startCommand starts a Command.
func startCommand(ctx context.Context, conn *natsgrpc.Conn, payload string, options ...grpc.CallOption) (string, error) {
	return conn.Start(ctx, commandMethod, &pb.CommandRequest{Payload: []byte(payload)}, options...)
}

// answerOf waits for the answer to a Command.
func answerOf(ctx context.Context, conn *natsgrpc.Conn, id string) (string, error) {
	reply := &pb.CommandResponse{}
	err := conn.Await(ctx, commandMethod, id, reply)
	return string(reply.GetPayload()), err
}

// ensureQueue makes the queues of a service, which nobody pulls from.
func ensureQueue(t *testing.T, nc *nats.Conn, service protoreflect.ServiceDescriptor) {
	t.Helper()
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	require.NoError(t, natsgrpc.Ensure(t.Context(), js, service))
}

func TestAStartedCommandIsAnsweredLater(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	deadlines, release := make(chan time.Duration, 1), make(chan struct{})
	serve(t, natsgrpctest.Connect(t, ns), register(func(ctx context.Context, payload []byte) ([]byte, error) {
		deadline, _ := ctx.Deadline()
		deadlines <- time.Until(deadline)
		<-release
		return payload, nil
	}))
	first, err := natsgrpc.NewConn(natsgrpctest.Connect(t, ns))
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	var told string
	id, err := startCommand(ctx, first, "hello", natsgrpc.CallID(&told))
	require.NoError(t, err)
	require.Equal(t, id, told)
	cancel()
	require.NoError(t, first.Close()) // nothing depends on it any more
	require.InDelta(t, natsgrpc.DefaultLifetime.Seconds(), await(t, "the handler", deadlines).Seconds(), soon.Seconds())

	other := connect(t, natsgrpctest.Connect(t, ns))
	var answered bool
	require.ErrorIs(t, other.Answer(t.Context(), commandMethod, id, &pb.CommandResponse{}, natsgrpc.Answered(&answered)), natsgrpc.ErrPending)
	require.False(t, answered)
	close(release)
	got, err := answerOf(t.Context(), other, id)
	require.NoError(t, err)
	require.Equal(t, "hello", got)
	require.Eventually(t, func() bool {
		err = other.Answer(t.Context(), commandMethod, id, &pb.CommandResponse{}, natsgrpc.Answered(&answered))
		return !errors.Is(err, natsgrpc.ErrPending) // the answer may reach who waits for it before its stream
	}, soon, time.Millisecond)
	require.NoError(t, err)
	require.True(t, answered)
}

// A key is one command for those who start it and those who call it.
func TestAKeyIsStartedOnce(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	nc := natsgrpctest.Connect(t, ns)
	var count counter
	started, release := make(chan struct{}), make(chan struct{})
	serve(t, nc, register(func(ctx context.Context, payload []byte) ([]byte, error) {
		if count.runs() == 0 {
			close(started)
			<-release
		}
		return count.handle(ctx, payload)
	}))
	key := natsgrpc.IdempotencyKey("alice", "key")
	want := natsgrpc.CommandID("alice", commandMethod, "key")
	begun := func() {
		for range 2 {
			id, err := startCommand(t.Context(), connect(t, natsgrpctest.Connect(t, ns)), "hello", key)
			require.NoError(t, err)
			require.Equal(t, want, id)
		}
		id, err := startCommand(t.Context(), connect(t, natsgrpctest.Connect(t, ns)), "another body", key)
		requireReused(t, err)
		require.Equal(t, want, id)
	}
	begun()
	await(t, "the handler", started)
	begun()
	call := begin(t.Context(), func(ctx context.Context) (string, error) {
		return keyed(ctx, connect(t, natsgrpctest.Connect(t, ns)), "key", "hello")
	})
	close(release)
	require.Equal(t, result{answer: "hello 1"}, await(t, "the call", call))
	begun()
	require.Eventually(t, func() bool { return pending(t, stream(t, nc, commandStream)) == 0 }, soon, time.Millisecond)
	begun()
	got, err := answerOf(t.Context(), connect(t, nc), want)
	require.NoError(t, err)
	require.Equal(t, "hello 1", got)
	require.Equal(t, 1, count.runs())
}

// What is not kept as the answer to a key is executed again, and is pending until then.
func TestAnAnswerThatIsNotKeptIsPendingAgain(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	nc := natsgrpctest.Connect(t, ns)
	var count counter
	release := make(chan struct{})
	serve(t, nc, register(func(ctx context.Context, payload []byte) ([]byte, error) {
		if answer, _ := count.handle(ctx, payload); count.runs() > 1 {
			<-release
			return answer, nil
		}
		return nil, status.Error(codes.Unavailable, "away")
	}))
	conn := connect(t, natsgrpctest.Connect(t, ns))
	id, err := startCommand(t.Context(), conn, "hello", natsgrpc.IdempotencyKey("alice", "key"))
	require.NoError(t, err)
	_, err = answerOf(t.Context(), conn, id)
	require.Equal(t, codes.Unavailable, status.Code(err))
	require.Eventually(t, func() bool { return pending(t, stream(t, nc, commandStream)) == 0 }, soon, time.Millisecond)
	var answered bool
	err = conn.Answer(t.Context(), commandMethod, id, &pb.CommandResponse{}, natsgrpc.Answered(&answered))
	require.Equal(t, codes.Unavailable, status.Code(err))
	require.True(t, answered)

	again, err := startCommand(t.Context(), conn, "hello", natsgrpc.IdempotencyKey("alice", "key"))
	require.NoError(t, err)
	require.Equal(t, id, again)
	require.ErrorIs(t, conn.Answer(t.Context(), commandMethod, id, &pb.CommandResponse{}), natsgrpc.ErrPending)
	close(release)
	got, err := answerOf(t.Context(), conn, id)
	require.NoError(t, err)
	require.Equal(t, "hello 2", got)
}

func TestACommandIsStartedWhileNobodyPulls(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	nc := natsgrpctest.Connect(t, ns)
	const maxAge = time.Minute
	descriptors := describe(t, func(service *natsgrpcv1.ServiceDelivery, _ *natsgrpcv1.MethodDelivery) {
		service.Commands = &natsgrpcv1.Queue{MaxAge: durationpb.New(maxAge), MaxPending: 3}
	})
	service, err := descriptors.FindDescriptorByName(echoService.FullName())
	require.NoError(t, err)
	ensureQueue(t, nc, service.(protoreflect.ServiceDescriptor))
	conn := connect(t, nc, natsgrpc.WithDescriptors(descriptors))
	var ids []string
	for _, lifetime := range []time.Duration{time.Hour, natsgrpc.DefaultLifetime, 20 * time.Second} {
		id, err := startCommand(t.Context(), conn, "hello", natsgrpc.Lifetime(lifetime))
		require.NoError(t, err)
		ids = append(ids, id)
	}
	_, err = startCommand(t.Context(), conn, "one too many")
	require.Equal(t, natsgrpc.ReasonQueueFull, reason(err), "%v", err)
	require.NotContains(t, ids[1:], ids[0])

	left := make(chan time.Duration, len(ids))
	serve(t, natsgrpctest.Connect(t, ns), register(func(ctx context.Context, payload []byte) ([]byte, error) {
		deadline, _ := ctx.Deadline()
		left <- time.Until(deadline)
		return payload, nil
	}), natsgrpc.WithDescriptors(descriptors), natsgrpc.WithSlots(1, 1))
	for _, want := range []time.Duration{maxAge, maxAge, 20 * time.Second} { // in the order of the queue
		require.InDelta(t, want.Seconds(), await(t, "a handler", left).Seconds(), soon.Seconds())
	}
	for _, id := range ids {
		got, err := answerOf(t.Context(), conn, id)
		require.NoError(t, err)
		require.Equal(t, "hello", got)
	}
}

func TestWhatCannotBeStarted(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	conn := connect(t, natsgrpctest.Connect(t, ns))
	for _, c := range []struct {
		name, method, payload string
		options               []grpc.CallOption
		want                  string
		reason                string
	}{
		{name: "a query", method: pb.EchoService_Query_FullMethodName,
			want: "rpc error: code = Internal desc = natsgrpc: /natsgrpctest.v1.EchoService/Query is a query, which cannot be started: its answer is not kept"},
		{name: "a stream", method: pb.StreamService_Upload_FullMethodName,
			want: "rpc error: code = Internal desc = natsgrpc: /natsgrpctest.v1.StreamService/Upload is a streaming method: it takes NewStream"},
		{name: "an unknown method", method: "/natsgrpctest.v1.EchoService/Nothing",
			want: "rpc error: code = Unimplemented desc = unknown method Nothing for service natsgrpctest.v1.EchoService"},
		{name: "a life of no time", method: commandMethod, options: []grpc.CallOption{natsgrpc.Lifetime(0)},
			want: "rpc error: code = Internal desc = natsgrpc: the lifetime 0s is not positive"},
		{name: "a key of nobody", method: commandMethod, options: []grpc.CallOption{natsgrpc.IdempotencyKey("", "key")},
			want: "rpc error: code = InvalidArgument desc = natsgrpc: the idempotency key's principal has 0 bytes; it needs 1 to 255"},
		{name: "what no queue takes", method: commandMethod, reason: natsgrpc.ReasonNoQueue,
			want: "rpc error: code = Unavailable desc = natsgrpc: no queue takes this call: its service was never started here"},
		{name: "what is beyond a limit of the caller", method: commandMethod, options: []grpc.CallOption{grpc.MaxCallSendMsgSize(1)}, payload: "hello",
			want: "rpc error: code = ResourceExhausted desc = trying to send message larger than max (7 vs. 1)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := conn.Start(t.Context(), c.method, &pb.CommandRequest{Payload: []byte(c.payload)}, c.options...)
			require.EqualError(t, err, c.want)
			require.Equal(t, c.reason, reason(err))
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := startCommand(ctx, conn, "hello")
	require.Equal(t, codes.Canceled, status.Code(err))
	require.NoError(t, conn.Close())
	_, err = startCommand(t.Context(), conn, "hello")
	require.EqualError(t, err, "rpc error: code = Canceled desc = grpc: the client connection is closing")
}

// A command whose PubAck is lost is in the queue once. Without NATS nobody waits, but who wants to.
func TestACommandIsStartedOverABrokenConnection(t *testing.T) {
	for name, options := range map[string][]grpc.CallOption{"with a key": {natsgrpc.IdempotencyKey("alice", "key")}, "without": nil} {
		t.Run(name, func(t *testing.T) {
			ns := natsgrpctest.NewServer(t)
			watcher := natsgrpctest.Connect(t, ns)
			var count counter
			serve(t, natsgrpctest.Connect(t, ns), register(count.handle))
			wire := newWire(t, ns)
			nc := wire.connect(t)
			conn := connect(t, nc)
			wire.cut()
			require.Eventually(t, func() bool { return !nc.IsConnected() }, soon, time.Millisecond)
			_, err := startCommand(t.Context(), conn, "hello", options...)
			require.Equal(t, natsgrpc.ReasonNotConnected, reason(err), "%v", err)
			started := begin(t.Context(), func(ctx context.Context) (string, error) {
				return startCommand(ctx, conn, "hello", append(options, grpc.WaitForReady(true))...)
			})
			wire.mend()
			id := await(t, "Start", started)
			require.NoError(t, id.err)
			got, err := answerOf(t.Context(), conn, id.answer)
			require.NoError(t, err)
			require.Equal(t, "hello 1", got)
			require.Eventually(t, func() bool { return pending(t, stream(t, watcher, commandStream)) == 0 }, soon, time.Millisecond)
			require.Equal(t, 1, count.runs())
		})
	}
}

// A command whose PubAck does not come is looked for before it is published again.
func TestACommandWithoutAPubAckIsStartedOnce(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	watcher := natsgrpctest.Connect(t, ns)
	var count counter
	serve(t, natsgrpctest.Connect(t, ns), register(count.handle))
	looked, err := watcher.SubscribeSync("$JS.API.DIRECT.GET.>")
	require.NoError(t, err)
	require.NoError(t, watcher.Flush())
	wire := newWire(t, ns)
	conn := connect(t, wire.connect(t))
	wire.hold()
	started := begin(t.Context(), func(ctx context.Context) (string, error) { return startCommand(ctx, conn, "hello") })
	_, err = looked.NextMsg(soon)
	wire.release()
	require.NoError(t, err)
	id := await(t, "Start", started)
	require.NoError(t, id.err)
	got, err := answerOf(t.Context(), conn, id.answer)
	require.NoError(t, err)
	require.Equal(t, "hello 1", got)
	require.Equal(t, 1, count.runs())
}

func TestALargeCommandIsStarted(t *testing.T) {
	ns := smallPayload(t)
	nc := natsgrpctest.Connect(t, ns)
	ensureQueue(t, nc, echoService)
	conn := connect(t, natsgrpctest.Connect(t, ns))
	key := natsgrpc.IdempotencyKey("alice", "key")
	id, err := startCommand(t.Context(), conn, large, key)
	require.NoError(t, err)
	const parts = 3
	requireParts(t, nc, parts)
	for range 2 {
		_, err = startCommand(t.Context(), conn, large, key)
		require.NoError(t, err)
	}
	_, err = startCommand(t.Context(), conn, large+"x", key)
	requireReused(t, err)
	requireParts(t, nc, parts) // those of the others are freed
	serve(t, nc, register(echo))
	got, err := answerOf(t.Context(), conn, id)
	require.NoError(t, err)
	require.True(t, got == large)
}

func TestAStartIsACallToInterceptorsAndTraces(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	r := newTold(t)
	var seen []string
	nc := natsgrpctest.Connect(t, ns)
	r.serve(nc, register(echo))
	conn := connect(t, natsgrpctest.Connect(t, ns), natsgrpc.WithTracerProvider(r.tracer),
		natsgrpc.WithUnaryClientInterceptors(func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoker grpc.UnaryInvoker, opts ...grpc.CallOption) error {
			require.Nil(t, reply)
			seen = append(seen, strings.TrimPrefix(method, "/"))
			return invoker(ctx, method, req, reply, cc, opts...)
		}))
	id, err := startCommand(t.Context(), conn, "hello")
	require.NoError(t, err)
	_, err = answerOf(t.Context(), conn, id)
	require.NoError(t, err)
	require.Equal(t, []string{"natsgrpctest.v1.EchoService/Command"}, seen)
	spans := r.ended(2)
	byKind := map[trace.SpanKind]int{}
	for _, span := range spans {
		byKind[span.SpanKind()]++
		require.Equal(t, spans[0].SpanContext().TraceID(), span.SpanContext().TraceID())
		require.Equal(t, id, value(span, "messaging.message.id").AsString())
	}
	require.Equal(t, map[trace.SpanKind]int{trace.SpanKindClient: 1, trace.SpanKindServer: 1}, byKind)
}
