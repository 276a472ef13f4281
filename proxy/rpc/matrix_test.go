package rpc_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	pb "github.com/codingflow/rating/proto/natsgrpctest/v1"
	"github.com/codingflow/rating/proxy/rpc"
)

// variant is one of the ways to call the handler.
type variant struct {
	name    string
	options []connect.ClientOption
	http1   bool
}

// variants are all protocols, encodings and versions of HTTP that go together.
func variants() []variant {
	protocols := []variant{
		{name: "grpc", options: []connect.ClientOption{connect.WithGRPC()}},
		{name: "grpcweb", options: []connect.ClientOption{connect.WithGRPCWeb()}},
		{name: "grpcweb", options: []connect.ClientOption{connect.WithGRPCWeb()}, http1: true},
		{name: "connect"},
		{name: "connect", http1: true},
	}
	var all []variant
	for _, protocol := range protocols {
		for _, encoding := range []string{"proto", "json"} {
			v := variant{http1: protocol.http1, options: slices.Clone(protocol.options)}
			if encoding == "json" {
				v.options = append(v.options, connect.WithProtoJSON())
			}
			v.name = fmt.Sprintf("%s_%s_http%d", protocol.name, encoding, map[bool]int{true: 1, false: 2}[v.http1])
			all = append(all, v)
		}
	}
	return all
}

// The limits of the handler in the matrix.
const (
	matrixTimeout    = 5 * time.Second
	matrixMaxMessage = 100_000
)

// matrix is what a case works with.
type matrix struct {
	backend *backend
	query   *connect.Client[pb.QueryRequest, pb.QueryResponse]
	command *connect.Client[pb.CommandRequest, pb.CommandResponse]

	unserved *connect.Client[pb.UnservedRequest, pb.UnservedResponse]
	nothing  *connect.Client[pb.QueryRequest, pb.QueryResponse]
	download *connect.Client[pb.DownloadRequest, pb.DownloadResponse]
	upload   *connect.Client[pb.UploadRequest, pb.UploadResponse]
	chat     *connect.Client[pb.ChatRequest, pb.ChatResponse]

	calls <-chan rpc.Call // what the observer is told
}

// httpClient returns a client of one version of HTTP.
func httpClient(t *testing.T, http1 bool) *http.Client {
	t.Helper()
	transport := &http.Transport{
		Protocols: new(http.Protocols),
		HTTP2:     &http.HTTP2Config{MaxReceiveBufferPerStream: smallBuffer},
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, network, address)
			if err == nil {
				err = shrink(conn)
			}
			return conn, err
		},
	}
	transport.Protocols.SetHTTP1(http1)
	transport.Protocols.SetUnencryptedHTTP2(!http1)
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func newMatrix(t *testing.T, v variant, backend *backend, address string) *matrix {
	t.Helper()
	client, base := httpClient(t, v.http1), "http://"+address
	return &matrix{
		backend:  backend,
		query:    connect.NewClient[pb.QueryRequest, pb.QueryResponse](client, base+pb.EchoService_Query_FullMethodName, v.options...),
		command:  connect.NewClient[pb.CommandRequest, pb.CommandResponse](client, base+pb.EchoService_Command_FullMethodName, v.options...),
		unserved: connect.NewClient[pb.UnservedRequest, pb.UnservedResponse](client, base+pb.EchoService_Unserved_FullMethodName, v.options...),
		nothing:  connect.NewClient[pb.QueryRequest, pb.QueryResponse](client, base+"/natsgrpctest.v1.EchoService/Nothing", v.options...),
		download: connect.NewClient[pb.DownloadRequest, pb.DownloadResponse](client, base+pb.StreamService_Download_FullMethodName, v.options...),
		upload:   connect.NewClient[pb.UploadRequest, pb.UploadResponse](client, base+pb.StreamService_Upload_FullMethodName, v.options...),
		chat:     connect.NewClient[pb.ChatRequest, pb.ChatResponse](client, base+pb.StreamService_Chat_FullMethodName, v.options...),
		calls:    backend.observed(),
	}
}

