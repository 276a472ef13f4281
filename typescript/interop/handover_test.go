//go:build integration

package interop

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
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

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	moderationv1 "github.com/codingflow/rating/proto/moderation/v1"
	pb "github.com/codingflow/rating/proto/natsgrpctest/v1"
)

// The queues of EchoService and of BenchmarkService.
const (
	queryStream       = "QRY_natsgrpctest_v1_EchoService_0"
	commandStream     = "CMD_natsgrpctest_v1_EchoService_0"
	loadQueryStream   = "QRY_natsgrpctest_v1_BenchmarkService_0"
	loadCommandStream = "CMD_natsgrpctest_v1_BenchmarkService_0"
)

// languages start workers in one language: those that know all methods, with 16 slots, and those that know none.
var languages = map[string]struct {
	canary func(*testing.T, *server.Server, func(grpc.ServiceRegistrar)) (stop func())
	old    func(*testing.T, *server.Server)
}{
	"Go": {
		canary: func(t *testing.T, ns *server.Server, register func(grpc.ServiceRegistrar)) (stop func()) {
			return serveGo(t, ns, register, natsgrpc.WithSlots(16, 16))
		},
		old: func(t *testing.T, ns *server.Server) {
			serveGo(t, ns, func(registrar grpc.ServiceRegistrar) {
				for _, service := range testServices {
					registrar.RegisterService(&grpc.ServiceDesc{ServiceName: string(service.FullName())}, nil)
				}
			})
		},
	},
	"TypeScript": {
		canary: func(t *testing.T, ns *server.Server, register func(grpc.ServiceRegistrar)) (stop func()) {
			return start(t, fixture, ns.ClientURL(), handlers(t, register)).stop
		},
		old: func(t *testing.T, ns *server.Server) { startOld(t, ns) },
	},
}

func serveGo(t *testing.T, ns *server.Server, register func(grpc.ServiceRegistrar), options ...natsgrpc.ServerOption) (stop func()) {
	t.Helper()
	srv, err := natsgrpc.NewServer(natsgrpctest.Connect(t, ns), options...)
	require.NoError(t, err)
	register(srv)
	return natsgrpctest.Serve(t, srv)
}

// startOld runs a worker in TypeScript that knows no method.
func startOld(t *testing.T, ns *server.Server) *worker {
	t.Helper()
	return start(t, fixture, ns.ClientURL(), handlers(t, func(grpc.ServiceRegistrar) {}), "25000",
		"query", "command", "read", "write", "download", "upload", "chat", "brief")
}

// rollouts are the ways in which workers of two versions can be in two languages, old and new.
var rollouts = [][2]string{{"TypeScript", "Go"}, {"Go", "TypeScript"}, {"TypeScript", "TypeScript"}}

// requireFirst fails a call whose attempt is not the first, or that is a worker's in Go or in TypeScript which does not say.
func requireFirst(ctx context.Context) error {
	attempt := strings.Join(metadata.ValueFromIncomingContext(ctx, "fixture-attempt"), ", ")
	if info, inGo := natsgrpc.FromContext(ctx); inGo {
		attempt = fmt.Sprint(info.Attempt)
	}
	if attempt != "1" {
		return status.Errorf(codes.Aborted, "attempt %q", attempt)
	}
	return nil
}

// echoFirst answers calls that are tried for the first time.
func echoFirst(ctx context.Context, payload []byte) ([]byte, error) {
	return payload, requireFirst(ctx)
}

// countHandOvers returns how many requests were handed over since.
func countHandOvers(t *testing.T, ns *server.Server) func() int64 {
	t.Helper()
	var n atomic.Int64
	nc := natsgrpctest.Connect(t, ns)
	_, err := nc.Subscribe("hand.>", func(*nats.Msg) { n.Add(1) })
	require.NoError(t, err)
	require.NoError(t, nc.Flush())
	return n.Load
}

// requireSettled requires that nothing is left in the queues, and that there is no dead letter.
func requireSettled(t *testing.T, js jetstream.JetStream) {
	t.Helper()
	for _, name := range []string{queryStream, commandStream, loadQueryStream, loadCommandStream, "DEAD"} {
		require.Eventually(t, func() bool { return pending(t, js, name) == 0 }, soon, time.Millisecond, "messages in %s", name)
	}
}

