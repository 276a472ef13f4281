package natsgrpc_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	pb "github.com/codingflow/rating/proto/natsgrpctest/v1"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// brokenWithin is when an end of a stream must have noticed that the other has gone: the 5 seconds of the wire
// specification, and time for a busy machine.
const brokenWithin = 8 * time.Second

// streams returns a function that registers a StreamService.
func streams(service natsgrpctest.Streams) func(grpc.ServiceRegistrar) {
	return func(registrar grpc.ServiceRegistrar) { pb.RegisterStreamServiceServer(registrar, &service) }
}

// chat opens a Chat with a first message that was answered.
func chat(ctx context.Context, t testing.TB, conn grpc.ClientConnInterface) pb.StreamService_ChatClient {
	t.Helper()
	stream, err := pb.NewStreamServiceClient(conn).Chat(ctx)
	require.NoError(t, err)
	require.NoError(t, stream.Send(&pb.ChatRequest{}))
	_, err = stream.Recv()
	require.NoError(t, err)
	return stream
}

// requireBroken checks that a stream ended as a broken one.
func requireBroken(t *testing.T, err error) {
	t.Helper()
	require.Equal(t, codes.Unavailable, status.Code(err), "%v", err)
	require.Equal(t, natsgrpc.ReasonStreamBroken, reason(err))
}

// endOf returns what RecvMsg ends with.
func endOf(stream grpc.ClientStream) error {
	for {
		if err := stream.RecvMsg(&pb.ChatResponse{}); err != nil {
			return err
		}
	}
}

func TestLostFramesAreNeverSilence(t *testing.T) {
	for name, subjects := range map[string]string{"to the client": "rep.>", "to the server": "str.>"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ns := natsgrpctest.NewServer(t)
			serve(t, natsgrpctest.Connect(t, ns), streams(natsgrpctest.Streams{OnChat: natsgrpctest.EchoChat}), natsgrpc.WithSlots(100, 100))
			client := pb.NewStreamServiceClient(connect(t, natsgrpctest.Connect(t, ns)))
			// A server with such a mapping drops every twentieth message.
			require.NoError(t, ns.GlobalAccount().AddWeightedMappings(subjects, server.NewMapDest(subjects, 95)))
			var group sync.WaitGroup
			var whole, broken atomic.Int32
			for range 60 {
				group.Go(func() {
					stream, err := client.Chat(t.Context())
					if err != nil {
						t.Errorf("open: %v", err)
						return
					}
					const many = 10
					for i := range many {
						if err := stream.Send(&pb.ChatRequest{Payload: fmt.Append(nil, i)}); err != nil {
							break
						}
					}
					_ = stream.CloseSend()
					received := 0
					for ; ; received++ {
						var got *pb.ChatResponse
						if got, err = stream.Recv(); err != nil {
							break
						}
						if string(got.GetPayload()) != fmt.Sprint(received) {
							t.Errorf("message %d is %q", received, got.GetPayload())
						}
					}
					switch {
					case errors.Is(err, io.EOF) && received == many:
						whole.Add(1)
					case status.Code(err) == codes.Unavailable:
						broken.Add(1)
					default:
						t.Errorf("after %d messages: %v", received, err)
					}
				})
			}
			group.Wait()
			require.EqualValues(t, 60, whole.Load()+broken.Load())
			require.NotZero(t, broken.Load())
		})
	}
}

func TestAGapBreaksTheStreamAtBothEnds(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	nc := natsgrpctest.Connect(t, ns)
	ended := make(chan error, 1)
	serve(t, nc, streams(natsgrpctest.Streams{OnChat: func(stream natsgrpctest.ChatStream) error {
		err := natsgrpctest.EchoChat(stream)
		ended <- err
		return err
	}}))
	conn := connect(t, natsgrpctest.Connect(t, ns))
	for name, subject := range map[string]string{"of the server": "rep.>", "of the client": "str.>"} {
		spy, err := nc.SubscribeSync(subject)
		require.NoError(t, err)
		stream := chat(t.Context(), t, conn)
		frame, err := spy.NextMsg(soon)
		require.NoError(t, err)
		require.NoError(t, spy.Unsubscribe())
		require.NoError(t, nc.Publish(frame.Subject, []byte("M\x00\x00\x00\x00\x00\x00\x00\x09\x00\x00\x00\x00")), name)
		requireBroken(t, endOf(stream))
		require.Error(t, <-ended, name)
	}
}

