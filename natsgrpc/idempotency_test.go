package natsgrpc_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	natsgrpcv1 "github.com/codingflow/rating/proto/natsgrpc/v1"
	pb "github.com/codingflow/rating/proto/natsgrpctest/v1"
	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/durationpb"
)

// keyed calls Command with the key of a principal named "alice".
func keyed(ctx context.Context, cc grpc.ClientConnInterface, key, payload string, options ...grpc.CallOption) (string, error) {
	options = append([]grpc.CallOption{natsgrpc.IdempotencyKey("alice", key)}, options...)
	reply, err := pb.NewEchoServiceClient(cc).Command(ctx, &pb.CommandRequest{Payload: []byte(payload)}, options...)
	return string(reply.GetPayload()), err
}

// counter is a handler that answers how often it has run, and remembers the ids.
type counter struct {
	mu  sync.Mutex
	ids []string
}

func (c *counter) handle(ctx context.Context, payload []byte) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ids = append(c.ids, natsgrpc.RequestID(ctx))
	return fmt.Appendf(nil, "%s %d", payload, len(c.ids)), nil
}

func (c *counter) runs() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.ids)
}

func TestAKeyIsOneCommand(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	var count counter
	serve(t, natsgrpctest.Connect(t, ns), register(count.handle))
	for i := range 4 { // each a process of its own, as it were
		var id string
		got, err := keyed(t.Context(), connect(t, natsgrpctest.Connect(t, ns)), "key", "hello", natsgrpc.CallID(&id))
		require.NoError(t, err)
		require.Equal(t, "hello 1", got, "call %d", i)
		require.Equal(t, count.ids[0], id)
	}
	require.Equal(t, 1, count.runs())
}

func TestACallWaitsForTheOneThatHasItsKey(t *testing.T) {
	for _, closed := range []bool{false, true} {
		t.Run(fmt.Sprintf("first one closed %t", closed), func(t *testing.T) {
			ns := natsgrpctest.NewServer(t)
			var count counter
			started, release := make(chan struct{}), make(chan struct{})
			serve(t, natsgrpctest.Connect(t, ns), register(func(ctx context.Context, payload []byte) ([]byte, error) {
				close(started)
				<-release
				return count.handle(ctx, payload)
			}))
			first, err := natsgrpc.NewConn(natsgrpctest.Connect(t, ns))
			require.NoError(t, err)
			defer func() { require.NoError(t, first.Close()) }()
			second := connect(t, natsgrpctest.Connect(t, ns))
			one := begin(t.Context(), func(ctx context.Context) (string, error) { return keyed(ctx, first, "key", "hello") })
			await(t, "the handler", started)
			two := begin(t.Context(), func(ctx context.Context) (string, error) { return keyed(ctx, second, "key", "hello") })
			three := begin(t.Context(), func(ctx context.Context) (string, error) { return keyed(ctx, second, "key", "hello") })
			other := begin(t.Context(), func(ctx context.Context) (string, error) { return keyed(ctx, second, "key", "another body") })
			if closed {
				require.NoError(t, first.Close())
				require.Equal(t, codes.Canceled, status.Code(await(t, "the first call", one).err))
			}
			select {
			case <-two:
				t.Fatal("the second call does not wait")
			case <-time.After(200 * time.Millisecond): // it has found the command by now
			}
			close(release)
			require.Equal(t, result{answer: "hello 1"}, await(t, "the second call", two))
			require.Equal(t, result{answer: "hello 1"}, await(t, "the third call", three))
			requireReused(t, await(t, "the call with another body", other).err)
			if !closed {
				require.Equal(t, result{answer: "hello 1"}, await(t, "the first call", one))
			}
			require.Equal(t, 1, count.runs())
		})
	}
}

// requireReused checks the error of a key that was used for another body.
func requireReused(t *testing.T, err error) {
	t.Helper()
	require.Equal(t, codes.InvalidArgument, status.Code(err), "%v", err)
	require.Equal(t, natsgrpc.ReasonIdempotencyKeyReused, reason(err))
	require.Equal(t, "natsgrpc: the idempotency key was used for a request with another body", status.Convert(err).Message())
}

