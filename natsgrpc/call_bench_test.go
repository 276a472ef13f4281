package natsgrpc_test

import (
	"context"
	"testing"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	pb "github.com/codingflow/rating/proto/natsgrpctest/v1"
	"github.com/stretchr/testify/require"
)

// benchmarkServer answers every call with its own payload.
type benchmarkServer struct {
	pb.UnimplementedBenchmarkServiceServer
}

func (benchmarkServer) Read(_ context.Context, req *pb.ReadRequest) (*pb.ReadResponse, error) {
	return &pb.ReadResponse{Payload: req.GetPayload()}, nil
}

func (benchmarkServer) Write(_ context.Context, req *pb.WriteRequest) (*pb.WriteResponse, error) {
	return &pb.WriteResponse{Payload: req.GetPayload()}, nil
}

// BenchmarkCall makes unary calls with 512 bytes, 64 at a time. What it allocates is that of both ends and of the NATS
// server, all in this process; tools/bench compares the times with the bare queue's.
func BenchmarkCall(b *testing.B) {
	ns := natsgrpctest.NewServer(b)
	srv, err := natsgrpc.NewServer(natsgrpctest.Connect(b, ns))
	require.NoError(b, err)
	pb.RegisterBenchmarkServiceServer(srv, benchmarkServer{})
	stop := serveUntil(b, srv)
	defer func() { require.NoError(b, stop()) }()
	client := pb.NewBenchmarkServiceClient(connect(b, natsgrpctest.Connect(b, ns)))
	payload := make([]byte, 512)
	for name, call := range map[string]func() error{
		"query": func() error {
			_, err := client.Read(context.Background(), &pb.ReadRequest{Payload: payload})
			return err
		},
		"command": func() error {
			_, err := client.Write(context.Background(), &pb.WriteRequest{Payload: payload})
			return err
		},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetParallelism(32)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := call(); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}
