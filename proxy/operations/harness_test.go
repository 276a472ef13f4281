package operations_test

import (
	"context"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	pb "github.com/codingflow/rating/proto/natsgrpctest/v1"
	operationsv1 "github.com/codingflow/rating/proto/operations/v1"
	"github.com/codingflow/rating/proxy/auth"
	"github.com/codingflow/rating/proxy/auth/authtest"
	"github.com/codingflow/rating/proxy/operations"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// soon is when something must have happened that takes a moment, on a busy machine too.
const soon = 20 * time.Second

// The method that is started.
var command = pb.File_natsgrpctest_v1_echo_proto.Services().ByName("EchoService").Methods().ByName("Command")

// lab is a NATS system, and those who call.
type lab struct {
	t        *testing.T
	ns       *server.Server
	js       jetstream.JetStream
	provider *authtest.Provider
	auth     *auth.Authenticator
}

func newLab(t *testing.T) *lab {
	t.Helper()
	l := &lab{t: t, ns: natsgrpctest.NewServer(t), provider: authtest.NewProvider(t)}
	var err error
	l.js, err = jetstream.New(natsgrpctest.Connect(t, l.ns))
	require.NoError(t, err)
	l.auth, err = auth.New(l.provider.Issuer, []string{authtest.Audience})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.auth.Close()) })
	return l
}

// as returns the context of a call of a principal.
func (l *lab) as(subject string) context.Context {
	l.t.Helper()
	header := http.Header{"Authorization": {"Bearer " + l.provider.Token(map[string]any{"sub": subject})}}
	ctx, _, err := l.auth.Authorize(l.t.Context(), command, header)
	require.NoError(l.t, err)
	return ctx
}

// proxy is what a proxy has of operations.
type proxy struct {
	service *operations.Service
	operationsv1.OperationServiceClient
	conn *natsgrpc.Conn
}

// proxy starts one on a connection of its own.
func (l *lab) proxy(opts ...operations.Option) *proxy {
	l.t.Helper()
	nc := natsgrpctest.Connect(l.t, l.ns)
	conn, err := natsgrpc.NewConn(nc, natsgrpc.WithLogger(slog.New(slog.DiscardHandler)))
	require.NoError(l.t, err)
	l.t.Cleanup(func() { require.NoError(l.t, conn.Close()) })
	service, err := operations.New(conn, nc, opts...)
	require.NoError(l.t, err)
	return &proxy{service, operationsv1.NewOperationServiceClient(service.Conn(conn)), conn}
}

// start starts a Command.
func (p *proxy) start(ctx context.Context, key, payload string) (*longrunningpb.Operation, error) {
	request, err := proto.Marshal(&pb.CommandRequest{Payload: []byte(payload)})
	if err != nil {
		return nil, err
	}
	return p.service.Start(ctx, command, key, request)
}

// get gets an operation.
func (p *proxy) get(ctx context.Context, name string) (*longrunningpb.Operation, error) {
	return p.GetOperation(ctx, &operationsv1.GetOperationRequest{Name: name})
}

// wait waits for an operation for as long as it takes.
func (p *proxy) wait(ctx context.Context, name string) (*longrunningpb.Operation, error) {
	return p.WaitOperation(ctx, &operationsv1.WaitOperationRequest{Name: name})
}

// list lists all operations.
func (p *proxy) list(t *testing.T, ctx context.Context) []*longrunningpb.Operation { //nolint:revive // t goes first in tests
	t.Helper()
	var all []*longrunningpb.Operation
	for token := ""; ; {
		page, err := p.ListOperations(ctx, &operationsv1.ListOperationsRequest{PageToken: token})
		require.NoError(t, err)
		all = append(all, page.GetOperations()...)
		if token = page.GetNextPageToken(); token == "" {
			return all
		}
	}
}

// serve serves the method until the test ends.
func (l *lab) serve(handle func(ctx context.Context, payload []byte) ([]byte, error)) {
	l.t.Helper()
	srv, err := natsgrpc.NewServer(natsgrpctest.Connect(l.t, l.ns), natsgrpc.WithLogger(slog.New(slog.DiscardHandler)))
	require.NoError(l.t, err)
	pb.RegisterEchoServiceServer(srv, &natsgrpctest.Echo{Handle: handle})
	natsgrpctest.Serve(l.t, srv)
}

// queue makes the queues of the method, which nobody pulls from.
func (l *lab) queue() {
	l.t.Helper()
	require.NoError(l.t, natsgrpc.Ensure(l.t.Context(), l.js, pb.File_natsgrpctest_v1_echo_proto.Services().ByName("EchoService")))
}

// responseOf returns the payload that an operation ends with.
func responseOf(t *testing.T, operation *longrunningpb.Operation) string {
	t.Helper()
	require.True(t, operation.GetDone(), "%v", operation)
	response := &pb.CommandResponse{}
	require.NoError(t, operation.GetResponse().UnmarshalTo(response), "%v", operation)
	return string(response.GetPayload())
}

// metadataOf returns what an operation tells of itself.
func metadataOf(t *testing.T, operation *longrunningpb.Operation) *operationsv1.OperationMetadata {
	t.Helper()
	metadata := &operationsv1.OperationMetadata{}
	require.NoError(t, operation.GetMetadata().UnmarshalTo(metadata))
	return metadata
}

// await returns what a channel gives soon.
func await[T any](t *testing.T, what string, from <-chan T) T {
	t.Helper()
	return natsgrpctest.Await(t, soon, what, from)
}
