package faults_test

import (
	"context"
	"slices"
	"strconv"
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
	s, js := newReplicatedScenario(t)
	startPool(t, 2, s.worker(s.url()))
	calls := run(t, size(), command(s.conn(s.url())), func(calls *load) {
		for range rounds() {
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

// All three are restarted one after the other, as in a rollout: each hands its leadership over, and its clients to the others. No
// caller is told that there is no queue, while the queue or the stream of answers elects a leader. Those who do not wait for a
// connection may come in the moment in which there is none.
func TestARolloutOfNATSTakesNoQueueAway(t *testing.T) {
	s, js := newReplicatedScenario(t)
	startPool(t, 2, s.worker(s.url()))
	for range rounds() {
		conn := s.conn(s.url())
		client := pb.NewEchoServiceClient(conn)
		calls := run(t, size(), func(ctx context.Context, i int) error {
			p := payload(goodPayload, i)
			var err error
			switch request := (&pb.CommandRequest{Payload: []byte(p)}); i % 4 {
			case 0:
				_, err = client.Query(ctx, &pb.QueryRequest{Payload: []byte(p)})
			case 1:
				_, err = client.Command(ctx, request)
			case 2:
				_, err = client.Command(ctx, request, natsgrpc.IdempotencyKey("faults", strconv.FormatInt(s.began.UnixNano(), 10)+p))
			default:
				_, err = conn.Start(ctx, pb.EchoService_Command_FullMethodName, request)
			}
			return err
		}, func(calls *load) {
			calls.await(callers)
			for i := range s.servers {
				s.servers[i].retire(t)
				calls.await(callers)
				s.restart(i)
				s.awaitReplicas(js)
			}
			calls.await(callers)
		})
		t.Logf("%d of %d calls failed; the longest took %v", len(calls.failed), calls.made(), calls.longest)
		for i, err := range calls.failed {
			require.Equal(t, natsgrpc.ReasonNotConnected, reason(err), "call %d: %v", i, err)
		}
		require.Less(t, len(calls.failed), calls.made()/10)
	}
}

// rounds is how often a fault is repeated.
func rounds() int {
	if full() {
		return 3
	}
	return 1
}

// newReplicatedScenario starts three NATS servers, on which each stream of the test's service has three replicas.
func newReplicatedScenario(t *testing.T) (*scenario, jetstream.JetStream) {
	t.Helper()
	replicated := usual
	replicated.Replicas = 3
	replicated.Timeout = 5 * time.Minute // an election stops the queue for seconds, from which a caller expects half a minute of backlog
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
	return s, js
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
