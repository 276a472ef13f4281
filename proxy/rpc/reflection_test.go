package rpc_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/codingflow/rating/proxy/rpc"
)

func TestReflection(t *testing.T) {
	address := serve(t, newEcho(t, handlers{}, rpc.WithReflection()))
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	stream, err := reflectionpb.NewServerReflectionClient(dial(t, address)).ServerReflectionInfo(ctx)
	require.NoError(t, err)
	ask := func(request *reflectionpb.ServerReflectionRequest) *reflectionpb.ServerReflectionResponse {
		require.NoError(t, stream.Send(request))
		response, err := stream.Recv()
		require.NoError(t, err)
		return response
	}

	var names []string
	for _, service := range ask(&reflectionpb.ServerReflectionRequest{
		MessageRequest: &reflectionpb.ServerReflectionRequest_ListServices{},
	}).GetListServicesResponse().GetService() {
		names = append(names, service.GetName())
	}
	require.Equal(t, []string{"grpc.reflection.v1.ServerReflection", "natsgrpctest.v1.EchoService", "natsgrpctest.v1.StreamService"}, names)

	files := ask(&reflectionpb.ServerReflectionRequest{
		MessageRequest: &reflectionpb.ServerReflectionRequest_FileContainingSymbol{FileContainingSymbol: "natsgrpctest.v1.EchoService"},
	}).GetFileDescriptorResponse().GetFileDescriptorProto()
	var paths []string
	for _, data := range files {
		file := &descriptorpb.FileDescriptorProto{}
		require.NoError(t, proto.Unmarshal(data, file))
		paths = append(paths, file.GetName())
	}
	require.Contains(t, paths, "natsgrpctest/v1/echo.proto")
	require.Contains(t, paths, "natsgrpc/v1/delivery.proto", "imports come with it")

	problem := ask(&reflectionpb.ServerReflectionRequest{
		MessageRequest: &reflectionpb.ServerReflectionRequest_FileContainingSymbol{FileContainingSymbol: "rating.v1.UserService"},
	}).GetErrorResponse()
	require.Equal(t, int32(codes.NotFound), problem.GetErrorCode(), "it is linked in, and not served")
	require.NoError(t, stream.CloseSend())
}

func TestNoReflection(t *testing.T) {
	address := serve(t, newEcho(t, handlers{}))
	stream, err := reflectionpb.NewServerReflectionClient(dial(t, address)).ServerReflectionInfo(t.Context())
	require.NoError(t, err)
	_, err = stream.Recv()
	require.Equal(t, codes.Unimplemented, status.Code(err))
}