func TestAServerThatVanishesBreaksTheStream(t *testing.T) {
	t.Parallel()
	ns := natsgrpctest.NewServer(t)
	vanishing := natsgrpctest.Connect(t, ns)
	srv, err := natsgrpc.NewServer(vanishing)
	require.NoError(t, err)
	causes := make(chan error, 1)
	streams(natsgrpctest.Streams{OnChat: func(stream natsgrpctest.ChatStream) error {
		err := natsgrpctest.EchoChat(stream)
		causes <- context.Cause(stream.Context())
		return err
	}})(srv)
	stop := serveUntil(t, srv)
	stream := chat(t.Context(), t, connect(t, natsgrpctest.Connect(t, ns)))
	vanishing.Close()
	start := time.Now()
	requireBroken(t, endOf(stream))
	require.Less(t, time.Since(start), brokenWithin)
	requireBroken(t, <-causes)
	require.ErrorIs(t, stop(), nats.ErrConnectionClosed)
}

func TestACallerThatVanishesEndsTheHandler(t *testing.T) {
	t.Parallel()
	ns := natsgrpctest.NewServer(t)
	causes := make(chan error, 1)
	serve(t, natsgrpctest.Connect(t, ns), streams(natsgrpctest.Streams{OnChat: func(stream natsgrpctest.ChatStream) error {
		if err := natsgrpctest.EchoChat(stream); status.Code(err) != codes.Canceled {
			return err
		}
		causes <- context.Cause(stream.Context())
		return nil
	}}))
	vanishing := natsgrpctest.Connect(t, ns)
	stream := chat(t.Context(), t, connect(t, vanishing))
	vanishing.Close()
	start := time.Now()
	requireBroken(t, <-causes)
	require.Less(t, time.Since(start), brokenWithin)
	requireBroken(t, endOf(stream))
}

func TestAReconnectThatLosesNothingKeepsTheStream(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	serving, calling := natsgrpctest.Connect(t, ns), natsgrpctest.Connect(t, ns)
	serve(t, serving, streams(natsgrpctest.Streams{OnChat: natsgrpctest.EchoChat}))
	stream := chat(t.Context(), t, connect(t, calling))
	for _, nc := range []*nats.Conn{calling, serving} {
		reconnects := nc.Stats().Reconnects
		require.NoError(t, nc.ForceReconnect())
		require.Eventually(t, func() bool { return nc.IsConnected() && nc.Stats().Reconnects > reconnects }, soon, time.Millisecond)
		require.NoError(t, nc.FlushTimeout(5*time.Second)) // its subscriptions are known
		require.NoError(t, stream.Send(&pb.ChatRequest{Payload: []byte("still there")}))
		got, err := stream.Recv()
		require.NoError(t, err)
		require.Equal(t, "still there", string(got.GetPayload()))
	}
	require.NoError(t, stream.CloseSend())
	require.Equal(t, io.EOF, endOf(stream))
}

func TestAnIdleStreamLives(t *testing.T) {
	t.Parallel()
	ns := natsgrpctest.NewServer(t)
	serve(t, natsgrpctest.Connect(t, ns), streams(natsgrpctest.Streams{OnChat: func(stream natsgrpctest.ChatStream) error {
		if _, err := stream.Recv(); err != nil {
			return err
		}
		if err := stream.Send(&pb.ChatResponse{}); err != nil {
			return err
		}
		select { // longer than silence may last
		case <-time.After(6 * time.Second):
			return nil
		case <-stream.Context().Done():
			return context.Cause(stream.Context())
		}
	}}))
	require.Equal(t, io.EOF, endOf(chat(t.Context(), t, connect(t, natsgrpctest.Connect(t, ns)))))
}