// Who finds neither an answer nor a request may have looked before the one and after the other.
func TestManyCallsOfOneKeyAreOneCommand(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	var runs sync.Map // by key → *atomic.Int32
	serve(t, natsgrpctest.Connect(t, ns), register(func(_ context.Context, payload []byte) ([]byte, error) {
		key, work, _ := strings.Cut(string(payload), " ")
		n, _ := runs.LoadOrStore(key, &atomic.Int32{})
		took, err := time.ParseDuration(work)
		if err != nil {
			return nil, err
		}
		time.Sleep(took) // the work
		return fmt.Appendf(nil, "%s %d", payload, n.(*atomic.Int32).Add(1)), nil
	}))
	var conns []*natsgrpc.Conn
	for range 5 {
		conns = append(conns, connect(t, natsgrpctest.Connect(t, ns)))
	}
	for i := range 12 {
		for _, work := range []time.Duration{0, time.Millisecond, 10 * time.Millisecond, 40*time.Millisecond + time.Duration(i)*3*time.Millisecond} {
			key := fmt.Sprintf("%d/%v", i, work)
			payload := fmt.Sprint(key, " ", work)
			var calls []<-chan result
			for n := range 50 {
				calls = append(calls, begin(t.Context(), func(ctx context.Context) (string, error) { return keyed(ctx, conns[n%5], key, payload) }))
			}
			for _, call := range calls {
				require.Equal(t, result{answer: payload + " 1"}, await(t, "a call", call))
			}
			n, _ := runs.Load(key)
			require.EqualValues(t, 1, n.(*atomic.Int32).Load(), key)
		}
	}
}

func TestAKeyStandsForOneBody(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	var count counter
	large := strings.Repeat("x", 9_000)
	serve(t, natsgrpctest.Connect(t, ns), register(func(ctx context.Context, payload []byte) ([]byte, error) {
		switch string(payload) {
		case "away":
			_, _ = count.handle(ctx, payload)
			return nil, status.Error(codes.Unavailable, "away")
		case "too much to say":
			_, _ = count.handle(ctx, payload)
			return nil, errors.Join(grpc.SetTrailer(ctx, metadata.Pairs("a", strings.Repeat(large, 8))), status.Error(codes.NotFound, large))
		}
		return count.handle(ctx, payload)
	}))
	conn := connect(t, natsgrpctest.Connect(t, ns))
	for i, body := range []string{"hello", "", "away", "too much to say"} {
		key := fmt.Sprint("key ", i)
		_, want := keyed(t.Context(), conn, key, body)
		_, err := keyed(t.Context(), conn, key, "another")
		requireReused(t, err)
		require.Equal(t, i+1, count.runs())
		if status.Code(want) != codes.Unavailable {
			_, err = keyed(t.Context(), conn, key, body)
			require.Equal(t, want, err)
			require.Equal(t, i+1, count.runs())
		}
	}
}

func TestKeysOfOthersAreOtherCommands(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	var count counter
	serve(t, natsgrpctest.Connect(t, ns), register(count.handle))
	client := pb.NewEchoServiceClient(connect(t, natsgrpctest.Connect(t, ns)))
	ids := map[string]string{}
	for _, c := range []struct{ principal, key string }{
		{"alice", "key"}, {"bob", "key"}, {"alice", "key2"}, {"alicek", "ey"}, {"alic", "ekey"}, {"key", "alice"},
		{"a.b", "*"}, {"*", ">"}, {">", "a b"}, {" ", " "}, {"\x00", "\x00"}, {"\r\n", "\xff\xfe"}, {"é", "日本"},
		{strings.Repeat("p", 255), strings.Repeat("k", 255)},
	} {
		name := fmt.Sprintf("%q %q", c.principal, c.key)
		for range 2 {
			var id string
			reply, err := client.Command(t.Context(), &pb.CommandRequest{}, natsgrpc.IdempotencyKey(c.principal, c.key), natsgrpc.CallID(&id))
			require.NoError(t, err, name)
			require.Equal(t, fmt.Sprint(" ", count.runs()), string(reply.GetPayload()), name)
			require.Regexp(t, "^[A-Z2-7]{52}$", id)
			if other, used := ids[id]; used {
				require.Equal(t, name, other)
			}
			ids[id] = name
		}
		require.Len(t, ids, count.runs(), name)
	}
	// The other command of the service has the same queue, and another id.
	var id string
	_, err := client.Unserved(t.Context(), &pb.UnservedRequest{}, natsgrpc.IdempotencyKey("alice", "key"), natsgrpc.CallID(&id))
	require.Equal(t, codes.Unimplemented, status.Code(err))
	require.Regexp(t, "^[A-Z2-7]{52}$", id)
	require.NotContains(t, ids, id)
}

