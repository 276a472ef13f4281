package natsgrpctest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	pb "github.com/codingflow/rating/proto/natsgrpctest/v1"
	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/testing/protocmp"
)

// StreamTransport is a Transport whose interceptors are those of streams.
type StreamTransport func(t *testing.T, register func(grpc.ServiceRegistrar), interceptors ...grpc.StreamServerInterceptor) grpc.ClientConnInterface

// RunStreams runs the conformance suite of streams: what a generated client and a generated server see of client, server
// and bidirectional streaming, whatever carries it. Cases are left out as by Run.
func RunStreams(t *testing.T, transport StreamTransport, without ...string) {
	for _, name := range without {
		require.True(t, slices.ContainsFunc(streamCases, func(c streamCase) bool { return c.name == name }), "no case %q", name)
	}
	for _, c := range streamCases {
		if slices.Contains(without, c.name) {
			continue
		}
		t.Run(strings.ReplaceAll(c.name, " ", "_"), func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), callTimeout)
			defer cancel()
			c.run(t, ctx, func(t *testing.T, service *Streams, interceptors ...grpc.StreamServerInterceptor) pb.StreamServiceClient {
				return pb.NewStreamServiceClient(transport(t, func(registrar grpc.ServiceRegistrar) {
					pb.RegisterStreamServiceServer(registrar, service)
				}, interceptors...))
			})
		})
	}
}

// The streams of a StreamService as its handlers see them.
type (
	// DownloadStream is what Download sends on.
	DownloadStream = grpc.ServerStreamingServer[pb.DownloadResponse]
	// UploadStream is what Upload receives from.
	UploadStream = grpc.ClientStreamingServer[pb.UploadRequest, pb.UploadResponse]
	// ChatStream is what Chat receives from and sends on.
	ChatStream = grpc.BidiStreamingServer[pb.ChatRequest, pb.ChatResponse]
)

// Streams is a StreamService made of functions.
type Streams struct {
	pb.UnimplementedStreamServiceServer
	OnDownload func([]byte, DownloadStream) error
	OnUpload   func(UploadStream) error
	OnChat     func(ChatStream) error
}

// Download calls OnDownload.
func (s *Streams) Download(req *pb.DownloadRequest, stream DownloadStream) error {
	return s.OnDownload(req.GetPayload(), stream)
}

// Upload calls OnUpload.
func (s *Streams) Upload(stream UploadStream) error { return s.OnUpload(stream) }

// Chat calls OnChat.
func (s *Streams) Chat(stream ChatStream) error { return s.OnChat(stream) }

// EchoChat answers each message of a Chat with itself.
func EchoChat(stream ChatStream) error {
	for {
		message, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := stream.Send(&pb.ChatResponse{Payload: message.GetPayload()}); err != nil {
			return err
		}
	}
}

// serveStreams starts a StreamService and returns a client of it.
type serveStreams func(t *testing.T, service *Streams, interceptors ...grpc.StreamServerInterceptor) pb.StreamServiceClient

// say makes a message.
func say(format string, args ...any) *pb.ChatRequest {
	return &pb.ChatRequest{Payload: fmt.Appendf(nil, format, args...)}
}

// requireStatus checks an error's code and text.
func requireStatus(t *testing.T, err error, code codes.Code, message string) {
	t.Helper()
	require.Equal(t, code, status.Code(err), "%v", err)
	require.Equal(t, message, status.Convert(err).Message())
}

// large is more than a NATS server takes in one message.
const large = 3 << 20

type streamCase struct {
	name string
	run  func(*testing.T, context.Context, serveStreams)
}

