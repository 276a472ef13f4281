package faults_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/nats-io/nats.go"
)

// clientRole is a process that makes commands with keys, 64 at a time, and prints a line for each that is answered.
type clientRole struct {
	URL      string
	Delivery delivery
	Commands int
}

func (r *clientRole) play(ctx context.Context) error {
	descriptors, err := r.Delivery.descriptors()
	if err != nil {
		return err
	}
	nc, err := nats.Connect(r.URL, connectOptions()...)
	if err != nil {
		return err
	}
	conn, err := natsgrpc.NewConn(nc, natsgrpc.WithDescriptors(descriptors), natsgrpc.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		return err
	}
	sayReady()
	call := keyedCommand(conn)
	var next atomic.Int64
	var group sync.WaitGroup
	for range callers {
		group.Go(func() {
			for i := int(next.Add(1)); i <= r.Commands; i = int(next.Add(1)) {
				if err := call(ctx, i); err != nil {
					fmt.Println(i, err)
					return
				}
				fmt.Println(i, answeredLine)
			}
		})
	}
	group.Wait()
	return nil
}

// answeredLine follows the number of a command in a client's results.
const answeredLine = "answered"
