package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsdial"
	_ "github.com/codingflow/rating/proto/moderation/v1" // services that can be named
	_ "github.com/codingflow/rating/proto/rating/v1"
)

type queuesCommand struct {
	NATS natsdial.Config `embed:"" group:"NATS"`

	Ensure queuesEnsureCommand `cmd:"" help:"Make the queues of services, and the streams that all services share, as the options in their protos have them. For development: workers in other languages than Go make none."`
	Verify queuesVerifyCommand `cmd:"" help:"Say how the queues of services differ from the options in their protos."`
}

// with connects, finds the services and calls use.
func (c *queuesCommand) with(ctx context.Context, names []string, use func(context.Context, jetstream.JetStream, ...protoreflect.ServiceDescriptor) error) error {
	services, err := findServices(names)
	if err != nil {
		return err
	}
	return withNATS(ctx, c.NATS, "dev queues", func(ctx context.Context, nc *nats.Conn) error {
		js, err := natsdial.JetStream(nc, c.NATS.Domain)
		if err != nil {
			return err
		}
		if err := use(ctx, js, services...); err != nil {
			return err
		}
		fmt.Printf("%s: the queues are as the protos have them\n", strings.Join(names, ", "))
		return nil
	})
}

type queuesEnsureCommand struct {
	Services []string `arg:"" help:"Full names of the services, such as moderation.v1.ModerationService."`
}

// Run makes or updates the queues.
func (c *queuesEnsureCommand) Run(ctx context.Context, queues *queuesCommand) error {
	return queues.with(ctx, c.Services, natsgrpc.Ensure)
}

type queuesVerifyCommand struct {
	Services []string `arg:"" help:"Full names of the services, such as moderation.v1.ModerationService."`
}

// Run compares the queues.
func (c *queuesVerifyCommand) Run(ctx context.Context, queues *queuesCommand) error {
	return queues.with(ctx, c.Services, natsgrpc.Verify)
}

// findServices returns services that are linked in, by their full names.
func findServices(names []string) ([]protoreflect.ServiceDescriptor, error) {
	services := make([]protoreflect.ServiceDescriptor, len(names))
	for i, name := range names {
		descriptor, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(name))
		if err != nil {
			return nil, fmt.Errorf("unknown service %s", name)
		}
		service, ok := descriptor.(protoreflect.ServiceDescriptor)
		if !ok {
			return nil, fmt.Errorf("%s is not a service", name)
		}
		services[i] = service
	}
	return services, nil
}