// pending returns how many messages a stream has.
func pending(t *testing.T, js jetstream.JetStream, name string) uint64 {
	t.Helper()
	stream, err := js.Stream(t.Context(), name)
	require.NoError(t, err)
	return stream.CachedInfo().State.Msgs
}

// awaitHeld waits until workers have n calls of a queue in hand.
func awaitHeld(t *testing.T, js jetstream.JetStream, queue string, n int) {
	t.Helper()
	require.Eventually(t, func() bool {
		consumer, err := js.Consumer(t.Context(), queue, "workers")
		return err == nil && consumer.CachedInfo().NumAckPending == n
	}, soon, time.Millisecond, "%s has other than %d calls in hand", queue, n)
}

// begin makes a call. What it returns gets nil when its answer is its own payload.
func begin(ctx context.Context, call call, payload string) <-chan error {
	done := make(chan error, 1)
	go func() {
		answer, err := call(ctx, payload)
		if err == nil && answer != payload {
			err = fmt.Errorf("the answer is %q", answer)
		}
		done <- err
	}()
	return done
}

func TestACanaryAnswersWhatWorkersOfAnotherLanguageDoNotKnow(t *testing.T) {
	for _, languagesOf := range rollouts {
		old, canary := languages[languagesOf[0]], languages[languagesOf[1]]
		t.Run(strings.Join(languagesOf[:], "_to_"), func(t *testing.T) {
			ns := natsgrpctest.NewServer(t)
			js := ensure(t, ns, testServices...)
			old.old(t, ns)
			old.old(t, ns)
			canary.canary(t, ns, loaded(echoFirst))
			handed := countHandOvers(t, ns)
			var longest atomic.Int64
			begun := time.Now()
			made := callAll(t, loadCalls(connect(t, ns)), func() bool { return handed() > 100 || time.Since(begun) > soon }, &longest)()
			t.Logf("%d calls in %v, %d of them handed over, the longest took %v", made, time.Since(begun), handed(), time.Duration(longest.Load()))
			require.Less(t, time.Duration(longest.Load()), loadAckWait*9/10, "a call waited for its redelivery")
			require.Greater(t, handed(), int64(100))
			requireSettled(t, js)
		})
	}
}

func TestACanaryGetsTheStreamsThatWorkersOfAnotherLanguageDoNotKnow(t *testing.T) {
	for _, languagesOf := range rollouts[:2] {
		old, canary := languages[languagesOf[0]], languages[languagesOf[1]]
		t.Run(strings.Join(languagesOf[:], "_to_"), func(t *testing.T) {
			ns := natsgrpctest.NewServer(t)
			ensure(t, ns, testServices...)
			old.old(t, ns)
			old.old(t, ns)
			canary.canary(t, ns, func(registrar grpc.ServiceRegistrar) {
				pb.RegisterStreamServiceServer(registrar, &natsgrpctest.Streams{OnUpload: func(stream natsgrpctest.UploadStream) error {
					if err := requireFirst(stream.Context()); err != nil {
						return err
					}
					return stream.SendAndClose(&pb.UploadResponse{Payload: []byte("done")})
				}})
			})
			handed := countHandOvers(t, ns)
			client := pb.NewStreamServiceClient(connect(t, ns))
			for range 50 {
				stream, err := client.Upload(t.Context())
				require.NoError(t, err)
				answer, err := stream.CloseAndRecv()
				require.NoError(t, err)
				require.Equal(t, "done", string(answer.GetPayload()))
			}
			require.NotZero(t, handed())
		})
	}
}

// The worker that does not know them has all the calls in hand, the one that does only as many as it has slots.
func TestACanaryInTypeScriptTakesNoMoreThanItHasSlotsFor(t *testing.T) {
	const slots, many = 16, 40
	ns := natsgrpctest.NewServer(t)
	js := ensure(t, ns, testServices...)
	languages["Go"].old(t, ns)
	var running atomic.Int64
	release := make(chan struct{})
	languages["TypeScript"].canary(t, ns, loaded(func(ctx context.Context, payload []byte) ([]byte, error) {
		running.Add(1)
		<-release
		return echoFirst(ctx, payload)
	}))
	command := loadCalls(connect(t, ns))["command"]
	var answers []<-chan error
	for n := range many {
		answers = append(answers, begin(t.Context(), command, fmt.Sprint(n)))
	}
	require.Eventually(t, func() bool { return running.Load() == slots }, soon, time.Millisecond)
	require.Never(t, func() bool { return running.Load() > slots }, 2*loadAckWait, 50*time.Millisecond)
	close(release)
	for _, answer := range answers {
		require.NoError(t, natsgrpctest.Await(t, soon, "an answer", answer))
	}
	require.EqualValues(t, many, running.Load())
	requireSettled(t, js)
}

