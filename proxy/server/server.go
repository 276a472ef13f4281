package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/codingflow/rating/proxy/transcode"
)

// Server serves the proxy's HTTP. Create it with New and run it with Serve, once.
type Server struct {
	config   Config
	conn     grpc.ClientConnInterface // takes only what can be answered in time
	admitter *admitter
	edition  atomic.Pointer[edition]
	refused  atomic.Pointer[[]Refusal]
	updating sync.Mutex                       // of what follows
	services []protoreflect.ServiceDescriptor // that the edition serves
	resolver resolver

	limits      limits
	handler     http.Handler
	requests    inFlight
	draining    atomic.Bool
	connections connections
	// metadata tells at metadataPath where clients get tokens; nil and "" if nowhere.
	metadata     http.Handler
	metadataPath string
}

// New returns a server of the API of config.Files, which calls its methods on conn. It fails if the config is invalid, or
// transcode.New or rpc.New does.
func New(conn grpc.ClientConnInterface, config Config) (*Server, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	forwarding, err := newForwarding(config.TrustedProxies, config.ForwardedHeader)
	if err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	s := &Server{config: config, limits: defaultLimits, services: config.services()}
	s.connections = connections{
		total: config.MaxConnections, perClient: config.MaxConnectionsPerClient, exempt: forwarding.trusts,
		logger: config.Logger, clients: map[netip.Prefix]int{},
	}
	if s.admitter, err = newAdmitter(config); err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	if s.conn, err = admitted(conn, config); err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	first, err := newEdition(s.conn, config, s.services, s.admitter)
	if err != nil {
		return nil, err
	}
	s.edition.Store(first)
	s.tellSkipped(first)
	s.resolver = resolver{base: s.services, judge: func(service protoreflect.ServiceDescriptor) *claims { return claimsOf(conn, service) }}
	s.metadataPath, s.metadata = config.Auth.ResourceMetadata()
	observed, err := newTelemetry(s)
	if err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	handler := withAdmission(http.HandlerFunc(s.route))
	handler = withRecovery(handler)
	handler = withHeaderLimits(handler)
	handler = withSafeFraming(handler)
	handler = withCORS(config, handler)
	handler = withHSTS(config.HSTS, handler)
	handler = observed.around(handler)
	handler = withAccessLog(config.Logger, handler)
	handler = withRequestID(handler)
	s.handler = forwarding.handler(handler)
	return s, nil
}

// API returns the transcoder, for what it has to tell about its routes.
func (s *Server) API() *transcode.Handler { return s.edition.Load().api }

// Connections returns how many connections are open, and how many were refused because there were too many.
func (s *Server) Connections() (open int, refused uint64) {
	s.connections.mu.Lock()
	defer s.connections.mu.Unlock()
	return s.connections.open, s.connections.refused
}

// ServeHTTP answers one request, for tests and for servers of one's own.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.requests.enter()
	defer s.requests.leave()
	s.handler.ServeHTTP(w, r)
}

// route hands a request to its part of the server. http.ServeMux is not used because it redirects paths that it does not
// consider clean, where `//` and escapes mean something to the API.
func (s *Server) route(w http.ResponseWriter, r *http.Request) {
	path := transcode.EscapedPath(r.URL)
	current := s.edition.Load()
	switch {
	case path == "/":
		setRoute(r, "/")
		transcode.GetOnly(http.RedirectHandler(s.config.publicRoot()+"/ui/", http.StatusFound)).ServeHTTP(w, r)
	case path == "/healthz":
		setRoute(r, path)
		transcode.GetOnly(http.HandlerFunc(s.healthz)).ServeHTTP(w, r)
	case path == "/readyz":
		setRoute(r, path)
		transcode.GetOnly(http.HandlerFunc(s.readyz)).ServeHTTP(w, r)
	case path == "/openapi.json":
		setRoute(r, path)
		current.docs().Document().ServeHTTP(w, r)
	case path == "/docs":
		setRoute(r, path)
		current.docs().Page().ServeHTTP(w, r)
	case path == "/ui" || strings.HasPrefix(path, "/ui/"):
		setRoute(r, "/ui/")
		current.ui.ServeHTTP(w, r)
	case s.metadata != nil && path == s.metadataPath:
		setRoute(r, path)
		transcode.GetOnly(s.metadata).ServeHTTP(w, r)
	case current.rpc.Handles(r):
		current.rpc.ServeHTTP(w, r)
	case strings.HasPrefix(path, s.config.Prefix+"/"):
		current.rest.ServeHTTP(w, withoutPrefix(r, s.config.Prefix))
	default:
		transcode.WriteError(w, r, status.New(codes.NotFound, "there is nothing at this path"))
	}
}

// Serve answers requests on a listener, which it closes, until ctx ends. Then it drains: /readyz turns false, the
// listener stays open for the drain delay and closes, and requests in flight are answered. Serve returns when they are; if
// that takes longer than the drain timeout they are cut off and the error says how many. An error of the listener ends
// Serve at once.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	base, cutOff := context.WithCancel(context.WithoutCancel(ctx))
	defer cutOff()
	server := &http.Server{ //nolint:gosec // limits.apply sets its timeouts
		Handler:     s,
		BaseContext: func(net.Listener) context.Context { return base },
		ErrorLog:    newErrorLog(s.config.Logger),
	}
	s.limits.apply(server, s.config.ReadTimeout, s.config.Timeout)
	failed := make(chan error, 1)
	serve := server.Serve
	if certificate := s.config.Certificate; certificate != nil {
		server.TLSConfig = certificate.config()
		serve = func(listener net.Listener) error { return server.ServeTLS(listener, "", "") }
		defer s.watch(certificate)()
	}
	go func() { failed <- serve(s.connections.limit(listener)) }()

	err := s.untilDrained(ctx, server, failed)
	if err == nil {
		return nil
	}
	cut := s.requests.count()
	cutOff()
	_ = server.Close() // it closes what is left, and reports only what is closed already
	grace, done := context.WithTimeout(context.WithoutCancel(ctx), closeGrace)
	defer done()
	_ = s.requests.wait(grace)
	if cut > 0 {
		return fmt.Errorf("server: %w: %d requests cut off", err, cut)
	}
	return fmt.Errorf("server: %w", err)
}

// watch watches a certificate until the function that it returns is called.
func (s *Server) watch(certificate *Certificate) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var watching sync.WaitGroup
	watching.Go(func() { certificate.watch(ctx, s.config.Logger) })
	return func() {
		cancel()
		watching.Wait()
	}
}

// untilDrained waits for the end of ctx and drains. When it returns nil the server has stopped.
func (s *Server) untilDrained(ctx context.Context, server *http.Server, failed <-chan error) error {
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	s.draining.Store(true)
	delay := time.NewTimer(s.config.DrainDelay)
	defer delay.Stop()
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-delay.C:
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.config.DrainTimeout)
	defer cancel()
	err := server.Shutdown(bounded)
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("not drained after %v", s.config.DrainTimeout)
	}
	if served := <-failed; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}
