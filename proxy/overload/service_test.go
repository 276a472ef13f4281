//go:build integration && linux

package overload

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/codingflow/rating/natsgrpc"
	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
)

// natsRole is a NATS server with JetStream. Its first line is its URL.
type natsRole struct{ StoreDir string }

func (r *natsRole) play(ctx context.Context) error {
	ns, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, JetStreamMaxStore: 16 << 30, StoreDir: r.StoreDir, NoSigs: true, NoLog: true,
	})
	if err != nil {
		return err
	}
	ns.Start()
	if !ns.ReadyForConnections(startTimeout) {
		return errors.New("the NATS server does not start")
	}
	fmt.Println(ns.ClientURL())
	<-ctx.Done()
	ns.Shutdown()
	ns.WaitForShutdown()
	return nil
}

// serviceRole is a user service that works for a fixed time at each request. It prints a line when it pulls.
type serviceRole struct {
	URL   string
	Slots int
	Work  time.Duration
}

func (r *serviceRole) play(ctx context.Context) error {
	nc, err := nats.Connect(r.URL)
	if err != nil {
		return err
	}
	defer nc.Close()
	srv, err := natsgrpc.NewServer(nc, natsgrpc.WithSlots(r.Slots, r.Slots))
	if err != nil {
		return err
	}
	ratingv1.RegisterUserServiceServer(srv, &service{role: r})
	go func() {
		<-srv.Ready()
		fmt.Println("ready")
	}()
	return srv.Serve(ctx)
}

type service struct {
	ratingv1.UnimplementedUserServiceServer
	role *serviceRole
}

// GetUser works on, like most handlers, when nobody waits for the answer any more.
func (s *service) GetUser(_ context.Context, r *ratingv1.GetUserRequest) (*ratingv1.User, error) {
	time.Sleep(s.role.Work)
	return &ratingv1.User{Name: r.GetName()}, nil
}
