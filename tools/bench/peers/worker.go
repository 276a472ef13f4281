package main

import (
	"context"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
	"github.com/codingflow/rating/tools/bench/barequeue"
)

// slots is how many requests each worker has in hand at once: natsgrpc's default.
const slots = 16

// flushTimeout bounds how long a worker waits until the NATS server knows of it.
const flushTimeout = 10 * time.Second

// serveBareWorker is a worker of the bare queues, with the service's handlers and nothing else. Its address is NATS's.
func serveBareWorker(ctx context.Context, c *serveCommand, ready func(string)) error {
	nc, err := nats.Connect(c.NATS)
	if err != nil {
		return err
	}
	defer nc.Close()
	service := newRatings(c.Payload)
	handlers := map[barequeue.Kind]func([]byte) []byte{
		barequeue.Query:   func(data []byte) []byte { return handle(ctx, data, service.GetRating) },
		barequeue.Command: func(data []byte) []byte { return handle(ctx, data, service.CreateRating) },
	}
	for kind, handler := range handlers {
		if _, err := barequeue.NewWorker(nc, kind, slots, handler); err != nil {
			return err
		}
	}
	if err := nc.FlushTimeout(flushTimeout); err != nil {
		return err
	}
	ready(c.NATS)
	<-ctx.Done()
	return nil
}

// handle calls a method with what a message holds. A failure's answer is empty, which is no rating: that answers are right
// is checked before anything is measured.
func handle[Request any, In interface {
	*Request
	proto.Message
}, Out proto.Message](ctx context.Context, data []byte, method func(context.Context, In) (Out, error)) []byte {
	in := In(new(Request))
	if proto.Unmarshal(data, in) != nil {
		return nil
	}
	out, err := method(ctx, in)
	if err != nil {
		return nil
	}
	answer, err := proto.Marshal(out)
	if err != nil {
		return nil
	}
	return answer
}

// bareRequests are the requests of the bare queues, as the proxy would send them, by the name of the request by HTTP.
func bareRequests(payload int) (map[string][]byte, error) {
	get, err := proto.Marshal(&ratingv1.GetRatingRequest{Name: "ratings/1"})
	if err != nil {
		return nil, err
	}
	create, err := proto.Marshal(&ratingv1.CreateRatingRequest{Rating: &ratingv1.Rating{
		User: "users/1", Service: "services/1", Score: proto.Int32(5), Comment: strings.Repeat("x", payload),
	}})
	return map[string][]byte{"get": get, "create": create}, err
}
