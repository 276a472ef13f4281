package natsgrpc_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// A stream takes no headers beyond 64 KiB. An answer that it would refuse for ever must not hold its slot for ever.
func TestAnErrorBeyondTheHeaderLimitKeepsItsCode(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	nc := natsgrpctest.Connect(t, ns)
	serve(t, nc, register(func(_ context.Context, payload []byte) ([]byte, error) {
		switch string(payload) {
		case "details":
			st, err := status.New(codes.InvalidArgument, "wrong").WithDetails(&errdetails.DebugInfo{Detail: strings.Repeat("x", 60_000)})
			if err != nil {
				return nil, err
			}
			return nil, st.Err()
		case "message":
			return nil, status.Error(codes.NotFound, strings.Repeat("é", 50_000))
		}
		return payload, nil
	}), natsgrpc.WithSlots(1, 1))
	conn := connect(t, nc)
	for name, call := range shapes {
		for range 6 { // more than the window holds
			_, err := call(t.Context(), conn, "details")
			require.Equal(t, codes.InvalidArgument, status.Code(err), name)
			require.Equal(t, "wrong", status.Convert(err).Message())
			_, err = call(t.Context(), conn, "message")
			require.Equal(t, codes.NotFound, status.Code(err), name)
			require.True(t, strings.HasPrefix(status.Convert(err).Message(), "éééé"))
		}
		_, err := call(t.Context(), conn, "fine")
		require.NoError(t, err)
	}
	require.Eventually(t, func() bool { return pending(t, stream(t, nc, commandStream)) == 0 }, soon, 10*time.Millisecond)
}

func TestMetadataBeyondTheHeaderLimitIsSaid(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	nc := natsgrpctest.Connect(t, ns)
	serve(t, nc, register(echo))
	ctx := metadata.AppendToOutgoingContext(t.Context(), "large", strings.Repeat("x", 70_000))
	for name, call := range shapes {
		_, err := call(ctx, connect(t, nc), "x")
		require.Equal(t, codes.ResourceExhausted, status.Code(err), name)
		require.Equal(t, natsgrpc.ReasonMessageTooLarge, reason(err), name)
	}
}

func TestAMessageThatIsNotUTF8KeepsItsCode(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	nc := natsgrpctest.Connect(t, ns)
	serve(t, nc, register(func(context.Context, []byte) ([]byte, error) {
		p := status.New(codes.NotFound, "x").Proto()
		p.Message = "a\xffb"
		st, err := status.FromProto(p).WithDetails(&errdetails.DebugInfo{Detail: "kept"})
		if err != nil {
			return nil, err
		}
		return nil, st.Err()
	}))
	_, err := command(t.Context(), connect(t, nc), "")
	require.Equal(t, codes.NotFound, status.Code(err))
	require.Equal(t, "a\uFFFDb", status.Convert(err).Message())
	require.Len(t, status.Convert(err).Details(), 1)
}

func TestTheStreamOfAnswersIsMadeAgain(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	nc := natsgrpctest.Connect(t, ns)
	serve(t, nc, register(echo), natsgrpc.WithSlots(1, 1))
	conn := connect(t, nc)
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	require.NoError(t, js.DeleteStream(t.Context(), "RESPONSES"))
	for range 6 { // more than the window holds: the last ones wait for the stream
		_, err := command(t.Context(), conn, "x")
		require.NoError(t, err)
	}
	require.Eventually(t, func() bool {
		return pending(t, stream(t, nc, commandStream)) == 0 && pending(t, stream(t, nc, "RESPONSES")) > 0
	}, soon, 10*time.Millisecond)
}

func TestAConnectionThatIsClosedDuringADrainEndsIt(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	for range 50 {
		nc, err := nats.Connect(ns.ClientURL())
		require.NoError(t, err)
		srv, err := natsgrpc.NewServer(nc)
		require.NoError(t, err)
		register(echo)(srv)
		stop := serveUntil(t, srv)
		closed := make(chan struct{})
		go func() {
			nc.Close()
			close(closed)
		}()
		_ = stop() // either end may be first
		<-closed
	}
}