func TestAPanicInAStreamIsNotTriedAgain(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	nc := natsgrpctest.Connect(t, ns)
	var runs atomic.Int32
	serve(t, nc, streams(natsgrpctest.Streams{OnChat: func(natsgrpctest.ChatStream) error {
		runs.Add(1)
		panic("a bug")
	}}))
	stream, err := pb.NewStreamServiceClient(connect(t, nc)).Chat(t.Context())
	require.NoError(t, err)
	err = endOf(stream)
	require.Equal(t, codes.Internal, status.Code(err))
	require.Equal(t, "natsgrpc: panic in the handler", status.Convert(err).Message())
	require.EqualValues(t, 1, runs.Load())
	require.Zero(t, pending(t, streamOf(t, nc)))
}

// streamOf returns the queue of the StreamService's commands.
func streamOf(t *testing.T, nc *nats.Conn) jetstream.Stream {
	return stream(t, nc, "CMD_natsgrpctest_v1_StreamService_0")
}

func TestADrainWaitsForStreams(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	srv, err := natsgrpc.NewServer(natsgrpctest.Connect(t, ns))
	require.NoError(t, err)
	streams(natsgrpctest.Streams{OnChat: natsgrpctest.EchoChat})(srv)
	stop := serveUntil(t, srv)
	conn := connect(t, natsgrpctest.Connect(t, ns))
	stream := chat(t.Context(), t, conn)
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	require.Eventually(t, func() bool { // it does not pull any more
		waiting, err := streamOf(t, natsgrpctest.Connect(t, ns)).Consumer(t.Context(), "workers")
		return err == nil && waiting.CachedInfo().NumWaiting == 0
	}, soon, 10*time.Millisecond)
	require.NoError(t, stream.Send(&pb.ChatRequest{Payload: []byte("still there")}))
	got, err := stream.Recv()
	require.NoError(t, err)
	require.Equal(t, "still there", string(got.GetPayload()))
	require.NoError(t, stream.CloseSend())
	require.Equal(t, io.EOF, endOf(stream))
	require.NoError(t, <-stopped)
}

func TestADrainEndsWhatOutlastsIt(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	srv, err := natsgrpc.NewServer(natsgrpctest.Connect(t, ns), natsgrpc.WithDrainTimeout(50*time.Millisecond))
	require.NoError(t, err)
	streams(natsgrpctest.Streams{OnChat: func(stream natsgrpctest.ChatStream) error {
		_ = natsgrpctest.EchoChat(stream)
		return nil // which would be an OK
	}})(srv)
	stop := serveUntil(t, srv)
	stream := chat(t.Context(), t, connect(t, natsgrpctest.Connect(t, ns)))
	require.EqualError(t, stop(), "natsgrpc: drain: 1 streams outlasted 50ms and were ended")
	err = endOf(stream)
	requireBroken(t, err)
	require.Equal(t, "natsgrpc: the stream is broken: the server has drained", status.Convert(err).Message())
}

func TestAClosedConnEndsItsStreams(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	causes := make(chan error, 1)
	serve(t, natsgrpctest.Connect(t, ns), streams(natsgrpctest.Streams{OnChat: func(stream natsgrpctest.ChatStream) error {
		err := natsgrpctest.EchoChat(stream)
		causes <- context.Cause(stream.Context())
		return err
	}}))
	conn, err := natsgrpc.NewConn(natsgrpctest.Connect(t, ns))
	require.NoError(t, err)
	stream := chat(t.Context(), t, conn)
	require.NoError(t, conn.Close())
	require.Equal(t, codes.Canceled, status.Code(endOf(stream)))
	require.ErrorContains(t, <-causes, "the caller has ended the stream")
	_, err = pb.NewStreamServiceClient(conn).Chat(t.Context())
	require.Equal(t, codes.Canceled, status.Code(err))
}

