package pull

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/codingflow/rating/natsgrpc"
	natsgrpctestv1 "github.com/codingflow/rating/proto/natsgrpctest/v1"
)

// Instance is a server of jobs, over both transports.
type Instance struct {
	// NATS is the URL of the NATS server.
	NATS string
	// Slots is how many calls it serves at once. More wait in the queue, or here if they come by gRPC.
	Slots int
	// Slowdown is how many times as long as a job says it takes: 1, or more for a slow instance.
	Slowdown int
	// Done is the file to which the numbers of the jobs are appended that were done, 8 bytes each. All instances share it.
	Done string
}

// Validate tells which field is wrong.
func (i Instance) Validate() error {
	switch {
	case i.NATS == "":
		return errors.New("no URL of a NATS server")
	case i.Slots < 1:
		return fmt.Errorf("%d slots: want at least 1", i.Slots)
	case i.Slowdown < 1:
		return fmt.Errorf("slowdown %d: want at least 1", i.Slowdown)
	case i.Done == "":
		return errors.New("no file for the jobs that are done")
	}
	return nil
}

// Serve serves until ctx ends and then drains. ready is called with the address for gRPC when both transports serve.
func (i Instance) Serve(ctx context.Context, ready func(address string)) (err error) {
	if err := i.Validate(); err != nil {
		return err
	}
	done, err := os.OpenFile(i.Done, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done.Close()) }()
	handlers := &sleeper{slowdown: i.Slowdown, done: done}

	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	pushed := grpc.NewServer(grpc.UnaryInterceptor(limit(i.Slots)))
	natsgrpctestv1.RegisterBenchmarkServiceServer(pushed, handlers)
	ended := make(chan error, 1)
	go func() { ended <- pushed.Serve(listener) }()
	defer func() {
		pushed.GracefulStop()
		if served := <-ended; !errors.Is(served, grpc.ErrServerStopped) {
			err = errors.Join(err, served)
		}
	}()

	nc, err := nats.Connect(i.NATS)
	if err != nil {
		return err
	}
	defer nc.Close()
	pulled, err := natsgrpc.NewServer(nc, natsgrpc.WithSlots(i.Slots, i.Slots), natsgrpc.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		return err
	}
	natsgrpctestv1.RegisterBenchmarkServiceServer(pulled, handlers)
	served := make(chan error, 1)
	go func() { served <- pulled.Serve(ctx) }()
	select {
	case <-pulled.Ready():
		ready(listener.Addr().String())
		return <-served
	case err := <-served:
		return err
	}
}

// limit lets so many handlers run at once. Other calls wait for their turn in the order in which they came, until their
// callers have left.
func limit(slots int) grpc.UnaryServerInterceptor {
	running := make(chan struct{}, slots) // who waits to send is served in order
	return func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		select {
		case running <- struct{}{}:
		case <-ctx.Done():
			return nil, status.FromContextError(ctx.Err()).Err()
		}
		defer func() { <-running }()
		return handler(ctx, req)
	}
}

// sleeper does jobs.
type sleeper struct {
	natsgrpctestv1.UnimplementedBenchmarkServiceServer
	slowdown int
	done     *os.File
}

// Read does a job without side effects.
func (s *sleeper) Read(ctx context.Context, req *natsgrpctestv1.ReadRequest) (*natsgrpctestv1.ReadResponse, error) {
	if err := s.do(ctx, req.GetPayload()); err != nil {
		return nil, err
	}
	return &natsgrpctestv1.ReadResponse{Payload: req.GetPayload()}, nil
}

// Write does a job with side effects.
func (s *sleeper) Write(ctx context.Context, req *natsgrpctestv1.WriteRequest) (*natsgrpctestv1.WriteResponse, error) {
	if err := s.do(ctx, req.GetPayload()); err != nil {
		return nil, err
	}
	return &natsgrpctestv1.WriteResponse{Payload: req.GetPayload()}, nil
}

func (s *sleeper) do(ctx context.Context, payload []byte) error {
	j, err := parseJob(payload)
	if err != nil {
		return status.Error(codes.InvalidArgument, err.Error())
	}
	if work := j.work * time.Duration(s.slowdown); work > 0 {
		over := time.NewTimer(work)
		defer over.Stop()
		select {
		case <-over.C:
		case <-ctx.Done():
			return status.FromContextError(ctx.Err()).Err()
		}
	}
	// One write, which the system appends as a whole: it stays when the process is killed.
	if _, err := s.done.Write(binary.BigEndian.AppendUint64(nil, j.number)); err != nil {
		return status.Error(codes.Internal, err.Error())
	}
	return nil
}
