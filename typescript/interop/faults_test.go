//go:build integration

package interop

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	pb "github.com/codingflow/rating/proto/natsgrpctest/v1"
)

// ackWait is EchoService's.
const ackWait = time.Second

// testServices are what the fixture serves.
var testServices = []protoreflect.ServiceDescriptor{
	pb.File_natsgrpctest_v1_echo_proto.Services().ByName("EchoService"),
	pb.File_natsgrpctest_v1_stream_proto.Services().ByName("StreamService"),
	pb.File_natsgrpctest_v1_benchmark_proto.Services().ByName("BenchmarkService"),
}

// echo returns what adds an EchoService with one handler to a server.
func echo(handle func(context.Context, []byte) ([]byte, error)) func(grpc.ServiceRegistrar) {
	return func(registrar grpc.ServiceRegistrar) {
		pb.RegisterEchoServiceServer(registrar, &natsgrpctest.Echo{Handle: handle})
	}
}

// call is a call of an EchoService's query or command.
type call func(ctx context.Context, payload string) (string, error)

// calls returns the two kinds of calls.
func calls(conn grpc.ClientConnInterface) map[string]call {
	client := pb.NewEchoServiceClient(conn)
	return map[string]call{
		"query": func(ctx context.Context, payload string) (string, error) {
			answer, err := client.Query(ctx, &pb.QueryRequest{Payload: []byte(payload)})
			return string(answer.GetPayload()), err
		},
		"command": func(ctx context.Context, payload string) (string, error) {
			answer, err := client.Command(ctx, &pb.CommandRequest{Payload: []byte(payload)})
			return string(answer.GetPayload()), err
		},
	}
}

// loadAckWait is BenchmarkService's, which gets the load: a busy machine may well keep a call of many from being answered, or handed
// over, within EchoService's.
const loadAckWait = 5 * time.Second

// benchmark is a BenchmarkService whose two methods are one function.
type benchmark struct {
	pb.UnimplementedBenchmarkServiceServer
	handle func(context.Context, []byte) ([]byte, error)
}

func (b *benchmark) Read(ctx context.Context, req *pb.ReadRequest) (*pb.ReadResponse, error) {
	payload, err := b.handle(ctx, req.GetPayload())
	return &pb.ReadResponse{Payload: payload}, err
}

func (b *benchmark) Write(ctx context.Context, req *pb.WriteRequest) (*pb.WriteResponse, error) {
	payload, err := b.handle(ctx, req.GetPayload())
	return &pb.WriteResponse{Payload: payload}, err
}

// loaded returns what adds a BenchmarkService with one handler to a server.
func loaded(handle func(context.Context, []byte) ([]byte, error)) func(grpc.ServiceRegistrar) {
	return func(registrar grpc.ServiceRegistrar) {
		pb.RegisterBenchmarkServiceServer(registrar, &benchmark{handle: handle})
	}
}

// loadCalls returns the two kinds of calls of a BenchmarkService.
func loadCalls(conn grpc.ClientConnInterface) map[string]call {
	client := pb.NewBenchmarkServiceClient(conn)
	return map[string]call{
		"query": func(ctx context.Context, payload string) (string, error) {
			answer, err := client.Read(ctx, &pb.ReadRequest{Payload: []byte(payload)})
			return string(answer.GetPayload()), err
		},
		"command": func(ctx context.Context, payload string) (string, error) {
			answer, err := client.Write(ctx, &pb.WriteRequest{Payload: []byte(payload)})
			return string(answer.GetPayload()), err
		},
	}
}