func TestWhatNoWorkerKnowsIsUnimplementedInHalfOfItsTime(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	js := ensure(t, ns, testServices...)
	startOld(t, ns)
	startOld(t, ns)
	var group sync.WaitGroup
	for kind, call := range calls(connect(t, ns)) {
		group.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 6*time.Second)
			defer cancel()
			begun := time.Now()
			_, err := call(ctx, "x")
			took := time.Since(begun)
			st := status.Convert(err)
			if name := strings.ToUpper(kind[:1]) + kind[1:]; st.Code() != codes.Unimplemented || st.Message() != "unknown method "+name+" for service natsgrpctest.v1.EchoService" {
				t.Errorf("%s: %v", kind, err)
			}
			if took < 2900*time.Millisecond || took > 5*time.Second {
				t.Errorf("%s took %v", kind, took)
			}
		})
	}
	group.Wait()
	requireSettled(t, js)
}

func TestAQueryThatNoWorkerKnowsGoesWithItsCaller(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	js := ensure(t, ns, testServices...)
	startOld(t, ns)
	ctx, leave := context.WithTimeout(t.Context(), time.Minute) // a worker that knows it is sought for half of that
	waiting := begin(ctx, calls(connect(t, ns))["query"], "x")
	awaitHeld(t, js, queryStream, 1)
	leave()
	require.Equal(t, codes.Canceled, status.Code(natsgrpctest.Await(t, soon, "the call", waiting)))
	require.Eventually(t, func() bool { return pending(t, js, queryStream) == 0 }, soon/2, time.Millisecond)
}

func TestADrainInTypeScriptWaitsForTheWorkerThatKnowsTheMethod(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	js := ensure(t, ns, testServices...)
	running, release := make(chan struct{}, 2), make(chan struct{})
	serveGo(t, ns, loaded(func(ctx context.Context, payload []byte) ([]byte, error) {
		running <- struct{}{}
		<-release
		return echoFirst(ctx, payload)
	}), natsgrpc.WithSlots(1, 1))
	command := loadCalls(connect(t, ns))["command"]
	first := begin(t.Context(), command, "first")
	natsgrpctest.Await(t, soon, "the first call", running)
	old := startOld(t, ns)
	seeks, err := natsgrpctest.Connect(t, ns).SubscribeSync("seek.natsgrpctest_v1_BenchmarkService.>")
	require.NoError(t, err)
	second := begin(t.Context(), command, "second")
	awaitHeld(t, js, loadCommandStream, 2)
	_, err = seeks.NextMsg(soon) // the old worker has it: one that is told to stop before gives it back
	require.NoError(t, err)
	require.NoError(t, old.cmd.Process.Signal(syscall.SIGTERM))
	select {
	case err := <-old.exit:
		t.Fatalf("the old worker has left a call: %v", err)
	case <-time.After(2 * loadAckWait):
	}
	close(release)
	require.NoError(t, natsgrpctest.Await(t, soon, "the first call", first))
	require.NoError(t, natsgrpctest.Await(t, soon, "the second call", second))
	require.NoError(t, natsgrpctest.Await(t, soon, "the end of the old worker", old.exit))
	requireSettled(t, js)
}

func TestADrainInTypeScriptGivesBackWhatNobodyKnows(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	js := ensure(t, ns, testServices...)
	old := startOld(t, ns)
	probes, err := natsgrpctest.Connect(t, ns).SubscribeSync("alive.natsgrpctest_v1_EchoService")
	require.NoError(t, err)
	waiting := begin(t.Context(), calls(connect(t, ns))["query"], "x")
	awaitHeld(t, js, queryStream, 1)
	_, err = probes.NextMsg(soon) // a caller who has heard of a worker waits for the next one
	require.NoError(t, err)
	begun := time.Now()
	old.stop()
	require.Less(t, time.Since(begun), 3*time.Second)
	serveGo(t, ns, echo(func(_ context.Context, payload []byte) ([]byte, error) { return payload, nil }))
	require.NoError(t, natsgrpctest.Await(t, soon, "the call", waiting))
	requireSettled(t, js)
}

