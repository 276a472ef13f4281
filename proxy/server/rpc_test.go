package server

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoregistry"

	streampb "github.com/codingflow/rating/proto/natsgrpctest/v1"
	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
	"github.com/codingflow/rating/proxy/grpctest"
)

// call returns a connection of grpc-go to a server that runs.
func (r *running) call(t *testing.T) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(r.address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	return conn
}

// TestGRPC makes calls of grpc-go on the port that serves REST.
func TestGRPC(t *testing.T) {
	var log logBuffer
	var requestIDs []string
	server := newServer(t, &users{get: func(ctx context.Context, r *ratingv1.GetUserRequest) (*ratingv1.User, error) {
		md, _ := metadata.FromIncomingContext(ctx)
		requestIDs = md.Get("x-request-id")
		switch r.GetName() {
		case "users/1":
			return &ratingv1.User{Name: r.GetName()}, nil
		case "users/2":
			return nil, status.Error(codes.NotFound, "no such user")
		}
		panic("unreachable")
	}}, Config{Logger: slog.New(slog.NewJSONHandler(&log, nil))})
	r := run(t, server)
	conn := r.call(t)
	client := ratingv1.NewUserServiceClient(conn)

	var header metadata.MD
	ctx := metadata.AppendToOutgoingContext(t.Context(), "x-request-id", "mine")
	user, err := client.GetUser(ctx, &ratingv1.GetUserRequest{Name: "users/1"}, grpc.Header(&header))
	require.NoError(t, err)
	require.Equal(t, "users/1", user.GetName())
	require.Equal(t, []string{"mine"}, requestIDs)
	require.Equal(t, []string{"mine"}, header.Get("x-request-id"))

	_, err = client.GetUser(ctx, &ratingv1.GetUserRequest{Name: "users/2"})
	require.Equal(t, status.Error(codes.NotFound, "no such user"), err)
	_, err = client.DeleteUser(ctx, &ratingv1.DeleteUserRequest{Name: "users/1"})
	require.Equal(t, status.Error(codes.Unimplemented, "method DeleteUser not implemented"), err)
	err = conn.Invoke(ctx, "/no.such.Service/Method", &ratingv1.GetUserRequest{}, &ratingv1.User{})
	require.Equal(t, status.Error(codes.Unimplemented, "there is no such method"), err)

	statusCode, body, err := r.send(t, "GET /api/users/1 HTTP/1.1\r\nHost: x\r\n\r\n")()
	require.NoError(t, err)
	require.Equal(t, 200, statusCode)
	require.Equal(t, `{"name":"users/1","displayName":"","email":"","etag":""}`, body)

	require.Eventually(t, func() bool { return len(log.entries(t)) == 5 }, 10*time.Second, time.Millisecond)
	entries := log.entries(t)
	require.Equal(t, map[string]any{
		"level": "INFO", "msg": "request", "client": "127.0.0.1", "method": "POST", "route": "/rating.v1.UserService/GetUser",
		"rpc": "rating.v1.UserService.GetUser", "protocol": "grpc", "code": "OK", "status": 200.0,
		"bytes": entries[0]["bytes"], "request_id": "mine",
	}, entries[0])
	require.Equal(t, "NotFound", entries[1]["code"])
	require.Equal(t, "rpc error: code = NotFound desc = no such user", entries[1]["error"])
	require.Equal(t, "INFO", entries[2]["level"])
	require.Equal(t, "Unimplemented", entries[3]["code"])
	require.Equal(t, "", entries[3]["route"])
	require.Equal(t, "rating.v1.UserService.GetUser", entries[4]["rpc"])
}

// TestConnect makes a call as curl would.
func TestConnect(t *testing.T) {
	server := newServer(t, &users{}, Config{Prefix: "/"})
	for path, want := range map[string]string{
		"/rating.v1.UserService/GetUser": `{"name":"users/1"}`,
		"/rating.v1.UserService/Nothing": `{"code":"unimplemented","message":"there is no such method"}`,
	} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(`{"name":"users/1"}`))
		r.Header.Set("Content-Type", "application/json")
		server.ServeHTTP(w, r)
		require.Equal(t, want, w.Body.String())
	}
	require.Equal(t, 200, do(server, "GET", "/users/1").Code, "REST is there beside it")
}

