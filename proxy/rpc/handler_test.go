package rpc_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	pb "github.com/codingflow/rating/proto/natsgrpctest/v1"
	"github.com/codingflow/rating/proxy/rpc"
)

// newEcho returns a handler in front of a gRPC server whose unary methods echo, and whose streams are the test's.
func newEcho(t *testing.T, h handlers, options ...rpc.Option) *rpc.Handler {
	t.Helper()
	if h.unary == nil {
		h.unary = func(_ context.Context, payload []byte) ([]byte, error) { return payload, nil }
	}
	b := &backend{}
	b.set(h)
	return newHandler(t, startGRPC(t)(t, b.register, interceptors{}), options...)
}

// TestHTTP is about what curl sees.
func TestHTTP(t *testing.T) {
	handler := newEcho(t, handlers{})
	const (
		query   = "/natsgrpctest.v1.EchoService/Query"
		command = "/natsgrpctest.v1.EchoService/Command"
		upload  = "/natsgrpctest.v1.StreamService/Upload"
		chat    = "/natsgrpctest.v1.StreamService/Chat"
		unary   = "application/grpc, application/grpc+json, application/grpc+json; charset=utf-8, application/grpc+proto, " +
			"application/grpc-web, application/grpc-web+json, application/grpc-web+json; charset=utf-8, application/grpc-web+proto, " +
			"application/json, application/json; charset=utf-8, application/proto"
	)
	get := func(query string) string { return "/natsgrpctest.v1.EchoService/Query?" + query }
	tests := []struct {
		name, method, target, contentType, body string
		code                                    int
		want                                    string
		header                                  [2]string
	}{
		{"JSON", "POST", query, "application/json", `{"payload":"YWJj"}`, 200, `{"payload":"YWJj"}`, [2]string{"Content-Type", "application/json"}},
		{"JSON with a charset", "POST", query, "application/json; charset=UTF-8", `{"payload":"YWJj"}`, 200, `{"payload":"YWJj"}`, [2]string{"Content-Type", "application/json; charset=utf-8"}},
		{"zero values are left out", "POST", query, "application/json", `{}`, 200, `{}`, [2]string{}},
		{"unknown fields are ignored", "POST", query, "application/json", `{"payload":"YWJj","x":1}`, 200, `{"payload":"YWJj"}`, [2]string{}},
		{"proto", "POST", query, "application/proto", "\x0a\x03abc", 200, "\x0a\x03abc", [2]string{"Content-Type", "application/proto"}},
		{"another content type", "POST", query, "text/plain", "x", 415, "", [2]string{"Accept-Post", unary}},
		{"no content type", "POST", query, "", "x", 415, "", [2]string{"Accept-Post", unary}},
		{"another method", "PUT", query, "application/json", "{}", 405, "", [2]string{"Allow", "GET, POST"}},
		{"GET of a query", "GET", get("encoding=json&message=%7B%22payload%22%3A%22YWJj%22%7D"), "", "", 200, `{"payload":"YWJj"}`, [2]string{"Vary", "Accept-Encoding"}},
		{"GET in base64", "GET", get("encoding=proto&base64=1&message=CgNhYmM"), "", "", 200, "\x0a\x03abc", [2]string{}},
		{"GET without a message", "GET", get("encoding=json"), "", "", 400, `{"code":"invalid_argument","message":"missing message parameter"}`, [2]string{}},
		{"GET of a command", "GET", command + "?encoding=json&message=%7B%7D", "", "", 405, "", [2]string{"Allow", "POST"}},
		{"an unknown compression", "POST", query, "application/json", `{}`, 501, `{"code":"unimplemented","message":"unknown compression \"br\": supported encodings are gzip"}`, [2]string{"Content-Encoding", "br"}},
		{"an unknown method", "POST", "/natsgrpctest.v1.EchoService/Nothing", "application/json", `{}`, 501, `{"code":"unimplemented","message":"there is no such method"}`, [2]string{}},
		{"an unknown service of gRPC", "POST", "/a.B/C", "application/grpc", "", 200, "", [2]string{"Grpc-Status", "12"}},
		{"an unknown service of gRPC-Web", "POST", "/a.B/C", "application/grpc-web+proto", "", 200, "", [2]string{"Grpc-Status", "12"}},
		{"an upload of Connect's unary kind", "POST", upload, "application/json", `{}`, 415, "", [2]string{}},
		{"a bidirectional stream over HTTP/1.1", "POST", chat, "application/connect+json", "", 505, "", [2]string{"Connection", "close"}},
		{"a bad timeout", "POST", query, "application/json", `{}`, 400, `{"code":"invalid_argument","message":"parse timeout: \"-1\" is negative"}`, [2]string{"Connect-Timeout-Ms", "-1"}},
	}
	for _, test := range tests {
		t.Run(strings.ReplaceAll(test.name, " ", "_"), func(t *testing.T) {
			r := httptest.NewRequest(test.method, test.target, strings.NewReader(test.body))
			if test.contentType != "" {
				r.Header.Set("Content-Type", test.contentType)
			}
			switch test.header[0] {
			case "Content-Encoding", "Connect-Timeout-Ms": // of the request
				r.Header.Set(test.header[0], test.header[1])
				test.header[0] = ""
			}
			require.True(t, handler.Handles(r))
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			require.Equal(t, test.want, w.Body.String())
			require.Equal(t, test.code, w.Code)
			if test.header[0] != "" {
				require.Equal(t, test.header[1], w.Header().Get(test.header[0]))
			}
		})
	}
}

