package natsgrpc_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	pb "github.com/codingflow/rating/proto/natsgrpctest/v1"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

func TestAnAnswerIsReadByItsID(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	started, release := make(chan struct{}), make(chan struct{})
	serve(t, natsgrpctest.Connect(t, ns), register(func(ctx context.Context, payload []byte) ([]byte, error) {
		switch string(payload) {
		case "slow":
			close(started)
			<-release
		case "wrong":
			return nil, status.Error(codes.NotFound, "no such thing")
		}
		return payload, grpc.SetTrailer(ctx, metadata.Pairs("key", "value"))
	}))
	caller, other := connect(t, natsgrpctest.Connect(t, ns)), connect(t, natsgrpctest.Connect(t, ns))
	call := func(payload string) (id string) {
		_, _ = pb.NewEchoServiceClient(caller).Command(t.Context(), &pb.CommandRequest{Payload: []byte(payload)}, natsgrpc.CallID(&id))
		return id
	}
	fast, wrong := call("fast"), call("wrong")
	nc := natsgrpctest.Connect(t, ns)
	// The caller has the answers a moment before the stream has them.
	require.Eventually(t, func() bool { return pending(t, stream(t, nc, "RESPONSES")) == 2 }, soon, time.Millisecond)
	var slow string
	waiting := begin(t.Context(), func(ctx context.Context) (string, error) {
		reply, err := pb.NewEchoServiceClient(caller).Command(ctx, &pb.CommandRequest{Payload: []byte("slow")}, natsgrpc.CallID(&slow))
		return string(reply.GetPayload()), err
	})
	await(t, "the handler", started) // slow is set before
	var query string
	_, err := pb.NewEchoServiceClient(caller).Query(t.Context(), &pb.QueryRequest{}, natsgrpc.CallID(&query))
	require.NoError(t, err)

	for _, c := range []struct {
		name, method, id, want string
		err                    error
		code                   codes.Code
	}{
		{name: "kept", id: fast, want: "fast"},
		{name: "kept error", id: wrong, code: codes.NotFound},
		{name: "pending", id: slow, err: natsgrpc.ErrPending},
		{name: "unknown", id: "unknown", err: natsgrpc.ErrNoAnswer},
		{name: "a query's", id: query, err: natsgrpc.ErrNoAnswer},
		{name: "a query's, as one", method: pb.EchoService_Query_FullMethodName, id: query, err: natsgrpc.ErrNoAnswer},
		{name: "a stream's", method: pb.StreamService_Upload_FullMethodName, id: fast, err: natsgrpc.ErrNoAnswer},
		{name: "empty", id: "", err: natsgrpc.ErrNoAnswer},
		{name: "with a wildcard", id: "*", err: natsgrpc.ErrNoAnswer},
		{name: "of all", id: ">", err: natsgrpc.ErrNoAnswer},
		{name: "of two tokens", id: fast + ".x", err: natsgrpc.ErrNoAnswer},
		{name: "too long", id: strings.Repeat("x", 129), err: natsgrpc.ErrNoAnswer},
		{name: "of an unknown method", method: "/natsgrpctest.v1.EchoService/Nothing", id: fast, code: codes.Unimplemented},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, read := range []func(context.Context, string, string, any, ...grpc.CallOption) error{other.Answer, caller.Answer, other.Await} {
				if c.method == "" {
					c.method = pb.EchoService_Command_FullMethodName
				}
				ctx := t.Context()
				if errors.Is(c.err, natsgrpc.ErrPending) {
					read = other.Answer
				}
				var trailer metadata.MD
				reply := &pb.CommandResponse{}
				err := read(ctx, c.method, c.id, reply, grpc.Trailer(&trailer))
				switch {
				case c.err != nil:
					require.ErrorIs(t, err, c.err)
				default:
					require.Equal(t, c.code, status.Code(err))
				}
				require.Equal(t, c.want, string(reply.GetPayload()))
				if c.want != "" {
					require.Equal(t, []string{"value"}, trailer["key"])
				}
			}
		})
	}
	t.Run("awaited", func(t *testing.T) {
		awaitSlow := func(conn *natsgrpc.Conn) func(context.Context) (string, error) {
			return func(ctx context.Context) (string, error) {
				reply := &pb.CommandResponse{}
				err := conn.Await(ctx, pb.EchoService_Command_FullMethodName, slow, reply)
				return string(reply.GetPayload()), err
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		_, err := awaitSlow(other)(ctx)
		require.Equal(t, codes.DeadlineExceeded, status.Code(err))
		closed, err := natsgrpc.NewConn(natsgrpctest.Connect(t, ns))
		require.NoError(t, err)
		lost := begin(t.Context(), awaitSlow(closed))
		byOther, byCaller := begin(t.Context(), awaitSlow(other)), begin(t.Context(), awaitSlow(caller))
		select {
		case got := <-byOther:
			t.Fatal("it does not wait", got)
		case <-time.After(100 * time.Millisecond):
		}
		require.NoError(t, closed.Close())
		require.Equal(t, codes.Canceled, status.Code(await(t, "Await on a closed Conn", lost).err))
		close(release)
		for what, done := range map[string]<-chan result{"the call": waiting, "another Conn's Await": byOther, "its own Conn's Await": byCaller} {
			require.Equal(t, result{answer: "slow"}, await(t, what, done), what)
		}
	})
}

func TestAnAnswerCannotBeReadWithoutNATS(t *testing.T) {
	wire := newWire(t, natsgrpctest.NewServer(t))
	nc := wire.connect(t)
	conn := connect(t, nc)
	wire.cut()
	require.Eventually(t, func() bool { return !nc.IsConnected() }, soon, time.Millisecond)
	for _, read := range []func(context.Context, string, string, any, ...grpc.CallOption) error{conn.Answer, conn.Await} {
		start := time.Now()
		err := read(t.Context(), pb.EchoService_Command_FullMethodName, "id", &pb.CommandResponse{})
		require.Equal(t, codes.Unavailable, status.Code(err), "%v", err)
		require.Equal(t, natsgrpc.ReasonNotConnected, reason(err))
		require.Less(t, time.Since(start), atOnce)
	}
}

func TestAStreamTellsItsID(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	got := make(chan string, 1)
	serve(t, natsgrpctest.Connect(t, ns), streams(natsgrpctest.Streams{OnChat: func(stream natsgrpctest.ChatStream) error {
		got <- natsgrpc.RequestID(stream.Context())
		return nil
	}}))
	var id string
	stream, err := pb.NewStreamServiceClient(connect(t, natsgrpctest.Connect(t, ns))).Chat(t.Context(), natsgrpc.CallID(&id))
	require.NoError(t, err)
	require.NotEmpty(t, id)
	require.Equal(t, id, await(t, "the handler", got))
	require.Error(t, endOf(stream))
}