func TestBinaryHeadersAreForRPCOnly(t *testing.T) {
	server := newServer(t, &users{}, Config{RequestHeaders: []string{"Data-Bin"}, ResponseHeaders: []string{"data-bin"}})
	require.Equal(t, 200, do(server, "GET", "/api/users/1", "Data-Bin: AP8").Code)
	_, err := New(dial(t, &users{}), Config{RequestHeaders: []string{"connect-x"}})
	require.EqualError(t, err, `rpc: header "connect-x" cannot be forwarded`)
}

func TestReflectionCanBeLeftOut(t *testing.T) {
	// Where it is, it wants HTTP/2.
	const path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
	require.Equal(t, 505, do(newServer(t, &users{}, Config{}), "GET", path).Code)
	require.Equal(t, 404, do(newServer(t, &users{}, Config{NoReflection: true}), "GET", path).Code)
}

// TestReflectionIsServed asks what grpcurl asks.
func TestReflectionIsServed(t *testing.T) {
	r := run(t, newServer(t, &users{}, Config{}))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	stream, err := reflectionpb.NewServerReflectionClient(r.call(t)).ServerReflectionInfo(ctx)
	require.NoError(t, err)
	require.NoError(t, stream.Send(&reflectionpb.ServerReflectionRequest{MessageRequest: &reflectionpb.ServerReflectionRequest_ListServices{}}))
	response, err := stream.Recv()
	require.NoError(t, err)
	require.Len(t, response.GetListServicesResponse().GetService(), 4)
}

// streams is a stream service whose handlers are the test's; Chat echoes.
type streams struct {
	streampb.UnimplementedStreamServiceServer
	download func([]byte, grpc.ServerStreamingServer[streampb.DownloadResponse]) error
	upload   func(grpc.ClientStreamingServer[streampb.UploadRequest, streampb.UploadResponse]) error
}

func (s *streams) Download(r *streampb.DownloadRequest, stream grpc.ServerStreamingServer[streampb.DownloadResponse]) error {
	return s.download(r.GetPayload(), stream)
}

func (s *streams) Upload(stream grpc.ClientStreamingServer[streampb.UploadRequest, streampb.UploadResponse]) error {
	return s.upload(stream)
}

func (s *streams) Chat(stream grpc.BidiStreamingServer[streampb.ChatRequest, streampb.ChatResponse]) error {
	for {
		message, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := stream.Send(&streampb.ChatResponse{Payload: message.GetPayload()}); err != nil {
			return err
		}
	}
}

// newStreams returns a server of the stream service.
func newStreams(t *testing.T, service *streams, config Config) *Server {
	t.Helper()
	config.Files = &protoregistry.Files{}
	require.NoError(t, config.Files.RegisterFile(streampb.File_natsgrpctest_v1_stream_proto))
	conn := grpctest.Serve(t, func(server grpc.ServiceRegistrar) { streampb.RegisterStreamServiceServer(server, service) })
	server, err := New(conn, config)
	require.NoError(t, err)
	return server
}

// TestStreamsOutlastTheTimeouts keeps streams open for longer than the server's timeouts for reading and writing, by
// gRPC and, over HTTP/1.1, by Connect.
func TestStreamsOutlastTheTimeouts(t *testing.T) {
	const limit = 500 * time.Millisecond // a busy machine's client takes its time between connecting and its request
	release := make(chan struct{})
	server := newStreams(t, &streams{
		download: func(payload []byte, stream grpc.ServerStreamingServer[streampb.DownloadResponse]) error {
			for range 2 {
				if err := stream.Send(&streampb.DownloadResponse{Payload: payload}); err != nil {
					return err
				}
				select {
				case <-release:
				case <-stream.Context().Done():
					return stream.Context().Err()
				}
			}
			return nil
		},
	}, Config{Timeout: limit, ReadTimeout: limit})
	server.limits.writeSlack = 0
	r := run(t, server)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()

	chat, err := streampb.NewStreamServiceClient(r.call(t)).Chat(ctx)
	require.NoError(t, err)
	echo := func() {
		require.NoError(t, chat.Send(&streampb.ChatRequest{Payload: []byte("x")}))
		got, err := chat.Recv()
		require.NoError(t, err)
		require.Equal(t, "x", string(got.GetPayload()))
	}
	echo()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	client := connect.NewClient[streampb.DownloadRequest, streampb.DownloadResponse](
		&http.Client{Transport: transport}, "http://"+r.address+streampb.StreamService_Download_FullMethodName)
	download, err := client.CallServerStream(ctx, connect.NewRequest(&streampb.DownloadRequest{Payload: []byte("y")}))
	require.NoError(t, err)
	require.True(t, download.Receive(), "%v", download.Err())

	for begin := time.Now(); time.Since(begin) < 2*limit; { // past both timeouts
		echo()
	}
	require.NoError(t, chat.CloseSend())
	_, err = chat.Recv()
	require.Equal(t, io.EOF, err)
	close(release)
	require.True(t, download.Receive(), "%v", download.Err())
	require.False(t, download.Receive())
	require.NoError(t, download.Err())
	require.NoError(t, download.Close())
	r.stop()
	require.NoError(t, <-r.done)
}

