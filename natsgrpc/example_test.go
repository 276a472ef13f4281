package natsgrpc_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"sync/atomic"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	pb "github.com/codingflow/rating/proto/natsgrpctest/v1"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"google.golang.org/grpc/metadata"
)

// startNATS runs a NATS server in this process; a program would call nats.Connect only.
func startNATS() (nc *nats.Conn, stop func()) {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	ns, err := server.NewServer(&server.Options{JetStream: true, StoreDir: dir, DontListen: true, NoLog: true, NoSigs: true})
	if err != nil {
		log.Fatal(err)
	}
	ns.Start()
	nc, err = nats.Connect("", nats.InProcessServer(ns))
	if err != nil {
		log.Fatal(err)
	}
	return nc, func() {
		nc.Close()
		ns.Shutdown()
		ns.WaitForShutdown()
		_ = os.RemoveAll(dir)
	}
}

// start serves an EchoService until stop is called.
func start(nc *nats.Conn, handle func(context.Context, []byte) ([]byte, error)) (stop func() error) {
	srv, err := natsgrpc.NewServer(nc)
	if err != nil {
		log.Fatal(err)
	}
	pb.RegisterEchoServiceServer(srv, &natsgrpctest.Echo{Handle: handle})
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ctx) }()
	<-srv.Ready()
	return func() error {
		cancel() // Serve drains and returns
		return <-served
	}
}

// A service and its client; a NATS server runs in the same process here.
func Example() {
	nc, stopNATS := startNATS()
	defer stopNATS()
	stop := start(nc, func(_ context.Context, payload []byte) ([]byte, error) {
		return append([]byte("you said "), payload...), nil
	})

	conn, err := natsgrpc.NewConn(nc)
	if err != nil {
		log.Fatal(err)
	}
	reply, err := pb.NewEchoServiceClient(conn).Query(context.Background(), &pb.QueryRequest{Payload: []byte("hello")})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(reply.GetPayload()))
	fmt.Println(stop(), conn.Close())
	// Output:
	// you said hello
	// <nil> <nil>
}

// A command that is called twice under one key is executed once, and both calls get its answer. Another body under the
// same key is an error.
func ExampleIdempotencyKey() {
	nc, stopNATS := startNATS()
	defer stopNATS()
	var executed atomic.Int32
	stop := start(nc, func(context.Context, []byte) ([]byte, error) {
		return fmt.Appendf(nil, "order %d", executed.Add(1)), nil
	})
	conn, err := natsgrpc.NewConn(nc)
	if err != nil {
		log.Fatal(err)
	}
	client := pb.NewEchoServiceClient(conn)
	for _, body := range []string{"tea", "tea", "coffee"} {
		reply, err := client.Command(context.Background(), &pb.CommandRequest{Payload: []byte(body)},
			natsgrpc.IdempotencyKey("users/ada", "my first order"))
		fmt.Println(string(reply.GetPayload()), err)
	}
	fmt.Println(stop(), conn.Close())
	// Output:
	// order 1 <nil>
	// order 1 <nil>
	//  rpc error: code = InvalidArgument desc = natsgrpc: the idempotency key was used for a request with another body
	// <nil> <nil>
}

// Any process can read the answer to a command by the call's id.
func ExampleConn_Answer() {
	nc, stopNATS := startNATS()
	defer stopNATS()
	stop := start(nc, func(_ context.Context, payload []byte) ([]byte, error) { return payload, nil })
	caller, err := natsgrpc.NewConn(nc)
	if err != nil {
		log.Fatal(err)
	}
	var id string
	_, err = pb.NewEchoServiceClient(caller).Command(context.Background(), &pb.CommandRequest{Payload: []byte("kept")}, natsgrpc.CallID(&id))
	if err != nil {
		log.Fatal(err)
	}

	other, err := natsgrpc.NewConn(nc)
	if err != nil {
		log.Fatal(err)
	}
	var answer pb.CommandResponse
	err = other.Await(context.Background(), pb.EchoService_Command_FullMethodName, id, &answer)
	fmt.Println(string(answer.GetPayload()), err)
	err = other.Answer(context.Background(), pb.EchoService_Command_FullMethodName, "unknown", &answer)
	fmt.Println(errors.Is(err, natsgrpc.ErrNoAnswer))
	fmt.Println(stop(), caller.Close(), other.Close())
	// Output:
	// kept <nil>
	// true
	// <nil> <nil> <nil>
}

// A handler that cannot do its work now asks for another attempt. What it knows of the delivery is in its context.
func ExampleRetry() {
	nc, stopNATS := startNATS()
	defer stopNATS()
	stop := start(nc, func(ctx context.Context, _ []byte) ([]byte, error) {
		info, _ := natsgrpc.FromContext(ctx)
		if info.Attempt == 1 {
			return nil, natsgrpc.Retry(errors.New("the database restarts"), 0)
		}
		md, _ := metadata.FromIncomingContext(ctx)
		return fmt.Appendf(nil, "attempt %d for %s", info.Attempt, md["tenant"]), nil
	})
	conn, err := natsgrpc.NewConn(nc)
	if err != nil {
		log.Fatal(err)
	}
	ctx := metadata.AppendToOutgoingContext(context.Background(), "tenant", "ada")
	reply, err := pb.NewEchoServiceClient(conn).Command(ctx, &pb.CommandRequest{})
	fmt.Println(string(reply.GetPayload()), err)
	fmt.Println(stop(), conn.Close())
	// Output:
	// attempt 2 for [ada] <nil>
	// <nil> <nil>
}