func TestHandles(t *testing.T) {
	handler := newEcho(t, handlers{}, rpc.WithReflection())
	tests := []struct {
		target, contentType string
		want                bool
	}{
		{"/natsgrpctest.v1.EchoService/Query", "", true},
		{"/natsgrpctest.v1.EchoService/Nothing", "text/plain", true},
		{"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", "", true},
		{"/natsgrpctest.v1.EchoService/", "", false},
		{"/natsgrpctest.v1.EchoService", "", false},
		{"/natsgrpctest.v1.EchoService/Query/x", "", false},
		{"/natsgrpctest.v1.EchoService%2FQuery", "", false},
		{"/x/natsgrpctest.v1.EchoService/Query", "", false},
		{"/users/1", "application/json", false},
		{"/users/1", "application/proto", false},
		{"/users/1", "application/grpc", true},
		{"/users/1", "application/grpc-web-text", true},
		{"/users/1", "application/connect+json", true},
	}
	for _, test := range tests {
		r := httptest.NewRequest(http.MethodPost, test.target, nil)
		r.Header.Set("Content-Type", test.contentType)
		require.Equal(t, test.want, handler.Handles(r), "%s %s", test.target, test.contentType)
	}
}

// TestMalformedJSON sends JSON that does not fit, as a unary request, as that of a stream, and as one of many.
func TestMalformedJSON(t *testing.T) {
	ended := make(chan error, 1)
	address := serve(t, newEcho(t, handlers{upload: func(stream natsgrpctest.UploadStream) error {
		_, err := stream.Recv()
		ended <- err
		return err
	}}))
	client := httpClient(t, true)
	post := func(path, contentType string, body []byte) string {
		response, err := client.Post("http://"+address+path, contentType, bytes.NewReader(body))
		require.NoError(t, err)
		defer response.Body.Close()
		got, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		return string(got)
	}
	const malformed = `{"payload":1}`
	envelope := append([]byte{0, 0, 0, 0, byte(len(malformed))}, malformed...)
	require.Contains(t, post("/natsgrpctest.v1.EchoService/Query", "application/json", []byte(malformed)), `{"code":"invalid_argument","message":"`)
	require.Contains(t, post("/natsgrpctest.v1.EchoService/Query", "application/json", nil), `{"code":"invalid_argument","message":"`)
	require.Contains(t, post("/natsgrpctest.v1.StreamService/Download", "application/connect+json", envelope), `{"error":{"code":"invalid_argument","message":"`)
	require.Contains(t, post("/natsgrpctest.v1.StreamService/Upload", "application/connect+json", envelope), `{"error":{"code":"invalid_argument","message":"`)
	require.Equal(t, codes.Canceled, status.Code(await(t, "the handler", ended)))
}

