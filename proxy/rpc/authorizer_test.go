package rpc_test

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	pb "github.com/codingflow/rating/proto/natsgrpctest/v1"
	"github.com/codingflow/rating/proxy/auth"
	"github.com/codingflow/rating/proxy/auth/authtest"
	"github.com/codingflow/rating/proxy/rpc"
)

// guarded is a handler that takes a provider's tokens, in front of a backend that keeps what it is called with.
type guarded struct {
	handler *rpc.Handler
	backend *backend

	mu         sync.Mutex
	metadata   metadata.MD
	principals []auth.Principal // of the handler's connection
}

func newGuarded(t *testing.T, provider *authtest.Provider) *guarded {
	t.Helper()
	a, err := auth.New(provider.Issuer, []string{authtest.Audience})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, a.Close()) })
	g := &guarded{backend: &backend{}}
	g.backend.set(handlers{
		unary: func(ctx context.Context, payload []byte) ([]byte, error) { g.called(ctx); return payload, nil },
		download: func(payload []byte, stream natsgrpctest.DownloadStream) error {
			g.called(stream.Context())
			return stream.Send(&pb.DownloadResponse{Payload: payload})
		},
		upload: func(stream natsgrpctest.UploadStream) error {
			g.called(stream.Context())
			if _, err := stream.Recv(); err != nil {
				return err
			}
			return stream.SendAndClose(&pb.UploadResponse{})
		},
	})
	conn := startGRPC(t)(t, g.backend.register, interceptors{})
	g.handler, err = rpc.New(seenConn{conn, g.seen}, services(),
		rpc.WithRequestHeaders("X-Auth-Subject", "X-Tenant"), rpc.WithAuthorizer(a.Authorize), rpc.WithObserver(g.backend.observe))
	require.NoError(t, err)
	return g
}

func (g *guarded) called(ctx context.Context) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.metadata, _ = metadata.FromIncomingContext(ctx)
}

func (g *guarded) seen(ctx context.Context) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if principal, ok := auth.PrincipalFrom(ctx); ok {
		g.principals = append(g.principals, principal)
	}
}

// seenConn shows the context of each call.
type seenConn struct {
	grpc.ClientConnInterface
	see func(context.Context)
}

func (c seenConn) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	c.see(ctx)
	return c.ClientConnInterface.Invoke(ctx, method, args, reply, opts...)
}

func (c seenConn) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	c.see(ctx)
	return c.ClientConnInterface.NewStream(ctx, desc, method, opts...)
}

// calls returns what makes a call of each kind with headers, and tells how it ends.
func calls(client connect.HTTPClient, url string, options []connect.ClientOption) map[string]func(context.Context, http.Header) error {
	return map[string]func(context.Context, http.Header) error{
		"unary": func(ctx context.Context, header http.Header) error {
			request := connect.NewRequest(&pb.QueryRequest{Payload: []byte("hello")})
			maps.Copy(request.Header(), header)
			_, err := connect.NewClient[pb.QueryRequest, pb.QueryResponse](client, url+pb.EchoService_Query_FullMethodName, options...).CallUnary(ctx, request)
			return err
		},
		"download": func(ctx context.Context, header http.Header) error {
			request := connect.NewRequest(&pb.DownloadRequest{})
			maps.Copy(request.Header(), header)
			stream, err := connect.NewClient[pb.DownloadRequest, pb.DownloadResponse](client, url+pb.StreamService_Download_FullMethodName, options...).CallServerStream(ctx, request)
			if err != nil {
				return err
			}
			defer func() { _ = stream.Close() }() // it repeats how the stream ended
			for stream.Receive() {
				continue
			}
			return stream.Err()
		},
		"upload": func(ctx context.Context, header http.Header) error {
			stream := connect.NewClient[pb.UploadRequest, pb.UploadResponse](client, url+pb.StreamService_Upload_FullMethodName, options...).CallClientStream(ctx)
			maps.Copy(stream.RequestHeader(), header)
			_ = stream.Send(&pb.UploadRequest{}) // how the call ends is what receiving tells
			_, err := stream.CloseAndReceive()
			return err
		},
	}
}