func TestAStreamWaitsForASlotAndACallerThatLeftRunsNoHandler(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	var runs atomic.Int32
	serve(t, natsgrpctest.Connect(t, ns), streams(natsgrpctest.Streams{OnChat: func(stream natsgrpctest.ChatStream) error {
		runs.Add(1)
		return natsgrpctest.EchoChat(stream)
	}}), natsgrpc.WithSlots(1, 1))
	conn := connect(t, natsgrpctest.Connect(t, ns))
	first := chat(t.Context(), t, conn)
	for range 10 {
		ctx, cancel := context.WithCancel(t.Context())
		left, err := pb.NewStreamServiceClient(conn).Chat(ctx)
		require.NoError(t, err)
		cancel()
		require.Equal(t, codes.Canceled, status.Code(endOf(left)))
	}
	next, err := pb.NewStreamServiceClient(conn).Chat(t.Context())
	require.NoError(t, err)
	require.NoError(t, next.Send(&pb.ChatRequest{Payload: []byte("before the claim")}), "messages are kept until then")
	require.NoError(t, next.CloseSend())
	require.NoError(t, first.CloseSend())
	require.Equal(t, io.EOF, endOf(first))
	got, err := next.Recv()
	require.NoError(t, err)
	require.Equal(t, "before the claim", string(got.GetPayload()))
	require.Equal(t, io.EOF, endOf(next))
	require.EqualValues(t, 2, runs.Load())
}

func TestAStreamThatNobodyClaimsEnds(t *testing.T) {
	t.Parallel()
	ns := natsgrpctest.NewServer(t)
	serve(t, natsgrpctest.Connect(t, ns), streams(natsgrpctest.Streams{OnChat: natsgrpctest.EchoChat}), natsgrpc.WithSlots(1, 1))
	conn := connect(t, natsgrpctest.Connect(t, ns))
	first := chat(t.Context(), t, conn)
	stream, err := pb.NewStreamServiceClient(conn).Chat(t.Context())
	require.NoError(t, err)
	err = endOf(stream)
	require.Equal(t, codes.Unavailable, status.Code(err))
	require.Equal(t, natsgrpc.ReasonStreamNotClaimed, reason(err))
	require.NoError(t, first.CloseSend())
	require.Equal(t, io.EOF, endOf(first))
}

func TestAStreamWithoutAQueueEndsAtOnce(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	stream, err := pb.NewStreamServiceClient(connect(t, natsgrpctest.Connect(t, ns))).Chat(t.Context())
	require.NoError(t, err)
	start := time.Now()
	err = endOf(stream)
	require.Equal(t, codes.Unavailable, status.Code(err))
	require.Equal(t, natsgrpc.ReasonNoQueue, reason(err))
	require.Less(t, time.Since(start), atOnce)
	require.Equal(t, io.EOF, stream.Send(&pb.ChatRequest{}))
}

func TestAStreamThatNoServerImplementsIsUnimplemented(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	nc := natsgrpctest.Connect(t, ns)
	serve(t, nc, func(registrar grpc.ServiceRegistrar) {
		registrar.RegisterService(&grpc.ServiceDesc{ServiceName: pb.StreamService_ServiceDesc.ServiceName}, nil)
	})
	stream, err := pb.NewStreamServiceClient(connect(t, nc)).Chat(t.Context())
	require.NoError(t, err)
	require.EqualError(t, endOf(stream), "rpc error: code = Unimplemented desc = unknown method Chat for service natsgrpctest.v1.StreamService")
	require.Eventually(t, func() bool { return pending(t, streamOf(t, nc)) == 0 }, soon, 10*time.Millisecond)
}

func TestStreamsArePinnedToTheServerThatClaimedThem(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	for i := range 3 {
		serve(t, natsgrpctest.Connect(t, ns), streams(natsgrpctest.Streams{OnChat: func(stream natsgrpctest.ChatStream) error {
			for {
				if _, err := stream.Recv(); errors.Is(err, io.EOF) {
					return nil
				} else if err != nil {
					return err
				}
				if err := stream.Send(&pb.ChatResponse{Payload: fmt.Append(nil, i)}); err != nil {
					return err
				}
			}
		}}), natsgrpc.WithSlots(1, 4))
	}
	client := pb.NewStreamServiceClient(connect(t, natsgrpctest.Connect(t, ns)))
	servers := map[string]int{}
	for range 12 { // as many as all have slots
		stream, err := client.Chat(t.Context())
		require.NoError(t, err)
		var first string
		for n := range 10 {
			require.NoError(t, stream.Send(&pb.ChatRequest{}))
			got, err := stream.Recv()
			require.NoError(t, err)
			if n == 0 {
				first = string(got.GetPayload())
			}
			require.Equal(t, first, string(got.GetPayload()))
		}
		servers[first]++
		defer func() {
			require.NoError(t, stream.CloseSend())
			require.Equal(t, io.EOF, endOf(stream))
		}()
	}
	require.Equal(t, map[string]int{"0": 4, "1": 4, "2": 4}, servers, "none takes more than its slots")
}

