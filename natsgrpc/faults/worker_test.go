package faults_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/codingflow/rating/natsgrpc"
	pb "github.com/codingflow/rating/proto/natsgrpctest/v1"
	"github.com/nats-io/nats.go"
	"google.golang.org/grpc"
)

// killPoint is where a worker kills itself.
type killPoint string

const (
	killDelivered killPoint = "delivered" // before the handler
	killInside    killPoint = "inside"    // in the handler, in its transaction
	killCommitted killPoint = "committed" // after the effect, before the answer
)

// The first words of payloads, which say what a worker does with them.
const (
	goodPayload   = "good"   // it has its effect
	poisonPayload = "poison" // the handler panics
	deadlyPayload = "deadly" // after up to deadlyWork the process is killed
	largePayload  = "large"  // the answer takes largeWork and has largeAnswer bytes
)

const (
	deadlyWork  = 600 * time.Millisecond
	largeWork   = 300 * time.Millisecond
	largeAnswer = 512 << 10
)

// workerRole is a process that serves the test's service.
type workerRole struct {
	URL      string
	Database string
	Delivery delivery
	Slots    int           // of queries and of commands; 0 for the default
	Work     time.Duration // how long a call takes, beside the time for its effect
	Old      bool          // it is of a version that knows no method

	// The worker kills itself once for each request whose number can be divided by Every.
	Kill  killPoint
	Every int
}

func (r *workerRole) play(ctx context.Context) error {
	descriptors, err := r.Delivery.descriptors()
	if err != nil {
		return err
	}
	effects, err := openEffects(r.Database)
	if err != nil {
		return err
	}
	nc, err := nats.Connect(r.URL, connectOptions()...)
	if err != nil {
		return err
	}
	options := []natsgrpc.ServerOption{
		natsgrpc.WithDescriptors(descriptors),
		natsgrpc.WithLogger(slog.New(slog.DiscardHandler)), // faults are all that it would tell of
	}
	if r.Slots > 0 {
		options = append(options, natsgrpc.WithSlots(r.Slots, r.Slots))
	}
	srv, err := natsgrpc.NewServer(nc, options...)
	if err != nil {
		return err
	}
	if r.Old {
		srv.RegisterService(&grpc.ServiceDesc{ServiceName: serviceName}, nil)
	} else {
		pb.RegisterEchoServiceServer(srv, &service{role: r, effects: effects})
	}
	go func() {
		<-srv.Ready()
		sayReady()
	}()
	return srv.Serve(ctx)
}

// service is the test's service: its queries answer, its commands also have an effect.
type service struct {
	pb.UnimplementedEchoServiceServer
	role    *workerRole
	effects *effects
}

func (s *service) Query(_ context.Context, req *pb.QueryRequest) (*pb.QueryResponse, error) {
	s.work()
	return &pb.QueryResponse{Payload: []byte(answerTo(string(req.GetPayload())))}, nil
}

func (s *service) Command(ctx context.Context, req *pb.CommandRequest) (*pb.CommandResponse, error) {
	info, ok := natsgrpc.FromContext(ctx)
	if !ok {
		return nil, fmt.Errorf("no request info")
	}
	payload := string(req.GetPayload())
	kind, number := parsePayload(payload)
	switch kind {
	case poisonPayload:
		panic("poisoned")
	case deadlyPayload:
		time.Sleep(rand.N(deadlyWork))
		killSelf()
	case largePayload:
		time.Sleep(largeWork)
	}
	chosen := s.role.Every > 0 && number%s.role.Every == 0
	if chosen && s.role.Kill == killDelivered && info.Attempt == 1 {
		killSelf()
	}
	s.work()
	answer, fresh, err := s.effects.once(ctx, info, req, func() {
		if chosen && s.role.Kill == killInside && info.Attempt == 1 {
			killSelf()
		}
	})
	if err != nil {
		return nil, err
	}
	if chosen && s.role.Kill == killCommitted && fresh {
		killSelf()
	}
	if kind == largePayload {
		answer += strings.Repeat(" ", largeAnswer-len(answer))
	}
	return &pb.CommandResponse{Payload: []byte(answer)}, nil
}

func (s *service) work() { time.Sleep(s.role.Work) }

// parsePayload splits a payload such as "good 17".
func parsePayload(payload string) (kind string, number int) {
	kind, digits, _ := strings.Cut(payload, " ")
	number, err := strconv.Atoi(digits)
	if err != nil {
		return kind, -1
	}
	return kind, number
}

// killSelf ends this process at once; nothing that it holds is given back.
func killSelf() {
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {} // the signal may take a moment
}
