package natsgrpc_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	natsgrpcv1 "github.com/codingflow/rating/proto/natsgrpc/v1"
	pb "github.com/codingflow/rating/proto/natsgrpctest/v1"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	_ "google.golang.org/grpc/encoding/gzip" // registers the compressor
	"google.golang.org/grpc/status"
)

// smallPayload runs a NATS server that takes 64 KiB in one message, so that little is large.
func smallPayload(t *testing.T) *server.Server {
	t.Helper()
	return natsgrpctest.NewServerWith(t, &server.Options{MaxPayload: 64 << 10})
}

// large is more than such a server takes in one message, and hard to compress.
var large = func() string {
	random := rand.NewChaCha8([32]byte{})
	body := make([]byte, 150<<10)
	_, _ = random.Read(body) // never fails
	return string(body)
}()

// requireParts waits until so many parts are stored.
func requireParts(t *testing.T, nc *nats.Conn, want int) {
	t.Helper()
	require.Eventually(t, func() bool { return pending(t, stream(t, nc, "PARTS")) == uint64(want) }, soon, 10*time.Millisecond,
		"%d parts wanted, %d are there", want, pending(t, stream(t, nc, "PARTS")))
}

func TestLargeMessagesOfAllKinds(t *testing.T) {
	ns := smallPayload(t)
	nc := natsgrpctest.Connect(t, ns)
	var retries atomic.Int32
	serve(t, nc, register(func(_ context.Context, payload []byte) ([]byte, error) {
		if retries.Add(-1) >= 0 {
			return nil, natsgrpc.Retry(errors.New("again"), time.Millisecond)
		}
		return payload, nil
	}))
	client := pb.NewEchoServiceClient(connect(t, natsgrpctest.Connect(t, ns)))
	parts := 0
	for _, c := range []struct {
		name    string
		query   bool
		retries int32
		options []grpc.CallOption
	}{
		{name: "query", query: true},
		{name: "query in gzip", query: true, options: []grpc.CallOption{grpc.UseCompressor("gzip")}},
		{name: "query tried again", query: true, retries: 2},
		{name: "command"},
		{name: "command in gzip", options: []grpc.CallOption{grpc.UseCompressor("gzip")}},
		{name: "command tried again", retries: 2},
		{name: "command with a key", options: []grpc.CallOption{natsgrpc.IdempotencyKey("alice", "key")}},
		{name: "command with a key in gzip", options: []grpc.CallOption{natsgrpc.IdempotencyKey("alice", "key2"), grpc.UseCompressor("gzip")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			retries.Store(c.retries)
			var got []byte
			if c.query {
				reply, err := client.Query(t.Context(), &pb.QueryRequest{Payload: []byte(large)}, c.options...)
				require.NoError(t, err)
				got = reply.GetPayload()
			} else {
				reply, err := client.Command(t.Context(), &pb.CommandRequest{Payload: []byte(large)}, c.options...)
				require.NoError(t, err)
				got = reply.GetPayload()
				parts += 3 // of the answer, which is kept
			}
			require.True(t, string(got) == large)
		})
	}
	requireParts(t, nc, parts)
}

func TestALargeCommandWithAKeyLeavesThePartsOfItsAnswerOnly(t *testing.T) {
	ns := smallPayload(t)
	nc := natsgrpctest.Connect(t, ns)
	started, release := make(chan struct{}), make(chan struct{})
	serve(t, nc, register(func(_ context.Context, payload []byte) ([]byte, error) {
		close(started)
		<-release
		return payload, nil
	}))
	call := func(ctx context.Context) (string, error) {
		return keyed(ctx, connect(t, natsgrpctest.Connect(t, ns)), "key", large)
	}
	first := begin(t.Context(), call)
	await(t, "the handler", started)
	second := begin(t.Context(), call)
	requireParts(t, nc, 6) // of both requests
	close(release)
	for _, waiting := range []<-chan result{first, second, begin(t.Context(), call)} {
		got := await(t, "a call", waiting)
		require.NoError(t, got.err)
		require.True(t, got.answer == large)
	}
	requireParts(t, nc, 3)
}

