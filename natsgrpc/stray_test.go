package natsgrpc_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	natsgrpcv1 "github.com/codingflow/rating/proto/natsgrpc/v1"
	pb "github.com/codingflow/rating/proto/natsgrpctest/v1"
)

// rollout is a service of which an old version without any method runs beside a new one.
type rollout struct {
	t           *testing.T
	ns          *server.Server
	descriptors *protoregistry.Files
}

// newRollout has an EchoService whose commands have one attempt: the first delivery that fails, or is counted for nothing,
// is the last.
func newRollout(t *testing.T) *rollout {
	descriptors := describe(t, func(s *natsgrpcv1.ServiceDelivery, m *natsgrpcv1.MethodDelivery) {
		m.Attempts = 1
		for _, queue := range []*natsgrpcv1.Queue{s.GetCommands(), s.GetQueries()} {
			queue.AckWait, queue.MaxPending = durationpb.New(5*time.Second), 1000
		}
	})
	return &rollout{t: t, ns: natsgrpctest.NewServer(t), descriptors: descriptors}
}

// old starts an instance that knows no method.
func (r *rollout) old(options ...natsgrpc.ServerOption) (stop func()) {
	return r.serve(func(registrar grpc.ServiceRegistrar) {
		registrar.RegisterService(&grpc.ServiceDesc{ServiceName: pb.EchoService_ServiceDesc.ServiceName}, nil)
	}, options...)
}

// canary starts an instance that knows all.
func (r *rollout) canary(handle handlerFunc, options ...natsgrpc.ServerOption) (stop func()) {
	return r.serve(register(handle), options...)
}

func (r *rollout) serve(register func(grpc.ServiceRegistrar), options ...natsgrpc.ServerOption) (stop func()) {
	r.t.Helper()
	srv, err := natsgrpc.NewServer(natsgrpctest.Connect(r.t, r.ns), append(options, natsgrpc.WithDescriptors(r.descriptors))...)
	require.NoError(r.t, err)
	register(srv)
	return natsgrpctest.Serve(r.t, srv)
}

func (r *rollout) conn() *natsgrpc.Conn {
	return connect(r.t, natsgrpctest.Connect(r.t, r.ns), natsgrpc.WithDescriptors(r.descriptors))
}

// awaitHeld waits until servers have n calls of a queue in hand.
func (r *rollout) awaitHeld(queue string, n int) {
	r.t.Helper()
	js, err := jetstream.New(natsgrpctest.Connect(r.t, r.ns))
	require.NoError(r.t, err)
	require.Eventually(r.t, func() bool {
		consumer, err := js.Consumer(r.t.Context(), queue, "workers")
		return err == nil && consumer.CachedInfo().NumAckPending == n
	}, soon, time.Millisecond, "%s has other than %d calls in hand", queue, n)
}

// requireSettled requires that nothing is left in the queues, and that there is no dead letter.
func (r *rollout) requireSettled() {
	r.t.Helper()
	nc := natsgrpctest.Connect(r.t, r.ns)
	for _, name := range []string{commandStream, queryStream, "DEAD"} {
		require.Eventually(r.t, func() bool { return pending(r.t, stream(r.t, nc, name)) == 0 }, soon, time.Millisecond, "messages in %s", name)
	}
}

// load makes calls, as many at a time as there are callers, and returns how long they took, sorted. None may fail.
func load(t *testing.T, calls, callers int, call func(n int) error) []time.Duration {
	t.Helper()
	var next atomic.Int64
	var mu sync.Mutex
	var took []time.Duration
	var group sync.WaitGroup
	for range callers {
		group.Go(func() {
			for n := int(next.Add(1)); n <= calls; n = int(next.Add(1)) {
				start := time.Now()
				if err := call(n); err != nil {
					t.Errorf("call %d, after %v: %v", n, time.Since(start), err)
				}
				mu.Lock()
				took = append(took, time.Since(start))
				mu.Unlock()
			}
		})
	}
	group.Wait()
	slices.Sort(took)
	t.Logf("%d calls of %d callers: p50 %v, p99 %v, slowest %v", calls, callers, took[len(took)/2], took[len(took)*99/100], took[len(took)-1])
	return took
}

// One new instance beside four old ones: what only the new one knows is answered at once, and a delivery to an old one is no
// attempt.
func TestACanaryAnswersWhatTheOthersDoNotKnow(t *testing.T) {
	for name, call := range shapes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRollout(t)
			for range 4 {
				r.old()
			}
			r.canary(func(ctx context.Context, payload []byte) ([]byte, error) {
				info, _ := natsgrpc.FromContext(ctx)
				return fmt.Appendf(nil, "%s, attempt %d", payload, info.Attempt), nil
			})
			conn := r.conn()
			send := func(n int) error {
				payload := fmt.Sprint(n)
				got, err := call(t.Context(), conn, payload)
				if want := payload + ", attempt 1"; err == nil && got != want {
					return fmt.Errorf("got %q, want %q", got, want)
				}
				return err
			}
			idle := load(t, 100, 1, send)
			require.Less(t, idle[98], time.Second)
			load(t, 500, 32, send)
			r.requireSettled()
		})
	}
}