var streamCases = []streamCase{
	{"ping pong", func(t *testing.T, ctx context.Context, serve serveStreams) {
		stream, err := serve(t, &Streams{OnChat: EchoChat}).Chat(ctx)
		require.NoError(t, err)
		for i := range 100 {
			require.NoError(t, stream.Send(say("message %d", i)))
			got, err := stream.Recv()
			require.NoError(t, err)
			require.Equal(t, fmt.Sprint("message ", i), string(got.GetPayload()))
		}
		require.NoError(t, stream.CloseSend())
		_, err = stream.Recv()
		require.Equal(t, io.EOF, err)
		_, err = stream.Recv()
		require.Equal(t, io.EOF, err, "the end stays")
		require.ErrorIs(t, stream.Context().Err(), context.Canceled, "the stream's context ends with it")
	}},
	{"ten thousand messages come in order", func(t *testing.T, ctx context.Context, serve serveStreams) {
		stream, err := serve(t, &Streams{OnDownload: func(payload []byte, stream DownloadStream) error {
			for i := range 10_000 {
				if err := stream.Send(&pb.DownloadResponse{Payload: fmt.Appendf(nil, "%s %d", payload, i)}); err != nil {
					return err
				}
			}
			return nil
		}}).Download(ctx, &pb.DownloadRequest{Payload: []byte("number")})
		require.NoError(t, err)
		for i := range 10_000 {
			got, err := stream.Recv()
			require.NoError(t, err)
			require.Equal(t, fmt.Sprint("number ", i), string(got.GetPayload()))
		}
		_, err = stream.Recv()
		require.Equal(t, io.EOF, err)
	}},
	{"gzip goes both ways", func(t *testing.T, ctx context.Context, serve serveStreams) {
		client := serve(t, &Streams{OnChat: EchoChat, OnDownload: func(payload []byte, stream DownloadStream) error {
			return errors.Join(stream.Send(&pb.DownloadResponse{}), stream.Send(&pb.DownloadResponse{Payload: payload}))
		}, OnUpload: func(stream UploadStream) error {
			message, err := stream.Recv()
			if err != nil {
				return err
			}
			return stream.SendAndClose(&pb.UploadResponse{Payload: message.GetPayload()})
		}})
		for _, payload := range []string{"hello", "", strings.Repeat("large ", 100_000)} {
			chat, err := client.Chat(ctx, grpc.UseCompressor("gzip"))
			require.NoError(t, err)
			for range 3 {
				require.NoError(t, chat.Send(say("%s", payload)))
				got, err := chat.Recv()
				require.NoError(t, err)
				require.Equal(t, payload, string(got.GetPayload()))
			}
			require.NoError(t, chat.CloseSend())
			_, err = chat.Recv()
			require.Equal(t, io.EOF, err)

			download, err := client.Download(ctx, &pb.DownloadRequest{Payload: []byte(payload)}, grpc.UseCompressor("gzip"))
			require.NoError(t, err)
			for _, want := range []string{"", payload} {
				got, err := download.Recv()
				require.NoError(t, err)
				require.Equal(t, want, string(got.GetPayload()))
			}
			_, err = download.Recv()
			require.Equal(t, io.EOF, err)

			upload, err := client.Upload(ctx, grpc.UseCompressor("gzip"))
			require.NoError(t, err)
			require.NoError(t, upload.Send(&pb.UploadRequest{Payload: []byte(payload)}))
			answer, err := upload.CloseAndRecv()
			require.NoError(t, err)
			require.Equal(t, payload, string(answer.GetPayload()))
		}
	}},
	{"an unknown compressor is INTERNAL", func(t *testing.T, ctx context.Context, serve serveStreams) {
		_, err := serve(t, &Streams{}).Chat(ctx, grpc.UseCompressor("nothing"))
		requireStatus(t, err, codes.Internal, `grpc: Compressor is not installed for requested grpc-encoding "nothing"`)
	}},
	{"a small message that becomes a large one is RESOURCE_EXHAUSTED", func(t *testing.T, ctx context.Context, serve serveStreams) {
		const text = "grpc: received message after decompression larger than max 4194304"
		bomb := make([]byte, large*2)
		client := serve(t, &Streams{OnChat: EchoChat, OnDownload: func(_ []byte, stream DownloadStream) error {
			return stream.Send(&pb.DownloadResponse{Payload: bomb})
		}})
		chat, err := client.Chat(ctx, grpc.UseCompressor("gzip"))
		require.NoError(t, err)
		require.NoError(t, chat.Send(&pb.ChatRequest{Payload: bomb}))
		_, err = chat.Recv()
		requireStatus(t, err, codes.ResourceExhausted, text)
		download, err := client.Download(ctx, &pb.DownloadRequest{Payload: []byte("x")}, grpc.UseCompressor("gzip"))
		require.NoError(t, err)
		_, err = download.Recv()
		requireStatus(t, err, codes.ResourceExhausted, text)
	}},
	{"an upload is answered", func(t *testing.T, ctx context.Context, serve serveStreams) {
		stream, err := serve(t, &Streams{OnUpload: func(stream UploadStream) error {
			sum := 0
			for {
				message, err := stream.Recv()
				if errors.Is(err, io.EOF) {
					return stream.SendAndClose(&pb.UploadResponse{Payload: fmt.Append(nil, sum)})
				}
				if err != nil {
					return err
				}
				sum += len(message.GetPayload())
			}
		}}).Upload(ctx)
		require.NoError(t, err)
		for i := range 1000 {
			require.NoError(t, stream.Send(&pb.UploadRequest{Payload: make([]byte, i)}))
		}
		got, err := stream.CloseAndRecv()
		require.NoError(t, err)
		require.Equal(t, "499500", string(got.GetPayload()))
	}},
	{"an empty upload is answered", func(t *testing.T, ctx context.Context, serve serveStreams) {
		stream, err := serve(t, &Streams{OnUpload: func(stream UploadStream) error {
			_, err := stream.Recv()
			return stream.SendAndClose(&pb.UploadResponse{Payload: fmt.Append(nil, err)})
		}}).Upload(ctx)
		require.NoError(t, err)
		got, err := stream.CloseAndRecv()
		require.NoError(t, err)
		require.Equal(t, "EOF", string(got.GetPayload()))
	}},
	{"an upload without an answer is INTERNAL", func(t *testing.T, ctx context.Context, serve serveStreams) {
		stream, err := serve(t, &Streams{OnUpload: func(UploadStream) error { return nil }}).Upload(ctx)
		require.NoError(t, err)
		_, err = stream.CloseAndRecv()
		requireStatus(t, err, codes.Internal, "cardinality violation: received no response message from non-server-streaming RPC")
	}},
	{"an empty stream is OK", func(t *testing.T, ctx context.Context, serve serveStreams) {
		stream, err := serve(t, &Streams{OnChat: EchoChat}).Chat(ctx)
		require.NoError(t, err)
		require.NoError(t, stream.CloseSend())
		require.NoError(t, stream.CloseSend(), "a second time")
		_, err = stream.Recv()
		require.Equal(t, io.EOF, err)
	}},
	{"empty messages are messages", func(t *testing.T, ctx context.Context, serve serveStreams) {
		stream, err := serve(t, &Streams{OnChat: EchoChat}).Chat(ctx)
		require.NoError(t, err)
		for range 3 {
			require.NoError(t, stream.Send(say("")))
			got, err := stream.Recv()
			require.NoError(t, err)
			require.Empty(t, got.GetPayload())
		}
		require.NoError(t, stream.CloseSend())
		_, err = stream.Recv()
		require.Equal(t, io.EOF, err)
	}},
	{"the server answers after the half-close", func(t *testing.T, ctx context.Context, serve serveStreams) {
		stream, err := serve(t, &Streams{OnChat: func(stream ChatStream) error {
			n := 0
			for ; ; n++ {
				if _, err := stream.Recv(); errors.Is(err, io.EOF) {
					break
				} else if err != nil {
					return err
				}
			}
			return stream.Send(&pb.ChatResponse{Payload: fmt.Append(nil, n)})
		}}).Chat(ctx)
		require.NoError(t, err)
		for range 10 {
			require.NoError(t, stream.Send(say("x")))
		}
		require.NoError(t, stream.CloseSend())
		got, err := stream.Recv()
		require.NoError(t, err)
		require.Equal(t, "10", string(got.GetPayload()))
		_, err = stream.Recv()
		require.Equal(t, io.EOF, err)
	}},
	{"sending after the half-close is INTERNAL", func(t *testing.T, ctx context.Context, serve serveStreams) {
		stream, err := serve(t, &Streams{OnChat: EchoChat}).Chat(ctx)
		require.NoError(t, err)
		require.NoError(t, stream.CloseSend())
		requireStatus(t, stream.Send(say("x")), codes.Internal, "SendMsg called after CloseSend")
	}},
	{"a server that returns early ends the sending", func(t *testing.T, ctx context.Context, serve serveStreams) {
		stream, err := serve(t, &Streams{OnChat: func(stream ChatStream) error {
			if _, err := stream.Recv(); err != nil {
				return err
			}
			return status.Error(codes.Aborted, "enough")
		}}).Chat(ctx)
		require.NoError(t, err)
		for err == nil {
			err = stream.Send(&pb.ChatRequest{Payload: make([]byte, 1000)})
		}
		require.Equal(t, io.EOF, err)
		_, err = stream.Recv()
		requireStatus(t, err, codes.Aborted, "enough")
	}},
	{"a status comes after the messages with details and trailer", func(t *testing.T, ctx context.Context, serve serveStreams) {
		want, err := status.New(codes.FailedPrecondition, "100% wrong:\n\"résumé\" 🙂 ").WithDetails(&errdetails.ErrorInfo{Reason: "R"})
		require.NoError(t, err)
		var header, trailer metadata.MD
		var finished []error
		stream, err := serve(t, &Streams{OnChat: func(stream ChatStream) error {
			stream.SetTrailer(metadata.Pairs("t", "1"))
			for i := range 3 {
				if err := stream.Send(&pb.ChatResponse{Payload: fmt.Append(nil, i)}); err != nil {
					return err
				}
			}
			stream.SetTrailer(metadata.Pairs("t", "2", "t-bin", "\x00\xff"))
			return want.Err()
		}}).Chat(ctx, grpc.Header(&header), grpc.Trailer(&trailer), grpc.OnFinish(func(err error) { finished = append(finished, err) }))
		require.NoError(t, err)
		for i := range 3 {
			got, err := stream.Recv()
			require.NoError(t, err)
			require.Equal(t, fmt.Sprint(i), string(got.GetPayload()))
		}
		require.Empty(t, finished)
		_, err = stream.Recv()
		require.Empty(t, cmp.Diff(want.Proto(), status.Convert(err).Proto(), protocmp.Transform()))
		require.Equal(t, []string{"1", "2"}, stream.Trailer()["t"])
		require.Equal(t, []string{"\x00\xff"}, stream.Trailer()["t-bin"])
		require.Equal(t, []string{"1", "2"}, trailer["t"])
		require.Len(t, finished, 1)
		require.Equal(t, err, finished[0])
		require.NotNil(t, header)
	}},
	{"an error that is no status is UNKNOWN", func(t *testing.T, ctx context.Context, serve serveStreams) {
		stream, err := serve(t, &Streams{OnChat: func(ChatStream) error { return errors.New("out of tea") }}).Chat(ctx)
		require.NoError(t, err)
		_, err = stream.Recv()
		requireStatus(t, err, codes.Unknown, "out of tea")
	}},
	{"metadata goes both ways", func(t *testing.T, ctx context.Context, serve serveStreams) {
		values := metadata.Pairs("one", "1", "many", "a", "many", "b, c", "data-bin", "\x00\xff\n", "empty", "")
		stream, err := serve(t, &Streams{OnChat: func(stream ChatStream) error {
			md, _ := metadata.FromIncomingContext(stream.Context())
			for key := range values {
				if diff := cmp.Diff(values[key], md[key]); diff != "" {
					return status.Errorf(codes.Internal, "%s: %s", key, diff)
				}
			}
			if method, ok := grpc.MethodFromServerStream(stream); !ok || method != pb.StreamService_Chat_FullMethodName {
				return status.Errorf(codes.Internal, "method %q", method)
			}
			if _, ok := peer.FromContext(stream.Context()); !ok {
				return status.Error(codes.Internal, "no peer")
			}
			err := errors.Join(
				stream.SetHeader(metadata.Pairs("h", "1", "h-bin", "\x01")),
				grpc.SetHeader(stream.Context(), metadata.Pairs("h", "2")),
				stream.SendHeader(metadata.Pairs("h", "3")),
				grpc.SetTrailer(stream.Context(), metadata.Pairs("t", "4")),
			)
			if err != nil {
				return err
			}
			for name, late := range map[string]error{
				"SetHeader":  stream.SetHeader(metadata.Pairs("h", "late")),
				"SendHeader": stream.SendHeader(metadata.Pairs("h", "late")),
			} {
				if status.Convert(late).Message() != "transport: SendHeader called multiple times" {
					return status.Errorf(codes.Internal, "%s: %v", name, late)
				}
			}
			_, err = stream.Recv() // the header comes before
			if !errors.Is(err, io.EOF) {
				return status.Errorf(codes.Internal, "receive: %v", err)
			}
			return nil
		}}).Chat(metadata.NewOutgoingContext(ctx, values))
		require.NoError(t, err)
		header, err := stream.Header()
		require.NoError(t, err)
		require.Equal(t, []string{"1", "2", "3"}, header["h"])
		require.Equal(t, []string{"\x01"}, header["h-bin"])
		require.NoError(t, stream.CloseSend())
		_, err = stream.Recv()
		require.Equal(t, io.EOF, err)
		require.Equal(t, []string{"4"}, stream.Trailer()["t"])
	}},
	{"the header comes with the first message or the end", func(t *testing.T, ctx context.Context, serve serveStreams) {
		client := serve(t, &Streams{
			OnChat: func(stream ChatStream) error { return stream.SetHeader(metadata.Pairs("h", "end")) },
			OnDownload: func(_ []byte, stream DownloadStream) error {
				if err := stream.SetHeader(metadata.Pairs("h", "first")); err != nil {
					return err
				}
				if err := stream.Send(&pb.DownloadResponse{}); err != nil {
					return err
				}
				<-stream.Context().Done()
				return nil
			},
		})
		chat, err := client.Chat(ctx)
		require.NoError(t, err)
		header, err := chat.Header()
		require.NoError(t, err)
		require.Equal(t, []string{"end"}, header["h"])
		downloading, cancel := context.WithCancel(ctx)
		defer cancel()
		download, err := client.Download(downloading, &pb.DownloadRequest{})
		require.NoError(t, err)
		header, err = download.Header()
		require.NoError(t, err)
		require.Equal(t, []string{"first"}, header["h"])
	}},
	{"a stream without header has none", func(t *testing.T, ctx context.Context, serve serveStreams) {
		stream, err := serve(t, &Streams{OnChat: func(ChatStream) error { return status.Error(codes.NotFound, "no") }}).Chat(ctx)
		require.NoError(t, err)
		header, err := stream.Header()
		require.NoError(t, err)
		require.Nil(t, header)
		_, err = stream.Recv()
		requireStatus(t, err, codes.NotFound, "no")
	}},
	{"metadata that is not printable is INTERNAL", func(t *testing.T, ctx context.Context, serve serveStreams) {
		client := serve(t, &Streams{OnChat: func(stream ChatStream) error {
			return stream.SendHeader(metadata.Pairs("key", "a\nb"))
		}})
		var finished error
		_, err := client.Chat(metadata.AppendToOutgoingContext(ctx, "key", "a\r\nb: c"), grpc.OnFinish(func(err error) { finished = err }))
		requireStatus(t, err, codes.Internal, `header key "key" contains value with non-printable ASCII characters`)
		require.Equal(t, err, finished)
		stream, err := client.Chat(ctx)
		require.NoError(t, err)
		_, err = stream.Recv()
		requireStatus(t, err, codes.Internal, `header key "key" contains value with non-printable ASCII characters`)
	}},
	{"cancelling after the begin is CANCELED", func(t *testing.T, ctx context.Context, serve serveStreams) {
		client := serve(t, &Streams{OnUpload: func(stream UploadStream) error {
			_, err := stream.Recv()
			return err
		}})
		ctx, cancel := context.WithCancel(ctx)
		stream, err := client.Upload(ctx)
		require.NoError(t, err)
		cancel()
		_, err = stream.CloseAndRecv()
		requireStatus(t, err, codes.Canceled, "context canceled")
	}},
	{"cancelling after a response is CANCELED at both ends", func(t *testing.T, ctx context.Context, serve serveStreams) {
		ended := make(chan error, 2)
		client := serve(t, &Streams{OnChat: func(stream ChatStream) error {
			if err := stream.Send(&pb.ChatResponse{}); err != nil {
				return err
			}
			_, err := stream.Recv()
			ended <- err
			<-stream.Context().Done()
			ended <- stream.Context().Err()
			return nil
		}})
		ctx, cancel := context.WithCancel(ctx)
		stream, err := client.Chat(ctx)
		require.NoError(t, err)
		_, err = stream.Recv()
		require.NoError(t, err)
		cancel()
		start := time.Now()
		_, err = stream.Recv()
		requireStatus(t, err, codes.Canceled, "context canceled")
		require.Eventually(t, func() bool { return errors.Is(stream.Send(say("x")), io.EOF) }, time.Second, time.Millisecond)
		require.Equal(t, codes.Canceled, status.Code(<-ended))
		require.Equal(t, context.Canceled, <-ended)
		require.Less(t, time.Since(start), time.Second)
	}},
	{"a blocked send ends with its context", func(t *testing.T, ctx context.Context, serve serveStreams) {
		client := serve(t, &Streams{OnChat: func(stream ChatStream) error {
			<-stream.Context().Done()
			return stream.Context().Err() // the server's end of the deadline may be the first
		}})
		ctx, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
		defer cancel()
		stream, err := client.Chat(ctx)
		require.NoError(t, err)
		for err == nil {
			err = stream.Send(&pb.ChatRequest{Payload: make([]byte, 10_000)})
		}
		require.Equal(t, io.EOF, err)
		_, err = stream.Recv()
		require.Equal(t, codes.DeadlineExceeded, status.Code(err))
	}},
	{"a deadline ends both ends", func(t *testing.T, ctx context.Context, serve serveStreams) {
		ended, deadlines := make(chan error, 1), make(chan time.Time, 1)
		client := serve(t, &Streams{OnChat: func(stream ChatStream) error {
			deadline, _ := stream.Context().Deadline()
			deadlines <- deadline
			<-stream.Context().Done()
			ended <- stream.Context().Err()
			return stream.Context().Err() // the server's end of the deadline may be the first
		}})
		want := time.Now().Add(300 * time.Millisecond)
		ctx, cancel := context.WithDeadline(ctx, want)
		defer cancel()
		stream, err := client.Chat(ctx)
		require.NoError(t, err)
		_, err = stream.Recv()
		require.Equal(t, codes.DeadlineExceeded, status.Code(err))
		require.WithinDuration(t, want, <-deadlines, 100*time.Millisecond)
		require.Error(t, <-ended)
	}},
	{"a stream without a deadline has none", func(t *testing.T, _ context.Context, serve serveStreams) {
		client := serve(t, &Streams{OnChat: func(stream ChatStream) error {
			if deadline, limited := stream.Context().Deadline(); limited {
				return fmt.Errorf("deadline %v", deadline)
			}
			return nil
		}})
		stream, err := client.Chat(t.Context())
		require.NoError(t, err)
		_, err = stream.Recv()
		require.Equal(t, io.EOF, err)
	}},
	{"a stream with an ended context is not opened", func(t *testing.T, ctx context.Context, serve serveStreams) {
		client := serve(t, &Streams{OnChat: func(ChatStream) error { panic("called") }})
		ctx, cancel := context.WithCancel(ctx)
		cancel()
		_, err := client.Chat(ctx)
		requireStatus(t, err, codes.Canceled, "context canceled")
	}},
	{"large messages pass", func(t *testing.T, ctx context.Context, serve serveStreams) {
		stream, err := serve(t, &Streams{OnChat: EchoChat}).Chat(ctx)
		require.NoError(t, err)
		want := make([]byte, large)
		for i := range want {
			want[i] = byte(i >> 8 * i)
		}
		for range 3 {
			require.NoError(t, stream.Send(&pb.ChatRequest{Payload: want}))
			got, err := stream.Recv()
			require.NoError(t, err)
			require.True(t, slices.Equal(want, got.GetPayload()))
		}
		require.NoError(t, stream.CloseSend())
		_, err = stream.Recv()
		require.Equal(t, io.EOF, err)
	}},
	{"limits of the sender and the receiver", func(t *testing.T, ctx context.Context, serve serveStreams) {
		client := serve(t, &Streams{OnChat: EchoChat})
		stream, err := client.Chat(ctx, grpc.MaxCallSendMsgSize(10))
		require.NoError(t, err)
		requireStatus(t, stream.Send(&pb.ChatRequest{Payload: make([]byte, 100)}), codes.ResourceExhausted, "trying to send message larger than max (102 vs. 10)")

		stream, err = client.Chat(ctx, grpc.MaxCallRecvMsgSize(10))
		require.NoError(t, err)
		require.NoError(t, stream.Send(&pb.ChatRequest{Payload: make([]byte, 100)}))
		_, err = stream.Recv()
		requireStatus(t, err, codes.ResourceExhausted, "grpc: received message larger than max (102 vs. 10)")
		require.Equal(t, io.EOF, stream.Send(say("x")))
	}},
	{"the server receives up to 4 MiB", func(t *testing.T, ctx context.Context, serve serveStreams) {
		ended := make(chan error, 1)
		stream, err := serve(t, &Streams{OnChat: func(stream ChatStream) error {
			_, err := stream.Recv()
			ended <- err
			return nil // what receiving said is what the caller gets
		}}).Chat(ctx)
		require.NoError(t, err)
		if err := stream.Send(&pb.ChatRequest{Payload: make([]byte, 5<<20)}); err != nil { // the server may refuse it halfway
			require.Equal(t, io.EOF, err)
		}
		_, err = stream.Recv()
		requireStatus(t, err, codes.ResourceExhausted, "grpc: received message larger than max (5242885 vs. 4194304)")
		require.Equal(t, codes.ResourceExhausted, status.Code(<-ended))
	}},
	{"a slow reader stops the sender", func(t *testing.T, ctx context.Context, serve serveStreams) {
		const size, many = 10_000, 1000 // far beyond any window
		var mu sync.Mutex
		sent := 0
		client := serve(t, &Streams{OnDownload: func(_ []byte, stream DownloadStream) error {
			for range many {
				if err := stream.Send(&pb.DownloadResponse{Payload: make([]byte, size)}); err != nil {
					return err
				}
				mu.Lock()
				sent++
				mu.Unlock()
			}
			return nil
		}})
		stream, err := client.Download(ctx, &pb.DownloadRequest{})
		require.NoError(t, err)
		before := -1
		require.Eventually(t, func() bool { // it stands still
			mu.Lock()
			defer mu.Unlock()
			still := sent > 0 && sent == before
			before = sent
			return still
		}, 10*time.Second, 200*time.Millisecond)
		require.Less(t, before, many/2)
		for range many {
			_, err := stream.Recv()
			require.NoError(t, err)
		}
		_, err = stream.Recv()
		require.Equal(t, io.EOF, err)
	}},
	{"both directions go at once", func(t *testing.T, ctx context.Context, serve serveStreams) {
		stream, err := serve(t, &Streams{OnChat: EchoChat}).Chat(ctx)
		require.NoError(t, err)
		const many = 5000
		var sender sync.WaitGroup
		sender.Go(func() {
			for i := range many {
				if err := stream.Send(say("%d", i)); err != nil {
					t.Errorf("send %d: %v", i, err)
					return
				}
			}
			if err := stream.CloseSend(); err != nil {
				t.Errorf("close: %v", err)
			}
		})
		for i := range many {
			got, err := stream.Recv()
			require.NoError(t, err)
			require.Equal(t, fmt.Sprint(i), string(got.GetPayload()))
		}
		_, err = stream.Recv()
		require.Equal(t, io.EOF, err)
		sender.Wait()
	}},
	{"many streams at once keep apart", func(t *testing.T, ctx context.Context, serve serveStreams) {
		client := serve(t, &Streams{OnChat: EchoChat})
		var group sync.WaitGroup
		for i := range 50 {
			group.Go(func() {
				stream, err := client.Chat(ctx)
				if err != nil {
					t.Errorf("stream %d: %v", i, err)
					return
				}
				for n := range 20 {
					want := say("%d %d", i, n)
					if err := stream.Send(want); err != nil {
						t.Errorf("stream %d: send: %v", i, err)
						return
					}
					got, err := stream.Recv()
					if err != nil || string(got.GetPayload()) != string(want.GetPayload()) {
						t.Errorf("stream %d: got %q, want %q: %v", i, got.GetPayload(), want.GetPayload(), err)
						return
					}
				}
				if err := stream.CloseSend(); err != nil {
					t.Errorf("stream %d: close: %v", i, err)
				}
				if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
					t.Errorf("stream %d: end: %v", i, err)
				}
			})
		}
		group.Wait()
	}},
	{"interceptors wrap the handler", func(t *testing.T, ctx context.Context, serve serveStreams) {
		var order []string
		note := func(name string) grpc.StreamServerInterceptor {
			return func(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
				order = append(order, fmt.Sprint(name, " ", info.FullMethod, " ", info.IsClientStream, " ", info.IsServerStream))
				if _, ok := srv.(*Streams); !ok {
					return fmt.Errorf("the service is a %T", srv)
				}
				return handler(srv, ss)
			}
		}
		stream, err := serve(t, &Streams{OnUpload: func(stream UploadStream) error {
			return stream.SendAndClose(&pb.UploadResponse{Payload: []byte(strings.Join(order, ", "))})
		}}, note("first"), note("second"), note("third")).Upload(ctx)
		require.NoError(t, err)
		got, err := stream.CloseAndRecv()
		require.NoError(t, err)
		method := pb.StreamService_Upload_FullMethodName + " true false"
		require.Equal(t, fmt.Sprintf("first %[1]s, second %[1]s, third %[1]s", method), string(got.GetPayload()))
	}},
	{"an unknown method is UNIMPLEMENTED", func(t *testing.T, ctx context.Context, serve serveStreams) {
		stream, err := serve(t, &Streams{}).Brief(ctx)
		require.NoError(t, err)
		_, err = stream.Recv()
		requireStatus(t, err, codes.Unimplemented, "method Brief not implemented")
	}},
	{"an encoded message travels as it is", func(t *testing.T, ctx context.Context, serve serveStreams) {
		stream, err := serve(t, &Streams{OnChat: EchoChat}).Chat(ctx, grpc.ForceCodecV2(rawCodec{}))
		require.NoError(t, err)
		want := []byte{0x0a, 3, 'r', 'a', 'w'}
		require.NoError(t, stream.SendMsg(want))
		var got []byte
		require.NoError(t, stream.RecvMsg(&got))
		require.Equal(t, want, got)
		require.NoError(t, stream.SendMsg([]byte{0xff}))
		err = stream.RecvMsg(&got)
		require.Equal(t, codes.Internal, status.Code(err))
		require.Contains(t, status.Convert(err).Message(), "grpc: failed to unmarshal the received message")
	}},
	{"a handler that ignores the messages can return", func(t *testing.T, ctx context.Context, serve serveStreams) {
		client := serve(t, &Streams{OnUpload: func(stream UploadStream) error {
			return stream.SendAndClose(&pb.UploadResponse{Payload: []byte("early")})
		}})
		stream, err := client.Upload(ctx)
		require.NoError(t, err)
		for err == nil {
			err = stream.Send(&pb.UploadRequest{Payload: make([]byte, 10_000)})
		}
		require.Equal(t, io.EOF, err)
		got, err := stream.CloseAndRecv()
		require.NoError(t, err)
		require.Equal(t, "early", string(got.GetPayload()))
	}},
}
