package natsgrpc_test

import (
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	"github.com/codingflow/rating/natsgrpc/registry"
	pb "github.com/codingflow/rating/proto/natsgrpctest/v1"
)

// hubAndLeaf runs two servers with JetStream domains of their names, the second a leaf node of the first.
func hubAndLeaf(t *testing.T) (hub, leaf *server.Server) {
	t.Helper()
	hub = natsgrpctest.NewServerWith(t, &server.Options{
		ServerName: "hub", JetStreamDomain: "hub",
		LeafNode: server.LeafNodeOpts{Host: "127.0.0.1", Port: server.RANDOM_PORT},
	})
	monitor, err := hub.Varz(nil)
	require.NoError(t, err)
	address := fmt.Sprint("127.0.0.1:", monitor.LeafNode.Port)
	leaf = natsgrpctest.NewServerWith(t, &server.Options{
		ServerName: "leaf", JetStreamDomain: "leaf",
		LeafNode: server.LeafNodeOpts{Remotes: []*server.RemoteLeafOpts{{
			URLs: []*url.URL{{Scheme: "nats", Host: address}},
		}}},
	})
	js, err := jetstream.NewWithDomain(natsgrpctest.Connect(t, leaf), "hub")
	require.NoError(t, err)
	require.Eventually(t, func() bool { // the leaf has learnt of it
		_, err := js.AccountInfo(t.Context())
		return err == nil
	}, soon, 10*time.Millisecond)
	return hub, leaf
}

// A caller and a worker at a leaf node use the queues of the hub, beside a JetStream of the leaf's own.
func TestALeafNodeUsesItsHubsQueues(t *testing.T) {
	_, leaf := hubAndLeaf(t)
	nc := natsgrpctest.Connect(t, leaf)
	js, err := jetstream.NewWithDomain(nc, "hub")
	require.NoError(t, err)
	domain := natsgrpc.WithJetStreamDomain("hub")
	var count counter
	serve(t, nc, register(count.handle), domain, natsgrpc.WithPublishedDescriptors())
	serve(t, nc, streams(natsgrpctest.Streams{OnChat: natsgrpctest.EchoChat}), domain)
	serve(t, natsgrpctest.Connect(t, leaf), func(registrar grpc.ServiceRegistrar) { // of an older version, which hands its calls over
		registrar.RegisterService(&grpc.ServiceDesc{ServiceName: pb.EchoService_ServiceDesc.ServiceName}, nil)
	}, domain)
	conn := connect(t, natsgrpctest.Connect(t, leaf), domain)

	_, err = query(t.Context(), conn, "query")
	require.NoError(t, err)
	for range 2 {
		var id string
		got, err := keyed(t.Context(), conn, "key", "command", natsgrpc.CallID(&id))
		require.NoError(t, err)
		require.Equal(t, fmt.Sprint("command ", 2), got)
		require.Eventually(t, func() bool {
			reply := &pb.CommandResponse{}
			err := conn.Answer(t.Context(), pb.EchoService_Command_FullMethodName, id, reply)
			return err == nil && string(reply.GetPayload()) == got
		}, soon, time.Millisecond)
	}
	large := make([]byte, 2<<20)
	got, err := command(t.Context(), conn, string(large))
	require.NoError(t, err)
	require.Greater(t, len(got), len(large))
	stream := chat(t.Context(), t, conn)
	require.NoError(t, stream.CloseSend())

	letters, err := natsgrpc.NewDeadLetters(nc, domain)
	require.NoError(t, err)
	for _, err := range letters.All(t.Context()) {
		require.NoError(t, err)
	}
	require.Eventually(t, func() bool {
		published, err := registry.Read(t.Context(), nc, registry.WithJetStreamDomain("hub"))
		require.NoError(t, err)
		return len(published.Services) == 1 && len(published.Services[0].Versions[0].Instances) == 1
	}, soon, 10*time.Millisecond)
	info, err := js.Stream(t.Context(), "RESPONSES")
	require.NoError(t, err)
	require.NotZero(t, info.CachedInfo().State.Msgs)
	own, err := jetstream.NewWithDomain(nc, "leaf")
	require.NoError(t, err)
	_, err = own.Stream(t.Context(), "RESPONSES")
	require.ErrorIs(t, err, jetstream.ErrStreamNotFound)
}

// A leaf and its hub share the subjects of an account, and so both take what is published.
func TestAQueueInTwoDomainsOfAnAccountRunsACallTwice(t *testing.T) {
	hub, leaf := hubAndLeaf(t)
	var atHub, atLeaf counter
	serve(t, natsgrpctest.Connect(t, hub), register(atHub.handle), natsgrpc.WithJetStreamDomain("hub"))
	serve(t, natsgrpctest.Connect(t, leaf), register(atLeaf.handle), natsgrpc.WithJetStreamDomain("leaf"))
	conn := connect(t, natsgrpctest.Connect(t, leaf), natsgrpc.WithJetStreamDomain("leaf"))
	require.Eventually(t, func() bool { // the leaf learns of the hub's subjects after a moment
		_, err := command(t.Context(), conn, "x")
		require.NoError(t, err)
		return atHub.runs() > 0 && atLeaf.runs() > 0
	}, soon, 10*time.Millisecond)
}

func TestADomainIsOneToken(t *testing.T) {
	nc := natsgrpctest.Connect(t, natsgrpctest.NewServer(t))
	for _, domain := range []string{"a.b", "*", ">", "a b"} {
		want := fmt.Sprintf("natsgrpc: JetStream domain %q; want one subject token", domain)
		_, err := natsgrpc.NewConn(nc, natsgrpc.WithJetStreamDomain(domain))
		require.EqualError(t, err, want)
		_, err = natsgrpc.NewServer(nc, natsgrpc.WithJetStreamDomain(domain))
		require.EqualError(t, err, want)
		_, err = natsgrpc.NewDeadLetters(nc, natsgrpc.WithJetStreamDomain(domain))
		require.EqualError(t, err, want)
	}
}