// TestUnreadUploadsStopNobody stalls as many uploads as net/http's own windows would let stop a connection.
func TestUnreadUploadsStopNobody(t *testing.T) {
	const uploads = 8
	begun := make(chan struct{}, uploads)
	server := newStreams(t, &streams{
		upload: func(stream grpc.ClientStreamingServer[streampb.UploadRequest, streampb.UploadResponse]) error {
			begun <- struct{}{}
			<-stream.Context().Done()
			return stream.Context().Err()
		},
	}, Config{})
	r := run(t, server)
	client := streampb.NewStreamServiceClient(r.call(t))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	uploading, leave := context.WithCancel(ctx)
	var sent atomic.Int64
	ended := make(chan error, uploads)
	for range uploads {
		stream, err := client.Upload(uploading)
		require.NoError(t, err)
		go func() {
			var err error
			for err == nil {
				err = stream.Send(&streampb.UploadRequest{Payload: make([]byte, 10_000)})
				sent.Add(1)
			}
			ended <- err
		}()
	}
	for range uploads {
		<-begun
	}
	var before int64
	require.Eventually(t, func() bool { // all stand still
		still := sent.Load() == before
		before = sent.Load()
		return still && before > 0
	}, 10*time.Second, 200*time.Millisecond)
	chat, err := client.Chat(ctx)
	require.NoError(t, err)
	require.NoError(t, chat.Send(&streampb.ChatRequest{Payload: make([]byte, 100_000)}))
	_, err = chat.Recv()
	require.NoError(t, err)
	require.NoError(t, chat.CloseSend())
	_, err = chat.Recv()
	require.Equal(t, io.EOF, err)
	leave()
	for range uploads {
		require.Equal(t, io.EOF, <-ended)
	}
	r.stop()
	require.NoError(t, <-r.done)
}

// TestServeDrainsGRPC ends the context while a stream is open: it goes on to its end, and no other is taken.
func TestServeDrainsGRPC(t *testing.T) {
	server := newStreams(t, &streams{}, Config{})
	r := run(t, server)
	chat, err := streampb.NewStreamServiceClient(r.call(t)).Chat(t.Context())
	require.NoError(t, err)
	echo := func() {
		require.NoError(t, chat.Send(&streampb.ChatRequest{}))
		_, err := chat.Recv()
		require.NoError(t, err)
	}
	echo()
	r.stop()
	require.Eventually(t, func() bool {
		conn, err := net.Dial("tcp", r.address)
		if err == nil {
			conn.Close()
		}
		return err != nil
	}, 10*time.Second, time.Millisecond, "the listener closes")
	echo()
	require.NoError(t, chat.CloseSend())
	_, err = chat.Recv()
	require.Equal(t, io.EOF, err)
	require.NoError(t, <-r.done)
}

// TestServeCutsOffStreams ends the context while a stream is open that does not end.
func TestServeCutsOffStreams(t *testing.T) {
	ended := make(chan error, 1)
	server := newStreams(t, &streams{download: func(_ []byte, stream grpc.ServerStreamingServer[streampb.DownloadResponse]) error {
		if err := stream.SendHeader(nil); err != nil {
			return err
		}
		<-stream.Context().Done()
		ended <- stream.Context().Err()
		return stream.Context().Err()
	}}, Config{DrainTimeout: 20 * time.Millisecond})
	r := run(t, server)
	download, err := streampb.NewStreamServiceClient(r.call(t)).Download(t.Context(), &streampb.DownloadRequest{})
	require.NoError(t, err)
	_, err = download.Header()
	require.NoError(t, err)
	r.stop()
	require.EqualError(t, <-r.done, "server: not drained after 20ms: 1 requests cut off")
	require.ErrorIs(t, <-ended, context.Canceled)
	_, err = download.Recv()
	require.Error(t, err)
}