func TestKeysHaveLimits(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	serve(t, natsgrpctest.Connect(t, ns), register(echo))
	client := pb.NewEchoServiceClient(connect(t, natsgrpctest.Connect(t, ns)))
	long := strings.Repeat("x", 256)
	for _, c := range []struct{ principal, key, want string }{
		{"", "key", "natsgrpc: the idempotency key's principal has 0 bytes; it needs 1 to 255"},
		{long, "key", "natsgrpc: the idempotency key's principal has 256 bytes; it needs 1 to 255"},
		{"alice", "", "natsgrpc: the idempotency key has 0 bytes; it needs 1 to 255"},
		{"alice", long, "natsgrpc: the idempotency key has 256 bytes; it needs 1 to 255"},
		{"", "", "natsgrpc: the idempotency key's principal has 0 bytes; it needs 1 to 255"},
	} {
		for range 10 {
			_, err := client.Command(t.Context(), &pb.CommandRequest{}, natsgrpc.IdempotencyKey(c.principal, c.key))
			require.Equal(t, codes.InvalidArgument, status.Code(err))
			require.Equal(t, c.want, status.Convert(err).Message())
		}
		_, err := client.Query(t.Context(), &pb.QueryRequest{}, natsgrpc.IdempotencyKey(c.principal, c.key))
		require.NoError(t, err, "a key means nothing to a query")
	}
}

func TestAStreamWithAKeyIsRefused(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	conn := connect(t, natsgrpctest.Connect(t, ns))
	_, err := pb.NewStreamServiceClient(conn).Chat(t.Context(), natsgrpc.IdempotencyKey("alice", "key"))
	require.Equal(t, codes.InvalidArgument, status.Code(err))
	require.Equal(t, "natsgrpc: /natsgrpctest.v1.StreamService/Chat is a stream, which takes no idempotency key", status.Convert(err).Message())
}

func TestWhichAnswersAreKeptForAKey(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	var count counter
	serve(t, natsgrpctest.Connect(t, ns), register(func(ctx context.Context, payload []byte) ([]byte, error) {
		_, _ = count.handle(ctx, nil)
		code := codes.Code(payload[0])
		st, err := status.New(code, "why").WithDetails(&errdetails.RequestInfo{RequestId: fmt.Sprint(count.runs())})
		if err != nil {
			return nil, err
		}
		return nil, errors.Join(grpc.SetTrailer(ctx, metadata.Pairs("run", fmt.Sprint(count.runs()))), st.Err())
	}))
	for code := codes.Canceled; code <= codes.Unauthenticated; code++ {
		t.Run(code.String(), func(t *testing.T) {
			again := code == codes.Canceled || code == codes.DeadlineExceeded || code == codes.Unavailable
			before := count.runs()
			var statuses []*status.Status
			for i := range 3 {
				var (
					id      string
					trailer metadata.MD
				)
				_, err := keyed(t.Context(), connect(t, natsgrpctest.Connect(t, ns)), code.String(), string([]byte{byte(code)}),
					grpc.Trailer(&trailer), natsgrpc.CallID(&id))
				require.Equal(t, code, status.Code(err))
				statuses = append(statuses, status.Convert(err))
				run := before + 1
				if again {
					run += i
				}
				require.Equal(t, run, count.runs())
				require.Equal(t, []string{fmt.Sprint(run)}, trailer["run"])
				awaitKept(t, ns, id, trailer)
			}
			require.Len(t, statuses[0].Details(), 1)
			if !again {
				require.Empty(t, cmp.Diff(statuses[0].Proto(), statuses[2].Proto(), protocmp.Transform()))
				return
			}
			require.Equal(t, count.ids[before], count.ids[before+1])
			require.Equal(t, count.ids[before], count.ids[before+2])
		})
	}
}