// TestResponseWithoutJSON has upstream answer with what the handler takes for a string that is not UTF-8.
func TestResponseWithoutJSON(t *testing.T) {
	b := &backend{}
	calls := b.observed()
	b.set(handlers{
		unary: func(context.Context, []byte) ([]byte, error) { return []byte("\xff"), nil },
		download: func(_ []byte, stream natsgrpctest.DownloadStream) error {
			return stream.Send(&pb.DownloadResponse{Payload: []byte("\xff")})
		},
	})
	handler, err := rpc.New(startGRPC(t)(t, b.register, interceptors{}), []protoreflect.ServiceDescriptor{
		withStrings(t, pb.File_natsgrpctest_v1_echo_proto, "QueryResponse").Services().ByName("EchoService"),
		withStrings(t, pb.File_natsgrpctest_v1_stream_proto, "DownloadResponse").Services().ByName("StreamService"),
	}, rpc.WithObserver(b.observe))
	require.NoError(t, err)
	client, base := httpClient(t, false), "http://"+serve(t, handler)

	query := connect.NewClient[pb.QueryRequest, pb.QueryResponse](client, base+pb.EchoService_Query_FullMethodName, connect.WithProtoJSON())
	_, err = query.CallUnary(t.Context(), connect.NewRequest(&pb.QueryRequest{}))
	requireCode(t, connect.CodeInternal, "marshal message: internal error", err)
	call := await(t, "the observer", calls)
	require.Equal(t, codes.Internal, call.Code)
	require.ErrorContains(t, call.Err, "UTF-8")

	download := connect.NewClient[pb.DownloadRequest, pb.DownloadResponse](client, base+pb.StreamService_Download_FullMethodName, connect.WithProtoJSON())
	stream, err := download.CallServerStream(t.Context(), connect.NewRequest(&pb.DownloadRequest{}))
	require.NoError(t, err)
	require.False(t, stream.Receive())
	requireCode(t, connect.CodeInternal, "internal error", stream.Err())
	require.NoError(t, stream.Close())
	call = await(t, "the observer", calls)
	require.Equal(t, codes.Internal, call.Code)
	require.ErrorContains(t, call.Err, "UTF-8")
}

// withStrings returns a file in which the payload of a message is a string.
func withStrings(t *testing.T, file protoreflect.FileDescriptor, message string) protoreflect.FileDescriptor {
	t.Helper()
	changed := protodesc.ToFileDescriptorProto(file)
	for _, m := range changed.GetMessageType() {
		if m.GetName() == message {
			m.GetField()[0].Type = descriptorpb.FieldDescriptorProto_TYPE_STRING.Enum()
		}
	}
	described, err := protodesc.NewFile(changed, protoregistry.GlobalFiles)
	require.NoError(t, err)
	return described
}

// TestStreamTimeout has the handler end a stream whose client has no deadline.
func TestStreamTimeout(t *testing.T) {
	ended := make(chan error, 1)
	address := serve(t, newEcho(t, handlers{chat: func(stream natsgrpctest.ChatStream) error {
		<-stream.Context().Done()
		ended <- stream.Context().Err()
		return stream.Context().Err()
	}}, rpc.WithStreamTimeout(500*time.Millisecond))) // time to reach the handler
	stream, err := pb.NewStreamServiceClient(dial(t, address)).Chat(t.Context())
	require.NoError(t, err)
	_, err = stream.Recv()
	require.Equal(t, codes.DeadlineExceeded, status.Code(err))
	require.Equal(t, "the call took too long", status.Convert(err).Message())
	require.Error(t, await(t, "the handler", ended))
}

