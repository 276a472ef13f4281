package natsgrpc_test

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	pb "github.com/codingflow/rating/proto/natsgrpctest/v1"
)

// A stream that elects a leader looks to who asks it as one that is not there. Where it was there just before, a command
// with a key, one that is only started, and who looks for an answer wait for it.
func TestWhoAsksAStreamWaitsForItsLeader(t *testing.T) {
	for name, test := range map[string]struct {
		stream string
		ask    func(ctx context.Context, conn *natsgrpc.Conn, id string) (string, error)
	}{
		"command with a key": {"RESPONSES", func(ctx context.Context, conn *natsgrpc.Conn, _ string) (string, error) {
			return keyed(ctx, conn, "another", "hello")
		}},
		"started command": {commandStream, func(ctx context.Context, conn *natsgrpc.Conn, _ string) (string, error) {
			id, err := startCommand(ctx, conn, "hello")
			if err != nil {
				return "", err
			}
			return answerOf(ctx, conn, id)
		}},
		"look for an answer": {"RESPONSES", func(ctx context.Context, conn *natsgrpc.Conn, id string) (string, error) {
			_, err := answerOf(ctx, conn, id)
			if status.Code(err) == codes.Unavailable {
				return "", err
			}
			return "hello", nil // or none, since it went with the stream
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ns := natsgrpctest.NewServer(t)
			watcher := natsgrpctest.Connect(t, ns)
			serve(t, natsgrpctest.Connect(t, ns), register(func(_ context.Context, payload []byte) ([]byte, error) { return payload, nil }))
			nc := natsgrpctest.Connect(t, ns)
			conn := connect(t, nc)
			id, err := startCommand(t.Context(), conn, "hello")
			require.NoError(t, err)
			_, err = answerOf(t.Context(), conn, id)
			require.NoError(t, err)
			_, err = keyed(t.Context(), conn, "key", "hello")
			require.NoError(t, err)
			js, err := jetstream.New(watcher)
			require.NoError(t, err)
			require.NoError(t, js.DeleteStream(t.Context(), test.stream))
			asked := nc.Stats().OutMsgs
			call := begin(t.Context(), func(ctx context.Context) (string, error) { return test.ask(ctx, conn, id) })
			require.Eventually(t, func() bool { return nc.Stats().OutMsgs >= asked+2 }, soon, time.Millisecond, "it asks again")
			require.NoError(t, natsgrpc.Ensure(t.Context(), js, echoService))
			require.Equal(t, result{answer: "hello"}, await(t, "the call", call))
		})
	}
}

// A stream that nobody has heard of is said to be missing at once; one that stays away, in time.
func TestAStreamThatStaysAwayIsSaidInTime(t *testing.T) {
	t.Parallel()
	ns := natsgrpctest.NewServer(t)
	nc := natsgrpctest.Connect(t, ns)
	ensureQueue(t, nc, echoService)
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	known, unknown := connect(t, natsgrpctest.Connect(t, ns)), connect(t, natsgrpctest.Connect(t, ns))
	require.ErrorIs(t, known.Answer(t.Context(), commandMethod, "unknown", &pb.CommandResponse{}), natsgrpc.ErrNoAnswer)
	require.NoError(t, js.DeleteStream(t.Context(), "RESPONSES"))
	start := time.Now()
	_, err = keyed(t.Context(), unknown, "key", "hello")
	require.Equal(t, natsgrpc.ReasonNoQueue, reason(err))
	at := time.Since(start)
	_, err = keyed(t.Context(), known, "key", "hello")
	require.Equal(t, natsgrpc.ReasonNoQueue, reason(err))
	later := time.Since(start) - at
	require.Greater(t, later, time.Second)
	require.Less(t, later, 8*time.Second)
	require.Less(t, at, later/2)
}

// A call that comes when the connection has just been lost is sent over the next one, as gRPC has it while it connects. Once
// that takes long, calls are told so at once.
func TestACallWaitsForAConnectionThatWasJustLost(t *testing.T) {
	t.Parallel()
	for name, call := range shapes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ns := natsgrpctest.NewServer(t)
			serve(t, natsgrpctest.Connect(t, ns), register(func(_ context.Context, payload []byte) ([]byte, error) { return payload, nil }))
			wire := newWire(t, ns)
			nc := wire.connect(t)
			conn := connect(t, nc)
			wire.cut()
			require.Eventually(t, func() bool { return !nc.IsConnected() }, soon, time.Millisecond)
			waiting := begin(t.Context(), func(ctx context.Context) (string, error) { return call(ctx, conn, "hello") })
			wire.mend()
			require.Equal(t, result{answer: "hello"}, await(t, "the call", waiting))

			wire.cut()
			require.Eventually(t, func() bool { return !nc.IsConnected() }, soon, time.Millisecond)
			var took [2]time.Duration
			for i := range took {
				start := time.Now()
				_, err := call(t.Context(), conn, "hello")
				took[i] = time.Since(start)
				require.Equal(t, natsgrpc.ReasonNotConnected, reason(err), "%v", err)
			}
			require.Greater(t, took[0], 500*time.Millisecond)
			require.Less(t, took[1], took[0]/2)
		})
	}
}