// awaitKept waits until the stream of answers has the answer with a trailer: the caller gets it a moment earlier, and a call
// in that moment rightly takes it for that of the call which goes on.
func awaitKept(t *testing.T, ns *server.Server, id string, want metadata.MD) {
	t.Helper()
	conn := connect(t, natsgrpctest.Connect(t, ns))
	require.Eventually(t, func() bool {
		var trailer metadata.MD
		err := conn.Answer(t.Context(), pb.EchoService_Command_FullMethodName, id, &pb.CommandResponse{}, grpc.Trailer(&trailer))
		return err != nil && cmp.Equal(trailer, want)
	}, 10*time.Second, time.Millisecond)
}

// A call that waits for another's command takes that one's answer, but is not ended by that one's deadline.
func TestACallThatWaitsOutlivesAnothersDeadline(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	conn := connect(t, natsgrpctest.Connect(t, ns))
	started := make(chan struct{}, 10)
	var runs atomic.Int32
	serve(t, natsgrpctest.Connect(t, ns), register(func(ctx context.Context, payload []byte) ([]byte, error) {
		started <- struct{}{}
		if runs.Add(1) == 1 {
			<-ctx.Done()
			return nil, status.FromContextError(ctx.Err()).Err()
		}
		return payload, nil
	}))
	short, cancel := context.WithTimeout(t.Context(), time.Second) // time to reach the handler
	defer cancel()
	one := begin(short, func(ctx context.Context) (string, error) { return keyed(ctx, conn, "key", "hello") })
	await(t, "the handler", started)
	two := begin(t.Context(), func(ctx context.Context) (string, error) { return keyed(ctx, conn, "key", "hello") })
	require.Equal(t, codes.DeadlineExceeded, status.Code(await(t, "the first call", one).err))
	require.Equal(t, result{answer: "hello"}, await(t, "the second call", two))
	require.EqualValues(t, 2, runs.Load())
}

// Calls that wait for a command share its answer, whatever it is: a service that is away is not asked once for each.
func TestCallsThatWaitShareAnAnswerThatIsNotKept(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	var runs atomic.Int32
	release := make(chan struct{})
	serve(t, natsgrpctest.Connect(t, ns), register(func(context.Context, []byte) ([]byte, error) {
		runs.Add(1)
		<-release
		return nil, status.Error(codes.Unavailable, "away")
	}))
	conn := connect(t, natsgrpctest.Connect(t, ns))
	var calls []<-chan result
	for range 20 {
		calls = append(calls, begin(t.Context(), func(ctx context.Context) (string, error) { return keyed(ctx, conn, "key", "hello") }))
	}
	require.Eventually(t, func() bool { // each that has found the command in the queue listens for its answer
		waiting := slices.DeleteFunc(subscriptions(t, ns), func(subject string) bool {
			return !strings.HasPrefix(subject, "rsp.natsgrpctest_v1_EchoService.")
		})
		return len(waiting) == 19
	}, soon, time.Millisecond)
	close(release)
	for _, call := range calls {
		require.Equal(t, codes.Unavailable, status.Code(await(t, "a call", call).err))
	}
	require.EqualValues(t, 1, runs.Load())
}

func TestAnAnswerSurvivesARestartOfNATS(t *testing.T) {
	dir := t.TempDir()
	ns := natsgrpctest.NewServerAt(t, dir, server.RANDOM_PORT)
	port := ns.Addr().(*net.TCPAddr).Port
	var count counter
	serve(t, natsgrpctest.Connect(t, ns), register(count.handle))
	nc := natsgrpctest.Connect(t, ns)
	conn := connect(t, nc)
	got, err := keyed(t.Context(), conn, "key", "hello")
	require.NoError(t, err)
	require.Equal(t, "hello 1", got)
	require.Eventually(t, func() bool { return pending(t, stream(t, nc, commandStream)) == 0 }, soon, time.Millisecond)
	ns.Shutdown() // which ends the window of duplicates for what is acknowledged
	ns.WaitForShutdown()
	natsgrpctest.NewServerAt(t, dir, port)
	for range 2 {
		got, err = keyed(t.Context(), conn, "key", "hello", grpc.WaitForReady(true))
		require.NoError(t, err)
		require.Equal(t, "hello 1", got)
	}
	require.Equal(t, 1, count.runs())
}