// TestClientThatDoesNotRead has the client stop to read, and stay: the stream ends at its timeout, and when the client has
// taken nothing for the idle time.
func TestClientThatDoesNotRead(t *testing.T) {
	const timeout = 500 * time.Millisecond // time to get the first message
	tests := []struct {
		name    string
		options []rpc.Option
		http1   bool
		want    codes.Code
	}{
		{"timeout, HTTP/1.1", []rpc.Option{rpc.WithStreamTimeout(timeout), rpc.WithTrailerGrace(timeout)}, true, codes.DeadlineExceeded},
		{"timeout, HTTP/2", []rpc.Option{rpc.WithStreamTimeout(timeout), rpc.WithTrailerGrace(timeout)}, false, codes.DeadlineExceeded},
		{"idle, HTTP/1.1", []rpc.Option{rpc.WithStreamIdle(timeout)}, true, codes.DeadlineExceeded},
		{"idle, HTTP/2", []rpc.Option{rpc.WithStreamIdle(timeout)}, false, codes.DeadlineExceeded},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b, noise := &backend{}, make([]byte, 10_000)
			calls := b.observed()
			_, _ = rand.Read(noise)
			ended := make(chan error, 1)
			b.set(handlers{download: func(_ []byte, stream natsgrpctest.DownloadStream) error {
				for {
					if err := stream.Send(&pb.DownloadResponse{Payload: noise}); err != nil {
						ended <- err
						return err
					}
				}
			}})
			handler := newHandler(t, startGRPC(t)(t, b.register, interceptors{}), append(test.options, rpc.WithObserver(b.observe))...)
			client := connect.NewClient[pb.DownloadRequest, pb.DownloadResponse](
				httpClient(t, test.http1), "http://"+serve(t, handler)+pb.StreamService_Download_FullMethodName)
			stream, err := client.CallServerStream(t.Context(), connect.NewRequest(&pb.DownloadRequest{}))
			require.NoError(t, err)
			require.True(t, stream.Receive(), "%v", stream.Err())
			require.Equal(t, test.want, await(t, "the end of the call", calls).Code)
			require.Error(t, await(t, "the end of the service's handler", ended))
			_ = stream.Close()
		})
	}
}

// TestStreamIdleIsTheClients has a stream be silent for longer than the idle time, at both ends.
func TestStreamIdleIsTheClients(t *testing.T) {
	const idle = 50 * time.Millisecond
	for _, http1 := range []bool{true, false} {
		goOn := make(chan struct{})
		address := serve(t, newEcho(t, handlers{download: func(_ []byte, stream natsgrpctest.DownloadStream) error {
			if err := stream.Send(&pb.DownloadResponse{}); err != nil {
				return err
			}
			<-goOn
			return stream.Send(&pb.DownloadResponse{})
		}}, rpc.WithStreamIdle(idle)))
		client := connect.NewClient[pb.DownloadRequest, pb.DownloadResponse](
			httpClient(t, http1), "http://"+address+pb.StreamService_Download_FullMethodName)
		stream, err := client.CallServerStream(t.Context(), connect.NewRequest(&pb.DownloadRequest{}))
		require.NoError(t, err)
		require.True(t, stream.Receive(), "%v", stream.Err())
		time.AfterFunc(4*idle, func() { close(goOn) })
		require.True(t, stream.Receive(), "%v", stream.Err())
		require.False(t, stream.Receive())
		require.NoError(t, stream.Err())
		require.NoError(t, stream.Close())
	}
}

// panickingStream panics when it sends.
type panickingStream struct{ grpc.ClientStream }

func (panickingStream) SendMsg(any) error { panic("secret") }

// TestPanicWhileForwarding shows that a panic beside the handler's goroutine reaches the server's recovery, and not the
// process.
func TestPanicWhileForwarding(t *testing.T) {
	conn, err := grpc.NewClient("passthrough:///"+serve(t, newEcho(t, handlers{chat: natsgrpctest.EchoChat})),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithStreamInterceptor(func(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, streamer grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
			stream, err := streamer(ctx, desc, cc, method, opts...)
			return panickingStream{stream}, err
		}))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	handler := newHandler(t, conn)
	panicked := make(chan any, 1)
	address := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() { panicked <- recover() }()
		handler.ServeHTTP(w, r)
	}))
	stream, err := pb.NewStreamServiceClient(dial(t, address)).Chat(t.Context())
	require.NoError(t, err)
	require.NoError(t, stream.Send(&pb.ChatRequest{}))
	_, err = stream.Recv()
	require.Error(t, err)
	cause := fmt.Sprint(await(t, "the panic", panicked))
	require.True(t, strings.HasPrefix(cause, "secret\n\n"))
	require.Contains(t, cause, "handler_test.go")
}

