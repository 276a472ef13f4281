package operations

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsdial"
	operationsv1 "github.com/codingflow/rating/proto/operations/v1"
)

// Service starts commands, and serves them as operations. It is safe for concurrent use.
type Service struct {
	operationsv1.UnimplementedOperationServiceServer

	conn   *natsgrpc.Conn
	bucket *bucket
	domain string // JetStream's, "" for the connection's own
	types  Types  // nil where all answers can be shown
	logger *slog.Logger
	timing timing
}

// timing is what tests shorten.
type timing struct {
	// lifetime is how long a command may take after its start.
	lifetime time.Duration
	// sending is how long a record may be without a command.
	sending time.Duration
	// overdue is how long after its deadline a command still counts as pending: a worker may be answering it.
	overdue time.Duration
}

var defaultTiming = timing{lifetime: natsgrpc.DefaultLifetime, sending: startTimeout + 5*time.Second, overdue: time.Minute}

// Option changes how a Service works.
type Option interface{ apply(*Service) error }

type optionFunc func(*Service) error

func (f optionFunc) apply(s *Service) error { return f(s) }

// WithLogger has it logged when the bucket cannot be used. Default none.
func WithLogger(logger *slog.Logger) Option {
	return optionFunc(func(s *Service) error {
		if logger == nil {
			return errors.New("logger is nil")
		}
		s.logger = logger
		return nil
	})
}

// WithJetStreamDomain sets the JetStream domain that the bucket is in, as natsgrpc's option of this name does for the streams.
// Default: "", the connection's own.
func WithJetStreamDomain(domain string) Option {
	return optionFunc(func(s *Service) error { s.domain = domain; return nil })
}

// Types finds messages by their full names. *server.Descriptors implements it.
type Types interface {
	FindMessageByName(name protoreflect.FullName) (protoreflect.MessageType, error)
}

// WithTypes sets the messages that answers can be of. One of another message is [ReasonAnswerUnknown] for as long as types do not
// find it. Default: any.
func WithTypes(types Types) Option {
	return optionFunc(func(s *Service) error {
		if types == nil {
			return errors.New("types are nil")
		}
		s.types = types
		return nil
	})
}

// New returns a service that starts commands on conn, and keeps whose they are in the bucket OPERATIONS of the NATS system
// that nc is connected to. The bucket is looked for when it is needed first, and created where it is missing and the NATS
// user may do that: see [Ensure] and [Permissions].
func New(conn *natsgrpc.Conn, nc *nats.Conn, opts ...Option) (*Service, error) {
	s := &Service{conn: conn, bucket: &bucket{}, logger: slog.New(slog.DiscardHandler), timing: defaultTiming}
	for _, opt := range opts {
		if err := opt.apply(s); err != nil {
			return nil, fmt.Errorf("operations: %w", err)
		}
	}
	var err error
	if s.bucket.js, err = natsdial.JetStream(nc, s.domain); err != nil {
		return nil, fmt.Errorf("operations: %w", err)
	}
	return s, nil
}

// bounded bounds what is asked of the bucket where ctx does not.
func bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, bucketTimeout)
}
