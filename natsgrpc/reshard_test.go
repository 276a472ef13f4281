package natsgrpc_test

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	natsgrpcv1 "github.com/codingflow/rating/proto/natsgrpc/v1"
	pb "github.com/codingflow/rating/proto/natsgrpctest/v1"
)

// inShards describes an EchoService whose queues have n shards each.
func inShards(t testing.TB, n uint32) *protoregistry.Files {
	return describe(t, func(s *natsgrpcv1.ServiceDelivery, _ *natsgrpcv1.MethodDelivery) {
		s.GetQueries().Shards, s.GetCommands().Shards = n, n
	})
}

// changing is descriptors that change while calls are made, as a proxy's do when a service publishes others.
type changing struct {
	now atomic.Pointer[protoregistry.Files]
}

func (c *changing) FindDescriptorByName(name protoreflect.FullName) (protoreflect.Descriptor, error) {
	return c.now.Load().FindDescriptorByName(name)
}

// startWorker runs a worker of a number of shards until stop is called.
func startWorker(t *testing.T, nc *nats.Conn, handle handlerFunc, descriptors *protoregistry.Files) (stop func()) {
	t.Helper()
	srv, err := natsgrpc.NewServer(nc, natsgrpc.WithDescriptors(descriptors), natsgrpc.WithSlots(4, 4))
	require.NoError(t, err)
	register(handle)(srv)
	end := serveUntil(t, srv)
	return func() { require.NoError(t, end()) }
}

// traffic is callers who call one call after the other, and what they saw.
type traffic struct {
	calls, commands atomic.Int64
	wait            sync.WaitGroup
	end             context.CancelFunc
}

// startTraffic has callers make queries, commands, and commands with a key that come again once their answer is kept: sent again
// before that, over the change, one may be in two shards.
func startTraffic(t *testing.T, conn *natsgrpc.Conn) *traffic {
	tr := &traffic{}
	ctx, end := context.WithCancel(t.Context())
	tr.end = end
	for caller := range 4 {
		tr.wait.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				_, err := query(t.Context(), conn, "query")
				assert.NoError(t, err)
				_, err = command(t.Context(), conn, "command")
				assert.NoError(t, err)
				key := fmt.Sprint(caller, " ", i)
				var id string
				first, err := keyed(t.Context(), conn, key, "key", natsgrpc.CallID(&id))
				assert.NoError(t, err)
				assert.Eventually(t, func() bool {
					return conn.Answer(t.Context(), commandMethod, id, &pb.CommandResponse{}) == nil
				}, soon, time.Millisecond)
				again, err := keyed(t.Context(), conn, key, "key")
				assert.NoError(t, err)
				assert.Equal(t, first, again)
				tr.calls.Add(1)
				tr.commands.Add(2) // that have an effect
			}
		})
	}
	return tr
}

// more waits until so many more calls were made.
func (tr *traffic) more(t *testing.T) {
	t.Helper()
	before := tr.calls.Load()
	require.Eventually(t, func() bool { return tr.calls.Load() >= before+40 }, soon, time.Millisecond)
}

func (tr *traffic) stop() {
	tr.end()
	tr.wait.Wait()
}

