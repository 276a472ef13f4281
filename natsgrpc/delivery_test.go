package natsgrpc_test

import (
	"context"
	"errors"
	"fmt"
	"net"
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
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	natsgrpcv1 "github.com/codingflow/rating/proto/natsgrpc/v1"
	pb "github.com/codingflow/rating/proto/natsgrpctest/v1"
)

// handlerFunc is what an EchoService does.
type handlerFunc func(context.Context, []byte) ([]byte, error)

func echo(_ context.Context, payload []byte) ([]byte, error) { return payload, nil }

// register returns a function that registers an EchoService with one handler.
func register(handle handlerFunc) func(grpc.ServiceRegistrar) {
	return func(registrar grpc.ServiceRegistrar) {
		pb.RegisterEchoServiceServer(registrar, &natsgrpctest.Echo{Handle: handle})
	}
}

func command(ctx context.Context, cc grpc.ClientConnInterface, payload string) (string, error) {
	reply, err := pb.NewEchoServiceClient(cc).Command(ctx, &pb.CommandRequest{Payload: []byte(payload)})
	return string(reply.GetPayload()), err
}

func query(ctx context.Context, cc grpc.ClientConnInterface, payload string) (string, error) {
	reply, err := pb.NewEchoServiceClient(cc).Query(ctx, &pb.QueryRequest{Payload: []byte(payload)})
	return string(reply.GetPayload()), err
}

// shapes are the two kinds of calls.
var shapes = map[string]func(context.Context, grpc.ClientConnInterface, string) (string, error){"query": query, "command": command}

// reason returns the reason in a status error's ErrorInfo.
func reason(err error) string { return natsgrpc.ReasonOf(status.Convert(err)) }

// stream returns a stream of the server that nc is connected to.
func stream(t *testing.T, nc *nats.Conn, name string) jetstream.Stream {
	t.Helper()
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	s, err := js.Stream(t.Context(), name)
	require.NoError(t, err)
	return s
}

// pending returns how many messages a stream holds.
func pending(t *testing.T, s jetstream.Stream) uint64 {
	t.Helper()
	info, err := s.Info(t.Context())
	require.NoError(t, err)
	return info.State.Msgs
}

const (
	queryStream   = "QRY_natsgrpctest_v1_EchoService_0"
	commandStream = "CMD_natsgrpctest_v1_EchoService_0"
)

func TestAPanicIsTriedAgain(t *testing.T) {
	for name, call := range shapes {
		t.Run(name, func(t *testing.T) {
			ns := natsgrpctest.NewServer(t)
			var attempts []natsgrpc.RequestInfo
			serve(t, natsgrpctest.Connect(t, ns), register(func(ctx context.Context, payload []byte) ([]byte, error) {
				info, ok := natsgrpc.FromContext(ctx)
				if !ok {
					return nil, errors.New("no request info")
				}
				attempts = append(attempts, info)
				if info.Attempt < 3 {
					panic("a bug")
				}
				return payload, nil
			}))
			got, err := call(t.Context(), connect(t, natsgrpctest.Connect(t, ns)), "hello")
			require.NoError(t, err)
			require.Equal(t, "hello", got)
			id := attempts[0].ID
			require.NotEmpty(t, id)
			require.Equal(t, []natsgrpc.RequestInfo{{ID: id, Attempt: 1}, {ID: id, Attempt: 2}, {ID: id, Attempt: 3}}, attempts)
		})
	}
}

func TestAPoisonMessageIsAnsweredAndLeavesTheQueue(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	nc := natsgrpctest.Connect(t, ns)
	var attempts atomic.Int32
	serve(t, nc, register(func(_ context.Context, payload []byte) ([]byte, error) {
		if string(payload) == "poison" {
			attempts.Add(1)
			panic("poisoned")
		}
		return payload, nil
	}))
	conn := connect(t, nc)
	_, err := command(t.Context(), conn, "poison")
	require.Equal(t, codes.Internal, status.Code(err))
	require.Equal(t, natsgrpc.ReasonAttemptsExhausted, reason(err))
	require.Equal(t, "natsgrpc: all 3 attempts at the call failed", status.Convert(err).Message())
	require.EqualValues(t, 3, attempts.Load())
	require.Eventually(t, func() bool { return pending(t, stream(t, nc, commandStream)) == 0 }, soon, 10*time.Millisecond)
	got, err := command(t.Context(), conn, "wholesome")
	require.NoError(t, err)
	require.Equal(t, "wholesome", got)
}

