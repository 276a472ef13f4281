package natsdial_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsdial"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	pb "github.com/codingflow/rating/proto/natsgrpctest/v1"
)

// userConfiguration returns a user of nats-server's configuration.
func userConfiguration(public string, p natsgrpc.Permissions) string {
	responses := ""
	if p.Responses {
		responses = `, allow_responses: {max: 1, expires: "1m"}`
	}
	return fmt.Sprintf(`{nkey: %s, permissions: {publish: ["%s"], subscribe: ["%s"]%s}}`,
		public, strings.Join(p.Publish, `", "`), strings.Join(p.Subscribe, `", "`), responses)
}

// A server and a connection whose users have their least permissions, an NKey and a client certificate each.
func TestCallsOverTLSWithNKeysAndLeastPermissions(t *testing.T) {
	services := []protoreflect.ServiceDescriptor{
		pb.File_natsgrpctest_v1_echo_proto.Services().ByName("EchoService"),
		pb.File_natsgrpctest_v1_stream_proto.Services().ByName("StreamService"),
	}
	authority := newAuthority(t)
	cert, key := authority.issue(t, "127.0.0.1")
	admin, adminSeed := natsgrpctest.NewUser(t)
	server, serverSeed := natsgrpctest.NewUser(t)
	client, clientSeed := natsgrpctest.NewUser(t)
	_, address := serve(t, fmt.Sprintf(`
		tls: {cert_file: %q, key_file: %q, ca_file: %q, verify: true}
		authorization: {users: [{nkey: %s}, %s, %s]}`, cert, key, authority.file, admin,
		userConfiguration(server, natsgrpc.ServerPermissions("_INBOX_server", services...)),
		userConfiguration(client, natsgrpc.ConnPermissions("_INBOX_client", services...))))
	as := func(seed, inbox string) natsdial.Config {
		cert, key := authority.issue(t, "")
		return natsdial.Config{URL: "tls://" + address, Security: natsdial.Security{
			NKey: seed, CA: authority.file, Cert: cert, Key: key, InboxPrefix: inbox,
		}}
	}

	nc, _ := dial(t, as(adminSeed, ""))
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	require.NoError(t, natsgrpc.Ensure(t.Context(), js, services...))

	nc, serverLog := dial(t, as(serverSeed, "_INBOX_server"))
	srv, err := natsgrpc.NewServer(nc, natsgrpc.WithVerifyOnly(), natsgrpc.WithLogger(slog.New(slog.NewTextHandler(serverLog, nil))))
	require.NoError(t, err)
	echo := func(_ context.Context, payload []byte) ([]byte, error) { return payload, nil }
	pb.RegisterEchoServiceServer(srv, &natsgrpctest.Echo{Handle: echo})
	pb.RegisterStreamServiceServer(srv, &natsgrpctest.Streams{OnChat: natsgrpctest.EchoChat})
	defer natsgrpctest.Serve(t, srv)()

	nc, clientLog := dial(t, as(clientSeed, "_INBOX_client"))
	conn, err := natsgrpc.NewConn(nc)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close()) }()
	query, err := pb.NewEchoServiceClient(conn).Query(t.Context(), &pb.QueryRequest{Payload: []byte("a query")})
	require.NoError(t, err)
	require.Equal(t, "a query", string(query.GetPayload()))
	command, err := pb.NewEchoServiceClient(conn).Command(t.Context(), &pb.CommandRequest{Payload: []byte("a command")})
	require.NoError(t, err)
	require.Equal(t, "a command", string(command.GetPayload()))

	chat, err := pb.NewStreamServiceClient(conn).Chat(t.Context())
	require.NoError(t, err)
	payload := strings.Repeat("x", 1<<20) // more than the credit of either end
	require.NoError(t, chat.Send(&pb.ChatRequest{Payload: []byte(payload)}))
	message, err := chat.Recv()
	require.NoError(t, err)
	require.Equal(t, payload, string(message.GetPayload()))
	require.NoError(t, chat.CloseSend())
	_, err = chat.Recv()
	require.True(t, errors.Is(err, io.EOF), err)

	for _, l := range []*log{serverLog, clientLog} {
		require.False(t, l.has("level=ERROR")(), l.String())
	}
}
