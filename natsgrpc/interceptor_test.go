package natsgrpc_test

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	pb "github.com/codingflow/rating/proto/natsgrpctest/v1"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

func TestClientInterceptorsWrapTheCall(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	nc := natsgrpctest.Connect(t, ns)
	serve(t, nc, func(registrar grpc.ServiceRegistrar) {
		register(func(ctx context.Context, _ []byte) ([]byte, error) {
			md, _ := metadata.FromIncomingContext(ctx)
			return []byte(md.Get("from")[0]), nil
		})(registrar)
		pb.RegisterStreamServiceServer(registrar, &natsgrpctest.Streams{OnUpload: func(stream natsgrpctest.UploadStream) error {
			md, _ := metadata.FromIncomingContext(stream.Context())
			if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
				return err
			}
			return stream.SendAndClose(&pb.UploadResponse{Payload: []byte(md.Get("from")[0])})
		}})
	})
	var order []string
	unary := func(name string) grpc.UnaryClientInterceptor {
		return func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoker grpc.UnaryInvoker, options ...grpc.CallOption) error {
			order = append(order, name+" "+method)
			return invoker(metadata.AppendToOutgoingContext(ctx, "from", name), method, req, reply, cc, options...)
		}
	}
	stream := func(name string) grpc.StreamClientInterceptor {
		return func(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, streamer grpc.Streamer, options ...grpc.CallOption) (grpc.ClientStream, error) {
			order = append(order, name+" "+method)
			return streamer(metadata.AppendToOutgoingContext(ctx, "from", name), desc, cc, method, options...)
		}
	}
	conn, err := natsgrpc.NewConn(nc,
		natsgrpc.WithUnaryClientInterceptors(unary("first"), unary("second")),
		natsgrpc.WithStreamClientInterceptors(stream("first"), stream("second")))
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close()) }()
	got, err := query(t.Context(), conn, "x")
	require.NoError(t, err)
	require.Equal(t, "first", got)
	upload, err := pb.NewStreamServiceClient(conn).Upload(t.Context())
	require.NoError(t, err)
	reply, err := upload.CloseAndRecv()
	require.NoError(t, err)
	require.Equal(t, "first", string(reply.GetPayload()))
	require.Equal(t, []string{
		"first " + pb.EchoService_Query_FullMethodName, "second " + pb.EchoService_Query_FullMethodName,
		"first " + pb.StreamService_Upload_FullMethodName, "second " + pb.StreamService_Upload_FullMethodName,
	}, order)
}
