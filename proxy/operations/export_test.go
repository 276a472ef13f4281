package operations

import (
	"context"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/codingflow/rating/natsgrpc"
)

// WithTiming shortens what takes minutes.
func WithTiming(lifetime, sending, overdue time.Duration) Option {
	return optionFunc(func(s *Service) error {
		s.timing = timing{lifetime: lifetime, sending: sending, overdue: overdue}
		return nil
	})
}

// PutRecord writes the record of an operation, as Start does first, and nothing else.
func (s *Service) PutRecord(ctx context.Context, method protoreflect.MethodDescriptor, key string) (name string, err error) {
	principal, err := principalOf(ctx)
	if err != nil {
		return "", err
	}
	r := &record{Method: method.FullName(), Response: method.Output().FullName(), CreateTime: time.Now(), Deadline: time.Now().Add(s.timing.lifetime)}
	r.id = natsgrpc.CommandID(principal, r.path(), key)
	_, err = s.put(ctx, principal, r)
	return r.name(), err
}

// Validate checks the constraints of a request.
func Validate(request any) error { return validate(request) }
