package natsgrpc_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	pb "github.com/codingflow/rating/proto/natsgrpctest/v1"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

func TestADeadLetterIsKeptShownReplayedAndDropped(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	nc := natsgrpctest.Connect(t, ns)
	var mended atomic.Bool
	replayed := make(chan natsgrpc.RequestInfo, 1)
	serve(t, nc, register(func(ctx context.Context, payload []byte) ([]byte, error) {
		if !mended.Load() {
			panic("a bug")
		}
		info, _ := natsgrpc.FromContext(ctx)
		replayed <- info
		return payload, nil
	}))
	letters, err := natsgrpc.NewDeadLetters(nc)
	require.NoError(t, err)
	for letter, err := range letters.All(t.Context()) {
		t.Fatal("before any call:", letter, err)
	}
	conn := connect(t, nc)
	for _, payload := range []string{"one", "two"} {
		_, err := command(metadata.AppendToOutgoingContext(t.Context(), "tenant", "acme"), conn, payload)
		require.Equal(t, codes.Internal, status.Code(err))
	}
	_, err = query(t.Context(), conn, "a query leaves none")
	require.Equal(t, codes.Internal, status.Code(err))

	var all []*natsgrpc.DeadLetter
	for letter, err := range letters.All(t.Context()) {
		require.NoError(t, err)
		all = append(all, letter)
	}
	require.Len(t, all, 2)
	first, err := letters.Get(t.Context(), all[0].ID)
	require.NoError(t, err)
	require.Equal(t, all[0], first)
	require.Equal(t, "natsgrpctest_v1_EchoService", first.Service)
	require.Equal(t, "Command", first.Method)
	require.Equal(t, 3, first.Attempts)
	require.Equal(t, metadata.MD{"tenant": {"acme"}}, first.Metadata)
	require.WithinDuration(t, time.Now(), first.Time, time.Minute)
	request := &pb.CommandRequest{}
	require.NoError(t, proto.Unmarshal(first.Request, request))
	require.Equal(t, "one", string(request.GetPayload()))

	mended.Store(true)
	require.NoError(t, letters.Replay(t.Context(), first.ID))
	require.Equal(t, natsgrpc.RequestInfo{ID: first.ID, Attempt: 1}, <-replayed)
	require.ErrorIs(t, letters.Replay(t.Context(), first.ID), natsgrpc.ErrNoDeadLetter)
	require.NoError(t, letters.Drop(t.Context(), all[1].ID))
	require.ErrorIs(t, letters.Drop(t.Context(), all[1].ID), natsgrpc.ErrNoDeadLetter)
	require.Zero(t, pending(t, stream(t, nc, "DEAD")))
	require.Eventually(t, func() bool { return pending(t, stream(t, nc, commandStream)) == 0 }, soon, 10*time.Millisecond)
	// The replay's answer has taken the place of the error.
	kept, err := stream(t, nc, "RESPONSES").GetLastMsgForSubject(t.Context(), "rsp.*."+first.ID+".*")
	require.NoError(t, err)
	require.Empty(t, kept.Header.Get("Grpc-Status"))
	require.EqualValues(t, 2, pending(t, stream(t, nc, "RESPONSES")))
}

func TestADeadLetterNeedsAValidID(t *testing.T) {
	nc := natsgrpctest.Connect(t, natsgrpctest.NewServer(t))
	serve(t, nc, register(echo))
	letters, err := natsgrpc.NewDeadLetters(nc)
	require.NoError(t, err)
	for _, id := range []string{"", "*", ">", "a.b", "unknown"} {
		_, err := letters.Get(t.Context(), id)
		require.ErrorIs(t, err, natsgrpc.ErrNoDeadLetter, id)
	}
}
