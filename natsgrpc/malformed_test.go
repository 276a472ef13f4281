package natsgrpc_test

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	pb "github.com/codingflow/rating/proto/natsgrpctest/v1"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
)

// garbage makes messages that break one rule of the wire or several.
type garbage struct{ *rand.Rand }

func (g garbage) pick(values ...string) string { return values[g.IntN(len(values))] }

// token is one token of a subject.
func (g garbage) token() string {
	return g.pick("1", "0", "zz", "~", "~svc", "~natsgrpctest_v1_EchoService", "=", "=1", "k1-0", "h1-0", "k", "-", "%", fmt.Sprint(g.Uint64()))
}

func (g garbage) bytes() []byte {
	body := make([]byte, g.IntN(40))
	for i := range body {
		body[i] = byte(g.Uint32())
	}
	if len(body) > 0 && g.IntN(2) == 0 {
		body[0] = "HMCEPR{"[g.IntN(7)]
	}
	return []byte(g.pick(string(body), string(body), `{"error":{"err_code":10077,"description":"maximum messages exceeded"}}`, `{"error":null}`, `{"duplicate": true}`, `{"error"`))
}

func (g garbage) header() nats.Header {
	header := nats.Header{}
	for _, name := range []string{
		"Natsgrpc-Reply-To", "Natsgrpc-Deadline", "Natsgrpc-Stream", "Natsgrpc-Version", "Natsgrpc-Digest", "Natsgrpc-Parts", "Natsgrpc-Backlog",
		"Natsgrpc-Attempts", "Natsgrpc-Subject", "Grpc-Encoding", "Grpc-Status", "Grpc-Message", "Grpc-Status-Details-Bin", "Md-key", "Md-key-bin", "Tr-key",
		"Status", "Nats-Pending-Messages", "Nats-Sequence", "Nats-Time-Stamp",
	} {
		if g.IntN(4) == 0 {
			header[name] = []string{g.pick("", "0", "1", "5", "-1", "503", "404", "100", "gzip", "identity", "nothing", "%zz", "a b", "token 3 100", "token 4096 2147483647",
				"cmd.natsgrpctest_v1_EchoService.0 5 5", "cmd.x.0 99999999999 1", "AA==", "?", "99999999999999999999",
				"rep.natsgrpctest_v1_EchoService.conn.1", "rsp.natsgrpctest_v1_EchoService.id.conn", "rep.natsgrpctest_v1_StreamService.conn.1", "$JS.API.STREAM.LIST")}
		}
	}
	return header
}

func TestGarbageHarmsNobody(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	quiet := natsgrpc.WithLogger(slog.New(slog.DiscardHandler))
	// The inboxes of a server and of a caller are not guessed; whoever knows one can send to it.
	inboxed := func(name string) *nats.Conn {
		nc, err := nats.Connect(ns.ClientURL(), nats.CustomInboxPrefix("_INBOX_"+name))
		require.NoError(t, err)
		t.Cleanup(nc.Close)
		return nc
	}
	nc := natsgrpctest.Connect(t, ns)
	serve(t, inboxed("server"), func(registrar grpc.ServiceRegistrar) {
		register(echo)(registrar)
		streams(natsgrpctest.Streams{OnChat: natsgrpctest.EchoChat})(registrar)
	}, quiet)
	conn := connect(t, inboxed("caller"), quiet)
	// Every subject that the server and the Conn listen to, as they are: the random parts are learnt from the wire.
	var subjects []string
	require.Eventually(t, func() bool {
		subjects = subscriptions(t, ns)
		return len(subjects) > 8
	}, soon, time.Millisecond)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	g := garbage{rand.New(rand.NewPCG(seed, 0))}
	for _, service := range []string{"natsgrpctest_v1_EchoService.0.", "natsgrpctest_v1_StreamService.0."} {
		for _, method := range []string{"Command.", "Query.", "Chat.", "Nothing."} {
			for _, kind := range []string{"cmd.", "qry."} {
				subjects = append(subjects, kind+service+method+"*")
			}
		}
	}
	until := time.Now().Add(1500 * time.Millisecond)
	for sent := 0; time.Now().Before(until); sent++ {
		msg := &nats.Msg{Subject: fill(g.pick(subjects...), g.token), Header: g.header(), Data: g.bytes()}
		if g.IntN(2) == 0 {
			// NATS itself lets nobody reply to "$JS.ACK.>".
			msg.Reply = g.pick("_INBOX.x", "rep.natsgrpctest_v1_StreamService.conn.1", "str.natsgrpctest_v1_StreamService.server.1", "nowhere")
		}
		require.NoError(t, nc.PublishMsg(msg))
		if sent%500 == 0 {
			require.NoError(t, nc.FlushTimeout(soon))
		}
	}
	require.NoError(t, nc.FlushTimeout(soon))
	for name, call := range shapes {
		require.Eventually(t, func() bool {
			got, err := call(t.Context(), conn, "still there")
			return err == nil && got == "still there"
		}, 2*soon, 10*time.Millisecond, name)
	}
	stream := chat(t.Context(), t, conn)
	require.NoError(t, stream.Send(&pb.ChatRequest{Payload: []byte("still there")}))
	got, err := stream.Recv()
	require.NoError(t, err)
	require.Equal(t, "still there", string(got.GetPayload()))
	require.NoError(t, stream.CloseSend())
}

// subscriptions returns the subjects that the clients of a NATS server listen to.
func subscriptions(t *testing.T, ns *server.Server) []string {
	t.Helper()
	connections, err := ns.Connz(&server.ConnzOptions{Subscriptions: true})
	require.NoError(t, err)
	var subjects []string
	for _, connection := range connections.Conns {
		subjects = append(subjects, connection.Subs...)
	}
	return subjects
}

// fill replaces the wildcards of a subject.
func fill(subject string, token func() string) string {
	tokens := strings.Split(subject, ".")
	for i := range tokens {
		if tokens[i] == "*" || tokens[i] == ">" {
			tokens[i] = token()
		}
	}
	return strings.Join(tokens, ".")
}