func TestAHandlerCanAskForARetry(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	nc := natsgrpctest.Connect(t, ns)
	var times []time.Time
	serve(t, nc, register(func(_ context.Context, payload []byte) ([]byte, error) {
		if times = append(times, time.Now()); len(times) == 1 {
			return nil, fmt.Errorf("database: %w", natsgrpc.Retry(errors.New("gone"), 300*time.Millisecond))
		}
		return payload, nil
	}))
	_, err := command(t.Context(), connect(t, nc), "hello")
	require.NoError(t, err)
	require.Len(t, times, 2)
	require.GreaterOrEqual(t, times[1].Sub(times[0]), 300*time.Millisecond)
}

func TestALongHandlerKeepsItsCall(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	nc := natsgrpctest.Connect(t, ns)
	var runs atomic.Int32
	serve(t, nc, register(func(ctx context.Context, payload []byte) ([]byte, error) {
		runs.Add(1)
		select { // three times the ack wait
		case <-time.After(3 * time.Second):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		return payload, nil
	}))
	_, err := command(t.Context(), connect(t, nc), "hello")
	require.NoError(t, err)
	require.EqualValues(t, 1, runs.Load())
}

func TestALostWorkersCallGoesToAnother(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	conn := connect(t, natsgrpctest.Connect(t, ns))
	lonely := natsgrpctest.Connect(t, ns)
	started, cancelled := make(chan struct{}), make(chan error, 1)
	srv, err := natsgrpc.NewServer(lonely)
	require.NoError(t, err)
	register(func(ctx context.Context, _ []byte) ([]byte, error) {
		close(started)
		<-ctx.Done()
		cancelled <- context.Cause(ctx)
		return []byte("too late"), nil
	})(srv)
	stop := serveUntil(t, srv)
	answer := make(chan string, 1)
	go func() {
		got, _ := command(t.Context(), conn, "hello")
		answer <- got
	}()
	<-started
	serve(t, natsgrpctest.Connect(t, ns), register(func(context.Context, []byte) ([]byte, error) { return []byte("rescued"), nil }))
	lonely.Close() // as if its machine had gone; the handler goes on until it notices
	require.Equal(t, "rescued", <-answer)
	require.ErrorContains(t, <-cancelled, "another worker has this call")
	require.ErrorIs(t, stop(), nats.ErrConnectionClosed)
}

func TestADrainLosesNoCall(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	conn := connect(t, natsgrpctest.Connect(t, ns))
	handle := func(_ context.Context, payload []byte) ([]byte, error) {
		time.Sleep(time.Millisecond) // some work
		return payload, nil
	}
	serve(t, natsgrpctest.Connect(t, ns), register(handle)) // stays
	ctx, cancel := context.WithCancel(t.Context())
	var callers sync.WaitGroup
	var calls, slow atomic.Int32
	for i := range 16 {
		callers.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				want := fmt.Sprint(i, n)
				start := time.Now()
				got, err := command(context.WithoutCancel(ctx), conn, want)
				if err != nil || got != want {
					t.Errorf("call %s: got %q, %v", want, got, err)
					return
				}
				if time.Since(start) > 900*time.Millisecond { // a redelivery would take the ack wait, a second
					slow.Add(1)
				}
				calls.Add(1)
			}
		})
	}
	for range 20 { // instances that come and go
		srv, err := natsgrpc.NewServer(natsgrpctest.Connect(t, ns))
		require.NoError(t, err)
		register(handle)(srv)
		stop := serveUntil(t, srv)
		before := calls.Load()
		require.Eventually(t, func() bool { return calls.Load() > before+50 }, 10*time.Second, time.Millisecond)
		require.NoError(t, stop())
	}
	cancel()
	callers.Wait()
	// A drain that loses deliveries would leave some each time; a busy machine may delay one call.
	require.Less(t, slow.Load(), int32(10), "calls that waited for a redelivery, of %d", calls.Load())
}

