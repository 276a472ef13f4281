package natsgrpc

import (
	"fmt"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/codingflow/rating/natsgrpc/natsdial"
	"github.com/codingflow/rating/natsgrpc/registry"
)

// Option changes what NewConn and NewServer make.
type Option interface {
	ConnOption
	ServerOption
}

type option struct {
	conn   func(*Conn) error
	server func(*Server) error
}

func (o option) applyConn(c *Conn) error     { return o.conn(c) }
func (o option) applyServer(s *Server) error { return o.server(s) }

// WithDescriptors sets where services are looked up. Default: the descriptors that are linked into the program.
func WithDescriptors(descriptors Descriptors) Option {
	return option{
		conn:   func(c *Conn) error { c.methods.descriptors = descriptors; return nil },
		server: func(s *Server) error { s.methods.descriptors = descriptors; return nil },
	}
}

// DomainOption is an Option for what looks at dead letters too.
type DomainOption interface {
	Option
	DeadLettersOption
}

// WithJetStreamDomain sets the JetStream domain that the streams are in, where it is not the connection's own: a leaf
// node reaches its hub's streams so. Default: "", the connection's own.
func WithJetStreamDomain(domain string) DomainOption { return domainOption(domain) }

type domainOption string

func (d domainOption) applyConn(c *Conn) error {
	c.domain, c.api = string(d), d.api()
	return d.check()
}

func (d domainOption) applyServer(s *Server) error {
	s.domain, s.api = string(d), d.api()
	return d.check()
}

func (d domainOption) applyDeadLetters(l *DeadLetters) error {
	l.domain = string(d)
	return d.check()
}

// api is the prefix of the subjects of JetStream's API.
func (d domainOption) api() string { return natsdial.APIPrefix(string(d)) }

func (d domainOption) check() error {
	if d != "" && !validToken(string(d)) {
		return fmt.Errorf("natsgrpc: JetStream domain %q; want one subject token", string(d))
	}
	return nil
}

// WithLogger sets where incidents are logged. Default: slog.Default().
func WithLogger(logger *slog.Logger) Option {
	return option{
		conn:   func(c *Conn) error { c.logger = logger; return nil },
		server: func(s *Server) error { s.logger = logger; return nil },
	}
}

// WithTracerProvider makes the spans of calls: what they are is said in telemetry.go. Default: none.
func WithTracerProvider(provider trace.TracerProvider) Option {
	return option{
		conn:   func(c *Conn) error { c.providers.tracer = provider; return nil },
		server: func(s *Server) error { s.providers.tracer = provider; return nil },
	}
}

// WithMeterProvider measures calls and queues: what the metrics are is said in telemetry.go. A server reads the depth of its
// queues when they are collected, at most every 5 seconds, which delays a collection by a second at most. Default: none.
func WithMeterProvider(provider metric.MeterProvider) Option {
	return option{
		conn:   func(c *Conn) error { c.providers.meter = provider; return nil },
		server: func(s *Server) error { s.providers.meter = provider; return nil },
	}
}

// WithPropagator sets how the context of a trace travels from a Conn to a Server: as metadata of the call, so in headers
// such as Md-traceparent. Without a tracer provider the context passes through. Default: W3C Trace Context where there is a
// tracer provider, else none.
func WithPropagator(propagator propagation.TextMapPropagator) Option {
	return option{
		conn:   func(c *Conn) error { c.providers.propagator = propagator; return nil },
		server: func(s *Server) error { s.providers.propagator = propagator; return nil },
	}
}

type serverOption func(*Server) error

func (o serverOption) applyServer(s *Server) error { return o(s) }

// WithSlots sets how many queries and how many commands of each service run at once on this server. It pulls no more
// than that: a free slot is a request to the queue. A stream takes a slot for as long as its handler runs. Default 16
// and 16; each from 1 to 10,000.
func WithSlots(queries, commands int) ServerOption {
	return serverOption(func(s *Server) error {
		for name, n := range map[string]int{"query": queries, "command": commands} {
			if n < 1 || n > maxSlots {
				return fmt.Errorf("natsgrpc: %d %s slots; want 1 to %d", n, name, maxSlots)
			}
		}
		s.slots = map[kind]int{query: queries, command: commands}
		return nil
	})
}

// WithUnaryInterceptors adds interceptors around the handlers, the first one outermost.
func WithUnaryInterceptors(interceptors ...grpc.UnaryServerInterceptor) ServerOption {
	return serverOption(func(s *Server) error {
		s.interceptors = append(s.interceptors, interceptors...)
		return nil
	})
}

// WithVerifyOnly makes Serve change no stream and no consumer: it waits until somebody else, such as an operator of the
// cluster, has made them as the services' options have them, and says in the log and in NotReady what is missing.
// Default: Serve creates and updates them.
func WithVerifyOnly() ServerOption {
	return serverOption(func(s *Server) error {
		s.verifyOnly = true
		return nil
	})
}

// WithPublishedDescriptors makes Serve publish the descriptors of the registered services while it pulls, so that a proxy
// has their routes: see package registry. Each of prepare changes a set before it is published; comments.Add of
// proto/comments, for one, adds the comments of the protos. Default: Serve publishes nothing.
func WithPublishedDescriptors(prepare ...func(*descriptorpb.FileDescriptorSet) error) ServerOption {
	return serverOption(func(s *Server) error {
		s.publishing = []registry.Option{}
		for _, p := range prepare {
			s.publishing = append(s.publishing, registry.WithPreparation(p))
		}
		return nil
	})
}

// WithStreamInterceptors adds interceptors around the handlers of streams, the first one outermost.
func WithStreamInterceptors(interceptors ...grpc.StreamServerInterceptor) ServerOption {
	return serverOption(func(s *Server) error {
		s.streamInterceptors = append(s.streamInterceptors, interceptors...)
		return nil
	})
}

// WithMaxReceiveSize sets how many bytes a message may have that a call or a stream brings to this server, decompressed.
// Default 4 MiB, as in grpc-go. A larger one is RESOURCE_EXHAUSTED.
func WithMaxReceiveSize(bytes int) ServerOption {
	return serverOption(func(s *Server) error {
		if bytes < 0 {
			return fmt.Errorf("natsgrpc: max receive size %d; want 0 or more", bytes)
		}
		s.maxReceiveSize = bytes
		return nil
	})
}

// WithDrainTimeout sets how long Serve waits for running handlers after its context has ended. What runs longer is
// cancelled: unary calls are given back to the queue, streams end with UNAVAILABLE. Default 30 seconds.
func WithDrainTimeout(timeout time.Duration) ServerOption {
	return serverOption(func(s *Server) error {
		if timeout <= 0 {
			return fmt.Errorf("natsgrpc: drain timeout %v; want more than 0", timeout)
		}
		s.drainTimeout = timeout
		return nil
	})
}
