package registry

import (
	"fmt"
	"log/slog"
	"time"

	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/codingflow/rating/natsgrpc/natsdial"
)

// Option changes what [NewPublisher], [Watch], [Read] and [Remove] do.
type Option func(*settings) error

type settings struct {
	domain       string
	logger       *slog.Logger
	lease        time.Duration
	preparations []func(*descriptorpb.FileDescriptorSet) error
}

func newSettings(options []Option) (settings, error) {
	s := settings{logger: slog.Default(), lease: Lease}
	for _, option := range options {
		if err := option(&s); err != nil {
			return s, err
		}
	}
	return s, nil
}

// WithJetStreamDomain sets the JetStream domain that the bucket is in. Default: "", the connection's own.
func WithJetStreamDomain(domain string) Option {
	return func(s *settings) error { s.domain = domain; return nil }
}

// WithLogger sets where failures are logged. Default: slog.Default().
func WithLogger(logger *slog.Logger) Option {
	return func(s *settings) error { s.logger = logger; return nil }
}

// WithLease sets how long an instance is taken to live that does not renew its lease, in whole seconds; JetStream counts
// no others. All publishers and watchers of a bucket should have the same. Default [Lease].
func WithLease(lease time.Duration) Option {
	return func(s *settings) error {
		if lease < time.Second || lease%time.Second != 0 {
			return fmt.Errorf("registry: a lease of %v; want whole seconds", lease)
		}
		s.lease = lease
		return nil
	}
}

// WithPreparation has a Publisher change each set before it is published: to add comments, as comments.Add does.
func WithPreparation(prepare func(*descriptorpb.FileDescriptorSet) error) Option {
	return func(s *settings) error { s.preparations = append(s.preparations, prepare); return nil }
}

// subject is where a key is published.
func (s *settings) subject(k key) string {
	if s.domain == "" {
		return prefix + k.String()
	}
	return natsdial.APIPrefix(s.domain) + prefix + k.String() // what NATS has for buckets of another domain
}
