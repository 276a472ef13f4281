package natsgrpc

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/codingflow/rating/natsgrpc/registry"
)

// publisher publishes the descriptors of a server's services. A nil one publishes nothing.
type publisher struct{ *registry.Publisher }

// newPublisher returns nil where nothing is to be published.
func (s *Server) newPublisher(services []protoreflect.ServiceDescriptor) (*publisher, error) {
	if s.publishing == nil {
		return nil, nil
	}
	options := append([]registry.Option{registry.WithJetStreamDomain(s.domain), registry.WithLogger(s.logger)}, s.publishing...)
	p, err := registry.NewPublisher(s.nc, services, options...)
	if err != nil {
		return nil, fmt.Errorf("natsgrpc: %w", err)
	}
	return &publisher{p}, nil
}

// start publishes until the end of ctx or the call of stop, which returns what is closed when the leases are withdrawn.
func (p *publisher) start(ctx context.Context) (stop func() <-chan struct{}) {
	withdrawn := make(chan struct{})
	if p == nil {
		close(withdrawn)
		return func() <-chan struct{} { return withdrawn }
	}
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		defer close(withdrawn)
		p.Run(ctx)
	}()
	return func() <-chan struct{} {
		cancel()
		return withdrawn
	}
}
