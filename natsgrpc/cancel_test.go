package natsgrpc_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const cancelSubject = "cancel.natsgrpctest_v1_EchoService"

// cancelled subscribes to the ids of queries that nobody waits for.
func cancelled(t *testing.T, nc *nats.Conn) *nats.Subscription {
	t.Helper()
	sub, err := nc.SubscribeSync(cancelSubject)
	require.NoError(t, err)
	require.NoError(t, nc.Flush())
	return sub
}

func TestACancelledQueryEndsItsHandler(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	nc := natsgrpctest.Connect(t, ns)
	ids, ended := make(chan string, 1), make(chan error, 1)
	serve(t, nc, register(func(ctx context.Context, _ []byte) ([]byte, error) {
		ids <- natsgrpc.RequestID(ctx)
		<-ctx.Done()
		ended <- ctx.Err()
		return nil, natsgrpc.Retry(ctx.Err(), time.Millisecond) // nobody waits for another attempt either
	}))
	told := cancelled(t, nc)
	ctx, cancel := context.WithCancel(t.Context())
	call := begin(ctx, func(ctx context.Context) (string, error) {
		return query(ctx, connect(t, natsgrpctest.Connect(t, ns)), "x")
	})
	id := await(t, "the handler", ids)
	start := time.Now()
	cancel()
	require.Equal(t, codes.Canceled, status.Code(await(t, "the call", call).err))
	require.ErrorIs(t, await(t, "the end of the handler's context", ended), context.Canceled)
	require.Less(t, time.Since(start), atOnce)
	msg, err := told.NextMsg(soon)
	require.NoError(t, err)
	require.Equal(t, id, string(msg.Data))
	require.Eventually(t, func() bool { return pending(t, stream(t, nc, queryStream)) == 0 }, soon, time.Millisecond)
	require.Empty(t, ids, "the query was run again")
}

func TestAQueryThatIsCancelledInTheQueueIsNotRun(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	nc := natsgrpctest.Connect(t, ns)
	busy, release := make(chan struct{}), make(chan struct{})
	var runs atomic.Int32
	serve(t, nc, register(func(_ context.Context, payload []byte) ([]byte, error) {
		if runs.Add(1) == 1 {
			close(busy)
			<-release
		}
		return payload, nil
	}), natsgrpc.WithSlots(1, 1))
	conn := connect(t, natsgrpctest.Connect(t, ns))
	first := begin(t.Context(), func(ctx context.Context) (string, error) { return query(ctx, conn, "first") })
	await(t, "the handler", busy)
	told := cancelled(t, nc)
	ctx, cancel := context.WithCancel(t.Context())
	second := begin(ctx, func(ctx context.Context) (string, error) { return query(ctx, conn, "second") })
	require.Eventually(t, func() bool { return pending(t, stream(t, nc, queryStream)) == 2 }, soon, time.Millisecond)
	cancel()
	require.Equal(t, codes.Canceled, status.Code(await(t, "the second call", second).err))
	_, err := told.NextMsg(soon)
	require.NoError(t, err)
	close(release)
	require.Equal(t, result{answer: "first"}, await(t, "the first call", first))
	require.Eventually(t, func() bool { return pending(t, stream(t, nc, queryStream)) == 0 }, soon, time.Millisecond)
	got, err := query(t.Context(), conn, "third")
	require.NoError(t, err)
	require.Equal(t, "third", got)
	require.EqualValues(t, 2, runs.Load())
}

// A deadline is known to the server, and an accepted command is executed: neither is told.
func TestWhatIsNotCancelled(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	nc := natsgrpctest.Connect(t, ns)
	started, release, ended := make(chan struct{}, 1), make(chan struct{}), make(chan error, 1)
	serve(t, nc, register(func(ctx context.Context, payload []byte) ([]byte, error) {
		started <- struct{}{}
		switch string(payload) {
		case "command":
			<-release
		default:
			<-ctx.Done()
		}
		ended <- ctx.Err()
		return payload, ctx.Err()
	}))
	conn := connect(t, natsgrpctest.Connect(t, ns))
	told := cancelled(t, nc)

	ctx, cancel := context.WithTimeout(t.Context(), time.Second) // time to reach the handler
	defer cancel()
	_, err := query(ctx, conn, "query")
	require.Equal(t, codes.DeadlineExceeded, status.Code(err))
	require.ErrorIs(t, await(t, "the query's handler", ended), context.DeadlineExceeded)
	<-started

	ctx, cancel = context.WithCancel(t.Context())
	call := begin(ctx, func(ctx context.Context) (string, error) { return command(ctx, conn, "command") })
	await(t, "the command's handler", started)
	cancel()
	require.Equal(t, codes.Canceled, status.Code(await(t, "the command", call).err))
	close(release)
	require.NoError(t, await(t, "the command's handler to end", ended))

	_, err = told.NextMsg(50 * time.Millisecond)
	require.True(t, errors.Is(err, nats.ErrTimeout), "%v", err)
}
