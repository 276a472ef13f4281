package natsgrpc

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Ensure creates the queues of services and the stream of answers, or updates them in place. It changes nothing that is
// right already, so any number of servers may call it at once. It is for development and tests: in production the
// streams are resources of the cluster.
//
// A change that JetStream cannot make in place, such as another storage, is an error; nothing is deleted.
func Ensure(ctx context.Context, js jetstream.JetStream, services ...protoreflect.ServiceDescriptor) error {
	if _, err := js.CreateOrUpdateStream(ctx, Responses()); err != nil {
		return fmt.Errorf("create stream %s: %w", responsesStream, err)
	}
	for _, service := range services {
		for _, queue := range Queues(service) {
			if err := queue.ensure(ctx, js); err != nil {
				return err
			}
		}
	}
	return nil
}

func (q Queue) ensure(ctx context.Context, js jetstream.JetStream) error {
	if _, err := js.CreateOrUpdateStream(ctx, q.Stream); err != nil {
		return fmt.Errorf("create stream %s: %w", q.Stream.Name, err)
	}
	if _, err := js.CreateOrUpdateConsumer(ctx, q.Stream.Name, q.Consumer); err != nil {
		return fmt.Errorf("create consumer %s of stream %s: %w", q.Consumer.Durable, q.Stream.Name, err)
	}
	return nil
}
