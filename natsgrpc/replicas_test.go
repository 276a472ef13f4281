package natsgrpc_test

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	natsgrpcv1 "github.com/codingflow/rating/proto/natsgrpc/v1"
)

// replicatedEcho is EchoService with options that ask for replicas of its commands.
func replicatedEcho(t *testing.T, replicas uint32) protoreflect.ServiceDescriptor {
	t.Helper()
	found, err := describe(t, func(s *natsgrpcv1.ServiceDelivery, _ *natsgrpcv1.MethodDelivery) {
		s.GetCommands().Replicas = replicas
	}).FindDescriptorByName(echoService.FullName())
	require.NoError(t, err)
	return found.(protoreflect.ServiceDescriptor)
}

// freePorts returns ports of the loopback interface that are free now, and so most likely in a moment too.
func freePorts(t testing.TB, n int) []int {
	t.Helper()
	ports := make([]int, n)
	for i := range ports {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer func() { require.NoError(t, listener.Close()) }() // when all are open, so that they differ
		ports[i] = listener.Addr().(*net.TCPAddr).Port
	}
	return ports
}

// cluster runs three NATS servers that are one cluster, and returns its JetStream.
func cluster(t testing.TB) jetstream.JetStream {
	t.Helper()
	ports := freePorts(t, 3)
	var routes []string
	for _, port := range ports {
		routes = append(routes, fmt.Sprintf("nats://127.0.0.1:%d", port))
	}
	servers := make([]*server.Server, len(ports))
	for i, port := range ports {
		servers[i] = natsgrpctest.NewServerWith(t, &server.Options{
			ServerName: fmt.Sprintf("node-%d", i),
			Cluster:    server.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: port, NoAdvertise: true},
			Routes:     server.RoutesFromStr(strings.Join(routes, ",")),
		})
	}
	require.Eventually(t, func() bool {
		return slices.ContainsFunc(servers, func(ns *server.Server) bool {
			return ns.JetStreamIsLeader() && len(ns.JetStreamClusterPeers()) == len(ports)
		})
	}, soon, 10*time.Millisecond)
	js, err := jetstream.New(natsgrpctest.Connect(t, servers[0]))
	require.NoError(t, err)
	return js
}

// ensureSoon makes the queues. While a stream elects a leader, a change of it may time out.
func ensureSoon(t testing.TB, js jetstream.JetStream, service protoreflect.ServiceDescriptor) {
	t.Helper()
	require.EventuallyWithT(t, func(c *assert.CollectT) { assert.NoError(c, natsgrpc.Ensure(t.Context(), js, service)) }, time.Minute, 10*time.Millisecond)
}

func TestTheOptionsHaveTheLeastNumberOfReplicas(t *testing.T) {
	js := cluster(t)
	one, three := replicatedEcho(t, 0), replicatedEcho(t, 3)
	ensureSoon(t, js, one)
	const few = "num_replicas is 1, want 3"
	require.EqualError(t, natsgrpc.Verify(t.Context(), js, three), natsgrpc.ErrQueues.Error()+": stream RESPONSES: "+few+
		"\nstream DEAD: "+few+"\nstream PARTS: "+few+"\nstream KV_DESCRIPTORS: "+few+"\nstream "+commandStream+": "+few)

	ensureSoon(t, js, three)
	require.NoError(t, natsgrpc.Verify(t.Context(), js, three))
	require.NoError(t, natsgrpc.Verify(t.Context(), js, one))
	ensureSoon(t, js, one)
	changed := natsgrpc.Queues(one)[0].Stream
	changed.Replicas, changed.MaxMsgs = 3, 5 // of which an operator may choose the first
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		_, err := js.UpdateStream(t.Context(), changed)
		assert.NoError(c, err)
	}, time.Minute, 10*time.Millisecond)
	require.EqualError(t, natsgrpc.Verify(t.Context(), js, one), natsgrpc.ErrQueues.Error()+": stream "+queryStream+": max_msgs is 5, want 100")
	ensureSoon(t, js, one)
	for _, name := range []string{"RESPONSES", "DEAD", "PARTS", "KV_DESCRIPTORS", queryStream, commandStream} {
		stream, err := js.Stream(t.Context(), name)
		require.NoError(t, err)
		require.Equal(t, 3, stream.CachedInfo().Config.Replicas, name)
	}
}
