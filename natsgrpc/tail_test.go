package natsgrpc

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	pb "github.com/codingflow/rating/proto/natsgrpctest/v1"
)

func TestTheTailHoldsTheNewestAcknowledgement(t *testing.T) {
	nc := natsgrpctest.Connect(t, natsgrpctest.NewServer(t))
	acks, err := nc.SubscribeSync("ack.*")
	require.NoError(t, err)
	run := &running{server: &Server{nc: nc}, writer: newWriter(nc, func(_ *nats.Msg, err error) { t.Errorf("publish: %v", err) })}
	run.ledger, err = newLedger(nc, slog.New(slog.DiscardHandler), 10)
	require.NoError(t, err)
	w := &worker{run: run, queue: Queue{kind: command, Consumer: jetstream.ConsumerConfig{AckWait: time.Minute}}}
	start := time.Now()
	hold := func(name string, at time.Time) {
		task := &task{worker: w, msg: &nats.Msg{Reply: "ack." + name}, settle: ackDone, beat: start, confirmed: start}
		task.enlist()
		w.tail.hold(task, at)
	}
	acknowledged := func(name string) {
		t.Helper()
		msg, err := acks.NextMsg(10 * time.Second)
		require.NoError(t, err)
		require.Equal(t, "ack."+name, msg.Subject)
		require.Equal(t, "+ACK", string(msg.Data))
	}
	hold("a", start)
	hold("b", start)
	acknowledged("a")
	require.Equal(t, 1, run.ledger.len(), "the newest is in hand")
	w.tail.release(start)
	require.Equal(t, 1, run.ledger.len(), "it is not old enough")
	w.tail.release(start.Add(1))
	acknowledged("b")
	w.tail.release(start.Add(time.Hour))
	hold("c", start)
	w.tail.close()
	acknowledged("c")
	hold("d", start) // after the end
	acknowledged("d")
	require.Zero(t, run.ledger.len())
	run.writer.close()
	require.NoError(t, run.ledger.close())
}

func TestTheTailTakesNoRoomThatOthersNeed(t *testing.T) {
	for name, test := range map[string]struct {
		kind    kind
		storage jetstream.StorageType
		msgs    int64
		bytes   int64
		size    int
		want    bool
	}{
		"a queue of commands with room": {command, jetstream.FileStorage, 1000, 1 << 20, 1048, true},
		"a large request":               {command, jetstream.FileStorage, 1000, 1 << 20, 1049, false},
		"a short queue":                 {command, jetstream.FileStorage, 999, 1 << 20, 1, false},
		"a queue in memory":             {command, jetstream.MemoryStorage, 1000, 1 << 20, 1, false},
		"queries":                       {query, jetstream.FileStorage, 1000, 1 << 20, 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			q := Queue{kind: test.kind, Stream: jetstream.StreamConfig{Storage: test.storage, MaxMsgs: test.msgs, MaxBytes: test.bytes}}
			require.Equal(t, test.want, new(tail).takes(q, test.size))
		})
	}
}

// oneAnswer answers commands at once.
type oneAnswer struct {
	pb.UnimplementedBenchmarkServiceServer
}

func (oneAnswer) Write(context.Context, *pb.WriteRequest) (*pb.WriteResponse, error) {
	return &pb.WriteResponse{}, nil
}

func TestAnAnsweredCommandLeavesItsQueue(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	nc := natsgrpctest.Connect(t, ns)
	srv, err := NewServer(nc)
	require.NoError(t, err)
	pb.RegisterBenchmarkServiceServer(srv, oneAnswer{})
	ctx, drain := context.WithCancel(t.Context())
	defer drain()
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ctx) }()
	<-srv.Ready()
	conn, err := NewConn(natsgrpctest.Connect(t, ns))
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close()) }()
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	queued := func() uint64 {
		s, err := js.Stream(t.Context(), "CMD_natsgrpctest_v1_BenchmarkService_0")
		require.NoError(t, err)
		return s.CachedInfo().State.Msgs
	}
	write := func() {
		_, err := pb.NewBenchmarkServiceClient(conn).Write(t.Context(), &pb.WriteRequest{})
		require.NoError(t, err)
	}
	write()
	require.Eventually(t, func() bool { return queued() == 0 }, 10*time.Second, 10*time.Millisecond, "while the server serves")
	write()
	drain()
	require.NoError(t, <-served)
	require.NoError(t, nc.Flush())
	require.Eventually(t, func() bool { return queued() == 0 }, 10*time.Second, 10*time.Millisecond, "when it has drained")
}

// What waits in tails takes no place of answers that wait for their PubAck: there may be more queues than such places.
func TestAnAnswerThatIsKeptLeavesTheWindow(t *testing.T) {
	run := &running{ledger: &ledger{window: make(chan struct{}, 1)}}
	run.ledger.window <- struct{}{}
	answered := &task{worker: &worker{run: run}, waits: true, outbox: []*nats.Msg{{}}}
	require.True(t, answered.kept(0))
	require.Empty(t, run.ledger.window)
}