func TestACallWhoseWorkerIsKilledIsAnsweredByAnother(t *testing.T) {
	for _, kind := range []string{"query", "command"} {
		for _, other := range []string{"TypeScript", "Go"} {
			t.Run(kind+"_by_"+other, func(t *testing.T) {
				ns := natsgrpctest.NewServer(t)
				ensure(t, ns, testServices...)
				taken := make(chan struct{}, 1)
				first := start(t, fixture, ns.ClientURL(), handlers(t, echo(func(ctx context.Context, _ []byte) ([]byte, error) {
					taken <- struct{}{}
					<-ctx.Done()
					return nil, ctx.Err()
				})))
				answered := make(chan error, 1)
				call := calls(connect(t, ns))[kind]
				begun := time.Now()
				go func() {
					answer, err := call(t.Context(), "x")
					if err == nil && answer != other {
						err = fmt.Errorf("answered by %s", answer)
					}
					answered <- err
				}()
				natsgrpctest.Await(t, soon, "the first worker's handler", taken)
				answer := echo(func(context.Context, []byte) ([]byte, error) { return []byte(other), nil })
				if other == "Go" {
					srv, err := natsgrpc.NewServer(natsgrpctest.Connect(t, ns))
					require.NoError(t, err)
					answer(srv)
					natsgrpctest.Serve(t, srv)
				} else {
					start(t, fixture, ns.ClientURL(), handlers(t, answer))
				}
				// The first has held the call for longer than an ack wait by its heartbeats.
				select {
				case err := <-answered:
					t.Fatalf("answered while its worker lives: %v", err)
				case <-time.After(max(ackWait*3/2-time.Since(begun), 0)):
				}
				killed := time.Now()
				first.kill()
				require.NoError(t, natsgrpctest.Await(t, soon, "the answer", answered))
				require.Less(t, time.Since(killed), ackWait+2*time.Second)
			})
		}
	}
}

func TestAWorkerThatIsToldToStopFailsNoCall(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	ensure(t, ns, testServices...)
	slow := loaded(func(_ context.Context, payload []byte) ([]byte, error) {
		time.Sleep(5 * time.Millisecond) // so that a worker that stops has calls
		return payload, nil
	})
	leaving := start(t, fixture, ns.ClientURL(), handlers(t, slow))
	start(t, fixture, ns.ClientURL(), handlers(t, slow))
	var stopped atomic.Bool
	var longest atomic.Int64
	load := callAll(t, loadCalls(connect(t, ns)), stopped.Load, &longest)
	leaving.stop()
	stopped.Store(true)
	made := load()
	t.Logf("%d calls, the longest took %v", made, time.Duration(longest.Load()))
	require.Greater(t, made, 20)
	require.Less(t, time.Duration(longest.Load()), loadAckWait*9/10, "a call waited for its redelivery")
}

// callAll makes calls, 16 at a time and 20 more after done, until they are all answered.
func callAll(t *testing.T, kinds map[string]call, done func() bool, longest *atomic.Int64) (wait func() int) {
	t.Helper()
	var group sync.WaitGroup
	var made atomic.Int64
	for kind, call := range kinds {
		for caller := range 8 {
			group.Go(func() {
				for n, after := 0, 0; after < 20; n++ {
					if done() {
						after++
					}
					want := fmt.Sprint(caller, " ", n)
					begun := time.Now()
					got, err := call(t.Context(), want)
					if err != nil || got != want {
						t.Errorf("%s %s: %q, %v", kind, want, got, err)
						return
					}
					made.Add(1)
					for took := time.Since(begun).Nanoseconds(); took > longest.Load(); {
						longest.Store(took)
					}
				}
			})
		}
	}
	return func() int {
		group.Wait()
		return int(made.Load())
	}
}

func TestWorkersOfBothLanguagesServeOneQueue(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	ensure(t, ns, testServices...)
	var byGo, byTypeScript atomic.Int64
	counting := func(n *atomic.Int64) func(grpc.ServiceRegistrar) {
		return echo(func(_ context.Context, payload []byte) ([]byte, error) {
			n.Add(1)
			time.Sleep(5 * time.Millisecond) // so that one worker alone has not enough slots
			return payload, nil
		})
	}
	srv, err := natsgrpc.NewServer(natsgrpctest.Connect(t, ns), natsgrpc.WithSlots(2, 2))
	require.NoError(t, err)
	counting(&byGo)(srv)
	natsgrpctest.Serve(t, srv)
	start(t, fixture, ns.ClientURL(), handlers(t, counting(&byTypeScript)))
	var longest atomic.Int64
	made := callAll(t, calls(connect(t, ns)), func() bool { return byGo.Load() > 50 && byTypeScript.Load() > 50 }, &longest)()
	require.GreaterOrEqual(t, byGo.Load()+byTypeScript.Load(), int64(made)) // a query that takes long is sent again
	t.Logf("%d calls by Go, %d by TypeScript", byGo.Load(), byTypeScript.Load())
}

