package natsgrpc_test

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	pb "github.com/codingflow/rating/proto/natsgrpctest/v1"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
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
	require.Eventually(t, func() bool { return !nc.IsConnected() }, 5*time.Second, time.Millisecond)
	close(release)
	require.Eventually(t, func() bool {
		return pending(t, stream(t, servers, "RESPONSES")) == 1 && pending(t, stream(t, servers, commandStream)) == 0
	}, 5*time.Second, 10*time.Millisecond)
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
	require.Eventually(t, func() bool { return received() > before }, 5*time.Second, time.Millisecond)
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
	nc := natsgrpctest.Connect(t, ns)
	attached, err := natsgrpctest.Connect(t, ns).SubscribeSync("$JS.API.DIRECT.GET.RESPONSES.>")
	require.NoError(t, err)
	second := goCommand(t.Context(), connect(t, nc), "hello", key)
	for range 2 { // before it is published, and when the queue has said that it has it
		_, err = attached.NextMsg(5 * time.Second)
		require.NoError(t, err)
	}
	close(release)
	require.Equal(t, "hello", <-first)
	require.Equal(t, "hello", <-second)
}
