package rpc_test

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	pb "github.com/codingflow/rating/proto/natsgrpctest/v1"
	"github.com/codingflow/rating/proxy/rpc"
)

// Options are asked for after the authorizer, and reach calls of every protocol and kind; their error is the call's.
func TestCallOptionsReachTheCall(t *testing.T) {
	type key struct{}
	var finished atomic.Int32
	b := &backend{}
	b.set(handlers{
		unary: func(_ context.Context, payload []byte) ([]byte, error) { return payload, nil },
		download: func(payload []byte, stream natsgrpctest.DownloadStream) error {
			return stream.Send(&pb.DownloadResponse{Payload: payload})
		},
		upload: func(stream natsgrpctest.UploadStream) error { return stream.SendAndClose(&pb.UploadResponse{}) },
	})
	handler := newHandler(t, startGRPC(t)(t, b.register, interceptors{}),
		rpc.WithObserver(b.observe),
		rpc.WithAuthorizer(func(ctx context.Context, _ protoreflect.MethodDescriptor, _ http.Header) (context.Context, metadata.MD, error) {
			return context.WithValue(ctx, key{}, "ada"), nil, nil
		}),
		rpc.WithCallOptions(func(ctx context.Context, method protoreflect.MethodDescriptor, r *http.Request) ([]grpc.CallOption, error) {
			if ctx.Value(key{}) != "ada" || "/"+string(method.Parent().FullName())+"/"+string(method.Name()) != r.URL.Path {
				return nil, status.Error(codes.FailedPrecondition, "asked too early, or for another method")
			}
			if r.Header.Get("X-Wrong") != "" {
				return nil, status.Error(codes.InvalidArgument, "header X-Wrong: it is wrong")
			}
			return []grpc.CallOption{grpc.OnFinish(func(error) { finished.Add(1) })}, nil
		}))
	url := "http://" + serve(t, handler)
	for _, v := range variants() {
		for kind, call := range calls(httpClient(t, v.http1), url, v.options) {
			t.Run(v.name+"/"+kind, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), soon)
				defer cancel()
				finished.Store(0)
				observed := b.observed()
				err := call(ctx, http.Header{"X-Wrong": {"1"}})
				var refused *connect.Error
				require.ErrorAs(t, err, &refused)
				require.Equal(t, connect.CodeInvalidArgument, refused.Code())
				require.Equal(t, "header X-Wrong: it is wrong", refused.Message())
				require.Equal(t, codes.InvalidArgument, await(t, "the observer", observed).Code)
				require.Zero(t, finished.Load())

				observed = b.observed()
				require.NoError(t, call(ctx, http.Header{}))
				require.Equal(t, codes.OK, await(t, "the observer", observed).Code)
				require.EqualValues(t, 1, finished.Load())
			})
		}
	}
	_, err := rpc.New(startGRPC(t)(t, b.register, interceptors{}), services(), rpc.WithCallOptions(nil))
	require.EqualError(t, err, "rpc: call options are nil")
}
