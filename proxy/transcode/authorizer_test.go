package transcode

import (
	"context"
	"errors"
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

// explained is an error with headers of its own.
type explained struct{ error }

func (explained) Header() http.Header {
	return http.Header{"Www-Authenticate": {"Bearer"}}
}

func (e explained) GRPCStatus() *status.Status { return status.Convert(e.error) }

// unread is a body that must not be read.
type unread struct{ t *testing.T }

func (u unread) Read([]byte) (int, error) {
	u.t.Error("the body was read")
	return 0, errors.New("read")
}

func TestAuthorizerRefusesBeforeTheBodyIsRead(t *testing.T) {
	tests := []struct {
		err       error
		code      int
		challenge string
		want      string
	}{
		{
			explained{status.Error(codes.Unauthenticated, "who are you?")}, 401, "Bearer",
			`{"error":{"code":401,"message":"who are you?","status":"UNAUTHENTICATED"}}`,
		},
		{
			status.Error(codes.PermissionDenied, "not you"), 403, "",
			`{"error":{"code":403,"message":"not you","status":"PERMISSION_DENIED"}}`,
		},
		{errors.New("a secret"), 500, "", `{"error":{"code":500,"message":"internal error","status":"UNKNOWN"}}`},
	}
	for _, test := range tests {
		t.Run(test.err.Error(), func(t *testing.T) {
			var observed Call
			handler, err := New(newBackend(t).conn, []protoreflect.ServiceDescriptor{thingsService(t, `post: "/x" body: "*"`)},
				WithObserver(func(_ context.Context, call Call) { observed = call }),
				WithAuthorizer(func(_ context.Context, b *Binding, r *http.Request) (context.Context, metadata.MD, error) {
					require.Equal(t, "/x", b.Template)
					require.Equal(t, "POST", r.Method)
					return nil, nil, test.err
				}))
			require.NoError(t, err)
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/x", unread{t}))
			require.Equal(t, test.code, w.Code)
			require.Equal(t, test.challenge, w.Header().Get("WWW-Authenticate"))
			require.Equal(t, test.want, w.Body.String())
			require.Equal(t, test.err, observed.Err)
			require.NotNil(t, observed.Binding)

			require.Equal(t, 404, do(handler, "POST", "/nothing", "").Code, "nobody is asked for what is not there")
		})
	}
}

// What the authorizer gives replaces what the client says, and reaches the call.
func TestAuthorizerGivesContextAndMetadata(t *testing.T) {
	type key struct{}
	backend := newBackend(t)
	var called any
	conn := interceptedConn{backend.conn, func(ctx context.Context) { called = ctx.Value(key{}) }}
	handler, err := New(conn, []protoreflect.ServiceDescriptor{thingsService(t, `get: "/x"`)},
		WithRequestHeaders("X-Subject", "X-Email", "X-Other"),
		WithAuthorizer(func(ctx context.Context, _ *Binding, _ *http.Request) (context.Context, metadata.MD, error) {
			return context.WithValue(ctx, key{}, "ada"), metadata.MD{"x-subject": {"ada"}, "x-email": nil, "x-more": {"1", "2"}}, nil
		}))
	require.NoError(t, err)
	for _, headers := range [][]string{nil, {"X-Subject: root", "X-Email: root@example.com", "X-Other: other"}} {
		require.Equal(t, 200, do(handler, "GET", "/x", "", headers...).Code)
		got := backend.gotMetadata()
		require.Equal(t, "ada", called)
		require.Equal(t, []string{"ada"}, got.Get("x-subject"))
		require.Empty(t, got.Get("x-email"))
		require.Equal(t, []string{"1", "2"}, got.Get("x-more"))
	}
	require.Equal(t, []string{"other"}, backend.gotMetadata().Get("x-other"))

	_, err = New(conn, nil, WithAuthorizer(nil))
	require.EqualError(t, err, "transcode: authorizer is nil")
}

// interceptedConn shows the context of each call.
type interceptedConn struct {
	grpc.ClientConnInterface
	see func(context.Context)
}

func (c interceptedConn) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	c.see(ctx)
	return c.ClientConnInterface.Invoke(ctx, method, args, reply, opts...)
}
