package natsgrpc_test

import (
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	pb "github.com/codingflow/rating/proto/natsgrpctest/v1"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// callTimeout bounds the waits of the bare benchmarks.
const callTimeout = 20 * time.Second

// BenchmarkStream sends messages one way. "bare" publishes frames of the same size over core NATS, without credit and
// without a codec; "natsgrpc" and "grpc" are server streaming over NATS and over a loopback connection.
func BenchmarkStream(b *testing.B) {
	for _, size := range []int{512, 16 << 10} {
		payload := make([]byte, size)
		// A frame has 13 bytes before the message, which has a tag and a length before its payload.
		frame := make([]byte, 13+4+size)
		b.Run(fmt.Sprintf("bare/%d", size), func(b *testing.B) {
			ns := natsgrpctest.NewServer(b)
			sender, receiver := natsgrpctest.Connect(b, ns), natsgrpctest.Connect(b, ns)
			sub, err := receiver.SubscribeSync("bare.frames")
			require.NoError(b, err)
			require.NoError(b, sub.SetPendingLimits(-1, -1))
			require.NoError(b, receiver.Flush())
			b.SetBytes(int64(size))
			b.ReportAllocs()
			b.ResetTimer()
			go func() {
				for range b.N {
					_ = sender.Publish("bare.frames", frame)
				}
				_ = sender.Flush()
			}()
			for range b.N {
				if _, err := sub.NextMsg(callTimeout); err != nil {
					b.Fatal(err)
				}
			}
		})
		service := natsgrpctest.Streams{OnDownload: func(n []byte, stream natsgrpctest.DownloadStream) error {
			var count int
			if _, err := fmt.Sscan(string(n), &count); err != nil {
				return err
			}
			message := &pb.DownloadResponse{Payload: payload}
			for range count {
				if err := stream.Send(message); err != nil {
					return err
				}
			}
			return nil
		}}
		download := func(b *testing.B, conn grpc.ClientConnInterface) {
			b.SetBytes(int64(size))
			b.ReportAllocs()
			b.ResetTimer()
			stream, err := pb.NewStreamServiceClient(conn).Download(b.Context(), &pb.DownloadRequest{Payload: fmt.Append(nil, b.N)})
			require.NoError(b, err)
			for range b.N {
				if _, err := stream.Recv(); err != nil {
					b.Fatal(err)
				}
			}
			_, err = stream.Recv()
			require.Equal(b, io.EOF, err)
		}
		b.Run(fmt.Sprintf("natsgrpc/%d", size), func(b *testing.B) {
			ns := natsgrpctest.NewServer(b)
			srv, err := natsgrpc.NewServer(natsgrpctest.Connect(b, ns))
			require.NoError(b, err)
			streams(service)(srv)
			stop := serveUntil(b, srv)
			defer func() { require.NoError(b, stop()) }()
			download(b, connect(b, natsgrpctest.Connect(b, ns)))
		})
		b.Run(fmt.Sprintf("grpc/%d", size), func(b *testing.B) {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(b, err)
			srv := grpc.NewServer()
			streams(service)(srv)
			go func() { _ = srv.Serve(listener) }() // ended by Stop
			defer srv.Stop()
			cc, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
			require.NoError(b, err)
			defer func() { require.NoError(b, cc.Close()) }()
			download(b, cc)
		})
	}
}

// BenchmarkStreamPingPong is the round trip of one message of 512 bytes on an open stream.
func BenchmarkStreamPingPong(b *testing.B) {
	ns := natsgrpctest.NewServer(b)
	payload := make([]byte, 512)
	b.Run("bare", func(b *testing.B) {
		server, client := natsgrpctest.Connect(b, ns), natsgrpctest.Connect(b, ns)
		requests, err := server.SubscribeSync("bare.to")
		require.NoError(b, err)
		answers, err := client.SubscribeSync("bare.fro")
		require.NoError(b, err)
		require.NoError(b, server.Flush())
		require.NoError(b, client.Flush())
		go func() {
			for range b.N {
				msg, err := requests.NextMsg(callTimeout)
				if err != nil {
					return
				}
				_ = server.Publish("bare.fro", msg.Data)
			}
		}()
		b.ReportAllocs()
		b.ResetTimer()
		for range b.N {
			require.NoError(b, client.Publish("bare.to", payload))
			if _, err := answers.NextMsg(callTimeout); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("natsgrpc", func(b *testing.B) {
		srv, err := natsgrpc.NewServer(natsgrpctest.Connect(b, ns))
		require.NoError(b, err)
		streams(natsgrpctest.Streams{OnChat: natsgrpctest.EchoChat})(srv)
		stop := serveUntil(b, srv)
		defer func() { require.NoError(b, stop()) }()
		stream := chat(b.Context(), b, connect(b, natsgrpctest.Connect(b, ns)))
		message := &pb.ChatRequest{Payload: payload}
		b.ReportAllocs()
		b.ResetTimer()
		for range b.N {
			if err := stream.Send(message); err != nil {
				b.Fatal(err)
			}
			if _, err := stream.Recv(); err != nil {
				b.Fatal(err)
			}
		}
		require.NoError(b, stream.CloseSend())
		require.Equal(b, io.EOF, endOf(stream))
	})
}

// BenchmarkStreamOpen is a whole stream with one message each way, from its opening to its status.
func BenchmarkStreamOpen(b *testing.B) {
	ns := natsgrpctest.NewServer(b)
	srv, err := natsgrpc.NewServer(natsgrpctest.Connect(b, ns))
	require.NoError(b, err)
	streams(natsgrpctest.Streams{OnChat: natsgrpctest.EchoChat})(srv)
	stop := serveUntil(b, srv)
	defer func() { require.NoError(b, stop()) }()
	conn := connect(b, natsgrpctest.Connect(b, ns))
	b.ReportAllocs()
	for b.Loop() {
		stream := chat(b.Context(), b, conn)
		require.NoError(b, stream.CloseSend())
		require.Equal(b, io.EOF, endOf(stream))
	}
}
