package operations_test

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	pb "github.com/codingflow/rating/proto/natsgrpctest/v1"
	operationsv1 "github.com/codingflow/rating/proto/operations/v1"
	"github.com/codingflow/rating/proxy/operations"
)

// A proxy's user keeps operations in a bucket that somebody else has made, and may do nothing else with it.
func TestAProxyWorksWithLeastPermissions(t *testing.T) {
	l := newLab(t)
	echo := pb.File_natsgrpctest_v1_echo_proto.Services().ByName("EchoService")
	calls, own := natsgrpc.ConnPermissions("_INBOX_proxy", echo), operations.Permissions("_INBOX_proxy")
	l.ns = natsgrpctest.NewServerWith(t, &server.Options{Users: []*server.User{
		{Username: "admin", Password: "admin"},
		{Username: "proxy", Password: "proxy", Permissions: &server.Permissions{
			Publish:   &server.SubjectPermission{Allow: append(calls.Publish, own.Publish...)},
			Subscribe: &server.SubjectPermission{Allow: append(calls.Subscribe, own.Subscribe...)},
		}},
	}})
	admin, err := nats.Connect(l.ns.ClientURL(), nats.UserInfo("admin", "admin"))
	require.NoError(t, err)
	t.Cleanup(admin.Close)
	l.js, err = jetstream.New(admin)
	require.NoError(t, err)
	l.queue()
	require.NoError(t, operations.Ensure(t.Context(), l.js))

	denied := make(chan string, 100)
	nc, err := nats.Connect(l.ns.ClientURL(), nats.UserInfo("proxy", "proxy"), nats.CustomInboxPrefix("_INBOX_proxy"),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			if errors.Is(err, nats.ErrPermissionViolation) {
				denied <- err.Error()
			}
		}))
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	conn, err := natsgrpc.NewConn(nc, natsgrpc.WithLogger(slog.New(slog.DiscardHandler)))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	service, err := operations.New(conn, nc)
	require.NoError(t, err)
	p := &proxy{service, operationsv1.NewOperationServiceClient(service.Conn(conn)), conn}

	started, err := p.start(l.as("ada"), "key", "hello")
	require.NoError(t, err)
	_, err = p.start(l.as("ada"), "key", "another") // which looks for what is there
	require.Equal(t, codes.InvalidArgument, status.Code(err))
	got, err := p.get(l.as("ada"), started.GetName())
	require.NoError(t, err)
	require.False(t, got.GetDone())
	require.Len(t, p.list(t, l.as("ada")), 1)
	_, err = p.service.PutRecord(l.as("ada"), command, "more")
	require.NoError(t, err)
	require.Len(t, p.list(t, l.as("ada")), 2)
	require.NoError(t, nc.Flush())
	require.Empty(t, denied)

	stream := operations.Stream().Name
	for _, subject := range []string{
		"$JS.API.STREAM.CREATE." + stream, "$JS.API.STREAM.DELETE." + stream, "$JS.API.STREAM.PURGE." + stream, "$JS.API.STREAM.UPDATE." + stream,
		"$JS.API.STREAM.MSG.GET." + stream, "$JS.API.STREAM.MSG.DELETE." + stream, "$JS.API.CONSUMER.CREATE." + stream + ".spy", "$KV.OTHER.x",
	} {
		require.NoError(t, nc.Publish(subject, nil))
		select {
		case violation := <-denied:
			require.Contains(t, violation, subject)
		case <-time.After(soon):
			require.Fail(t, "it is not denied", subject)
		}
	}
	_, err = nc.SubscribeSync("$KV.OPERATIONS.>")
	require.NoError(t, err)
	require.Contains(t, await(t, "the refusal", denied), "$KV.OPERATIONS.>")
}