// A canary with one slot, and more calls than it can do at once: they wait, and it never does two at a time, whether it has
// pulled them itself or got them from the others.
func TestACanaryTakesNoMoreThanItHasSlotsFor(t *testing.T) {
	for name, call := range shapes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRollout(t)
			for range 4 {
				r.old()
			}
			var running, most atomic.Int64
			r.canary(func(_ context.Context, payload []byte) ([]byte, error) {
				defer running.Add(-1)
				now := running.Add(1)
				for {
					if old := most.Load(); now <= old || most.CompareAndSwap(old, now) {
						break
					}
				}
				<-time.After(5 * time.Millisecond)
				return payload, nil
			}, natsgrpc.WithSlots(1, 1))
			conn := r.conn()
			load(t, 200, 32, func(n int) error {
				ctx, cancel := context.WithTimeout(t.Context(), 2*soon)
				defer cancel()
				_, err := call(ctx, conn, fmt.Sprint(n))
				return err
			})
			require.EqualValues(t, 1, most.Load())
			r.requireSettled()
		})
	}
}

// Each shard is a queue of its own, and its calls go from worker to worker of that shard.
func TestACanaryAnswersForEachShard(t *testing.T) {
	r := newRollout(t)
	r.descriptors = sharded(t)
	r.old()
	r.old()
	r.canary(echo)
	conn := r.conn()
	for _, call := range shapes {
		load(t, 60, 4, func(n int) error {
			_, err := call(t.Context(), conn, fmt.Sprint(n))
			return err
		})
	}
}

// A stream is claimed by the server that knows it, whoever pulled its opening.
func TestACanaryGetsTheStreamsThatTheOthersDoNotKnow(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	for range 4 {
		serve(t, natsgrpctest.Connect(t, ns), func(registrar grpc.ServiceRegistrar) {
			registrar.RegisterService(&grpc.ServiceDesc{ServiceName: pb.StreamService_ServiceDesc.ServiceName}, nil)
		})
	}
	serve(t, natsgrpctest.Connect(t, ns), streams(natsgrpctest.Streams{OnUpload: func(stream natsgrpctest.UploadStream) error {
		return stream.SendAndClose(&pb.UploadResponse{Payload: []byte("done")})
	}}))
	client := pb.NewStreamServiceClient(connect(t, natsgrpctest.Connect(t, ns)))
	load(t, 100, 8, func(int) error {
		stream, err := client.Upload(t.Context())
		if err != nil {
			return err
		}
		_, err = stream.CloseAndRecv()
		return err
	})
}

// What no server knows is UNIMPLEMENTED after half of the call's time.
func TestWhatNoServerKnowsIsUnimplementedInHalfOfItsTime(t *testing.T) {
	r := newRollout(t)
	r.old()
	r.old()
	for name, call := range shapes {
		t.Run(name, func(t *testing.T) {
			conn := r.conn()
			ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
			defer cancel()
			start := time.Now()
			_, err := call(ctx, conn, "x")
			took := time.Since(start)
			require.Equal(t, codes.Unimplemented, status.Code(err), "%v", err)
			require.Regexp(t, "^unknown method (Query|Command) for service natsgrpctest.v1.EchoService$", status.Convert(err).Message())
			require.Greater(t, took, 1900*time.Millisecond)
			require.Less(t, took, 3*time.Second)
		})
	}
	r.requireSettled()
}

// A call waits for an instance that knows its method, be it the first one or one that restarts, and its wait is no attempt.
func TestACallWaitsForTheFirstInstanceThatKnowsIt(t *testing.T) {
	r := newRollout(t)
	r.old()
	conn := r.conn()
	for range 2 {
		var calls []<-chan result
		for _, call := range shapes {
			calls = append(calls, begin(t.Context(), func(ctx context.Context) (string, error) { return call(ctx, conn, "x") }))
		}
		r.awaitHeld(queryStream, 1)
		r.awaitHeld(commandStream, 1)
		stop := r.canary(echo)
		for _, call := range calls {
			require.Equal(t, result{answer: "x"}, await(t, "a call", call))
		}
		stop()
	}
	r.requireSettled()
}