func TestADrainGivesBackWhatOutlastsIt(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	conn := connect(t, natsgrpctest.Connect(t, ns))
	descriptors := describe(t, func(s *natsgrpcv1.ServiceDelivery, _ *natsgrpcv1.MethodDelivery) {
		s.GetCommands().AckWait = durationpb.New(9 * time.Second) // so that a busy machine's start of a server is no wait for it
	})
	started := make(chan struct{})
	srv, err := natsgrpc.NewServer(natsgrpctest.Connect(t, ns), natsgrpc.WithDescriptors(descriptors), natsgrpc.WithDrainTimeout(50*time.Millisecond))
	require.NoError(t, err)
	register(func(ctx context.Context, _ []byte) ([]byte, error) {
		close(started)
		<-ctx.Done()
		return nil, ctx.Err()
	})(srv)
	stop := serveUntil(t, srv)
	answer := make(chan string, 1)
	go func() {
		got, _ := command(t.Context(), conn, "hello")
		answer <- got
	}()
	<-started
	require.EqualError(t, stop(), "natsgrpc: drain: 1 calls outlasted 50ms and went back to their queues")
	start := time.Now()
	serve(t, natsgrpctest.Connect(t, ns), register(echo), natsgrpc.WithDescriptors(descriptors))
	require.Equal(t, "hello", <-answer)
	require.Less(t, time.Since(start), atOnce, "the call waited for its ack wait")
}

func TestASlowWorkerTakesOnlyWhatItCanDo(t *testing.T) {
	for name, call := range shapes {
		t.Run(name, func(t *testing.T) {
			ns := natsgrpctest.NewServer(t)
			const work = 200 * time.Millisecond
			worker := func(calls *atomic.Int32, delay time.Duration) handlerFunc {
				return func(_ context.Context, payload []byte) ([]byte, error) {
					calls.Add(1)
					if delay > 0 {
						time.Sleep(delay) // the work
					}
					return payload, nil
				}
			}
			var slow, fast atomic.Int32
			serve(t, natsgrpctest.Connect(t, ns), register(worker(&slow, work)), natsgrpc.WithSlots(1, 1))
			serve(t, natsgrpctest.Connect(t, ns), register(worker(&fast, 0)), natsgrpc.WithSlots(1, 1))
			conn := connect(t, natsgrpctest.Connect(t, ns))
			var callers sync.WaitGroup
			var longest atomic.Int64
			start := time.Now()
			for range 16 {
				callers.Go(func() {
					for time.Since(start) < 2*time.Second {
						before := time.Now()
						_, err := call(t.Context(), conn, "x")
						if reason(err) == natsgrpc.ReasonQueueFull {
							continue // its 100 places may be taken by what JetStream has not yet removed
						}
						if err != nil {
							t.Error(err)
							return
						}
						for took := int64(time.Since(before)); ; {
							if old := longest.Load(); took <= old || longest.CompareAndSwap(old, took) {
								break
							}
						}
					}
				})
			}
			callers.Wait()
			elapsed := time.Since(start)
			t.Logf("in %v: slow %d, fast %d, the longest call took %v", elapsed, slow.Load(), fast.Load(), time.Duration(longest.Load()))
			require.LessOrEqual(t, int(slow.Load()), int(elapsed/work)+1)
			require.Greater(t, fast.Load(), 10*slow.Load())
			// A call takes what its own worker takes, and what a busy machine adds. Behind a slow worker that hoards, the 16
			// callers' calls would wait for each other: up to 16 times its work.
			require.Less(t, time.Duration(longest.Load()), 6*work)
		})
	}
}

func TestAFullQueueRefusesAtOnce(t *testing.T) {
	for name, call := range shapes {
		t.Run(name, func(t *testing.T) {
			ns := natsgrpctest.NewServer(t)
			release := make(chan struct{})
			serve(t, natsgrpctest.Connect(t, ns), register(func(_ context.Context, payload []byte) ([]byte, error) {
				<-release
				return payload, nil
			}))
			conn := connect(t, natsgrpctest.Connect(t, ns))
			var callers sync.WaitGroup
			var answered, refused atomic.Int32
			for range 150 { // the queue holds 100
				callers.Go(func() {
					start := time.Now()
					_, err := call(t.Context(), conn, "x")
					switch {
					case err == nil:
						answered.Add(1)
					case status.Code(err) == codes.ResourceExhausted && reason(err) == natsgrpc.ReasonQueueFull && time.Since(start) < atOnce:
						if refused.Add(1) == 50 {
							close(release)
						}
					default:
						t.Errorf("after %v: %v", time.Since(start), err)
					}
				})
			}
			callers.Wait()
			require.EqualValues(t, 100, answered.Load())
			require.EqualValues(t, 50, refused.Load())
		})
	}
}

