package transcode

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// finished is a call option that a connection tells when a call is over.
func finished(to *int) grpc.CallOption { return grpc.OnFinish(func(error) { *to++ }) }

// Options are asked for after the authorizer and before the body, and reach calls of all kinds.
func TestCallOptionsReachTheCall(t *testing.T) {
	type key struct{}
	calls := 0
	options := []Option{
		WithAuthorizer(func(ctx context.Context, _ *Binding, _ *http.Request) (context.Context, metadata.MD, error) {
			return context.WithValue(ctx, key{}, "ada"), nil, nil
		}),
		WithCallOptions(func(ctx context.Context, b *Binding, r *http.Request) ([]grpc.CallOption, error) {
			require.Equal(t, "ada", ctx.Value(key{}))
			require.NotEmpty(t, b.Template)
			if r.Header.Get("X-Wrong") != "" {
				return nil, status.Error(codes.InvalidArgument, "header X-Wrong: it is wrong")
			}
			return []grpc.CallOption{finished(&calls)}, nil
		}),
	}
	unary, err := New(newBackend(t).conn, []protoreflect.ServiceDescriptor{thingsService(t, `post: "/x" body: "*"`)}, options...)
	require.NoError(t, err)
	require.Equal(t, 200, do(unary, "POST", "/x", "{}").Code)
	require.Equal(t, 1, calls)

	stream, err := New(newBackend(t).conn, []protoreflect.ServiceDescriptor{newService(t, streams)}, options...)
	require.NoError(t, err)
	require.Equal(t, 200, do(stream, "GET", "/down", "").Code)
	require.Equal(t, 2, calls)

	for path, handler := range map[string]http.Handler{"/x": unary, "/up": stream} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodPost, path, unread{t})
		r.Header.Set("X-Wrong", "1")
		handler.ServeHTTP(w, r)
		require.Equal(t, 400, w.Code)
		require.Equal(t, `{"error":{"code":400,"message":"header X-Wrong: it is wrong","status":"INVALID_ARGUMENT"}}`, w.Body.String())
	}
	require.Equal(t, 2, calls)

	_, err = New(newBackend(t).conn, nil, WithCallOptions(nil))
	require.EqualError(t, err, "transcode: call options are nil")
}
