package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/metric"
)

const (
	readTimeout  = 5 * time.Second  // for a request, which has no body to speak of
	writeTimeout = 30 * time.Second // for the app's largest file, over a slow line
	idleTimeout  = 2 * time.Minute
	// What passes through to the API may take longer: its slowest calls take half a minute.
	apiReadTimeout  = time.Minute
	apiWriteTimeout = 3 * time.Minute
	maxHeader       = 32 << 10 // bytes
)

// Server serves the app by itself, beside its health. Create it with NewServer and run it with Serve, once.
type Server struct {
	app      *Handler
	draining atomic.Bool
	requests *requests
	logger   *slog.Logger
}

// appRoutes are the patterns by which the app's requests are told apart in the log and in metrics.
var appRoutes = []string{
	mount, mount + "/", mount + "/" + hashed,
	mount + "/auth/", mount + "/auth/callback", mount + "/auth/login", mount + "/auth/logout", mount + "/auth/session",
}

// NewServer returns a server of an app. Each request is a line of the log: at level debug those for health, error what this
// program or the API is at fault for, and info all others. Where meters is not nil it gets http.server.request.duration.
//
// Errors: the instrument cannot be made.
func NewServer(app *Handler, logger *slog.Logger, meters metric.MeterProvider) (*Server, error) {
	s := &Server{app: app, logger: logger}
	mux := http.NewServeMux()
	for _, route := range appRoutes {
		mux.Handle(route, app)
	}
	mux.HandleFunc("/ui/api/", s.api)
	mux.Handle("GET /{$}", http.RedirectHandler("/ui/", http.StatusFound))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { writeText(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", s.readyz)
	var err error
	s.requests, err = newRequests(mux, logger, meters)
	return s, err
}

// ServeHTTP answers one request: /ui, / which leads there, /healthz, and /readyz.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.requests.ServeHTTP(w, r) }

// api serves what passes through to the API.
func (s *Server) api(w http.ResponseWriter, r *http.Request) {
	now, control := time.Now(), http.NewResponseController(w)
	// Errors: this is no connection, and has no deadlines.
	_ = control.SetReadDeadline(now.Add(apiReadTimeout))
	_ = control.SetWriteDeadline(now.Add(apiWriteTimeout))
	s.app.ServeHTTP(w, r)
}

func (s *Server) readyz(w http.ResponseWriter, _ *http.Request) {
	switch {
	case s.draining.Load():
		writeText(w, http.StatusServiceUnavailable, "stopping")
	case !s.app.Built():
		writeText(w, http.StatusServiceUnavailable, NotBuilt)
	default:
		writeText(w, http.StatusOK, "ok")
	}
}

// Serve answers requests on a listener, which it closes, until ctx ends. Then /readyz turns false, requests go on to be taken
// for delay, so that load balancers notice, and those in flight are answered within timeout; what is left is cut off, which
// is an error.
func (s *Server) Serve(ctx context.Context, listener net.Listener, delay, timeout time.Duration) error {
	server := &http.Server{
		Handler:        s,
		ReadTimeout:    readTimeout,
		WriteTimeout:   writeTimeout,
		IdleTimeout:    idleTimeout,
		MaxHeaderBytes: maxHeader,
		ErrorLog:       slog.NewLogLogger(s.logger.Handler(), slog.LevelDebug), // what clients do wrong
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	s.draining.Store(true)
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-time.After(delay):
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	defer cancel()
	err := server.Shutdown(bounded)
	if errors.Is(err, context.DeadlineExceeded) {
		err = errors.Join(fmt.Errorf("not drained after %v: the rest is cut off", timeout), server.Close())
	}
	if served := <-failed; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}