func TestALargeDeadLetterIsReplayedOrDropped(t *testing.T) {
	ns := smallPayload(t)
	nc := natsgrpctest.Connect(t, ns)
	var mended atomic.Bool
	replayed := make(chan string, 1)
	serve(t, nc, register(func(_ context.Context, payload []byte) ([]byte, error) {
		if !mended.Load() {
			panic("a bug")
		}
		replayed <- string(payload)
		return nil, nil
	}))
	conn := connect(t, nc)
	var ids [2]string
	for i := range ids {
		_, err := pb.NewEchoServiceClient(conn).Command(t.Context(), &pb.CommandRequest{Payload: []byte(large)}, natsgrpc.CallID(&ids[i]))
		require.Equal(t, natsgrpc.ReasonAttemptsExhausted, reason(err))
	}
	requireParts(t, nc, 6)
	mended.Store(true)
	letters, err := natsgrpc.NewDeadLetters(nc)
	require.NoError(t, err)
	require.NoError(t, letters.Replay(t.Context(), ids[0]))
	require.True(t, await(t, "the replay", replayed) == large)
	requireParts(t, nc, 3)
	require.NoError(t, letters.Drop(t.Context(), ids[1]))
	requireParts(t, nc, 0)
}

func TestALostPartIsSaid(t *testing.T) {
	ns := smallPayload(t)
	nc := natsgrpctest.Connect(t, ns)
	described := describe(t, func(s *natsgrpcv1.ServiceDelivery, _ *natsgrpcv1.MethodDelivery) { s.ScaleToZero = true })
	ensure(t, nc, echoService)
	conn := connect(t, nc, natsgrpc.WithDescriptors(described))
	requireLost := func(t *testing.T, err error) {
		t.Helper()
		require.Equal(t, codes.Unavailable, status.Code(err), "%v", err)
		require.Equal(t, natsgrpc.ReasonPartsLost, reason(err))
		require.Equal(t, "natsgrpc: a large message: a part is not there any more", status.Convert(err).Message())
	}
	calls := map[string]<-chan result{}
	for name, call := range shapes {
		calls[name] = begin(t.Context(), func(ctx context.Context) (string, error) { return call(ctx, conn, large) })
	}
	requireParts(t, nc, 6)
	require.Eventually(t, func() bool {
		return pending(t, stream(t, nc, queryStream)) == 1 && pending(t, stream(t, nc, commandStream)) == 1
	}, soon, time.Millisecond)
	require.NoError(t, stream(t, nc, "PARTS").Purge(t.Context()))
	serve(t, nc, register(echo))
	for name, call := range calls {
		t.Run("of a "+name, func(t *testing.T) { requireLost(t, await(t, "the call", call).err) })
	}
	t.Run("of an answer", func(t *testing.T) {
		var id string
		_, err := pb.NewEchoServiceClient(conn).Command(t.Context(), &pb.CommandRequest{Payload: []byte(large)}, natsgrpc.CallID(&id))
		require.NoError(t, err)
		require.NoError(t, stream(t, nc, "PARTS").Purge(t.Context()))
		require.Eventually(t, func() bool {
			err = conn.Answer(t.Context(), pb.EchoService_Command_FullMethodName, id, &pb.CommandResponse{})
			return !errors.Is(err, natsgrpc.ErrPending) // the answer may reach its caller before its stream
		}, soon, time.Millisecond)
		requireLost(t, err)
	})
}

