package natsgrpc_test

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	pb "github.com/codingflow/rating/proto/natsgrpctest/v1"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// goCommand makes a command in a goroutine and returns where its answer, or its error's text, comes.
func goCommand(ctx context.Context, conn *natsgrpc.Conn, payload string, options ...grpc.CallOption) <-chan string {
	result := make(chan string, 1)
	go func() {
		reply, err := pb.NewEchoServiceClient(conn).Command(ctx, &pb.CommandRequest{Payload: []byte(payload)}, options...)
		if err != nil {
			result <- err.Error()
			return
		}
		result <- string(reply.GetPayload())
	}()
	return result
}

// gate is a dialer that lets a connection come back only when it is open.
type gate struct {
	dialed atomic.Bool
	open   chan struct{}
}

func (g *gate) Dial(network, address string) (net.Conn, error) {
	if g.dialed.Swap(true) {
		<-g.open
	}
	return net.Dial(network, address)
}

func TestAnAnswerThatCameWhileTheConnectionWasLostIsLookedUp(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	started, release := make(chan struct{}), make(chan struct{})
	servers := natsgrpctest.Connect(t, ns)
	serve(t, servers, register(func(_ context.Context, payload []byte) ([]byte, error) {
		close(started)
		<-release
		return payload, nil
	}))
	dialer := &gate{open: make(chan struct{})}
	nc, err := nats.Connect(ns.ClientURL(), nats.SetCustomDialer(dialer), nats.MaxReconnects(-1))
	require.NoError(t, err)
	defer nc.Close()
	answer := goCommand(t.Context(), connect(t, nc), "hello")
	<-started
	require.NoError(t, nc.ForceReconnect())
	require.Eventually(t, func() bool { return !nc.IsConnected() }, soon, time.Millisecond)
	close(release)
	require.Eventually(t, func() bool {
		return pending(t, stream(t, servers, "RESPONSES")) == 1 && pending(t, stream(t, servers, commandStream)) == 0
	}, soon, 10*time.Millisecond)
	close(dialer.open)
	require.Equal(t, "hello", <-answer)
}

func TestACallThatWaitsForReadyWaitsForItsQueue(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	received := func() int64 {
		state, err := ns.Varz(nil)
		require.NoError(t, err)
		return state.InMsgs
	}
	conn, before := connect(t, natsgrpctest.Connect(t, ns)), received()
	answer := goCommand(t.Context(), conn, "hello", grpc.WaitForReady(true))
	require.Eventually(t, func() bool { return received() > before }, soon, time.Millisecond)
	serve(t, natsgrpctest.Connect(t, ns), register(echo))
	require.Equal(t, "hello", <-answer)
}

func TestACallWithTheKeyOfOneInWorkGetsItsAnswer(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	started, release := make(chan struct{}), make(chan struct{})
	serve(t, natsgrpctest.Connect(t, ns), register(func(_ context.Context, payload []byte) ([]byte, error) {
		close(started)
		<-release
		return payload, nil
	}))
	key := natsgrpc.IdempotencyKey("somebody", "a key")
	first := goCommand(t.Context(), connect(t, natsgrpctest.Connect(t, ns)), "hello", key)
	<-started
	nc, watcher := natsgrpctest.Connect(t, ns), natsgrpctest.Connect(t, ns)
	attached, err := watcher.SubscribeSync("$JS.API.DIRECT.GET.RESPONSES.>")
	require.NoError(t, err)
	require.NoError(t, watcher.Flush())
	second := goCommand(t.Context(), connect(t, nc), "hello", key)
	for range 2 { // before it is published, and when the queue has said that it has it
		_, err = attached.NextMsg(soon)
		require.NoError(t, err)
	}
	close(release)
	require.Equal(t, "hello", <-first)
	require.Equal(t, "hello", <-second)
}

// A worker that is lost between its answer and its acknowledgement leaves a command that has an answer and is delivered
// again. It is not run again, and keeps its answer, even after its last attempt and its deadline.
func TestARedeliveredCommandWithAnAnswerIsOnlyAcknowledged(t *testing.T) {
	for _, deliveries := range []int{1, 3} { // of 3 attempts
		nc := natsgrpctest.Connect(t, natsgrpctest.NewServer(t))
		js, err := jetstream.New(nc)
		require.NoError(t, err)
		require.NoError(t, natsgrpc.Ensure(t.Context(), js, echoService))
		answerOf := func(age string) *nats.Msg {
			return &nats.Msg{Subject: "rsp.natsgrpctest_v1_EchoService.id.conn", Data: []byte(age)}
		}
		_, err = js.PublishMsg(t.Context(), answerOf("of another delivery, which was replayed"))
		require.NoError(t, err)
		_, err = js.PublishMsg(t.Context(), &nats.Msg{
			Subject: "cmd.natsgrpctest_v1_EchoService.0.Command.id",
			Header: nats.Header{
				"Natsgrpc-Reply-To": {"rsp.natsgrpctest_v1_EchoService.id.conn"},
				"Natsgrpc-Deadline": {fmt.Sprint(time.Now().UnixNano())},
			},
		})
		require.NoError(t, err)
		consumer, err := js.Consumer(t.Context(), commandStream, "workers")
		require.NoError(t, err)
		for range deliveries { // to workers that are lost
			_, err := consumer.Next(jetstream.FetchMaxWait(soon))
			require.NoError(t, err)
		}
		_, err = js.PublishMsg(t.Context(), answerOf("of the lost worker"))
		require.NoError(t, err)
		serve(t, nc, register(func(context.Context, []byte) ([]byte, error) { panic("run again") }))
		require.Eventually(t, func() bool { return pending(t, stream(t, nc, commandStream)) == 0 }, soon, 10*time.Millisecond)
		require.Zero(t, pending(t, stream(t, nc, "DEAD")))
		kept, err := stream(t, nc, "RESPONSES").GetLastMsgForSubject(t.Context(), "rsp.>")
		require.NoError(t, err)
		require.Equal(t, "of the lost worker", string(kept.Data))
	}
}

