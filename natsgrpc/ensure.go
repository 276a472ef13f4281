package natsgrpc

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// ErrQueues is wrapped by the errors of Verify that say how streams and consumers differ from what the options make them.
var ErrQueues = errors.New("the queues are not as the service's options have them")

// Ensure creates the [Queues] of services and the [Streams] that they share, or updates them in place. What is
// right already is left alone, so any number of servers may call it at once. It is for development and tests: in
// production the streams are resources of the cluster (see package nack), and servers [Verify] them.
//
// A stream that has more replicas than these services need keeps them: another service may need them, or an operator has
// chosen them.
//
// A change that JetStream cannot make in place, such as another storage, is an error with the difference; nothing is
// deleted.
func Ensure(ctx context.Context, js jetstream.JetStream, services ...protoreflect.ServiceDescriptor) error {
	for _, stream := range Streams(services...) {
		if err := ensureStream(ctx, js, stream); err != nil {
			return err
		}
	}
	for _, service := range services {
		for _, queue := range Queues(service) {
			if err := ensureStream(ctx, js, queue.Stream); err != nil {
				return err
			}
			if err := ensureConsumer(ctx, js, queue); err != nil {
				return err
			}
		}
	}
	return nil
}

func ensureStream(ctx context.Context, js jetstream.JetStream, want jetstream.StreamConfig) error {
	config, differing, err := verifyStream(ctx, js, want)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		_, err = js.CreateStream(ctx, want)
		if err == nil {
			return nil
		}
		if !errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
			return fmt.Errorf("create stream %s: %w", want.Name, err)
		}
		config, differing, err = verifyStream(ctx, js, want) // another server has made it just now
	}
	if err != nil || len(differing) == 0 {
		return err
	}
	if _, err := js.UpdateStream(ctx, config); err != nil {
		return fmt.Errorf("update stream %s (%v): %w", want.Name, differing, err)
	}
	return nil
}

func ensureConsumer(ctx context.Context, js jetstream.JetStream, queue Queue) error {
	differing, err := verifyConsumer(ctx, js, queue)
	switch {
	case err != nil && !errors.Is(err, jetstream.ErrConsumerNotFound):
		return err
	case err == nil && len(differing) == 0:
		return nil
	}
	if _, err := js.CreateOrUpdateConsumer(ctx, queue.Stream.Name, queue.Consumer); err != nil {
		return fmt.Errorf("create or update consumer %s of stream %s (%v): %w", queue.Consumer.Durable, queue.Stream.Name, differing, err)
	}
	return nil
}

// Verify reports whether the [Queues] of services and the [Streams] that they share are there and as the options have
// them, or with more replicas. It changes nothing and needs the permission for STREAM.INFO and CONSUMER.INFO only.
//
// Errors: one that wraps [ErrQueues] and lists every difference; another when JetStream does not answer.
func Verify(ctx context.Context, js jetstream.JetStream, services ...protoreflect.ServiceDescriptor) error {
	var wrong []error
	note := func(kind, name string, differing differences, err error) error {
		switch {
		case errors.Is(err, jetstream.ErrStreamNotFound), errors.Is(err, jetstream.ErrConsumerNotFound):
			wrong = append(wrong, fmt.Errorf("%s %s: missing", kind, name))
		case err != nil:
			return err
		case len(differing) > 0:
			wrong = append(wrong, fmt.Errorf("%s %s: %v", kind, name, differing))
		}
		return nil
	}
	for _, stream := range Streams(services...) {
		_, differing, err := verifyStream(ctx, js, stream)
		if err := note("stream", stream.Name, differing, err); err != nil {
			return err
		}
	}
	for _, service := range services {
		for _, queue := range Queues(service) {
			_, differing, err := verifyStream(ctx, js, queue.Stream)
			missing := errors.Is(err, jetstream.ErrStreamNotFound)
			if err := note("stream", queue.Stream.Name, differing, err); err != nil {
				return err
			}
			if missing {
				continue
			}
			differing, err = verifyConsumer(ctx, js, queue)
			if err := note("consumer", queue.Stream.Name+"/"+queue.Consumer.Durable, differing, err); err != nil {
				return err
			}
		}
	}
	if len(wrong) > 0 {
		return fmt.Errorf("%w: %w", ErrQueues, errors.Join(wrong...))
	}
	return nil
}

// verifyStream returns how a stream should be, given how it is, and in what it differs from that. The replicas are the
// least that it should have.
func verifyStream(ctx context.Context, js jetstream.JetStream, want jetstream.StreamConfig) (jetstream.StreamConfig, differences, error) {
	stream, err := js.Stream(ctx, want.Name)
	if err != nil {
		return want, nil, fmt.Errorf("look up stream %s: %w", want.Name, err)
	}
	got := stream.CachedInfo().Config
	want.Replicas = max(want.Replicas, got.Replicas)
	return want, compareStream(want, got), nil
}

func verifyConsumer(ctx context.Context, js jetstream.JetStream, queue Queue) (differences, error) {
	consumer, err := js.Consumer(ctx, queue.Stream.Name, queue.Consumer.Durable)
	if err != nil {
		return nil, fmt.Errorf("look up consumer %s of stream %s: %w", queue.Consumer.Durable, queue.Stream.Name, err)
	}
	return compareConsumer(queue.Consumer, consumer.CachedInfo().Config), nil
}