// An old instance that leaves waits until the new one has taken its calls.
func TestADrainWaitsForTheServerThatKnowsTheMethod(t *testing.T) {
	r := newRollout(t)
	release := make(chan struct{})
	running := make(chan struct{}, 10)
	r.canary(func(_ context.Context, payload []byte) ([]byte, error) {
		running <- struct{}{}
		<-release
		return payload, nil
	}, natsgrpc.WithSlots(1, 1))
	conn := r.conn()
	first := begin(t.Context(), func(ctx context.Context) (string, error) { return command(ctx, conn, "first") })
	await(t, "the first call", running)
	stop := r.old()
	second := begin(t.Context(), func(ctx context.Context) (string, error) { return command(ctx, conn, "second") })
	r.awaitHeld(commandStream, 2)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		stop()
	}()
	select {
	case <-stopped:
		t.Fatal("the old instance has left a call")
	case <-time.After(300 * time.Millisecond):
	}
	close(release)
	require.Equal(t, result{answer: "first"}, await(t, "the first call", first))
	require.Equal(t, result{answer: "second"}, await(t, "the second call", second))
	await(t, "the drain", stopped)
	r.requireSettled()
}

// A server that leaves gives back what nobody knows: it may be the last of its version, and the next is about to start.
func TestADrainGivesBackWhatNobodyKnows(t *testing.T) {
	r := newRollout(t)
	stop := r.old()
	conn := r.conn()
	waiting := begin(t.Context(), func(ctx context.Context) (string, error) { return query(ctx, conn, "x") })
	r.awaitHeld(queryStream, 1)
	start := time.Now()
	stop()
	require.Less(t, time.Since(start), 3*time.Second)
	r.canary(echo)
	require.Equal(t, result{answer: "x"}, await(t, "the call", waiting))
}

// A query that waits for a server that knows its method goes with its caller.
func TestAQueryThatNobodyKnowsGoesWithItsCaller(t *testing.T) {
	r := newRollout(t)
	r.old()
	ctx, cancel := context.WithCancel(t.Context())
	conn := r.conn()
	waiting := begin(ctx, func(ctx context.Context) (string, error) { return query(ctx, conn, "x") })
	r.awaitHeld(queryStream, 1)
	cancel()
	require.Equal(t, codes.Canceled, status.Code(await(t, "the call", waiting).err))
	nc := natsgrpctest.Connect(t, r.ns)
	require.Eventually(t, func() bool { return pending(t, stream(t, nc, queryStream)) == 0 }, 3*time.Second, time.Millisecond)
}

// seek asks for slots as a server of another version does.
func (r *rollout) seek(nc *nats.Conn, subject string, calls int) (slots int, offer string) {
	r.t.Helper()
	answer, err := nc.Request(subject, fmt.Appendf(nil, `{"calls": %d}`, calls), soon)
	require.NoError(r.t, err)
	var body struct {
		Slots   int
		Subject string
	}
	require.NoError(r.t, json.Unmarshal(answer.Data, &body))
	return body.Slots, body.Subject
}

// A slot that was offered and not used is free again after a fifth of an ack wait; what comes for it then is not run.
func TestAnOfferEnds(t *testing.T) {
	r := newRollout(t)
	runs := make(chan string, 10)
	r.canary(func(_ context.Context, payload []byte) ([]byte, error) {
		runs <- string(payload)
		return payload, nil
	}, natsgrpc.WithSlots(1, 1))
	nc := natsgrpctest.Connect(t, r.ns)
	const subject = "seek.natsgrpctest_v1_EchoService.cmd.0.Command.1"
	start := time.Now()
	slots, first := r.seek(nc, subject, 2)
	require.Equal(t, 1, slots)
	require.Regexp(t, `^hand\.natsgrpctest_v1_EchoService\.[^.]+\.1$`, first)
	slots, _ = r.seek(nc, subject, 1)
	require.Zero(t, slots)
	again := func() (offer string) {
		require.Eventually(t, func() bool {
			slots, offer = r.seek(nc, subject, 1)
			return slots == 1
		}, soon, 10*time.Millisecond)
		return offer
	}
	offer := again()
	require.Greater(t, time.Since(start), time.Second)

	ack := "$JS.ACK." + commandStream + ".workers.1.1.1.1.0"
	for _, hand := range []struct{ name, offer, ack string }{
		{"too late", first, ack},
		{"no offer", strings.TrimSuffix(offer, lastOf(offer)) + "x", ack},
		{"no delivery", offer, "x"},
		{"no acknowledgement", again(), "$JS.API.STREAM.DELETE.DEAD"},
		{"another queue's", again(), "$JS.ACK." + queryStream + ".workers.1.1.1.1.0"},
	} {
		require.NoError(t, nc.Publish(hand.offer+".cmd.natsgrpctest_v1_EchoService.0.Command.id."+hand.ack, nil), hand.name)
	}
	for _, malformed := range []string{"", "x", "{}", `{"calls": 0}`, `{"calls": -1}`} {
		answer, err := nc.Request(subject, []byte(malformed), soon)
		require.NoError(t, err)
		require.JSONEq(t, `{"slots": 0}`, string(answer.Data))
	}
	again()
	require.Empty(t, runs)
	r.requireSettled()
}

// lastOf returns the last token of a subject.
func lastOf(subject string) string { return subject[strings.LastIndexByte(subject, '.')+1:] }
