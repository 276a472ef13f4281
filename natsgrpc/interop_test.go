package natsgrpc_test

import (
	"context"
	"testing"
	"time"

	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/interop"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"
)

// TestInterop runs the interoperability cases of grpc-go over natsgrpc. A case that fails ends the process with what it
// got and what it wanted.
func TestInterop(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	serve(t, natsgrpctest.Connect(t, ns), func(registrar grpc.ServiceRegistrar) {
		testpb.RegisterTestServiceServer(registrar, interop.NewTestServer())
		// Over TCP any server answers for a service that it does not have. A service without a queue has nobody to
		// answer for it, which is UNAVAILABLE, so this one has a queue and no method.
		registrar.RegisterService(&grpc.ServiceDesc{ServiceName: "grpc.testing.UnimplementedService"}, nil)
	})
	conn := connect(t, natsgrpctest.Connect(t, ns))
	client := testpb.NewTestServiceClient(conn)
	for name, run := range map[string]func(context.Context, testpb.TestServiceClient, ...grpc.CallOption){
		"empty_unary":                 interop.DoEmptyUnaryCall,
		"large_unary":                 interop.DoLargeUnaryCall,
		"client_streaming":            interop.DoClientStreaming,
		"server_streaming":            interop.DoServerStreaming,
		"ping_pong":                   interop.DoPingPong,
		"empty_stream":                interop.DoEmptyStream,
		"timeout_on_sleeping_server":  interop.DoTimeoutOnSleepingServer,
		"cancel_after_begin":          interop.DoCancelAfterBegin,
		"cancel_after_first_response": interop.DoCancelAfterFirstResponse,
		"custom_metadata":             interop.DoCustomMetadata,
		"status_code_and_message":     interop.DoStatusCodeAndMessage,
		"special_status_message":      interop.DoSpecialStatusMessage,
		"unimplemented_service": func(ctx context.Context, _ testpb.TestServiceClient, _ ...grpc.CallOption) {
			interop.DoUnimplementedService(ctx, testpb.NewUnimplementedServiceClient(conn))
		},
		"unimplemented_method": func(ctx context.Context, _ testpb.TestServiceClient, _ ...grpc.CallOption) {
			// interop.DoUnimplementedMethod takes a *grpc.ClientConn only; this is what it does.
			err := conn.Invoke(ctx, testpb.TestService_UnimplementedCall_FullMethodName, nil, nil)
			require.Equal(t, codes.Unimplemented, status.Code(err), "%v", err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			run(ctx, client)
		})
	}
}
