package natsgrpc_test

import (
	"context"
	"testing"
	"time"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthserver "google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
)

// Compile-time proof that what registers on a grpc.Server for reflection registers on a Server too.
var _ reflection.GRPCServer = (*natsgrpc.Server)(nil)

func TestGRPCsHealthServiceAnswers(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	checker := healthserver.NewServer()
	serve(t, natsgrpctest.Connect(t, ns), func(registrar grpc.ServiceRegistrar) { healthpb.RegisterHealthServer(registrar, checker) })
	client := healthpb.NewHealthClient(connect(t, natsgrpctest.Connect(t, ns)))
	got, err := client.Check(t.Context(), &healthpb.HealthCheckRequest{})
	require.NoError(t, err)
	require.Equal(t, healthpb.HealthCheckResponse_SERVING, got.GetStatus())
	_, err = client.Check(t.Context(), &healthpb.HealthCheckRequest{Service: "unknown"})
	require.Equal(t, codes.NotFound, status.Code(err))

	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	watch, err := client.Watch(ctx, &healthpb.HealthCheckRequest{})
	require.NoError(t, err)
	for _, want := range []healthpb.HealthCheckResponse_ServingStatus{healthpb.HealthCheckResponse_SERVING, healthpb.HealthCheckResponse_NOT_SERVING, healthpb.HealthCheckResponse_SERVING} {
		got, err := watch.Recv()
		require.NoError(t, err)
		require.Equal(t, want, got.GetStatus())
		if want == healthpb.HealthCheckResponse_SERVING {
			checker.SetServingStatus("", healthpb.HealthCheckResponse_NOT_SERVING)
		} else {
			checker.SetServingStatus("", healthpb.HealthCheckResponse_SERVING)
		}
	}
	cancel()
	require.Eventually(t, func() bool {
		_, err = watch.Recv()
		return status.Code(err) == codes.Canceled
	}, soon, time.Millisecond)
}

func TestServerReflectionAnswers(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	srv, err := natsgrpc.NewServer(natsgrpctest.Connect(t, ns))
	require.NoError(t, err)
	register(echo)(srv)
	streams(natsgrpctest.Streams{})(srv)
	reflection.Register(srv)
	stop := serveUntil(t, srv)
	t.Cleanup(func() { require.NoError(t, stop()) })

	info := srv.GetServiceInfo()["natsgrpctest.v1.StreamService"]
	require.Equal(t, "natsgrpctest/v1/stream.proto", info.Metadata)
	require.ElementsMatch(t, []grpc.MethodInfo{
		{Name: "Download", IsServerStream: true},
		{Name: "Upload", IsClientStream: true},
		{Name: "Chat", IsClientStream: true, IsServerStream: true},
		{Name: "Brief", IsClientStream: true, IsServerStream: true},
	}, info.Methods)

	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	client := reflectionpb.NewServerReflectionClient(connect(t, natsgrpctest.Connect(t, ns)))
	stream, err := client.ServerReflectionInfo(ctx)
	require.NoError(t, err)
	require.NoError(t, stream.Send(&reflectionpb.ServerReflectionRequest{MessageRequest: &reflectionpb.ServerReflectionRequest_ListServices{}}))
	got, err := stream.Recv()
	require.NoError(t, err)
	var names []string
	for _, service := range got.GetListServicesResponse().GetService() {
		names = append(names, service.GetName())
	}
	require.Equal(t, []string{
		"grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection",
		"natsgrpctest.v1.EchoService", "natsgrpctest.v1.StreamService",
	}, names)
	require.NoError(t, stream.Send(&reflectionpb.ServerReflectionRequest{MessageRequest: &reflectionpb.ServerReflectionRequest_FileContainingSymbol{
		FileContainingSymbol: "natsgrpctest.v1.EchoService",
	}}))
	got, err = stream.Recv()
	require.NoError(t, err)
	files := got.GetFileDescriptorResponse().GetFileDescriptorProto()
	require.NotEmpty(t, files)
	file := &descriptorpb.FileDescriptorProto{}
	require.NoError(t, proto.Unmarshal(files[0], file))
	require.Equal(t, "natsgrpctest/v1/echo.proto", file.GetName())
	require.NoError(t, stream.CloseSend())
}