func TestTheMethodsTimeoutEndsAStream(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	serve(t, natsgrpctest.Connect(t, ns), func(registrar grpc.ServiceRegistrar) {
		pb.RegisterStreamServiceServer(registrar, brief{})
	})
	stream, err := pb.NewStreamServiceClient(connect(t, natsgrpctest.Connect(t, ns))).Brief(t.Context())
	require.NoError(t, err)
	require.Equal(t, codes.DeadlineExceeded, status.Code(endOf(stream)))
}

// brief has a Brief that waits for the end of its context.
type brief struct {
	pb.UnimplementedStreamServiceServer
}

func (brief) Brief(stream grpc.BidiStreamingServer[pb.BriefRequest, pb.BriefResponse]) error {
	<-stream.Context().Done()
	return nil
}

func TestAUnaryMethodIsNoStream(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	conn := connect(t, natsgrpctest.Connect(t, ns))
	_, err := conn.NewStream(t.Context(), &grpc.StreamDesc{ServerStreams: true}, pb.EchoService_Query_FullMethodName)
	require.EqualError(t, err, "rpc error: code = Internal desc = natsgrpc: /natsgrpctest.v1.EchoService/Query is not a streaming method: it takes Invoke")
	_, err = conn.NewStream(t.Context(), &grpc.StreamDesc{}, pb.StreamService_Chat_FullMethodName)
	require.EqualError(t, err, "rpc error: code = Internal desc = natsgrpc: /natsgrpctest.v1.StreamService/Chat is not a streaming method: it takes Invoke")
	err = conn.Invoke(t.Context(), pb.StreamService_Chat_FullMethodName, &pb.ChatRequest{}, &pb.ChatResponse{})
	require.EqualError(t, err, "rpc error: code = Internal desc = natsgrpc: /natsgrpctest.v1.StreamService/Chat is a streaming method: it takes NewStream")
}

func TestAnOpeningCannotChooseWhereItsFramesGo(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	nc := natsgrpctest.Connect(t, ns)
	serve(t, nc, streams(natsgrpctest.Streams{OnChat: natsgrpctest.EchoChat}))
	victim, err := nc.SubscribeSync("victim.>")
	require.NoError(t, err)
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	for _, method := range []string{"Chat", "Nothing"} {
		for _, to := range []string{"victim.x", "rep.other.evil.1", "rsp.natsgrpctest_v1_StreamService.evil.x", ""} {
			msg := nats.NewMsg("cmd.natsgrpctest_v1_StreamService.0." + method + ".evil")
			msg.Header.Set("Natsgrpc-Stream", "1")
			msg.Header.Set("Natsgrpc-Reply-To", to)
			_, err = js.PublishMsg(t.Context(), msg)
			require.NoError(t, err)
			require.Eventually(t, func() bool { return pending(t, streamOf(t, nc)) == 0 }, 10*time.Second, 10*time.Millisecond)
		}
	}
	_, err = victim.NextMsg(50 * time.Millisecond)
	require.ErrorIs(t, err, nats.ErrTimeout)
}