// A command that was replayed and is delivered again has an older answer, which is not its own.
func TestAnOlderAnswerDoesNotStopARedelivery(t *testing.T) {
	nc := natsgrpctest.Connect(t, natsgrpctest.NewServer(t))
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	require.NoError(t, natsgrpc.Ensure(t.Context(), js, echoService))
	_, err = js.PublishMsg(t.Context(), &nats.Msg{Subject: "rsp.natsgrpctest_v1_EchoService.id.conn"})
	require.NoError(t, err)
	_, err = js.PublishMsg(t.Context(), &nats.Msg{
		Subject: "cmd.natsgrpctest_v1_EchoService.0.Command.id",
		Header:  nats.Header{"Natsgrpc-Reply-To": {"rsp.natsgrpctest_v1_EchoService.id.conn"}},
	})
	require.NoError(t, err)
	consumer, err := js.Consumer(t.Context(), commandStream, "workers")
	require.NoError(t, err)
	_, err = consumer.Next(jetstream.FetchMaxWait(soon))
	require.NoError(t, err)
	attempt := make(chan int, 1)
	serve(t, nc, register(func(ctx context.Context, payload []byte) ([]byte, error) {
		info, _ := natsgrpc.FromContext(ctx)
		attempt <- info.Attempt
		return payload, nil
	}))
	require.Equal(t, 2, <-attempt)
}

func TestADeadlineWithoutTheQueuesWordSaysSo(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	nc := natsgrpctest.Connect(t, ns)
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	require.NoError(t, natsgrpc.Ensure(t.Context(), js, echoService))
	require.NoError(t, js.DeleteStream(t.Context(), commandStream))
	sub, err := nc.Subscribe("cmd.>", func(*nats.Msg) {}) // takes the request and says nothing, as a stream on a full disk
	require.NoError(t, err)
	defer func() { require.NoError(t, sub.Unsubscribe()) }()
	require.NoError(t, nc.Flush())
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond) // time to be published; after 500 ms it is asked who serves
	defer cancel()
	_, err = command(ctx, connect(t, nc), "x")
	require.Equal(t, codes.DeadlineExceeded, status.Code(err))
	require.Equal(t, natsgrpc.ReasonNotConfirmed, reason(err))
}

// A request of a later version of the wire waits for half of its time for a server that knows it.
func TestAVersionThatNoServerKnowsIsUnimplemented(t *testing.T) {
	nc := natsgrpctest.Connect(t, natsgrpctest.NewServer(t))
	serve(t, nc, register(func(context.Context, []byte) ([]byte, error) { panic("run") }))
	answers, err := nc.SubscribeSync("rep.natsgrpctest_v1_EchoService.conn.1")
	require.NoError(t, err)
	request := func(id, version string) {
		deadline := time.Now().Add(2 * time.Second)
		require.NoError(t, nc.PublishMsg(&nats.Msg{
			Subject: "qry.natsgrpctest_v1_EchoService.0.Query." + id,
			Header: nats.Header{
				"Natsgrpc-Version": {version}, "Natsgrpc-Reply-To": {"rep.natsgrpctest_v1_EchoService.conn.1"},
				"Natsgrpc-Deadline": {strconv.FormatInt(deadline.UnixNano(), 10)},
			},
		}))
	}
	for i, malformed := range []string{"a.b", "*", ">", "a b", strings.Repeat("x", 129)} {
		request("malformed"+strconv.Itoa(i), malformed) // a queue refuses a second request with an id until the first is acknowledged
		answer, err := answers.NextMsg(10 * time.Second)
		require.NoError(t, err, malformed)
		require.Equal(t, "12", answer.Header.Get("Grpc-Status"))
	}
	sought, err := nc.SubscribeSync("seek.natsgrpctest_v1_EchoService.qry.0.Query.2")
	require.NoError(t, err)
	request("id", "2")
	_, err = sought.NextMsg(10 * time.Second)
	require.NoError(t, err)
	answer, err := answers.NextMsg(10 * time.Second)
	require.NoError(t, err)
	require.Equal(t, "12", answer.Header.Get("Grpc-Status"))
}
