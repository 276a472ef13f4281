package faults_test

import (
	"slices"
	"testing"
	"time"

	"github.com/codingflow/rating/natsgrpc"
	pb "github.com/codingflow/rating/proto/natsgrpctest/v1"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// One node of three is killed and comes back, then the one that leads the queue, with commands in flight. Every stream
// has three replicas.
func TestAClusterThatLosesANodeLosesNoCommand(t *testing.T) {
	t.Parallel() // most of it is waiting
	replicated := usual
	replicated.Replicas = 3
	s := newScenarioOn(t, replicated, newCluster(t)...)
	js := s.js()
	service, err := replicated.service()
	require.NoError(t, err)
	// A service that needs one replica leaves the shared streams with what they have.
	single := pb.File_natsgrpctest_v1_stream_proto.Services().ByName("StreamService")
	for _, each := range []protoreflect.ServiceDescriptor{single, service, single} {
		require.Eventually(t, func() bool { return natsgrpc.Ensure(t.Context(), js, each) == nil }, patience, 100*time.Millisecond)
	}
	require.NoError(t, natsgrpc.Verify(t.Context(), js, single, service))
	s.awaitReplicas(js)
	startPool(t, 2, s.worker(s.url()))
	rounds := 1
	if full() {
		rounds = 3
	}
	calls := run(t, size(), command(s.conn(s.url())), func(calls *load) {
		for range rounds {
			for _, choose := range []func(leader int) int{
				func(leader int) int { return (leader + 1) % len(s.nats) },
				func(leader int) int { return leader },
			} {
				calls.await(callers)
				i := choose(s.leader(js))
				s.servers[i].kill()
				calls.await(2 * callers)
				s.restart(i)
				s.awaitReplicas(js)
			}
		}
		calls.await(callers)
	})
	s.requireOnce(calls)
	requireEmpty(t, js, commandStream)
}

// leader returns the node that leads the queue of commands.
func (s *scenario) leader(js jetstream.JetStream) int {
	s.t.Helper()
	leader := -1
	require.Eventually(s.t, func() bool {
		stream, err := js.Stream(s.t.Context(), commandStream)
		if err != nil {
			return false
		}
		leader = slices.IndexFunc(s.nats, func(n *natsRole) bool { return n.Name == stream.CachedInfo().Cluster.Leader })
		return leader >= 0
	}, patience, 100*time.Millisecond)
	return leader
}

// awaitReplicas waits until all replicas of all streams and consumers are up to date.
func (s *scenario) awaitReplicas(js jetstream.JetStream) {
	s.t.Helper()
	current := func(info *jetstream.ClusterInfo) bool {
		return info != nil && info.Leader != "" && len(info.Replicas) == len(s.nats)-1 &&
			!slices.ContainsFunc(info.Replicas, func(p *jetstream.PeerInfo) bool { return !p.Current || p.Offline })
	}
	require.Eventually(s.t, func() bool {
		for _, name := range []string{"RESPONSES", "DEAD", queryStream, commandStream} {
			stream, err := js.Stream(s.t.Context(), name)
			if err != nil || !current(stream.CachedInfo().Cluster) {
				return false
			}
		}
		for _, name := range []string{queryStream, commandStream} {
			consumer, err := js.Consumer(s.t.Context(), name, "workers")
			if err != nil || !current(consumer.CachedInfo().Cluster) {
				return false
			}
		}
		return true
	}, patience, 100*time.Millisecond, "the replicas do not get current")
}
