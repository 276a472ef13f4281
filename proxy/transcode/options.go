package transcode

import (
	"context"
	"errors"
	"fmt"
	"net/textproto"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
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
	heartbeat       time.Duration
	maxBody         int64
	requestHeaders  []header
	responseHeaders []header
	types           []Types
	newCodec        NewCodec
	observe         func(context.Context, Call)
	authorize       Authorizer  // nil for none
	callOptions     CallOptions // nil for none
	async           Async       // nil for none
}

const (
	// DefaultTimeout bounds a call when WithTimeout does not: as long as the usual load balancer waits.
	DefaultTimeout = 30 * time.Second
	// DefaultStreamIdle bounds how long a stream waits for its client when WithStreamIdle does not: as long as idle
	// connections are usually kept.
	DefaultStreamIdle = 2 * time.Minute
	// DefaultHeartbeat is the interval of SSE comments when WithHeartbeat does not set one, as the HTML standard advises.
	DefaultHeartbeat = 15 * time.Second
	// DefaultMaxBody bounds a request body, in bytes, when WithMaxBody does not: what a NATS server takes by default. JSON is
	// larger than the message that it becomes.
	DefaultMaxBody = 1 << 20
)

// WithTimeout bounds each unary call: its context ends at the latest this long after the body has been read. The client
// ([RequestTimeoutHeader]), the request's own context and the transport may end it earlier.
func WithTimeout(timeout time.Duration) Option {
	return positiveDuration("timeout", timeout, func(o *options) { o.timeout = timeout })
}

// WithStreamTimeout bounds each call of a streaming method, from its headers on; 0 is no bound, which is the default. The
// client, the request's own context and the transport may end it earlier; the deadlines of an http.Server do not.
func WithStreamTimeout(timeout time.Duration) Option {
	return optionFunc(func(o *options) error {
		if timeout < 0 {
			return fmt.Errorf("stream timeout %v is negative", timeout)
		}
		o.streamTimeout = timeout
		return nil
	})
}

// WithStreamIdle bounds how long a call of a streaming method waits for its client: for the next bytes of a body that is
// streamed, and for the client to take what is written of an answer. A service may be silent for as long as it likes.
func WithStreamIdle(timeout time.Duration) Option {
	return positiveDuration("stream idle timeout", timeout, func(o *options) { o.streamIdle = timeout })
}

// WithHeartbeat sets how long an SSE stream is silent before it gets a comment, which keeps connections from being taken
// for dead on the way.
func WithHeartbeat(interval time.Duration) Option {
	return positiveDuration("heartbeat", interval, func(o *options) { o.heartbeat = interval })
}

func positiveDuration(name string, value time.Duration, set func(*options)) Option {
	return optionFunc(func(o *options) error {
		if value <= 0 {
			return fmt.Errorf("%s %v is not positive", name, value)
		}
		set(o)
		return nil
	})
}

// WithMaxBody bounds request bodies, in bytes, and each line of an NDJSON body rather than the whole. What is larger is
// answered with 413.
func WithMaxBody(bytes int64) Option {
	return optionFunc(func(o *options) error {
		if bytes <= 0 {
			return fmt.Errorf("body limit %d is not positive", bytes)
		}
		o.maxBody = bytes
		return nil
	})
}

// WithRequestHeaders forwards the named request headers as gRPC metadata of the same name. Names with the prefix grpc-
// or the suffix -bin, which gRPC keeps for itself, are refused, and so are headers of the connection.
func WithRequestHeaders(names ...string) Option {
	return optionFunc(func(o *options) error { return addHeaders(&o.requestHeaders, names) })
}

// WithResponseHeaders gives the named gRPC response metadata, or the trailers where the headers have none, to the client
// as HTTP headers of the same name. Names are refused as for WithRequestHeaders.
func WithResponseHeaders(names ...string) Option {
	return optionFunc(func(o *options) error { return addHeaders(&o.responseHeaders, names) })
}

// WithTypes adds types for the messages in a google.protobuf.Any and in error details. They go before those that are
// always found: of the services' files, of the files that these import, and linked in.
func WithTypes(types Types) Option {
	return optionFunc(func(o *options) error {
		if types == nil {
			return errors.New("types are nil")
		}
		o.types = append(o.types, types)
		return nil
	})
}

// WithCodec sets how codecs are made. By default they are those of package jsonwire, compiled from the descriptors.
func WithCodec(newCodec NewCodec) Option {
	return optionFunc(func(o *options) error {
		if newCodec == nil {
			return errors.New("codec is nil")
		}
		o.newCodec = newCodec
		return nil
	})
}

// WithObserver has observe called once for each request when it has been answered, with the request's context. It is
// where logs and metrics are made, and the only one who gets to know errors in full.
func WithObserver(observe func(context.Context, Call)) Option {
	return optionFunc(func(o *options) error {
		if observe == nil {
			return errors.New("observer is nil")
		}
		o.observe = observe
		return nil
	})
}

// Call is a request that has been answered.
type Call struct {
	// Binding is what the request matched, nil if it matched none.
	Binding *Binding
	// HTTPStatus is the status of the answer: 200 for a stream whose first message was answered, however it ends. It is
	// 499, and nothing was written but what was of a stream, when the client left or took nothing of a stream any more.
	HTTPStatus int
	// Code is the gRPC status code.
	Code codes.Code
	// Err is what went wrong, nil for OK. It may hold what clients must not see.
	Err error
}

// header is a header in its two spellings.
type header struct{ http, metadata string }

// reservedHeaders are those that HTTP or gRPC itself interprets.
var reservedHeaders = map[string]bool{
	"connection": true, "content-encoding": true, "content-length": true, "content-type": true, "host": true,
	"keep-alive": true, "te": true, "trailer": true, "transfer-encoding": true, "upgrade": true, "user-agent": true,
}

func addHeaders(to *[]header, names []string) error {
	for _, name := range names {
		lower := strings.ToLower(name)
		for i := range len(lower) {
			if !isIdentByte(lower[i], true) && lower[i] != '-' && lower[i] != '.' {
				return fmt.Errorf("header %q is no name of gRPC metadata", name)
			}
		}
		switch {
		case lower == "":
			return errors.New("header without a name")
		case strings.HasPrefix(lower, "grpc-"), strings.HasSuffix(lower, "-bin"), reservedHeaders[lower]:
			return fmt.Errorf("header %q cannot be forwarded", name)
		}
		*to = append(*to, header{http: textproto.CanonicalMIMEHeaderKey(name), metadata: lower})
	}
	return nil
}