// TestMatrix makes the same calls by all protocols, encodings and versions of HTTP, in front of both upstreams.
func TestMatrix(t *testing.T) {
	for _, upstream := range upstreams {
		t.Run(upstream.name, func(t *testing.T) {
			backend := &backend{}
			conn := upstream.start(t)(t, backend.register, interceptors{})
			address := serve(t, newHandler(t, conn,
				rpc.WithTimeout(matrixTimeout),
				rpc.WithMaxMessage(matrixMaxMessage),
				rpc.WithRequestHeaders("one", "data-bin"),
				rpc.WithResponseHeaders("h", "h-bin", "t", "t-bin"),
				rpc.WithObserver(backend.observe)))
			for _, v := range variants() {
				t.Run(v.name, func(t *testing.T) {
					for _, c := range matrixCases {
						if c.http2 && v.http1 {
							continue // TestHTTP has what happens
						}
						t.Run(strings.ReplaceAll(c.name, " ", "_"), func(t *testing.T) {
							ctx, cancel := context.WithTimeout(t.Context(), soon)
							defer cancel()
							c.run(t, ctx, newMatrix(t, v, backend, address))
						})
					}
				})
			}
		})
	}
}

// observed returns the code of the call that has just ended.
func (m *matrix) observed(t *testing.T) codes.Code {
	t.Helper()
	return await(t, "the observer", m.calls).Code
}

func requireCode(t *testing.T, want connect.Code, message string, err error) {
	t.Helper()
	var got *connect.Error
	require.ErrorAs(t, err, &got)
	require.Equal(t, want, got.Code(), "%v", err)
	require.Equal(t, message, got.Message())
}

// detailed is the error of a handler, whose DebugInfo is for nobody.
func detailed(t *testing.T) (st *status.Status, public *errdetails.ErrorInfo) {
	t.Helper()
	public = &errdetails.ErrorInfo{Reason: "R", Domain: "d", Metadata: map[string]string{"é": "%"}}
	st, err := status.New(codes.FailedPrecondition, "100% wrong: \"é\"\n").WithDetails(public, &errdetails.DebugInfo{Detail: "secret"})
	require.NoError(t, err)
	return st, public
}

func requireDetailed(t *testing.T, public *errdetails.ErrorInfo, err error) {
	t.Helper()
	requireCode(t, connect.CodeFailedPrecondition, "100% wrong: \"é\"\n", err)
	var got *connect.Error
	require.ErrorAs(t, err, &got)
	require.Len(t, got.Details(), 1)
	detail, err := got.Details()[0].Value()
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(public, detail, protocmp.Transform()))
}

type matrixCase struct {
	name  string
	http2 bool // bidirectional streams need it
	run   func(*testing.T, context.Context, *matrix)
}

