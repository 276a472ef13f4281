package natsgrpc_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	natsgrpcv1 "github.com/codingflow/rating/proto/natsgrpc/v1"
	pb "github.com/codingflow/rating/proto/natsgrpctest/v1"
)

// callersPerCPU make the calls of a benchmark, so that one does not wait for another's acks.
const callersPerCPU = 32

// BenchmarkReplicas is what copies of a queue cost, on a cluster of three servers in this process: queries are in memory,
// commands in files, and so are their answers.
func BenchmarkReplicas(b *testing.B) {
	for _, replicas := range []uint32{1, 3} {
		js := cluster(b)
		files := describe(b, func(s *natsgrpcv1.ServiceDelivery, _ *natsgrpcv1.MethodDelivery) {
			s.GetQueries().Replicas, s.GetCommands().Replicas = replicas, replicas
			s.GetQueries().MaxPending, s.GetCommands().MaxPending = 10_000, 10_000
		})
		found, err := files.FindDescriptorByName(echoService.FullName())
		require.NoError(b, err)
		ensureSoon(b, js, found.(protoreflect.ServiceDescriptor))
		srv, err := natsgrpc.NewServer(js.Conn(), natsgrpc.WithDescriptors(files), natsgrpc.WithSlots(16, 16))
		require.NoError(b, err)
		benchmarkCalls(b, fmt.Sprint("replicas=", replicas), srv, connect(b, js.Conn(), natsgrpc.WithDescriptors(files)))
	}
}

// BenchmarkShards is what a queue does in several streams. It needs processors for all of their leaders.
func BenchmarkShards(b *testing.B) {
	for _, shards := range []uint32{1, 2, 4} {
		ns := natsgrpctest.NewServer(b)
		files := describe(b, func(s *natsgrpcv1.ServiceDelivery, _ *natsgrpcv1.MethodDelivery) {
			s.GetQueries().Shards, s.GetCommands().Shards = shards, shards
			s.GetQueries().MaxPending, s.GetCommands().MaxPending = 10_000, 10_000
		})
		srv, err := natsgrpc.NewServer(natsgrpctest.Connect(b, ns), natsgrpc.WithDescriptors(files), natsgrpc.WithSlots(16, 16))
		require.NoError(b, err)
		benchmarkCalls(b, fmt.Sprint("shards=", shards), srv, connect(b, natsgrpctest.Connect(b, ns), natsgrpc.WithDescriptors(files)))
	}
}

// benchmarkCalls makes queries and commands of 512 bytes that are answered at once.
func benchmarkCalls(b *testing.B, name string, srv *natsgrpc.Server, conn *natsgrpc.Conn) {
	register(func(_ context.Context, payload []byte) ([]byte, error) { return payload, nil })(srv)
	stop := serveUntil(b, srv)
	defer func() { require.NoError(b, stop()) }()
	client := pb.NewEchoServiceClient(conn)
	payload := make([]byte, 512)
	for _, shape := range []struct {
		kind string
		call func(context.Context) error
	}{
		{"query", func(ctx context.Context) error {
			_, err := client.Query(ctx, &pb.QueryRequest{Payload: payload})
			return err
		}},
		{"command", func(ctx context.Context) error {
			_, err := client.Command(ctx, &pb.CommandRequest{Payload: payload})
			return err
		}},
	} {
		b.Run(shape.kind+"/"+name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetParallelism(callersPerCPU)
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					if err := shape.call(b.Context()); err != nil {
						b.Error(err)
						return
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
		})
	}
}
