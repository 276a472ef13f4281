package natsgrpc_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	pb "github.com/codingflow/rating/proto/natsgrpctest/v1"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	_ "google.golang.org/grpc/encoding/gzip" // registers the compressor
)

// listen subscribes to what goes over the wire.
func listen(t *testing.T, nc *nats.Conn, subject string) func() *nats.Msg {
	t.Helper()
	sub, err := nc.SubscribeSync(subject)
	require.NoError(t, err)
	require.NoError(t, nc.Flush())
	return func() *nats.Msg {
		t.Helper()
		msg, err := sub.NextMsg(soon)
		require.NoError(t, err)
		return msg
	}
}

func TestRequestsAndAnswersAreCompressedOnTheWire(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	nc := natsgrpctest.Connect(t, ns)
	serve(t, nc, register(echo))
	client := pb.NewEchoServiceClient(connect(t, natsgrpctest.Connect(t, ns)))
	queries, commands := listen(t, nc, "qry.>"), listen(t, nc, "cmd.>")
	replies, responses := listen(t, nc, "rep.>"), listen(t, nc, "rsp.>")
	payload := []byte(strings.Repeat("x", 10_000))
	for _, compressed := range []bool{true, false} {
		options := []grpc.CallOption{grpc.UseCompressor("gzip")}
		if !compressed {
			options = nil
		}
		_, err := client.Query(t.Context(), &pb.QueryRequest{Payload: payload}, options...)
		require.NoError(t, err)
		_, err = client.Command(t.Context(), &pb.CommandRequest{Payload: payload}, options...)
		require.NoError(t, err)
		for _, msg := range []*nats.Msg{queries(), commands(), replies(), responses()} {
			if compressed {
				require.Equal(t, "gzip", msg.Header.Get("Grpc-Encoding"), msg.Subject)
				require.Less(t, len(msg.Data), 1000)
			} else {
				require.Empty(t, msg.Header.Get("Grpc-Encoding"), msg.Subject)
				require.Len(t, msg.Data, 10_003)
			}
		}
	}
}

func TestAnEncodingThatTheServerDoesNotHaveIsUnimplemented(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	nc := natsgrpctest.Connect(t, ns)
	serve(t, nc, register(echo))
	serve(t, nc, streams(natsgrpctest.Streams{OnChat: natsgrpctest.EchoChat}))
	for subject, c := range map[string]struct{ reply, stream string }{
		"qry.natsgrpctest_v1_EchoService.0.Query.id":   {"rep.natsgrpctest_v1_EchoService.conn.1", ""},
		"cmd.natsgrpctest_v1_EchoService.0.Command.id": {"rsp.natsgrpctest_v1_EchoService.id.conn", ""},
		"cmd.natsgrpctest_v1_StreamService.0.Chat.id":  {"rep.natsgrpctest_v1_StreamService.conn.1", "1"},
	} {
		t.Run(subject, func(t *testing.T) {
			answer := listen(t, nc, c.reply)
			msg := &nats.Msg{Subject: subject, Data: []byte("x"), Header: nats.Header{"Natsgrpc-Reply-To": {c.reply}, "Grpc-Encoding": {"lost-art"}}}
			if c.stream != "" {
				msg.Header.Set("Natsgrpc-Stream", c.stream)
			}
			require.NoError(t, nc.PublishMsg(msg))
			got := answer()
			require.Equal(t, "12", got.Header.Get("Grpc-Status"))
			require.Equal(t, `grpc: Decompressor is not installed for grpc-encoding "lost-art"`, strings.ReplaceAll(strings.ReplaceAll(got.Header.Get("Grpc-Message"), "%20", " "), "%22", `"`))
		})
	}
}

func TestBodiesThatAreNotCompressedAsTheySayAreInternal(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	nc := natsgrpctest.Connect(t, ns)
	serve(t, nc, register(echo))
	answer := listen(t, nc, "rep.natsgrpctest_v1_EchoService.conn.1")
	// Each call has an id of its own: the queue holds one message of an id, which is acknowledged after it is answered.
	id := 0
	for body, want := range map[string]string{
		"this is no gzip":                          "grpc: failed to decompress the message: gzip: invalid header",
		"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff": "grpc: failed to read decompressed data: unexpected EOF",
	} {
		id++
		require.NoError(t, nc.PublishMsg(&nats.Msg{
			Subject: fmt.Sprintf("qry.natsgrpctest_v1_EchoService.0.Query.%d", id), Data: []byte(body),
			Header: nats.Header{"Natsgrpc-Reply-To": {"rep.natsgrpctest_v1_EchoService.conn.1"}, "Grpc-Encoding": {"gzip"}},
		}))
		got := answer()
		require.Equal(t, "13", got.Header.Get("Grpc-Status"))
		require.Equal(t, want, strings.ReplaceAll(got.Header.Get("Grpc-Message"), "%20", " "))
	}
}