var matrixCases = []matrixCase{
	{name: "a unary call is answered", run: func(t *testing.T, ctx context.Context, m *matrix) {
		m.backend.set(handlers{unary: func(_ context.Context, payload []byte) ([]byte, error) { return payload, nil }})
		for _, payload := range []string{"hello", "", "\x00\xff\r\n", strings.Repeat("large ", 10_000)} {
			query, err := m.query.CallUnary(ctx, connect.NewRequest(&pb.QueryRequest{Payload: []byte(payload)}))
			require.NoError(t, err)
			require.Equal(t, payload, string(query.Msg.GetPayload()))
			require.Equal(t, codes.OK, m.observed(t))
			command, err := m.command.CallUnary(ctx, connect.NewRequest(&pb.CommandRequest{Payload: []byte(payload)}))
			require.NoError(t, err)
			require.Equal(t, payload, string(command.Msg.GetPayload()))
			require.Equal(t, codes.OK, m.observed(t))
		}
	}},
	{name: "an error has its details and trailers", run: func(t *testing.T, ctx context.Context, m *matrix) {
		st, public := detailed(t)
		m.backend.set(handlers{unary: func(ctx context.Context, _ []byte) ([]byte, error) {
			if err := grpc.SetTrailer(ctx, metadata.Pairs("t", "1")); err != nil {
				return nil, err
			}
			return nil, st.Err()
		}})
		_, err := m.query.CallUnary(ctx, connect.NewRequest(&pb.QueryRequest{}))
		requireDetailed(t, public, err)
		var got *connect.Error
		require.ErrorAs(t, err, &got)
		require.Equal(t, "1", got.Meta().Get("T")+got.Meta().Get("Trailer-T"))
		require.Equal(t, codes.FailedPrecondition, m.observed(t))
	}},
	{name: "an internal error tells nothing", run: func(t *testing.T, ctx context.Context, m *matrix) {
		m.backend.set(handlers{
			unary:    func(context.Context, []byte) ([]byte, error) { return nil, errors.New("secret") },
			download: func([]byte, natsgrpctest.DownloadStream) error { return status.Error(codes.Internal, "secret") },
		})
		_, err := m.query.CallUnary(ctx, connect.NewRequest(&pb.QueryRequest{}))
		requireCode(t, connect.CodeUnknown, "internal error", err)
		require.ErrorContains(t, await(t, "the observer", m.calls).Err, "secret")
		stream, err := m.download.CallServerStream(ctx, connect.NewRequest(&pb.DownloadRequest{}))
		require.NoError(t, err)
		require.False(t, stream.Receive())
		requireCode(t, connect.CodeInternal, "internal error", stream.Err())
		require.NoError(t, stream.Close())
		require.ErrorContains(t, await(t, "the observer", m.calls).Err, "secret")
	}},
	{name: "metadata passes by the lists", run: func(t *testing.T, ctx context.Context, m *matrix) {
		var got metadata.MD
		respond := func(ctx context.Context) error {
			got, _ = metadata.FromIncomingContext(ctx)
			return errors.Join(
				grpc.SetHeader(ctx, metadata.Pairs("h", "1", "h", "2", "h-bin", "\x00\xff", "hidden", "x")),
				grpc.SetTrailer(ctx, metadata.Pairs("t", "3", "t-bin", "\x01", "hidden", "x")))
		}
		m.backend.set(handlers{
			unary: func(ctx context.Context, _ []byte) ([]byte, error) { return nil, respond(ctx) },
			download: func(_ []byte, stream natsgrpctest.DownloadStream) error {
				return errors.Join(respond(stream.Context()), stream.Send(&pb.DownloadResponse{}))
			},
		})
		set := func(header http.Header) {
			header.Add("One", "a")
			header.Add("One", "b, c")
			header.Set("Data-Bin", connect.EncodeBinaryHeader([]byte("\x00\xff\n")))
			header.Set("Hidden", "x")
		}
		check := func(header, trailer http.Header) {
			require.Equal(t, []string{"a", "b, c"}, got["one"])
			require.Equal(t, []string{"\x00\xff\n"}, got["data-bin"])
			require.Empty(t, got["hidden"])
			require.Equal(t, []string{"1", "2"}, header["H"])
			require.Equal(t, []string{"AP8"}, header["H-Bin"])
			require.Equal(t, []string{"3"}, trailer["T"])
			require.Equal(t, []string{"AQ"}, trailer["T-Bin"])
			require.Empty(t, header["Hidden"])
			require.Empty(t, trailer["Hidden"])
		}
		request := connect.NewRequest(&pb.QueryRequest{})
		set(request.Header())
		response, err := m.query.CallUnary(ctx, request)
		require.NoError(t, err)
		check(response.Header(), response.Trailer())
		require.Equal(t, codes.OK, m.observed(t))

		opening := connect.NewRequest(&pb.DownloadRequest{})
		set(opening.Header())
		stream, err := m.download.CallServerStream(ctx, opening)
		require.NoError(t, err)
		require.True(t, stream.Receive(), "%v", stream.Err())
		require.False(t, stream.Receive())
		require.NoError(t, stream.Err())
		check(stream.ResponseHeader(), stream.ResponseTrailer())
		require.NoError(t, stream.Close())
		require.Equal(t, codes.OK, m.observed(t))

		request = connect.NewRequest(&pb.QueryRequest{})
		request.Header().Set("Data-Bin", "?")
		_, err = m.query.CallUnary(ctx, request)
		requireCode(t, connect.CodeInvalidArgument, "header Data-Bin is not base64", err)
		require.Equal(t, codes.InvalidArgument, m.observed(t))
	}},
	{name: "the deadline is the client's or the handler's", run: func(t *testing.T, ctx context.Context, m *matrix) {
		deadlines := make(chan time.Time, 1)
		m.backend.set(handlers{unary: func(ctx context.Context, _ []byte) ([]byte, error) {
			deadline, _ := ctx.Deadline()
			deadlines <- deadline
			return nil, nil
		}})
		for _, test := range []struct{ client, want time.Duration }{{2 * time.Second, 2 * time.Second}, {time.Hour, matrixTimeout}, {0, matrixTimeout}} {
			called, cancel := context.WithoutCancel(ctx), context.CancelFunc(func() {})
			if test.client > 0 {
				called, cancel = context.WithTimeout(called, test.client)
			}
			before := time.Now()
			_, err := m.query.CallUnary(called, connect.NewRequest(&pb.QueryRequest{}))
			require.NoError(t, err)
			require.WithinDuration(t, before.Add(test.want), <-deadlines, time.Second)
			require.Equal(t, codes.OK, m.observed(t))
			cancel()
		}
	}},
	{name: "a call ends at its deadline and so does its handler", run: func(t *testing.T, ctx context.Context, m *matrix) {
		ended := make(chan error, 1)
		wait := func(ctx context.Context) error {
			<-ctx.Done()
			ended <- ctx.Err()
			return ctx.Err()
		}
		m.backend.set(handlers{
			unary:    func(ctx context.Context, _ []byte) ([]byte, error) { return nil, wait(ctx) },
			download: func(_ []byte, stream natsgrpctest.DownloadStream) error { return wait(stream.Context()) },
		})
		called, cancel := context.WithTimeout(ctx, 500*time.Millisecond) // time to reach the handler
		defer cancel()
		_, err := m.query.CallUnary(called, connect.NewRequest(&pb.QueryRequest{}))
		require.Equal(t, connect.CodeDeadlineExceeded, connect.CodeOf(err))
		require.Error(t, await(t, "the handler", ended))
		m.observed(t) // the code depends on who is first
		called, cancel = context.WithTimeout(ctx, 500*time.Millisecond)
		defer cancel()
		stream, err := m.download.CallServerStream(called, connect.NewRequest(&pb.DownloadRequest{}))
		if err == nil {
			require.False(t, stream.Receive())
			err = stream.Err()
			_ = stream.Close()
		}
		require.Equal(t, connect.CodeDeadlineExceeded, connect.CodeOf(err))
		require.Error(t, await(t, "the handler", ended))
		m.observed(t)
	}},
	{name: "a client that leaves ends the handler", run: func(t *testing.T, ctx context.Context, m *matrix) {
		begun, ended := make(chan struct{}, 1), make(chan error, 1)
		wait := func(ctx context.Context) error {
			begun <- struct{}{}
			<-ctx.Done()
			ended <- ctx.Err()
			return ctx.Err()
		}
		m.backend.set(handlers{
			unary:    func(ctx context.Context, _ []byte) ([]byte, error) { return nil, wait(ctx) },
			download: func(_ []byte, stream natsgrpctest.DownloadStream) error { return wait(stream.Context()) },
			upload:   func(stream natsgrpctest.UploadStream) error { return wait(stream.Context()) },
		})
		for _, call := range []func(context.Context) error{
			func(ctx context.Context) error {
				_, err := m.query.CallUnary(ctx, connect.NewRequest(&pb.QueryRequest{}))
				return err
			},
			func(ctx context.Context) error {
				stream, err := m.download.CallServerStream(ctx, connect.NewRequest(&pb.DownloadRequest{}))
				if err != nil {
					return err
				}
				stream.Receive()
				_ = stream.Close()
				return stream.Err()
			},
			func(ctx context.Context) error {
				stream := m.upload.CallClientStream(ctx)
				if err := stream.Send(&pb.UploadRequest{}); err == nil {
					<-ctx.Done() // the request stays open
				}
				_, err := stream.CloseAndReceive()
				return err
			},
		} {
			called, cancel := context.WithCancel(ctx)
			result := make(chan error, 1)
			go func() { result <- call(called) }()
			await(t, "the handler's begin", begun)
			cancel()
			require.Equal(t, connect.CodeCanceled, connect.CodeOf(await(t, "the client", result)))
			require.ErrorIs(t, await(t, "the handler's end", ended), context.Canceled)
			m.observed(t)
		}
	}},
	{name: "a request that is too large is RESOURCE_EXHAUSTED", run: func(t *testing.T, ctx context.Context, m *matrix) {
		m.backend.set(handlers{upload: func(stream natsgrpctest.UploadStream) error {
			for {
				if _, err := stream.Recv(); err != nil {
					return err
				}
			}
		}})
		large := make([]byte, 2*matrixMaxMessage)
		_, err := m.query.CallUnary(ctx, connect.NewRequest(&pb.QueryRequest{Payload: large}))
		require.Equal(t, connect.CodeResourceExhausted, connect.CodeOf(err), "%v", err)
		require.Equal(t, codes.ResourceExhausted, m.observed(t))
		stream := m.upload.CallClientStream(ctx)
		require.NoError(t, stream.Send(&pb.UploadRequest{}))
		_ = stream.Send(&pb.UploadRequest{Payload: large}) // it may be refused halfway
		_, err = stream.CloseAndReceive()
		require.Equal(t, connect.CodeResourceExhausted, connect.CodeOf(err), "%v", err)
		require.Equal(t, codes.ResourceExhausted, m.observed(t))
	}},
	{name: "an unknown method is UNIMPLEMENTED", run: func(t *testing.T, ctx context.Context, m *matrix) {
		_, err := m.nothing.CallUnary(ctx, connect.NewRequest(&pb.QueryRequest{}))
		requireCode(t, connect.CodeUnimplemented, "there is no such method", err)
		require.Equal(t, codes.Unimplemented, m.observed(t))
		_, err = m.unserved.CallUnary(ctx, connect.NewRequest(&pb.UnservedRequest{}))
		require.Equal(t, connect.CodeUnimplemented, connect.CodeOf(err))
		require.Equal(t, codes.Unimplemented, m.observed(t))
	}},
	{name: "a server stream ends with its status and trailers", run: func(t *testing.T, ctx context.Context, m *matrix) {
		st, public := detailed(t)
		for _, failing := range []bool{false, true} {
			m.backend.set(handlers{download: func(payload []byte, stream natsgrpctest.DownloadStream) error {
				stream.SetTrailer(metadata.Pairs("t", "1"))
				for i := range 100 {
					if err := stream.Send(&pb.DownloadResponse{Payload: fmt.Appendf(nil, "%s %d", payload, i)}); err != nil {
						return err
					}
				}
				if failing {
					return st.Err()
				}
				return nil
			}})
			stream, err := m.download.CallServerStream(ctx, connect.NewRequest(&pb.DownloadRequest{Payload: []byte("n")}))
			require.NoError(t, err)
			for i := range 100 {
				require.True(t, stream.Receive(), "%v", stream.Err())
				require.Equal(t, fmt.Sprint("n ", i), string(stream.Msg().GetPayload()))
			}
			require.False(t, stream.Receive())
			if failing {
				requireDetailed(t, public, stream.Err())
				require.Equal(t, codes.FailedPrecondition, m.observed(t))
			} else {
				require.NoError(t, stream.Err())
				require.Equal(t, codes.OK, m.observed(t))
			}
			require.Equal(t, "1", stream.ResponseTrailer().Get("T"))
			require.NoError(t, stream.Close())
		}
	}},
	{name: "an upload is answered", run: func(t *testing.T, ctx context.Context, m *matrix) {
		m.backend.set(handlers{upload: func(stream natsgrpctest.UploadStream) error {
			var all []byte
			for {
				message, err := stream.Recv()
				if errors.Is(err, io.EOF) {
					return stream.SendAndClose(&pb.UploadResponse{Payload: all})
				}
				if err != nil {
					return err
				}
				all = append(all, message.GetPayload()...)
			}
		}})
		// Many, since those over HTTP/1.1 share a connection.
		for _, want := range slices.Repeat([]string{"", "abc"}, 20) {
			stream := m.upload.CallClientStream(ctx)
			for i := range want {
				require.NoError(t, stream.Send(&pb.UploadRequest{Payload: []byte{want[i]}}))
			}
			response, err := stream.CloseAndReceive()
			require.NoError(t, err)
			require.Equal(t, want, string(response.Msg.GetPayload()))
			require.Equal(t, codes.OK, m.observed(t))
		}
	}},
	{name: "a handler that returns early ends the upload", run: func(t *testing.T, ctx context.Context, m *matrix) {
		st, public := detailed(t)
		m.backend.set(handlers{upload: func(stream natsgrpctest.UploadStream) error {
			if _, err := stream.Recv(); err != nil {
				return err
			}
			return st.Err()
		}})
		stream := m.upload.CallClientStream(ctx)
		require.NoError(t, stream.Send(&pb.UploadRequest{}))
		require.Equal(t, codes.FailedPrecondition, m.observed(t), "though the client is still sending")
		_, err := stream.CloseAndReceive()
		requireDetailed(t, public, err)
	}},
	{name: "both directions go on at once", http2: true, run: func(t *testing.T, ctx context.Context, m *matrix) {
		m.backend.set(handlers{chat: natsgrpctest.EchoChat})
		stream := m.chat.CallBidiStream(ctx)
		for i := range 100 {
			want := fmt.Sprint("message ", i)
			require.NoError(t, stream.Send(&pb.ChatRequest{Payload: []byte(want)}))
			got, err := stream.Receive()
			require.NoError(t, err)
			require.Equal(t, want, string(got.GetPayload()))
		}
		require.NoError(t, stream.CloseRequest())
		_, err := stream.Receive()
		require.ErrorIs(t, err, io.EOF)
		require.NoError(t, stream.CloseResponse())
		require.Equal(t, codes.OK, m.observed(t))
	}},
	{name: "the handler answers after the half-close", http2: true, run: func(t *testing.T, ctx context.Context, m *matrix) {
		m.backend.set(handlers{chat: func(stream natsgrpctest.ChatStream) error {
			for n := 0; ; n++ {
				if _, err := stream.Recv(); errors.Is(err, io.EOF) {
					return stream.Send(&pb.ChatResponse{Payload: fmt.Append(nil, n)})
				} else if err != nil {
					return err
				}
			}
		}})
		stream := m.chat.CallBidiStream(ctx)
		for range 10 {
			require.NoError(t, stream.Send(&pb.ChatRequest{}))
		}
		require.NoError(t, stream.CloseRequest())
		got, err := stream.Receive()
		require.NoError(t, err)
		require.Equal(t, "10", string(got.GetPayload()))
		_, err = stream.Receive()
		require.ErrorIs(t, err, io.EOF)
		require.NoError(t, stream.CloseResponse())
		require.Equal(t, codes.OK, m.observed(t))
	}},
	{name: "an error ends both directions", http2: true, run: func(t *testing.T, ctx context.Context, m *matrix) {
		st, public := detailed(t)
		m.backend.set(handlers{chat: func(stream natsgrpctest.ChatStream) error {
			if err := stream.Send(&pb.ChatResponse{}); err != nil {
				return err
			}
			return st.Err()
		}})
		stream := m.chat.CallBidiStream(ctx)
		require.NoError(t, stream.Send(nil)) // the headers only
		_, err := stream.Receive()
		require.NoError(t, err)
		_, err = stream.Receive()
		requireDetailed(t, public, err)
		require.Equal(t, codes.FailedPrecondition, m.observed(t))
		require.NoError(t, stream.CloseRequest())
		require.NoError(t, stream.CloseResponse())
	}},
	{name: "a slow reader stops the handler and one that leaves ends it", run: func(t *testing.T, ctx context.Context, m *matrix) {
		const size, many = 10_000, 300 // far beyond all windows and buffers
		var sent atomic.Int64
		ended, noise := make(chan error, 1), make([]byte, size)
		_, _ = rand.Read(noise)
		m.backend.set(handlers{download: func(_ []byte, stream natsgrpctest.DownloadStream) error {
			for range many {
				if err := stream.Send(&pb.DownloadResponse{Payload: noise}); err != nil {
					<-stream.Context().Done() // which may end a moment later
					ended <- stream.Context().Err()
					return err
				}
				sent.Add(1)
			}
			ended <- nil
			return nil
		}})
		called, leave := context.WithCancel(ctx)
		defer leave()
		stream, err := m.download.CallServerStream(called, connect.NewRequest(&pb.DownloadRequest{}))
		require.NoError(t, err)
		for range 3 {
			require.True(t, stream.Receive(), "%v", stream.Err())
			require.True(t, bytes.Equal(noise, stream.Msg().GetPayload()))
		}
		var before int64
		require.Eventually(t, func() bool { // it stands still
			still := sent.Load() == before
			before = sent.Load()
			return still && before > 3
		}, soon, 200*time.Millisecond)
		require.Less(t, before, int64(many))
		leave()
		require.ErrorIs(t, await(t, "the handler", ended), context.Canceled)
		_ = stream.Close()
		require.Equal(t, codes.Canceled, m.observed(t))
	}},
	{name: "a handler that does not read stops the client", run: func(t *testing.T, ctx context.Context, m *matrix) {
		const size, many = 10_000, 300
		release, noise := make(chan struct{}), make([]byte, size)
		_, _ = rand.Read(noise)
		m.backend.set(handlers{upload: func(stream natsgrpctest.UploadStream) error {
			select {
			case <-release:
			case <-stream.Context().Done():
				return stream.Context().Err()
			}
			for n := 0; ; n++ {
				if _, err := stream.Recv(); errors.Is(err, io.EOF) {
					return stream.SendAndClose(&pb.UploadResponse{Payload: fmt.Append(nil, n)})
				} else if err != nil {
					return err
				}
			}
		}})
		stream := m.upload.CallClientStream(ctx)
		var sent atomic.Int64
		done := make(chan error, 1)
		go func() {
			for range many {
				if err := stream.Send(&pb.UploadRequest{Payload: noise}); err != nil {
					done <- err
					return
				}
				sent.Add(1)
			}
			done <- nil
		}()
		var before int64
		require.Eventually(t, func() bool {
			still := sent.Load() == before
			before = sent.Load()
			return still && before > 0
		}, soon, 200*time.Millisecond)
		require.Less(t, before, int64(many))
		close(release)
		require.NoError(t, await(t, "the client", done))
		response, err := stream.CloseAndReceive()
		require.NoError(t, err)
		require.Equal(t, fmt.Sprint(many), string(response.Msg.GetPayload()))
		require.Equal(t, codes.OK, m.observed(t))
	}},
}