// One of two canaries stops while others hand calls over to it: it takes what it has offered to take.
func TestACanaryInTypeScriptThatStopsFailsNoCall(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	js := ensure(t, ns, testServices...)
	for range 2 {
		languages["Go"].old(t, ns)
	}
	canary := languages["TypeScript"].canary
	slow := loaded(func(ctx context.Context, payload []byte) ([]byte, error) {
		<-time.After(5 * time.Millisecond) // so that a worker that stops has calls
		return echoFirst(ctx, payload)
	})
	stop := canary(t, ns, slow)
	canary(t, ns, slow)
	handed := countHandOvers(t, ns)
	var stopped atomic.Bool
	var longest atomic.Int64
	load := callAll(t, loadCalls(connect(t, ns)), stopped.Load, &longest)
	require.Eventually(t, func() bool { return handed() > 20 }, soon, time.Millisecond)
	stop()
	stopped.Store(true)
	made := load()
	t.Logf("%d calls, %d handed over, the longest took %v", made, handed(), time.Duration(longest.Load()))
	require.Less(t, time.Duration(longest.Load()), loadAckWait*9/10, "a call waited for its redelivery")
	requireSettled(t, js)
}

// A slot that was offered and not used is free again after a fifth of an ack wait; what comes for it then is not run.
func TestAnOfferInTypeScriptEnds(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	js := ensure(t, ns, testServices...)
	var runs atomic.Int64
	languages["TypeScript"].canary(t, ns, echo(func(context.Context, []byte) ([]byte, error) {
		runs.Add(1)
		return nil, nil
	}))
	nc := natsgrpctest.Connect(t, ns)
	const subject = "seek.natsgrpctest_v1_EchoService.cmd.0.Command.1"
	seek := func(body string) (slots int, offer string) {
		answer, err := nc.Request(subject, []byte(body), soon)
		require.NoError(t, err)
		var offered struct {
			Slots   int
			Subject string
		}
		require.NoError(t, json.Unmarshal(answer.Data, &offered))
		return offered.Slots, offered.Subject
	}
	begun := time.Now()
	slots, first := seek(`{"calls": 100}`)
	require.Equal(t, 16, slots)
	require.Regexp(t, `^hand\.natsgrpctest_v1_EchoService\.[^.]+\.[^.]+$`, first)
	var again string
	require.Eventually(t, func() bool {
		slots, again = seek(`{"calls": 2}`)
		return slots == 2
	}, soon, time.Millisecond)
	require.GreaterOrEqual(t, time.Since(begun), ackWait/5)

	ack := "$JS.ACK." + commandStream + ".workers.1.1.1.1.0"
	for _, hand := range []struct{ name, offer, ack string }{
		{"too late", first, ack},
		{"no offer", again[:strings.LastIndexByte(again, '.')] + ".none", ack},
		{"no acknowledgement", again, "$JS.API.STREAM.DELETE.DEAD"},
		{"another queue's", again, "$JS.ACK." + queryStream + ".workers.1.1.1.1.0"},
		{"another consumer's", again, "$JS.ACK." + commandStream + ".others.1.1.1.1.0"},
	} {
		require.NoError(t, nc.Publish(hand.offer+".cmd.natsgrpctest_v1_EchoService.0.Command.id."+hand.ack, nil), hand.name)
	}
	for _, malformed := range []string{"", "x", "{}", `{"calls": 0}`, `{"calls": -1}`} {
		slots, offer := seek(malformed)
		require.Zero(t, slots, malformed)
		require.Empty(t, offer, malformed)
	}
	require.Eventually(t, func() bool {
		slots, _ := seek(`{"calls": 16}`)
		return slots == 16
	}, soon, 2*ackWait/5, "all slots are free again")
	require.Zero(t, runs.Load())
	requireSettled(t, js)
}

