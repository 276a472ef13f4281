package natsgrpc_test

import (
	"context"
	"fmt"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"
)

// The queue of queries is in memory and is lost with the NATS server: callers put them into the new one.
func TestCallsInFlightAreAnsweredAfterARestartOfNATS(t *testing.T) {
	dir := t.TempDir()
	ns := natsgrpctest.NewServerAt(t, dir, server.RANDOM_PORT)
	port := ns.Addr().(*net.TCPAddr).Port
	var running atomic.Int32
	release := make(chan struct{})
	serve(t, natsgrpctest.Connect(t, ns), register(func(ctx context.Context, payload []byte) ([]byte, error) {
		running.Add(1)
		select {
		case <-release:
			return payload, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}), natsgrpc.WithSlots(2, 2))
	nc := natsgrpctest.Connect(t, ns)
	conn := connect(t, nc)
	calls := map[string]<-chan result{}
	for name, call := range shapes {
		for i := range 6 { // of which two are in work, and the others in the queue
			payload := fmt.Sprint(name, " ", i)
			calls[payload] = begin(t.Context(), func(ctx context.Context) (string, error) { return call(ctx, conn, payload) })
		}
	}
	require.Eventually(t, func() bool {
		return running.Load() == 4 && pending(t, stream(t, nc, queryStream)) == 6 && pending(t, stream(t, nc, commandStream)) == 6
	}, soon, time.Millisecond)
	ns.Shutdown()
	ns.WaitForShutdown()
	natsgrpctest.NewServerAt(t, dir, port)
	close(release)
	for payload, call := range calls {
		require.Equal(t, result{answer: payload}, await(t, payload, call))
	}
}

func TestAQueryWhoseAnswerIsLostIsAskedAgain(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	var runs atomic.Int32
	started, release := make(chan struct{}), make(chan struct{})
	serve(t, natsgrpctest.Connect(t, ns), register(func(_ context.Context, payload []byte) ([]byte, error) {
		if runs.Add(1) == 1 {
			close(started)
			<-release
		}
		return payload, nil
	}))
	wire := newWire(t, ns)
	conn := connect(t, wire.connect(t))
	call := begin(t.Context(), func(ctx context.Context) (string, error) { return query(ctx, conn, "hello") })
	await(t, "the handler", started)
	wire.cut()
	close(release)
	nc := natsgrpctest.Connect(t, ns)
	require.Eventually(t, func() bool { return pending(t, stream(t, nc, queryStream)) == 0 }, soon, time.Millisecond)
	wire.mend()
	require.Equal(t, result{answer: "hello"}, await(t, "the call", call))
	require.EqualValues(t, 2, runs.Load())
}