func TestWhatIsTooLargeForOneMessageTravelsInParts(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	nc := natsgrpctest.Connect(t, ns)
	serve(t, nc, register(echo))
	conn := connect(t, nc)
	large := strings.Repeat("0123456789abcdef", 200_000) // 3.2 MB, of which NATS takes one at a time
	require.Greater(t, int64(len(large)), 3*nc.MaxPayload())
	for name, call := range shapes {
		got, err := call(t.Context(), conn, large)
		require.NoError(t, err, name)
		require.True(t, got == large, name)
	}
	_, err := command(t.Context(), conn, strings.Repeat("x", 4<<20))
	require.Equal(t, codes.ResourceExhausted, status.Code(err))
	require.Equal(t, "grpc: received message larger than max (4194309 vs. 4194304)", status.Convert(err).Message())
	// What stays are the parts of the command's answer, and for a second the empty messages that freed the others.
	require.Eventually(t, func() bool { return pending(t, stream(t, nc, "PARTS")) == 4 }, 10*time.Second, 10*time.Millisecond)
}

func TestAMissingQueueIsSaidAtOnce(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	conn := connect(t, natsgrpctest.Connect(t, ns))
	start := time.Now()
	_, err := command(t.Context(), conn, "x")
	require.Equal(t, codes.Unavailable, status.Code(err))
	require.Equal(t, natsgrpc.ReasonNoQueue, reason(err))
	require.Less(t, time.Since(start), atOnce)
}

func TestADeadlineThatPassesInTheQueueRunsNoHandler(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	nc := natsgrpctest.Connect(t, ns)
	busy, release := make(chan struct{}), make(chan struct{})
	var ran sync.Map
	serve(t, nc, register(func(_ context.Context, payload []byte) ([]byte, error) {
		ran.Store(string(payload), true)
		if string(payload) == "busy" {
			close(busy)
			<-release
		}
		return payload, nil
	}), natsgrpc.WithSlots(1, 1))
	conn := connect(t, nc)
	var first sync.WaitGroup
	first.Go(func() { _, _ = command(t.Context(), conn, "busy") })
	<-busy
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := command(ctx, conn, "late")
	require.Equal(t, codes.DeadlineExceeded, status.Code(err))
	close(release)
	first.Wait()
	_, err = command(t.Context(), conn, "next")
	require.NoError(t, err)
	_, late := ran.Load("late")
	require.False(t, late)
	require.Eventually(t, func() bool { return pending(t, stream(t, nc, commandStream)) == 0 }, soon, 10*time.Millisecond)
}

func TestAnAcceptedCommandOutlivesItsCaller(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	nc := natsgrpctest.Connect(t, ns)
	started, release, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	serve(t, nc, register(func(ctx context.Context, payload []byte) ([]byte, error) {
		close(started)
		<-release
		done <- ctx.Err()
		return payload, nil
	}))
	conn, err := natsgrpc.NewConn(natsgrpctest.Connect(t, ns))
	require.NoError(t, err)
	failed := make(chan error, 1)
	go func() {
		_, err := command(t.Context(), conn, "hello")
		failed <- err
	}()
	<-started
	require.NoError(t, conn.Close())
	require.Equal(t, codes.Canceled, status.Code(<-failed))
	_, err = command(t.Context(), conn, "hello")
	require.Equal(t, codes.Canceled, status.Code(err), "a call on a closed connection")
	close(release)
	require.NoError(t, <-done)
	require.Eventually(t, func() bool { return pending(t, stream(t, nc, "RESPONSES")) == 1 }, soon, 10*time.Millisecond)
	require.Eventually(t, func() bool { return pending(t, stream(t, nc, commandStream)) == 0 }, soon, 10*time.Millisecond)
}

func TestCallsGoOnAfterTheServerRestarts(t *testing.T) {
	dir := t.TempDir()
	ns := natsgrpctest.NewServerAt(t, dir, server.RANDOM_PORT)
	port := ns.Addr().(*net.TCPAddr).Port
	serve(t, natsgrpctest.Connect(t, ns), register(echo))
	conn := connect(t, natsgrpctest.Connect(t, ns))
	_, err := query(t.Context(), conn, "before")
	require.NoError(t, err)

	ns.Shutdown()
	ns.WaitForShutdown()
	require.Eventually(t, func() bool {
		// A call that was sent before the loss was noticed waits for the reconnect, up to its deadline.
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, err := query(ctx, conn, "while it is away")
		return status.Code(err) == codes.Unavailable && reason(err) == natsgrpc.ReasonNotConnected
	}, soon, 10*time.Millisecond)

	waiting := make(chan error, 1)
	go func() {
		_, err := pb.NewEchoServiceClient(conn).Command(t.Context(), &pb.CommandRequest{}, grpc.WaitForReady(true))
		waiting <- err
	}()
	natsgrpctest.NewServerAt(t, dir, port)
	require.NoError(t, <-waiting)
	// The queue of queries was in memory: the server makes it again.
	require.Eventually(t, func() bool {
		_, err := query(t.Context(), conn, "after")
		return err == nil
	}, 10*time.Second, 10*time.Millisecond)
}

