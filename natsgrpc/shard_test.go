package natsgrpc_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	natsgrpcv1 "github.com/codingflow/rating/proto/natsgrpc/v1"
	pb "github.com/codingflow/rating/proto/natsgrpctest/v1"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// sharded describes an EchoService whose queues have three shards each.
func sharded(t *testing.T) *protoregistry.Files {
	return describe(t, func(s *natsgrpcv1.ServiceDelivery, _ *natsgrpcv1.MethodDelivery) {
		s.GetQueries().Shards, s.GetCommands().Shards = 3, 3
	})
}

// deliveries counts what the consumers of an EchoService's shards have delivered.
func deliveries(t *testing.T, nc *nats.Conn, kind string) (each [3]uint64) {
	t.Helper()
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	for shard := range each {
		consumer, err := js.Consumer(t.Context(), fmt.Sprintf("%s_natsgrpctest_v1_EchoService_%d", kind, shard), "workers")
		require.NoError(t, err)
		each[shard] = consumer.CachedInfo().Delivered.Consumer
	}
	return each
}

func TestCallsSpreadOverShards(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	nc := natsgrpctest.Connect(t, ns)
	descriptors := sharded(t)
	var count counter
	serve(t, nc, register(count.handle), natsgrpc.WithDescriptors(descriptors), natsgrpc.WithSlots(4, 1))
	conn := connect(t, natsgrpctest.Connect(t, ns), natsgrpc.WithDescriptors(descriptors))
	requests, err := nc.SubscribeSync("*.natsgrpctest_v1_EchoService.*.*.*")
	require.NoError(t, err)
	require.NoError(t, nc.Flush())
	const each = 60
	for range each {
		_, err := query(t.Context(), conn, "x")
		require.NoError(t, err)
		_, err = command(t.Context(), conn, "x")
		require.NoError(t, err)
	}
	for _, kind := range []string{"QRY", "CMD"} {
		for shard, n := range deliveries(t, nc, kind) {
			require.Greater(t, n, uint64(each/10), "%s %d", kind, shard)
		}
	}
	subjects := map[string]bool{} // a busy machine may publish or deliver a call again, but to the same shard
	for {
		if left, _, err := requests.Pending(); err != nil || left == 0 {
			require.NoError(t, err)
			break
		}
		msg, err := requests.NextMsg(soon)
		require.NoError(t, err)
		subjects[msg.Subject] = true
	}
	require.Len(t, subjects, 2*each)
	// A key's call finds its shard from every connection, in the queue, after its end and after its answer.
	for i := range 10 {
		before := count.runs()
		for range 2 {
			_, err := keyed(t.Context(), connect(t, natsgrpctest.Connect(t, ns), natsgrpc.WithDescriptors(descriptors)), fmt.Sprint("key ", i), "x")
			require.NoError(t, err)
			require.Equal(t, before+1, count.runs())
		}
	}
}

func TestACallIsPendingInItsShard(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	nc := natsgrpctest.Connect(t, ns)
	descriptors := sharded(t)
	started, release := make(chan struct{}, 10), make(chan struct{})
	serve(t, nc, register(func(_ context.Context, payload []byte) ([]byte, error) {
		started <- struct{}{}
		<-release
		return payload, nil
	}), natsgrpc.WithDescriptors(descriptors))
	conn := connect(t, natsgrpctest.Connect(t, ns), natsgrpc.WithDescriptors(descriptors))
	var ids [6]string
	var calls []<-chan result
	for i := range ids {
		calls = append(calls, begin(t.Context(), func(ctx context.Context) (string, error) {
			return keyed(ctx, conn, fmt.Sprint(i), "hello", natsgrpc.CallID(&ids[i]))
		}))
		await(t, "the handler", started)
		require.ErrorIs(t, conn.Answer(t.Context(), pb.EchoService_Command_FullMethodName, ids[i], &pb.CommandResponse{}), natsgrpc.ErrPending)
		calls = append(calls, begin(t.Context(), func(ctx context.Context) (string, error) { return keyed(ctx, conn, fmt.Sprint(i), "hello") }))
	}
	close(release)
	for _, call := range calls {
		require.Equal(t, result{answer: "hello"}, await(t, "a call", call))
	}
	require.Empty(t, started)
}

func TestADeadLetterGoesBackToItsShard(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	nc := natsgrpctest.Connect(t, ns)
	descriptors := sharded(t)
	var mended atomic.Bool
	replayed := make(chan string, 10)
	serve(t, nc, register(func(ctx context.Context, payload []byte) ([]byte, error) {
		if !mended.Load() {
			panic("a bug")
		}
		replayed <- natsgrpc.RequestID(ctx)
		return payload, nil
	}), natsgrpc.WithDescriptors(descriptors))
	conn := connect(t, nc, natsgrpc.WithDescriptors(descriptors))
	letters, err := natsgrpc.NewDeadLetters(nc)
	require.NoError(t, err)
	var ids [6]string
	for i := range ids {
		_, err := keyed(t.Context(), conn, fmt.Sprint(i), "hello", natsgrpc.CallID(&ids[i]))
		require.Equal(t, codes.Internal, status.Code(err))
	}
	before := deliveries(t, nc, "CMD")
	mended.Store(true)
	for i, id := range ids {
		require.NoError(t, letters.Replay(t.Context(), id))
		require.Equal(t, id, await(t, "the replay", replayed))
		require.Eventually(t, func() bool {
			got, err := keyed(t.Context(), conn, fmt.Sprint(i), "hello")
			return err == nil && got == "hello"
		}, soon, 10*time.Millisecond, "the replay's answer takes the place of the kept one")
	}
	for shard, n := range deliveries(t, nc, "CMD") { // each had three attempts and the delivery that gave it up
		require.Equal(t, before[shard]/4, n-before[shard], shard)
	}
}

func TestPermissionsCoverEveryShard(t *testing.T) {
	descriptor, err := sharded(t).FindDescriptorByName("natsgrpctest.v1.EchoService")
	require.NoError(t, err)
	service := descriptor.(protoreflect.ServiceDescriptor)
	server, conn := natsgrpc.ServerPermissions("_INBOX_s", service), natsgrpc.ConnPermissions("_INBOX_c", service)
	for shard := range 3 {
		for _, kind := range []string{"CMD", "QRY"} {
			stream := fmt.Sprintf("%s_natsgrpctest_v1_EchoService_%d", kind, shard)
			require.Contains(t, server.Publish, "$JS.API.CONSUMER.MSG.NEXT."+stream+".workers")
			require.Contains(t, server.Publish, "$JS.API.STREAM.INFO."+stream)
			require.Contains(t, server.Publish, "$JS.ACK."+stream+".workers.>")
		}
		require.Contains(t, conn.Publish, fmt.Sprintf("cmd.natsgrpctest_v1_EchoService.%d.>", shard))
		require.Contains(t, conn.Publish, fmt.Sprintf("qry.natsgrpctest_v1_EchoService.%d.>", shard))
		require.Contains(t, conn.Publish, fmt.Sprintf("$JS.API.DIRECT.GET.CMD_natsgrpctest_v1_EchoService_%[1]d.cmd.natsgrpctest_v1_EchoService.%[1]d.>", shard))
	}
}