// The order in docs/scaling.md: streams and workers first, then callers; backwards, callers first.
func TestAQueueIsSplitAndJoinedUnderTraffic(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	nc := natsgrpctest.Connect(t, ns)
	one, four := inShards(t, 1), inShards(t, 4)
	var commands atomic.Int64
	handle := func(_ context.Context, payload []byte) ([]byte, error) {
		if string(payload) != "query" {
			return strconv.AppendInt(payload, commands.Add(1), 10), nil
		}
		return payload, nil
	}
	stopOld, stopOlder := startWorker(t, natsgrpctest.Connect(t, ns), handle, one), startWorker(t, natsgrpctest.Connect(t, ns), handle, one)
	callers := &changing{}
	callers.now.Store(one)
	conn := connect(t, nc, natsgrpc.WithDescriptors(callers))
	tr := startTraffic(t, conn)
	tr.more(t)

	stopNew := startWorker(t, natsgrpctest.Connect(t, ns), handle, four)
	tr.more(t)
	stopOld() // as in a rolling update
	tr.more(t)
	callers.now.Store(four) // which the first new worker's descriptors do to proxies, while old workers are still there
	tr.more(t)
	stopNewer := startWorker(t, natsgrpctest.Connect(t, ns), handle, four)
	stopOlder()
	tr.more(t)

	js, err := jetstream.New(nc)
	require.NoError(t, err)
	delivered := func(kind string, shard int) uint64 {
		consumer, err := js.Consumer(t.Context(), fmt.Sprintf("%s_natsgrpctest_v1_EchoService_%d", kind, shard), "workers")
		require.NoError(t, err)
		return consumer.CachedInfo().Delivered.Consumer
	}
	for shard := range 4 {
		require.NotZero(t, delivered("QRY", shard), shard)
		require.NotZero(t, delivered("CMD", shard), shard)
	}

	callers.now.Store(one)
	tr.more(t)
	for shard := 1; shard < 4; shard++ { // what was sent before has been answered
		for _, kind := range []string{"QRY", "CMD"} {
			require.Eventually(t, func() bool {
				stream, err := js.Stream(t.Context(), fmt.Sprintf("%s_natsgrpctest_v1_EchoService_%d", kind, shard))
				return err == nil && stream.CachedInfo().State.Msgs == 0
			}, soon, 10*time.Millisecond)
		}
	}
	stopLast := startWorker(t, natsgrpctest.Connect(t, ns), handle, one)
	stopNew()
	stopNewer()
	tr.more(t)
	tr.stop()
	stopLast()
	require.Equal(t, tr.commands.Load(), commands.Load(), "each command has had its effect, once")
}

func TestACallerAheadOfTheStreamsIsToldSo(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	serve(t, natsgrpctest.Connect(t, ns), register(new(counter).handle), natsgrpc.WithDescriptors(inShards(t, 1)))
	conn := connect(t, natsgrpctest.Connect(t, ns), natsgrpc.WithDescriptors(inShards(t, 4)), natsgrpc.WithLogger(slog.New(slog.DiscardHandler)))
	var reasons []string
	for range 40 {
		if _, err := command(t.Context(), conn, "x"); err != nil {
			require.Equal(t, codes.Unavailable, status.Code(err))
			reasons = append(reasons, reason(err))
		}
	}
	require.NotEmpty(t, reasons)
	require.Less(t, len(reasons), 40, "those of shard 0 are answered")
	require.Subset(t, []string{"NO_QUEUE"}, reasons)
}

// A command that was sent by the old number is in another shard than the new number says.
func TestACommandFromBeforeTheSplitIsPending(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	started, release := make(chan struct{}, 10), make(chan struct{})
	done := sync.OnceFunc(func() { close(release) })
	defer done()
	serve(t, natsgrpctest.Connect(t, ns), register(func(_ context.Context, payload []byte) ([]byte, error) {
		started <- struct{}{}
		<-release
		return payload, nil
	}), natsgrpc.WithDescriptors(inShards(t, 4)), natsgrpc.WithSlots(32, 32))
	before := connect(t, natsgrpctest.Connect(t, ns), natsgrpc.WithDescriptors(inShards(t, 1)))
	after := connect(t, natsgrpctest.Connect(t, ns), natsgrpc.WithDescriptors(inShards(t, 4)))
	var ids [6]string
	for i := range ids {
		id, err := before.Start(t.Context(), pb.EchoService_Command_FullMethodName, &pb.CommandRequest{Payload: []byte("hello")}, natsgrpc.IdempotencyKey("alice", fmt.Sprint(i)))
		require.NoError(t, err)
		await(t, "the handler", started)
		ids[i] = id
		require.ErrorIs(t, after.Answer(t.Context(), pb.EchoService_Command_FullMethodName, id, &pb.CommandResponse{}), natsgrpc.ErrPending)
	}
	require.ErrorIs(t, after.Answer(t.Context(), pb.EchoService_Command_FullMethodName, "another", &pb.CommandResponse{}), natsgrpc.ErrNoAnswer)
	done()
	for _, id := range ids {
		reply := &pb.CommandResponse{}
		require.NoError(t, after.Await(t.Context(), pb.EchoService_Command_FullMethodName, id, reply))
		require.Equal(t, "hello", string(reply.GetPayload()))
	}
	require.Empty(t, started)
}