func TestARequestCannotChooseWhereItsAnswerGoes(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	nc := natsgrpctest.Connect(t, ns)
	serve(t, nc, register(echo))
	victim, err := nc.SubscribeSync("victim.>")
	require.NoError(t, err)
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	for _, to := range []string{"victim.x", "rsp.natsgrpctest_v1_EchoService.other.x", "rsp.other.evil.x", "rep.natsgrpctest_v1_EchoService.x.1", ""} {
		msg := nats.NewMsg("cmd.natsgrpctest_v1_EchoService.0.Command.evil")
		msg.Header.Set("Natsgrpc-Reply-To", to)
		_, err = js.PublishMsg(t.Context(), msg)
		require.NoError(t, err)
		require.Eventually(t, func() bool { return pending(t, stream(t, nc, commandStream)) == 0 }, soon, 10*time.Millisecond)
	}
	_, err = victim.NextMsg(50 * time.Millisecond)
	require.ErrorIs(t, err, nats.ErrTimeout)
	require.Zero(t, pending(t, stream(t, nc, "RESPONSES")))
}

func TestMetadataThatGRPCKeepsIsNotSent(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	nc := natsgrpctest.Connect(t, ns)
	serve(t, nc, register(func(ctx context.Context, _ []byte) ([]byte, error) {
		md, _ := metadata.FromIncomingContext(ctx)
		return []byte(fmt.Sprint(len(md["grpc-timeout"]), len(md["kept"]))), nil
	}))
	got, err := command(metadata.AppendToOutgoingContext(t.Context(), "grpc-timeout", "1S", "kept", "1"), connect(t, nc), "")
	require.NoError(t, err)
	require.Equal(t, "0 1", got)
}

// A stream that has no leader looks to callers as one that is not there. Where the service was heard of just before, a call
// waits for it.
func TestACallWaitsForTheQueueOfALivingService(t *testing.T) {
	for name, call := range shapes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ns := natsgrpctest.NewServer(t)
			nc := natsgrpctest.Connect(t, ns)
			js, err := jetstream.New(nc)
			require.NoError(t, err)
			queue := map[string]string{"query": queryStream, "command": commandStream}[name]
			serve(t, nc, register(func(_ context.Context, payload []byte) ([]byte, error) { return payload, nil }))
			conn := connect(t, natsgrpctest.Connect(t, ns))
			_, err = call(t.Context(), conn, "before")
			require.NoError(t, err)
			require.NoError(t, js.DeleteStream(t.Context(), queue))
			answer, err := call(t.Context(), conn, "meanwhile")
			require.NoError(t, err)
			require.Equal(t, "meanwhile", answer)
		})
	}
}

// One whose queue stays away is told so when the service would have to be there again.
func TestAQueueThatStaysAwayIsSaidInTime(t *testing.T) {
	t.Parallel()
	ns := natsgrpctest.NewServer(t)
	nc := natsgrpctest.Connect(t, ns)
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	srv, err := natsgrpc.NewServer(nc)
	require.NoError(t, err)
	register(func(_ context.Context, payload []byte) ([]byte, error) { return payload, nil })(srv)
	stop := serveUntil(t, srv)
	conn := connect(t, natsgrpctest.Connect(t, ns))
	_, err = command(t.Context(), conn, "before")
	require.NoError(t, err)
	require.NoError(t, stop())
	require.NoError(t, js.DeleteStream(t.Context(), commandStream))
	start := time.Now()
	_, err = command(t.Context(), conn, "after")
	require.Contains(t, []string{natsgrpc.ReasonNoQueue, natsgrpc.ReasonNoWorkers}, reason(err)) // both are gone as long
	require.Greater(t, time.Since(start), time.Second)
	require.Less(t, time.Since(start), 8*time.Second)
}
