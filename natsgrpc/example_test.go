package natsgrpc_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	pb "github.com/codingflow/rating/proto/natsgrpctest/v1"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// A service and its client; a NATS server runs in the same process here.
func Example() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	ns, err := server.NewServer(&server.Options{JetStream: true, StoreDir: dir, DontListen: true, NoLog: true, NoSigs: true})
	if err != nil {
		log.Fatal(err)
	}
	ns.Start()
	defer ns.WaitForShutdown()
	defer ns.Shutdown()
	nc, err := nats.Connect("", nats.InProcessServer(ns))
	if err != nil {
		log.Fatal(err)
	}
	defer nc.Close()

	srv, err := natsgrpc.NewServer(nc)
	if err != nil {
		log.Fatal(err)
	}
	pb.RegisterEchoServiceServer(srv, &natsgrpctest.Echo{Handle: func(_ context.Context, payload []byte) ([]byte, error) {
		return append([]byte("you said "), payload...), nil
	}})
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error)
	go func() { served <- srv.Serve(ctx) }()
	<-srv.Ready()

	conn, err := natsgrpc.NewConn(nc)
	if err != nil {
		log.Fatal(err)
	}
	reply, err := pb.NewEchoServiceClient(conn).Query(ctx, &pb.QueryRequest{Payload: []byte("hello")})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(reply.GetPayload()))

	stop() // Serve drains and returns
	fmt.Println(<-served, conn.Close())
	// Output:
	// you said hello
	// <nil> <nil>
}
