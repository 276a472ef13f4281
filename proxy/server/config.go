package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/codingflow/rating/proxy/auth"
	"github.com/codingflow/rating/proxy/transcode"
)

// Config says what a [Server] serves and within which limits. The zero value of each field stands for its default.
type Config struct {
	// Files are the descriptors of the services that are served until [Server.Update] replaces or joins them. Default
	// [BuiltIn].
	Files *protoregistry.Files
	// Descriptors follow what the server serves, for a connection that looks methods up. They belong to one server. Default:
	// none that anybody knows.
	Descriptors *Descriptors
	// Prefix is where the API is mounted as REST, such as "/api", which is the default; "/" is the root, where /docs,
	// /healthz, /openapi.json, /readyz, /ui, / itself and the paths of gRPC (/package.Service/Method) still go first.
	Prefix string
	// PublicPrefix is where clients see what Prefix is to the server, behind a gateway that changes paths: with the prefix "/"
	// and the public prefix "/api" it strips "/api". It is in what clients are told: the document's servers, the Location of
	// operations, links and redirects. No header of a request changes it. "/" is the root. Default Prefix.
	PublicPrefix string
	// Title and Version are those of the API in /openapi.json and /docs. Default: the packages of its services, and the versions in
	// the names of these.
	Title, Version string
	// Timeout bounds each call but streams. Default transcode.DefaultTimeout.
	Timeout time.Duration
	// StreamTimeout bounds each stream of every protocol. Default 0: as long as the client wants.
	StreamTimeout time.Duration
	// StreamIdle bounds how long a stream waits for its client: for the next bytes of a body, with REST, and for the client to
	// take what is written of the answer. Default transcode.DefaultStreamIdle.
	StreamIdle time.Duration
	// ReadTimeout bounds how long a request takes to arrive, from its first byte to the last of its body, but for streams. Its
	// headers have 5 s of that at the most. Default 30 s: the default of MaxBody at 0.3 Mbit/s.
	ReadTimeout time.Duration
	// MaxBody bounds request bodies, and each message of gRPC, gRPC-Web and Connect, in bytes. Default
	// transcode.DefaultMaxBody.
	MaxBody int64
	// DrainTimeout bounds how long Serve waits for requests in flight when its context has ended. Default 30 s, within
	// which any request with the default timeout ends.
	DrainTimeout time.Duration
	// DrainDelay is how long Serve goes on to accept requests when its context has ended and /readyz is already false, so
	// that load balancers notice first. Default 0.
	DrainDelay time.Duration
	// Ready says why requests cannot be served now, nil if they can; it is shown at /readyz. Its context ends after a
	// second. Default: always ready.
	Ready func(context.Context) error
	// UI serves /ui and everything below it, with unchanged paths. Default: a page that links to the API.
	UI http.Handler
	// RequestHeaders and ResponseHeaders are passed between HTTP and gRPC metadata, see transcode.WithRequestHeaders,
	// transcode.WithResponseHeaders and their namesakes in rpc. Names that end in -bin, whose values are base64 in headers,
	// pass in gRPC, gRPC-Web and Connect only. X-Request-Id is always passed on. Default none.
	RequestHeaders, ResponseHeaders []string
	// IdempotencyKey makes the option of a call that acts once for a principal and a key, as natsgrpc.IdempotencyKey does. The key
	// is that of the header Idempotency-Key. Default: the header means nothing.
	IdempotencyKey func(principal, key string) grpc.CallOption
	// Operations starts the commands of clients that send `Prefer: respond-async`. The connection must have
	// operations.v1.OperationService, which is served then. Default none: the preference is not heeded.
	Operations Operations
	// Auth says who may call what, and as whom. It stays the caller's to close. Default auth.NewUnchecked.
	Auth *auth.Authenticator
	// Certificate is what Serve speaks TLS with, from version 1.2 on. Default none: the listener is without TLS.
	Certificate *Certificate
	// HSTS is how long browsers that have come by TLS, to the server or to a trusted proxy, must not come by anything else to
	// any port of the host; the header is Strict-Transport-Security, in whole seconds. Default 0: no such header, since it
	// cannot be taken back.
	HSTS time.Duration
	// CORSOrigins are the origins of other sites whose pages may use the server, such as "https://app.example.com", or "*" for
	// all. Credentials that browsers add by themselves, such as cookies, are never taken from them. Default none.
	CORSOrigins []string
	// TrustedProxies are the addresses of those who are believed when they say for whom they ask: load balancers and gateways.
	// What others say of that is dropped. Default none.
	TrustedProxies []netip.Prefix
	// ForwardedHeader is where they say it: ForwardedX for X-Forwarded-For and X-Forwarded-Proto, which is the default, or
	// ForwardedStandard for Forwarded (RFC 7239). It must be the one that they write themselves; the other is dropped.
	ForwardedHeader string
	// MaxConnections bounds the connections that are open, MaxConnectionsPerClient those of one client: an IPv4 address, or a
	// network of 64 bits of IPv6. Those beyond are closed at once. TrustedProxies count in total only. Default
	// [DefaultMaxConnections] and [DefaultMaxConnectionsPerClient].
	MaxConnections, MaxConnectionsPerClient int
	// MaxInFlight bounds the calls that are in flight, MaxInFlightPerClient those of one client: a principal, or else an
	// address, see package admission. Default [DefaultMaxInFlight] and [DefaultMaxInFlightPerClient].
	MaxInFlight, MaxInFlightPerClient int
	// MaxStreams and MaxStreamsPerClient bound streams in the same way. Default [DefaultMaxStreams] and
	// [DefaultMaxStreamsPerClient].
	MaxStreams, MaxStreamsPerClient int
	// ExpectedWait returns how long a call of a method ("/package.Service/Method") that begins now would wait before a
	// service takes it, and false if that is not known. Calls that would wait for longer than MaxWait are refused. Default:
	// nothing is known.
	ExpectedWait func(method string) (time.Duration, bool)
	// MaxWait is how long a call may be expected to wait; twice as long if it is the only one of its client and method. Default
	// [DefaultMaxWait].
	MaxWait time.Duration
	// NoReflection leaves out gRPC's server reflection. Where tokens are checked it needs one.
	NoReflection bool
	// MeterProvider measures requests and connections: what the metrics are is said in docs/observability.md. Default none.
	MeterProvider metric.MeterProvider
	// TracerProvider makes a span of each request, below the one that the client's traceparent names. Whether clients are
	// to be believed when they say that a trace is wanted is the provider's sampler to decide. Default none.
	TracerProvider trace.TracerProvider
	// Logger gets the access log: a line per request, at level debug for /healthz and /readyz, error for a status of 500
	// and above, and info for all others. Default none.
	Logger *slog.Logger
}

