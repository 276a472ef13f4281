package natsgrpc

import (
	"testing"
	"time"

	pb "github.com/codingflow/rating/proto/natsgrpctest/v1"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/health/grpc_health_v1"
)

func TestQueuesFollowTheOptions(t *testing.T) {
	queues := Queues(pb.File_natsgrpctest_v1_echo_proto.Services().ByName("EchoService"))
	require.Len(t, queues, 2)
	consumer := jetstream.ConsumerConfig{
		Durable:       "workers",
		Description:   "The pulling workers, managed by natsgrpc",
		AckPolicy:     jetstream.AckExplicitPolicy,
		AckWait:       time.Second,
		MaxDeliver:    -1,
		MaxAckPending: -1,
		MaxWaiting:    4096,
	}
	require.Equal(t, jetstream.StreamConfig{
		Name:        "QRY_natsgrpctest_v1_EchoService_0",
		Description: "Pending calls, managed by natsgrpc",
		Subjects:    []string{"qry.natsgrpctest_v1_EchoService.0.>"},
		Retention:   jetstream.WorkQueuePolicy,
		Discard:     jetstream.DiscardNew,
		MaxMsgs:     100,
		MaxBytes:    64 << 20,
		MaxAge:      2 * time.Minute,
		Storage:     jetstream.MemoryStorage,
		Replicas:    1,
		Duplicates:  20 * time.Second,
		AllowMsgTTL: true,
		AllowDirect: true,

		DiscardNewPerSubject: true,
		MaxMsgsPerSubject:    1,
	}, queues[0].Stream)
	require.Equal(t, jetstream.StreamConfig{
		Name:                 "CMD_natsgrpctest_v1_EchoService_0",
		Description:          "Pending calls, managed by natsgrpc",
		Subjects:             []string{"cmd.natsgrpctest_v1_EchoService.0.>"},
		Retention:            jetstream.WorkQueuePolicy,
		Discard:              jetstream.DiscardNew,
		DiscardNewPerSubject: true,
		MaxMsgs:              100,
		MaxMsgsPerSubject:    1,
		MaxBytes:             64 << 20,
		MaxAge:               24 * time.Hour,
		Storage:              jetstream.FileStorage,
		Replicas:             1,
		Duplicates:           30 * time.Second,
		AllowDirect:          true,
	}, queues[1].Stream)
	for _, queue := range queues {
		require.Equal(t, consumer, queue.Consumer)
	}
}

func TestQueuesWithoutOptionsHaveTheDefaults(t *testing.T) {
	queues := Queues(grpc_health_v1.File_grpc_health_v1_health_proto.Services().ByName("Health"))
	require.Len(t, queues, 1, "no method of Health is marked as a query")
	require.EqualValues(t, 10_000, queues[0].Stream.MaxMsgs)
	require.Equal(t, 5*time.Second, queues[0].Consumer.AckWait)
}

func TestMethodsFollowTheOptions(t *testing.T) {
	methods := pb.File_natsgrpctest_v1_echo_proto.Services().ByName("EchoService").Methods()
	require.Equal(t, &method{
		descriptor: methods.ByName("Command"),
		service:    "natsgrpctest_v1_EchoService", queue: "cmd.natsgrpctest_v1_EchoService.0", name: "Command",
		fullName: "/natsgrpctest.v1.EchoService/Command", kind: command, shards: 1,
		attempts: 3, backoff: 20 * time.Millisecond, timeout: 20 * time.Second, maxAge: 24 * time.Hour,
	}, newMethod(methods.ByName("Command")))
	require.Equal(t, &method{
		descriptor: methods.ByName("Query"),
		service:    "natsgrpctest_v1_EchoService", queue: "qry.natsgrpctest_v1_EchoService.0", name: "Query",
		fullName: "/natsgrpctest.v1.EchoService/Query", kind: query, shards: 1,
		attempts: 5, backoff: 100 * time.Millisecond, timeout: 10 * time.Second, maxAge: 2 * time.Minute,
	}, newMethod(methods.ByName("Query")))
}

func TestTheBackoffDoublesUpTo32Times(t *testing.T) {
	m := &method{backoff: time.Second}
	for attempt, want := range map[int]time.Duration{0: 1, 1: 1, 2: 2, 3: 4, 6: 32, 7: 32, 1000: 32} {
		require.Equal(t, want*time.Second, m.backoffAfter(attempt), "attempt %d", attempt)
	}
	for range 1000 {
		require.InDelta(t, 1.0, jitter(time.Second).Seconds(), 0.2)
	}
}
