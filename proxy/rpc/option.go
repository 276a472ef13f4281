package rpc

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"google.golang.org/grpc/status"

	"github.com/codingflow/rating/proxy/transcode"
)

// Option changes how a [Handler] works.
type Option interface {
	apply(*options) error
}

type optionFunc func(*options) error

func (f optionFunc) apply(o *options) error { return f(o) }

type options struct {
	timeout         time.Duration
	streamTimeout   time.Duration // 0 for none
	streamIdle      time.Duration
	maxMessage      int
	requestHeaders  []header
	responseHeaders []header
	types           []transcode.Types
	public          func(*status.Status) *status.Status
	observe         func(context.Context, Call)
	authorize       Authorizer  // nil for none
	callOptions     CallOptions // nil for none
	reflection      bool
	trailerGrace    time.Duration
}

const (
	// DefaultTimeout bounds a unary call when WithTimeout does not: as long as the usual load balancer waits.
	DefaultTimeout = 30 * time.Second
	// DefaultMaxMessage bounds a request message, in bytes, when WithMaxMessage does not: what gRPC servers take by default.
	DefaultMaxMessage = 4 << 20
)

// WithTimeout bounds each unary call, from when its request has been read. Clients can ask for less.
func WithTimeout(timeout time.Duration) Option {
	return optionFunc(func(o *options) error {
		if timeout <= 0 {
			return fmt.Errorf("timeout %v is not positive", timeout)
		}
		o.timeout = timeout
		return nil
	})
}

// WithStreamTimeout bounds each stream, from when it opens; 0 is no bound, which is the default. Clients can ask for less.
func WithStreamTimeout(timeout time.Duration) Option {
	return optionFunc(func(o *options) error {
		if timeout < 0 {
			return fmt.Errorf("stream timeout %v is negative", timeout)
		}
		o.streamTimeout = timeout
		return nil
	})
}

// WithStreamIdle bounds how long a stream waits for its client to take what is written of the answer. Default
// [transcode.DefaultStreamIdle]. The client and the service may be silent for as long as they like.
func WithStreamIdle(timeout time.Duration) Option {
	return optionFunc(func(o *options) error {
		if timeout <= 0 {
			return fmt.Errorf("stream idle timeout %v is not positive", timeout)
		}
		o.streamIdle = timeout
		return nil
	})
}

// WithMaxMessage bounds each message of a client, in bytes, compressed and decompressed. A larger one is
// RESOURCE_EXHAUSTED.
func WithMaxMessage(bytes int64) Option {
	return optionFunc(func(o *options) error {
		if bytes <= 0 {
			return fmt.Errorf("message limit %d is not positive", bytes)
		}
		o.maxMessage = int(min(bytes, math.MaxInt32)) // the framing counts in 32 bits
		return nil
	})
}

// WithRequestHeaders forwards the named request headers as gRPC metadata of the same name. Refused are headers that HTTP
// or one of the protocols interprets, which includes the prefixes grpc-, connect- and trailer-.
func WithRequestHeaders(names ...string) Option {
	return optionFunc(func(o *options) error { return addHeaders(&o.requestHeaders, names) })
}

// WithResponseHeaders gives the named gRPC response metadata to the client: headers as headers, and trailers as the
// trailers of the protocol. Names are refused as for WithRequestHeaders.
func WithResponseHeaders(names ...string) Option {
	return optionFunc(func(o *options) error { return addHeaders(&o.responseHeaders, names) })
}

// WithTypes adds types for the messages in a google.protobuf.Any, in JSON and in error details. They go before those that are always found:
// of the services' files, of the files that these import, and linked in.
func WithTypes(types transcode.Types) Option {
	return optionFunc(func(o *options) error {
		if types == nil {
			return errors.New("types are nil")
		}
		o.types = append(o.types, types)
		return nil
	})
}

// WithPublicStatus sets what clients get to know of the status of a call. Default [transcode.Presentable], which keeps
// internal details to itself.
func WithPublicStatus(public func(*status.Status) *status.Status) Option {
	return optionFunc(func(o *options) error {
		if public == nil {
			return errors.New("public status is nil")
		}
		o.public = public
		return nil
	})
}

// WithObserver has observe called once for each request to a method when it has been answered, with the request's
// context. It is where logs and metrics are made, and the only one who gets to know errors in full.
func WithObserver(observe func(context.Context, Call)) Option {
	return optionFunc(func(o *options) error {
		if observe == nil {
			return errors.New("observer is nil")
		}
		o.observe = observe
		return nil
	})
}

// WithReflection serves grpc.reflection.v1.ServerReflection: who may call it can read the descriptors of the services and of
// all that they import. The authorizer is asked as for any other method.
func WithReflection() Option {
	return optionFunc(func(o *options) error { o.reflection = true; return nil })
}