const (
	// DefaultMaxConnections bounds connections: one that is idle takes up to 25 KiB, with TLS up to 45, so that this many fit
	// into 512 MiB.
	DefaultMaxConnections = 10_000
	// DefaultMaxConnectionsPerClient is a tenth of that, and far more than a browser or a client library opens.
	DefaultMaxConnectionsPerClient = 1_000

	// DefaultMaxInFlight bounds calls: with bodies as large as they may be by default this many take 4 GiB, with the usual ones
	// some 200 MiB.
	DefaultMaxInFlight = 4096
	// DefaultMaxInFlightPerClient is a quarter of that.
	DefaultMaxInFlightPerClient = 1024
	// DefaultMaxStreams bounds streams: one keeps up to half a MiB for a client that does not read.
	DefaultMaxStreams = 1024
	// DefaultMaxStreamsPerClient is a quarter of that, and more than an HTTP/2 connection carries.
	DefaultMaxStreamsPerClient = 256
	// DefaultMaxWait is as long as people wait without losing their thread (Nielsen, "Usability Engineering", 1993).
	DefaultMaxWait = time.Second

	defaultPrefix       = "/api"
	defaultDrainTimeout = 30 * time.Second
	defaultReadTimeout  = 30 * time.Second
)

// withDefaults returns the config with its defaults filled in, or what is wrong with it.
func (c Config) withDefaults() (Config, error) {
	if c.Files == nil {
		c.Files = BuiltIn()
	}
	if c.Descriptors == nil {
		c.Descriptors = NewDescriptors(c.Files)
	}
	if c.Prefix == "" {
		c.Prefix = defaultPrefix
	}
	if c.PublicPrefix == "" {
		c.PublicPrefix = c.Prefix
	}
	c.Prefix, c.PublicPrefix = strings.TrimRight(c.Prefix, "/"), strings.TrimRight(c.PublicPrefix, "/")
	if c.Timeout == 0 {
		c.Timeout = transcode.DefaultTimeout
	}
	if c.StreamIdle == 0 {
		c.StreamIdle = transcode.DefaultStreamIdle
	}
	if c.ReadTimeout == 0 {
		c.ReadTimeout = defaultReadTimeout
	}
	if c.MaxBody == 0 {
		c.MaxBody = transcode.DefaultMaxBody
	}
	if c.DrainTimeout == 0 {
		c.DrainTimeout = defaultDrainTimeout
	}
	if c.Auth == nil {
		c.Auth = auth.NewUnchecked()
	}
	if c.Ready == nil {
		c.Ready = func(context.Context) error { return nil }
	}
	if c.MaxConnections == 0 {
		c.MaxConnections = DefaultMaxConnections
	}
	if c.MaxConnectionsPerClient == 0 {
		c.MaxConnectionsPerClient = DefaultMaxConnectionsPerClient
	}
	for _, limit := range []struct {
		value    *int
		fallback int
	}{
		{&c.MaxInFlight, DefaultMaxInFlight}, {&c.MaxInFlightPerClient, DefaultMaxInFlightPerClient},
		{&c.MaxStreams, DefaultMaxStreams}, {&c.MaxStreamsPerClient, DefaultMaxStreamsPerClient},
	} {
		if *limit.value == 0 {
			*limit.value = limit.fallback
		}
	}
	if c.MaxWait == 0 {
		c.MaxWait = DefaultMaxWait
	}
	if c.ForwardedHeader == "" {
		c.ForwardedHeader = ForwardedX
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.DrainTimeout < 0 || c.DrainDelay < 0 {
		return c, errors.New("drain timeout and drain delay must not be negative")
	}
	if c.ReadTimeout < 0 {
		return c, errors.New("read timeout must not be negative")
	}
	if c.HSTS < 0 {
		return c, errors.New("HSTS must not be negative")
	}
	for _, origin := range c.CORSOrigins {
		if err := checkOrigin(origin); err != nil {
			return c, err
		}
	}
	if c.MaxConnections < 0 || c.MaxConnectionsPerClient < 0 {
		return c, errors.New("limits of connections must not be negative")
	}
	for _, name := range c.RequestHeaders {
		if strings.HasPrefix(strings.ToLower(name), auth.MetadataPrefix) {
			return c, fmt.Errorf("request header %q: those that begin with %s say who calls, and are not taken from clients", name, auth.MetadataPrefix)
		}
	}
	return c, c.checkPrefixes()
}