// A caller whose answer came while it was away finds it, and does not have the command executed again.
func TestACommandThatIsAnsweredWhileItsCallerIsAwayActsOnce(t *testing.T) {
	for name, options := range map[string][]grpc.CallOption{"with a key": {natsgrpc.IdempotencyKey("alice", "key")}, "without": nil} {
		t.Run(name, func(t *testing.T) {
			ns := natsgrpctest.NewServer(t)
			var count counter
			started, release := make(chan struct{}), make(chan struct{})
			serve(t, natsgrpctest.Connect(t, ns), register(func(ctx context.Context, payload []byte) ([]byte, error) {
				close(started)
				<-release
				return count.handle(ctx, payload)
			}))
			wire := newWire(t, ns)
			conn := connect(t, wire.connect(t))
			call := begin(t.Context(), func(ctx context.Context) (string, error) {
				reply, err := pb.NewEchoServiceClient(conn).Command(ctx, &pb.CommandRequest{Payload: []byte("hello")}, options...)
				return string(reply.GetPayload()), err
			})
			await(t, "the handler", started)
			wire.cut()
			close(release)
			watcher := natsgrpctest.Connect(t, ns)
			require.Eventually(t, func() bool {
				return pending(t, stream(t, watcher, "RESPONSES")) == 1 && pending(t, stream(t, watcher, commandStream)) == 0
			}, soon, time.Millisecond)
			wire.mend()
			require.Equal(t, result{answer: "hello 1"}, await(t, "the call", call))
			require.Equal(t, 1, count.runs())
		})
	}
}

// The documented limit: what is not kept any more is executed again, under the same id.
func TestACommandWhoseAnswerIsGoneIsExecutedAgain(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	nc := natsgrpctest.Connect(t, ns)
	var count counter
	serve(t, nc, register(count.handle))
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	conn := connect(t, nc)
	_, err = keyed(t.Context(), conn, "key", "hello")
	require.NoError(t, err)
	// The caller has the answer a moment before the stream has it; the request leaves the queue after both.
	require.Eventually(t, func() bool { return pending(t, stream(t, nc, commandStream)) == 0 }, soon, time.Millisecond)
	for i := range 2 {
		require.NoError(t, stream(t, nc, "RESPONSES").Purge(t.Context()))
		got, err := keyed(t.Context(), conn, "key", "hello")
		require.NoError(t, err)
		require.Equal(t, fmt.Sprint("hello ", i+2), got)
		require.Equal(t, count.ids[0], count.ids[i+1])
		require.Eventually(t, func() bool { return pending(t, stream(t, nc, commandStream)) == 0 }, soon, time.Millisecond)
		got, err = keyed(t.Context(), conn, "key", "hello")
		require.NoError(t, err)
		require.Equal(t, fmt.Sprint("hello ", i+2), got)
	}

	// While nobody can tell whether there is an answer, nothing is executed. The next command has the stream made again.
	require.NoError(t, js.DeleteStream(t.Context(), "RESPONSES"))
	_, err = keyed(t.Context(), conn, "key", "hello")
	require.Equal(t, natsgrpc.ReasonNoQueue, reason(err))
	require.Equal(t, 3, count.runs())
	_, err = command(t.Context(), conn, "other")
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		_, err := keyed(t.Context(), conn, "key", "hello")
		return err == nil
	}, soon, 10*time.Millisecond)
	require.Equal(t, count.ids[0], count.ids[4])
}

func TestAnAnswerIsKeptAsLongAsItsMethodSays(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	nc := natsgrpctest.Connect(t, ns)
	descriptors := describe(t, func(_ *natsgrpcv1.ServiceDelivery, m *natsgrpcv1.MethodDelivery) {
		m.KeepAnswer = durationpb.New(time.Second)
	})
	var count counter
	serve(t, nc, register(count.handle), natsgrpc.WithDescriptors(descriptors))
	conn := connect(t, nc, natsgrpc.WithDescriptors(descriptors))
	for i := range 2 {
		start, before := time.Now(), stream(t, nc, "RESPONSES").CachedInfo().State.LastSeq
		got, err := keyed(t.Context(), conn, "key", "hello")
		require.NoError(t, err)
		require.Equal(t, fmt.Sprint("hello ", i+1), got)
		require.Eventually(t, func() bool { // the stream, which gets the answer a moment after the caller, has had it
			state := stream(t, nc, "RESPONSES").CachedInfo().State
			return state.LastSeq > before && state.Msgs == 0
		}, soon, 10*time.Millisecond)
		require.Greater(t, time.Since(start), 900*time.Millisecond)
	}
	require.Equal(t, count.ids[0], count.ids[1])
}