// TestHealth asks the health of what is behind the handler, which is a service like any other.
func TestHealth(t *testing.T) {
	server := health.NewServer()
	conn := startGRPC(t)(t, func(registrar grpc.ServiceRegistrar) { healthpb.RegisterHealthServer(registrar, server) }, interceptors{})
	handler, err := rpc.New(conn, []protoreflect.ServiceDescriptor{healthpb.File_grpc_health_v1_health_proto.Services().Get(0)})
	require.NoError(t, err)
	client := healthpb.NewHealthClient(dial(t, serve(t, handler)))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	watch, err := client.Watch(ctx, &healthpb.HealthCheckRequest{})
	require.NoError(t, err)
	for _, want := range []healthpb.HealthCheckResponse_ServingStatus{healthpb.HealthCheckResponse_SERVING, healthpb.HealthCheckResponse_NOT_SERVING} {
		server.SetServingStatus("", want)
		got, err := watch.Recv()
		require.NoError(t, err)
		require.Equal(t, want, got.GetStatus())
		got, err = client.Check(ctx, &healthpb.HealthCheckRequest{})
		require.NoError(t, err)
		require.Equal(t, want, got.GetStatus())
	}
	_, err = client.Check(ctx, &healthpb.HealthCheckRequest{Service: "x"})
	require.Equal(t, codes.NotFound, status.Code(err))
}

func TestNewRefuses(t *testing.T) {
	conn := startGRPC(t)(t, new(backend).register, interceptors{})
	tests := []struct {
		option rpc.Option
		want   string
	}{
		{rpc.WithTimeout(0), "timeout 0s is not positive"},
		{rpc.WithStreamTimeout(-1), "stream timeout -1ns is negative"},
		{rpc.WithStreamIdle(0), "stream idle timeout 0s is not positive"},
		{rpc.WithMaxMessage(0), "message limit 0 is not positive"},
		{rpc.WithTypes(nil), "types are nil"},
		{rpc.WithPublicStatus(nil), "public status is nil"},
		{rpc.WithObserver(nil), "observer is nil"},
		{rpc.WithRequestHeaders("a b"), `header "a b" is no name of gRPC metadata`},
		{rpc.WithRequestHeaders(""), "header without a name"},
		{rpc.WithRequestHeaders("Grpc-Timeout"), `header "Grpc-Timeout" cannot be forwarded`},
		{rpc.WithRequestHeaders("connect-timeout-ms"), `header "connect-timeout-ms" cannot be forwarded`},
		{rpc.WithRequestHeaders("Content-Type"), `header "Content-Type" cannot be forwarded`},
		{rpc.WithResponseHeaders("Trailer-X"), `header "Trailer-X" cannot be forwarded`},
		{rpc.WithResponseHeaders("Date"), `header "Date" cannot be forwarded`},
	}
	for _, test := range tests {
		_, err := rpc.New(conn, services(), test.option)
		require.EqualError(t, err, "rpc: "+test.want)
	}
	_, err := rpc.New(nil, services())
	require.EqualError(t, err, "rpc: connection is nil")
}

// failingBody is a body that ends with an error.
type failingBody struct{ err error }

func (b failingBody) Read([]byte) (int, error) { return 0, b.err }

// TestBodyErrors shows that what befell the connection is not told.
func TestBodyErrors(t *testing.T) {
	handler := newEcho(t, handlers{})
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, "/natsgrpctest.v1.EchoService/Query", failingBody{errors.New("read tcp 10.0.0.1:80->10.0.0.2:1: secret")})
	r.Header.Set("Content-Type", "application/json")
	handler.ServeHTTP(w, r)
	require.Equal(t, `{"code":"unknown","message":"read message: the request cannot be read"}`, w.Body.String())
}