func TestAFullStreamOfPartsIsSaid(t *testing.T) {
	ns := smallPayload(t)
	nc := natsgrpctest.Connect(t, ns)
	serve(t, nc, register(func(_ context.Context, payload []byte) ([]byte, error) {
		if string(payload) == "answer" {
			return []byte(large), nil
		}
		return payload, nil
	}))
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	small := natsgrpc.Parts()
	small.MaxBytes = 100_000
	_, err = js.UpdateStream(t.Context(), small)
	require.NoError(t, err)
	conn := connect(t, nc)
	for name, call := range shapes {
		t.Run(name, func(t *testing.T) {
			_, err := call(t.Context(), conn, large)
			require.Equal(t, codes.ResourceExhausted, status.Code(err), "%v", err)
			require.Equal(t, natsgrpc.ReasonQueueFull, reason(err))
			require.Equal(t, "natsgrpc: the stream of the parts of large messages is full", status.Convert(err).Message())
			require.Equal(t, time.Second, retryAfter(err))
			_, err = call(t.Context(), conn, "answer")
			require.Equal(t, codes.Unavailable, status.Code(err), "%v", err)
			require.Equal(t, natsgrpc.ReasonPartsLost, reason(err))
			require.Equal(t, "natsgrpc: a large message: their stream is full", status.Convert(err).Message())
			got, err := call(t.Context(), conn, "small")
			require.NoError(t, err)
			require.Equal(t, "small", got)
		})
	}
	requireParts(t, nc, 0)
}

func TestARefusedRequestLeavesNoParts(t *testing.T) {
	ns := smallPayload(t)
	nc := natsgrpctest.Connect(t, ns)
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	_, err = js.CreateStream(t.Context(), natsgrpc.Parts())
	require.NoError(t, err)
	conn := connect(t, nc)
	refuse := func(want string) {
		_, err = command(t.Context(), conn, large)
		require.Equal(t, want, reason(err), "%v", err)
		_, err = keyed(t.Context(), conn, "key", large)
		require.Equal(t, want, reason(err), "%v", err)
		requireParts(t, nc, 0)
	}
	refuse(natsgrpc.ReasonNoQueue)
	ensure(t, nc, echoService)
	for i := range 100 {
		_, err = js.Publish(t.Context(), fmt.Sprint("cmd.natsgrpctest_v1_EchoService.0.Command.", i), nil)
		require.NoError(t, err)
	}
	refuse(natsgrpc.ReasonQueueFull)
}

func TestTheSizeOfMessagesIsLimitedAtBothEnds(t *testing.T) {
	const mega = 1 << 20
	for _, c := range []struct {
		name    string
		server  []natsgrpc.ServerOption
		options []grpc.CallOption
		size    int
		want    string
	}{
		{"within the defaults", nil, nil, 4*mega - 5, ""},
		{"beyond the server's default", nil, nil, 4*mega - 4, "grpc: received message larger than max (4194305 vs. 4194304)"},
		{"beyond the caller's default", []natsgrpc.ServerOption{natsgrpc.WithMaxReceiveSize(8 * mega)}, nil, 4*mega - 4, "grpc: received message larger than max (4194305 vs. 4194304)"},
		{"within both limits", []natsgrpc.ServerOption{natsgrpc.WithMaxReceiveSize(8 * mega)}, []grpc.CallOption{grpc.MaxCallRecvMsgSize(8 * mega)}, 6 * mega, ""},
		{"beyond the server's small one", []natsgrpc.ServerOption{natsgrpc.WithMaxReceiveSize(10)}, nil, 9, "grpc: received message larger than max (11 vs. 10)"},
		{"beyond what the caller sends", nil, []grpc.CallOption{grpc.MaxCallSendMsgSize(2 * mega)}, 2 * mega, "trying to send message larger than max (2097157 vs. 2097152)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ns := natsgrpctest.NewServer(t)
			serve(t, natsgrpctest.Connect(t, ns), register(echo), c.server...)
			client := pb.NewEchoServiceClient(connect(t, natsgrpctest.Connect(t, ns)))
			payload := []byte(strings.Repeat("x", c.size))
			answer, err := client.Command(t.Context(), &pb.CommandRequest{Payload: payload}, c.options...)
			same, queryErr := client.Query(t.Context(), &pb.QueryRequest{Payload: payload}, c.options...)
			if c.want == "" {
				require.NoError(t, errors.Join(err, queryErr))
				require.Len(t, answer.GetPayload(), c.size)
				require.Len(t, same.GetPayload(), c.size)
				return
			}
			for _, err := range []error{err, queryErr} {
				require.Equal(t, codes.ResourceExhausted, status.Code(err))
				require.Equal(t, c.want, status.Convert(err).Message())
			}
		})
	}
}
