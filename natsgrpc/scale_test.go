package natsgrpc_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	pb "github.com/codingflow/rating/proto/natsgrpctest/v1"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
)

// fullSize reports whether long scenarios run at their full size: TEST_SIZE=full.
func fullSize() bool { return os.Getenv("TEST_SIZE") == "full" }

// A kept answer is found by its id among a million (in CI: fifty thousand) as it is among a thousand.
func TestAKeptAnswerIsFoundAmongMany(t *testing.T) {
	many := 50_000
	if fullSize() {
		many = 1_000_000
	}
	for _, storage := range []jetstream.StorageType{jetstream.MemoryStorage, jetstream.FileStorage} {
		t.Run(storage.String(), func(t *testing.T) {
			few, _ := timeAnswers(t, storage, 1000)
			median, p99 := timeAnswers(t, storage, many)
			t.Logf("%v: reading one of 1000 takes %v, one of %d %v, 99 of 100 at most %v", storage, few, many, median, p99)
			if storage == jetstream.MemoryStorage {
				require.Less(t, median, 2*few+50*time.Microsecond) // what a busy machine adds to a round trip
			} else {
				require.Less(t, median, time.Millisecond)
			}
		})
	}
}

// timeAnswers keeps n answers and returns the median and the 99th percentile of the times in which single ones are read.
func timeAnswers(t *testing.T, storage jetstream.StorageType, n int) (median, p99 time.Duration) {
	t.Helper()
	const service = "natsgrpctest_v1_EchoService"
	nc := natsgrpctest.Connect(t, natsgrpctest.NewServer(t))
	js, err := jetstream.New(nc, jetstream.WithPublishAsyncMaxPending(1024))
	require.NoError(t, err)
	responses := natsgrpc.Responses()
	responses.Storage = storage
	_, err = js.CreateStream(t.Context(), responses)
	require.NoError(t, err)
	body := append([]byte{0x0a, 100}, make([]byte, 100)...) // a payload of 100 bytes
	for i := range n {
		_, err := js.PublishMsgAsync(&nats.Msg{Subject: fmt.Sprintf("rsp.%s.call%d.conn", service, i), Data: body},
			jetstream.WithStallWait(time.Minute))
		require.NoError(t, err)
	}
	select {
	case <-js.PublishAsyncComplete():
	case <-time.After(5 * time.Minute):
		t.Fatal("the answers are not stored")
	}
	conn := connect(t, nc)
	const reads = 2000
	took := make([]time.Duration, reads)
	for i := range took {
		var answer pb.CommandResponse
		id := fmt.Sprintf("call%d", rand.IntN(n))
		start := time.Now()
		require.NoError(t, conn.Answer(t.Context(), pb.EchoService_Command_FullMethodName, id, &answer))
		took[i] = time.Since(start)
		require.Len(t, answer.GetPayload(), 100)
	}
	slices.Sort(took)
	return took[reads/2], took[reads*99/100]
}

// Ten thousand calls (in CI: two thousand, which a busy machine starts within the method's timeout too) are in flight at
// once from one connection, and each gets its own answer.
func TestTenThousandCallsAreInFlightAtOnce(t *testing.T) {
	calls := 2_000
	if fullSize() {
		calls = 10_000
	}
	ns := natsgrpctest.NewServer(t)
	var running atomic.Int32
	release := make(chan struct{})
	srv, err := natsgrpc.NewServer(natsgrpctest.Connect(t, ns), natsgrpc.WithSlots(5000, 5000))
	require.NoError(t, err)
	pb.RegisterBenchmarkServiceServer(srv, &blockingServer{enter: func() { running.Add(1); <-release }})
	stop := serveUntil(t, srv)
	defer func() { require.NoError(t, stop()) }()
	client := pb.NewBenchmarkServiceClient(connect(t, natsgrpctest.Connect(t, ns)))
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	before := heapInUse()
	var callers sync.WaitGroup
	var failed atomic.Int32
	for i := range calls {
		callers.Go(func() {
			want := fmt.Sprint("call ", i)
			got, err := call(ctx, client, i%2 == 0, want)
			if err != nil || got != want {
				if failed.Add(1) == 1 {
					t.Errorf("got %q, %v; want %q", got, err, want)
				}
			}
		})
	}
	require.Eventually(t, func() bool { return running.Load() == int32(calls) || failed.Load() > 0 }, time.Minute, time.Millisecond)
	after := heapInUse()
	t.Logf("%d calls in flight; with the server's end and the NATS server, all in this process, %d bytes each",
		calls, (after-before)/uint64(calls))
	close(release)
	callers.Wait()
	require.Less(t, (after-before)/uint64(calls), uint64(64<<10))
}

func call(ctx context.Context, client pb.BenchmarkServiceClient, query bool, payload string) (string, error) {
	options := grpc.WaitForReady(true)
	if query {
		reply, err := client.Read(ctx, &pb.ReadRequest{Payload: []byte(payload)}, options)
		return string(reply.GetPayload()), err
	}
	reply, err := client.Write(ctx, &pb.WriteRequest{Payload: []byte(payload)}, options)
	return string(reply.GetPayload()), err
}

// heapInUse returns the bytes of heap and stacks that are in use after a collection.
func heapInUse() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc + stats.StackInuse
}

// blockingServer answers with the payload once enter has returned.
type blockingServer struct {
	pb.UnimplementedBenchmarkServiceServer
	enter func()
}

func (s *blockingServer) Read(_ context.Context, req *pb.ReadRequest) (*pb.ReadResponse, error) {
	s.enter()
	return &pb.ReadResponse{Payload: req.GetPayload()}, nil
}

func (s *blockingServer) Write(_ context.Context, req *pb.WriteRequest) (*pb.WriteResponse, error) {
	s.enter()
	return &pb.WriteResponse{Payload: req.GetPayload()}, nil
}