// Every protocol and kind of call is refused without a right token, with the challenge, and served with one; the service
// gets the claims, and nothing that the client says of itself.
func TestAuthorizerGuardsEveryProtocol(t *testing.T) {
	provider := authtest.NewProvider(t)
	g := newGuarded(t, provider)
	url := "http://" + serve(t, g.handler)
	for _, v := range variants() {
		for kind, call := range calls(httpClient(t, v.http1), url, v.options) {
			t.Run(v.name+"/"+kind, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), soon)
				defer cancel()
				for name, header := range map[string]http.Header{
					`Bearer realm="api"`: {},
					`Bearer realm="api", error="invalid_token", error_description="the token has expired"`: {
						"Authorization": {"Bearer " + provider.Token(map[string]any{"exp": 1})},
					},
				} {
					observed := g.backend.observed()
					err := call(ctx, header)
					var refused *connect.Error
					require.ErrorAs(t, err, &refused)
					require.Equal(t, connect.CodeUnauthenticated, refused.Code())
					require.Equal(t, name, refused.Meta().Get("WWW-Authenticate"))
					require.Len(t, refused.Details(), 1)
					seen := await(t, "the observer", observed)
					require.Equal(t, codes.Unauthenticated, seen.Code)
					var cause *auth.Error
					require.ErrorAs(t, seen.Err, &cause)
				}
				require.Nil(t, g.principals)

				require.NoError(t, call(ctx, http.Header{
					"Authorization": {"Bearer " + provider.Token(nil)}, "X-Auth-Subject": {"root"}, "X-Auth-Issuer": {"root"}, "X-Tenant": {"t"},
				}))
				g.mu.Lock()
				defer g.mu.Unlock()
				require.Equal(t, []auth.Principal{{Issuer: provider.Issuer, Subject: authtest.Subject}}, g.principals)
				require.Equal(t, []string{authtest.Subject}, g.metadata.Get(auth.MetadataSubject))
				require.Equal(t, []string{provider.Issuer}, g.metadata.Get(auth.MetadataIssuer))
				require.Equal(t, []string{"t"}, g.metadata.Get("x-tenant"))
				require.Empty(t, g.metadata.Get("authorization"))
				g.principals = nil
			})
		}
	}
}

// Every wrong token is refused by Connect with the status of REST.
func TestWrongTokensAreRefused(t *testing.T) {
	provider := authtest.NewProvider(t)
	tests := authtest.WrongTokens(t, provider)
	g := newGuarded(t, provider)
	statuses := map[codes.Code]int{codes.Unauthenticated: 401, codes.InvalidArgument: 400}
	for _, test := range tests {
		t.Run(test.Name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, pb.EchoService_Query_FullMethodName, strings.NewReader("{}"))
			r.Header.Set("Content-Type", "application/json")
			r.Header["Authorization"] = test.Authorization
			w := httptest.NewRecorder()
			observed := g.backend.observed()
			g.handler.ServeHTTP(w, r)
			require.Equal(t, statuses[test.Code], w.Code)
			require.Equal(t, test.Challenge, w.Header().Get("WWW-Authenticate"))
			require.Contains(t, w.Body.String(), `"message":"`+test.Message+`"`)
			require.Equal(t, test.Code, await(t, "the observer", observed).Code)
		})
	}
	require.Nil(t, g.principals)
}

func TestAuthorizerIsAskedOnlyForMethods(t *testing.T) {
	asked := 0
	handler, err := rpc.New(startGRPC(t)(t, (&backend{}).register, interceptors{}), services(), rpc.WithReflection(),
		rpc.WithAuthorizer(func(context.Context, protoreflect.MethodDescriptor, http.Header) (context.Context, metadata.MD, error) {
			asked++
			return nil, nil, errors.New("a secret")
		}))
	require.NoError(t, err)
	for path, want := range map[string]string{
		"/natsgrpctest.v1.EchoService/Query":   `{"code":"unknown","message":"internal error"}`,
		"/natsgrpctest.v1.EchoService/Nothing": `{"code":"unimplemented","message":"there is no such method"}`,
		// It tells of what is not in REST, and is a method like any other.
		"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo": `{"code":"unknown","message":"internal error"}`,
	} {
		r := httptest.NewRequest(http.MethodPost, path, strings.NewReader("{}"))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		require.Equal(t, want, w.Body.String())
	}
	require.Equal(t, 2, asked)

	_, err = rpc.New(startGRPC(t)(t, (&backend{}).register, interceptors{}), services(), rpc.WithAuthorizer(nil))
	require.EqualError(t, err, "rpc: authorizer is nil")
}