// A request in a version of the wire that a worker does not know is handed over as it came.
func TestAVersionThatAWorkerInTypeScriptDoesNotKnowIsHandedOver(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	js := ensure(t, ns, testServices...)
	start(t, fixture, ns.ClientURL(), handlers(t, echo(echoFirst)))
	nc := natsgrpctest.Connect(t, ns)
	const service = "natsgrpctest_v1_EchoService"
	publish := func(id, version string) *nats.Msg {
		msg := nats.NewMsg("cmd." + service + ".0.Command." + id)
		msg.Header = nats.Header{
			"Natsgrpc-Version": {version}, "Natsgrpc-Reply-To": {"rsp." + service + "." + id + ".me"}, "Nats-Msg-Id": {id},
			"Natsgrpc-Deadline": {fmt.Sprint(time.Now().Add(time.Minute).UnixNano())}, "Later": {"one", "another"}, "Md-k": {"%20"},
		}
		msg.Data = []byte{1, 2, 3}
		require.NoError(t, nc.PublishMsg(msg))
		return msg
	}

	seeks, err := nc.QueueSubscribeSync("seek."+service+".cmd.0.Command.2", "servers")
	require.NoError(t, err)
	hands, err := nc.SubscribeSync("hand." + service + ".newer.1.>")
	require.NoError(t, err)
	sent := publish("new", "2")
	for _, offer := range []string{`{"slots": 0}`, `{"slots": 1, "subject": "hand.another.newer.1"}`, `{"slots": 1, "subject": "hand.` + service + `.newer.1"}`} {
		seek, err := seeks.NextMsg(soon)
		require.NoError(t, err)
		require.JSONEq(t, `{"calls": 1}`, string(seek.Data))
		require.NoError(t, seek.Respond([]byte(offer)))
	}
	hand, err := hands.NextMsg(soon)
	require.NoError(t, err)
	ack, found := strings.CutPrefix(hand.Subject, "hand."+service+".newer.1."+sent.Subject+".")
	require.True(t, found, hand.Subject)
	require.Equal(t, sent.Header, hand.Header)
	require.Equal(t, sent.Data, hand.Data)
	_, err = nc.Request(ack, []byte("+ACK"), soon)
	require.NoError(t, err)
	require.Zero(t, pending(t, js, commandStream))

	answers, err := nc.SubscribeSync("rsp." + service + ".odd.me")
	require.NoError(t, err)
	publish("odd", "2.0") // no server can be asked, so it is not for half a minute that one is sought
	answer, err := answers.NextMsg(soon / 2)
	require.NoError(t, err)
	require.Equal(t, "12", answer.Header.Get("Grpc-Status"))
	requireSettled(t, js)
}

// What is sent before an offer ends is taken, also by a worker that is kept from reading it until later.
func TestAWorkerInTypeScriptThatReadsLateTakesWhatWasHandedOverInTime(t *testing.T) {
	const service, keptFor = "moderation_v1_ModerationService", time.Second // a fifth of this service's ack wait
	ns := natsgrpctest.NewServer(t)
	ensure(t, ns, moderationv1.File_moderation_v1_moderation_proto.Services().ByName("ModerationService"))
	w := start(t, moderation, "--nats", ns.ClientURL(), "--listen", "127.0.0.1:0")
	nc := natsgrpctest.Connect(t, ns)
	answers, err := nc.SubscribeSync("rep." + service + ".me.1")
	require.NoError(t, err)
	offer, err := nc.Request("seek."+service+".qry.0.CheckComment.1", []byte(`{"calls": 1}`), soon)
	require.NoError(t, err)
	var offered struct{ Subject string }
	require.NoError(t, json.Unmarshal(offer.Data, &offered))
	require.NoError(t, w.cmd.Process.Signal(syscall.SIGSTOP))
	request := nats.NewMsg(offered.Subject + ".qry." + service + ".0.CheckComment.id.$JS.ACK.QRY_" + service + "_0.workers.1.1.1.1.0")
	request.Header.Set("Natsgrpc-Reply-To", answers.Subject)
	require.NoError(t, nc.PublishMsg(request))
	require.NoError(t, nc.Flush())
	<-time.After(keptFor * 5 / 4)
	require.NoError(t, w.cmd.Process.Signal(syscall.SIGCONT))
	answer, err := answers.NextMsg(soon)
	require.NoError(t, err)
	require.Equal(t, "3", answer.Header.Get("Grpc-Status"), "the empty comment")
	w.stop()
}