func TestACallerThatDoesNotAnswerTheClaimRunsNoHandler(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	nc := natsgrpctest.Connect(t, ns)
	serve(t, nc, streams(natsgrpctest.Streams{OnChat: func(natsgrpctest.ChatStream) error {
		t.Error("the handler runs")
		return nil
	}}))
	frames, err := nc.SubscribeSync("rep.natsgrpctest_v1_StreamService.mute.1")
	require.NoError(t, err)
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	for _, c := range []struct {
		deadline time.Duration // from now; 0 for none
		code     codes.Code
	}{{0, codes.Unavailable}, {600 * time.Millisecond, codes.DeadlineExceeded}} { // time to be claimed, and less than a claim has: 900 ms here
		msg := nats.NewMsg("cmd.natsgrpctest_v1_StreamService.0.Chat." + nats.NewInbox()[len(nats.InboxPrefix):])
		msg.Header.Set("Natsgrpc-Stream", "1")
		msg.Header.Set("Natsgrpc-Reply-To", frames.Subject)
		if c.deadline > 0 {
			msg.Header.Set("Natsgrpc-Deadline", fmt.Sprint(time.Now().Add(c.deadline).UnixNano()))
		}
		_, err = js.PublishMsg(t.Context(), msg)
		require.NoError(t, err)
		claim, err := frames.NextMsg(soon)
		require.NoError(t, err)
		require.Equal(t, "P", string(claim.Data[:1]))
		reset, err := frames.NextMsg(soon)
		require.NoError(t, err)
		require.Equal(t, "R", string(reset.Data[:1]))
		require.Equal(t, claim.Reply, reset.Reply)
		require.Equal(t, fmt.Sprint(int(c.code)), reset.Header.Get("Grpc-Status"))
		require.Zero(t, pending(t, streamOf(t, nc)))
	}
}

func TestAnOpeningThatIsNotClaimedIsRedelivered(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	nc := natsgrpctest.Connect(t, ns)
	serve(t, nc, streams(natsgrpctest.Streams{OnChat: natsgrpctest.EchoChat}), natsgrpc.WithSlots(1, 1))
	conn := connect(t, nc)
	busy := chat(t.Context(), t, conn) // so that the server does not pull
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	consumer, err := js.Consumer(t.Context(), "CMD_natsgrpctest_v1_StreamService_0", "workers")
	require.NoError(t, err)
	stream, err := pb.NewStreamServiceClient(conn).Chat(t.Context())
	require.NoError(t, err)
	_, err = consumer.Next(jetstream.FetchMaxWait(soon)) // a worker that dies with it
	require.NoError(t, err)
	require.NoError(t, busy.CloseSend())
	require.Equal(t, io.EOF, endOf(busy))
	require.NoError(t, stream.Send(&pb.ChatRequest{Payload: []byte("hello")}))
	got, err := stream.Recv()
	require.NoError(t, err)
	require.Equal(t, "hello", string(got.GetPayload()))
	require.NoError(t, stream.CloseSend())
	require.Equal(t, io.EOF, endOf(stream))
}

func TestASmallMaxPayloadIsEnoughForStreams(t *testing.T) {
	ns, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true, MaxPayload: 2000})
	require.NoError(t, err)
	ns.Start()
	t.Cleanup(func() { ns.Shutdown(); ns.WaitForShutdown() })
	require.True(t, ns.ReadyForConnections(5*time.Second))
	serve(t, natsgrpctest.Connect(t, ns), streams(natsgrpctest.Streams{OnChat: natsgrpctest.EchoChat}))
	stream := chat(t.Context(), t, connect(t, natsgrpctest.Connect(t, ns)))
	want := make([]byte, 1<<20)
	require.NoError(t, stream.Send(&pb.ChatRequest{Payload: want}))
	got, err := stream.Recv()
	require.NoError(t, err)
	require.Equal(t, len(want), len(got.GetPayload()))
	require.NoError(t, stream.CloseSend())
	require.Equal(t, io.EOF, endOf(stream))
}

func TestTheIDOfAStreamIsTold(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	nc := natsgrpctest.Connect(t, ns)
	seen := make(chan string, 1)
	serve(t, nc, streams(natsgrpctest.Streams{OnChat: func(stream natsgrpctest.ChatStream) error {
		seen <- natsgrpc.RequestID(stream.Context())
		return nil
	}}))
	var id string
	chatting, err := pb.NewStreamServiceClient(connect(t, nc)).Chat(t.Context(), natsgrpc.CallID(&id))
	require.NoError(t, err)
	require.ErrorIs(t, endOf(chatting), io.EOF)
	require.NotEmpty(t, id)
	require.Equal(t, <-seen, id)
}
