package pull

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	natsgrpctestv1 "github.com/codingflow/rating/proto/natsgrpctest/v1"
)

// patience is how long a test waits for something that is to come at once.
const patience = 30 * time.Second

// held is a server whose calls wait until they are let go.
type held struct {
	natsgrpctestv1.UnimplementedBenchmarkServiceServer
	came chan<- int
	mine int
	let  chan struct{}
}

func (h *held) Read(ctx context.Context, req *natsgrpctestv1.ReadRequest) (*natsgrpctestv1.ReadResponse, error) {
	h.came <- h.mine
	select {
	case <-h.let:
		return &natsgrpctestv1.ReadResponse{Payload: req.GetPayload()}, nil
	case <-ctx.Done():
		return nil, status.FromContextError(ctx.Err()).Err()
	}
}

// holding starts servers and returns them, their addresses, and where each call's server is told.
func holding(t *testing.T, n int) (servers []*held, addresses []string, came chan int) {
	came = make(chan int, 100)
	for i := range n {
		h := &held{came: came, mine: i, let: make(chan struct{})}
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		srv := grpc.NewServer()
		natsgrpctestv1.RegisterBenchmarkServiceServer(srv, h)
		ended := make(chan error, 1)
		go func() { ended <- srv.Serve(listener) }()
		t.Cleanup(func() { srv.Stop(); require.NoError(t, <-ended) })
		servers, addresses = append(servers, h), append(addresses, listener.Addr().String())
	}
	return servers, addresses, came
}

// Each call goes to the instance with the fewest in flight, and what has ended no longer counts.
func TestLeastRequestTakesTheInstanceWithTheFewestCalls(t *testing.T) {
	const instances = 3
	servers, addresses, came := holding(t, instances)
	from, err := dial(LeastRequest, 1, "", addresses)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, from.close()) })
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	answered := make(chan error, 100)
	send := func() int {
		go func() { answered <- from.call(ctx, job{}) }()
		select {
		case at := <-came:
			return at
		case err := <-answered:
			require.FailNow(t, "a call has ended", "%v", err)
		case <-ctx.Done():
			require.FailNow(t, "a call does not come")
		}
		return 0
	}

	// Connections come one after the other, and the first calls go where there are some.
	inFlight := make([]int, instances)
	for inFlight[0] == 0 || inFlight[1] == 0 || inFlight[2] == 0 {
		inFlight[send()]++
	}
	for range 30 {
		least := min(inFlight[0], inFlight[1], inFlight[2])
		at := send()
		require.Equal(t, least, inFlight[at], "%v", inFlight)
		inFlight[at]++
	}
	for range 5 {
		servers[1].let <- struct{}{}
		require.NoError(t, <-answered)
		inFlight[1]--
	}
	for inFlight[1] < min(inFlight[0], inFlight[2]) {
		require.Equal(t, 1, send())
		inFlight[1]++
	}
	cancel()
	for range inFlight[0] + inFlight[1] + inFlight[2] {
		require.Equal(t, codes.Canceled, status.Code(<-answered))
	}
}