// A worker that is stopped by SIGSTOP for longer than an ack wait loses its calls, and says nothing of them when it goes on.
func TestAWorkerThatWasAwayNeitherAnswersNorAcks(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	js := ensure(t, ns, testServices...)
	taken, release := make(chan struct{}, 1), make(chan struct{})
	away := start(t, fixture, ns.ClientURL(), handlers(t, echo(func(context.Context, []byte) ([]byte, error) {
		taken <- struct{}{}
		<-release
		return []byte("stale"), nil
	})))
	answered := make(chan error, 1)
	call := calls(connect(t, ns))["command"]
	go func() {
		answer, err := call(t.Context(), "x")
		if err == nil && answer != "fresh" {
			err = fmt.Errorf("the answer is %q", answer)
		}
		answered <- err
	}()
	natsgrpctest.Await(t, soon, "the handler", taken)
	require.NoError(t, away.cmd.Process.Signal(syscall.SIGSTOP))
	running, finish := make(chan struct{}), make(chan struct{})
	srv, err := natsgrpc.NewServer(natsgrpctest.Connect(t, ns))
	require.NoError(t, err)
	echo(func(context.Context, []byte) ([]byte, error) {
		close(running)
		<-finish
		return []byte("fresh"), nil
	})(srv)
	natsgrpctest.Serve(t, srv)
	natsgrpctest.Await(t, soon, "the second worker's handler", running)
	close(release) // the stale answer is there when the worker goes on
	require.NoError(t, away.cmd.Process.Signal(syscall.SIGCONT))
	natsgrpctest.Await(t, soon, "the loss in the log", away.logged("a request was lost"))
	stream, err := js.Stream(t.Context(), "CMD_natsgrpctest_v1_EchoService_0")
	require.NoError(t, err)
	require.EqualValues(t, 1, stream.CachedInfo().State.Msgs, "the other worker's delivery is still there")
	close(finish)
	require.NoError(t, natsgrpctest.Await(t, soon, "the answer", answered))
}

func TestAHandlerThatOutlastsTheDrainLeavesItsCallToAnother(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	ensure(t, ns, testServices...)
	taken := make(chan struct{}, 1)
	leaving := start(t, fixture, ns.ClientURL(), handlers(t, echo(func(ctx context.Context, _ []byte) ([]byte, error) {
		taken <- struct{}{}
		<-ctx.Done()
		return []byte("too late"), nil
	})), "100")
	answered := make(chan error, 1)
	command := calls(connect(t, ns))["command"]
	go func() {
		answer, err := command(t.Context(), "x")
		if err == nil && answer != "x" {
			err = fmt.Errorf("the answer is %q", answer)
		}
		answered <- err
	}()
	natsgrpctest.Await(t, soon, "the handler", taken)
	start(t, fixture, ns.ClientURL(), handlers(t, echo(func(_ context.Context, payload []byte) ([]byte, error) { return payload, nil })))
	leaving.stop()
	require.NoError(t, natsgrpctest.Await(t, soon, "the answer", answered))
}

func TestAWorkerServesOnWhenNATSIsBack(t *testing.T) {
	dir := t.TempDir()
	ns := natsgrpctest.NewServerAt(t, dir, server.RANDOM_PORT)
	ensure(t, ns, testServices...)
	w := start(t, fixture, ns.ClientURL(), handlers(t, echo(func(_ context.Context, payload []byte) ([]byte, error) { return payload, nil })))
	port := ns.Addr().(*net.TCPAddr).Port
	ns.Shutdown()
	ns.WaitForShutdown()
	ns = natsgrpctest.NewServerAt(t, dir, port)
	ensure(t, ns, testServices...) // the queues in memory are gone
	for kind, call := range calls(connect(t, ns)) {
		require.EventuallyWithT(t, func(c *assert.CollectT) {
			answer, err := call(t.Context(), "x")
			require.NoError(c, err)
			require.Equal(c, "x", answer)
		}, soon, 10*time.Millisecond, kind)
	}
	w.stop()
}
