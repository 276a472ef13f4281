// Package stack runs the whole system in one process: NATS with JetStream, the rating service on SQLite, and the proxy. It can
// use a NATS server and a PostgreSQL database from outside. Nothing need be installed. The parts talk to each other as they do in production, through JetStream work queues.
package stack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"
	"go.opentelemetry.io/otel/trace"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsdial"
	"github.com/codingflow/rating/proto/comments"
	"github.com/codingflow/rating/proxy/auth"
	"github.com/codingflow/rating/proxy/natsproxy"
	proxy "github.com/codingflow/rating/proxy/server"
	rating "github.com/codingflow/rating/services/rating/server"
	"github.com/codingflow/rating/services/rating/store/database"
	"github.com/codingflow/rating/telemetry"
)

// drainTimeout bounds the end of each part. What is left then is cut off.
const drainTimeout = 15 * time.Second

// slots is how many queries, and how many commands, of each API service run at once, as in services/rating.
const slots = 16

// Config says what to run.
type Config struct {
	// Listen is the address of the HTTP server.
	Listen string
	// Data is the folder for everything that is kept; it is created if need be. Only one stack can use it at a time.
	Data string
	// NATS says how to connect to a NATS server with JetStream. Without a URL there is one in this process.
	NATS natsdial.Config
	// NATSListen is the address at which other programs reach the NATS server in this process, without credentials. Default:
	// none.
	NATSListen string
	// Database is where the rating service keeps its data: a path, or a postgres:// URL, whose schema is brought up to date.
	// Default rating.db in the data folder.
	Database string
	// OIDC says whose tokens calls need. Without an issuer nothing is checked, and all calls are those of auth.Development.
	OIDC auth.Config
	// AdminClaims are the claims that make an administrator of the rating service: NAME=VALUE, passed on by OIDC.Claims.
	AdminClaims []string
	// Traces says where the spans of the proxy and of the rating service go, each under its own service.name. Default: nowhere.
	Traces telemetry.TracesConfig
	// AdminListen is the address at which /metrics tells of all parts. Default: none, and nothing is measured.
	AdminListen string
	// UI makes what serves /ui and everything below it; api is the URL of this stack's API. Default: the proxy's page that
	// links to the API.
	UI func(api string) (http.Handler, error)
	// Logger is where the parts log. Default slog.Default().
	Logger *slog.Logger
}

// Stack is the running system.
type Stack struct {
	config   Config
	listener net.Listener
	proxy    *proxy.Server
	rating   *natsgrpc.Server
	natsURL  string // of the NATS server in this process, where it listens
	admin    *telemetry.Listener
	metrics  *telemetry.Metrics // nil where they are not wanted
	closers  []func() error
}

// Start prepares all parts, up to the point where Run can serve. Close ends what Start has begun.
//
// Errors are one sentence for the person who typed the command: the address is taken, the folder is used by another
// stack or cannot be written, NATS cannot be reached.
func Start(ctx context.Context, config Config) (_ *Stack, err error) {
	if config.Logger == nil {
		config.Logger = slog.Default()
	}
	s := &Stack{config: config}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if s.listener, err = listen(ctx, config.Listen, "--listen"); err != nil {
		return nil, err
	}
	s.onClose(func() error {
		if err := s.listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil
	})
	unlock, err := lockFolder(config.Data)
	if err != nil {
		return nil, err
	}
	s.onClose(unlock)
	if err := s.startMetrics(ctx); err != nil {
		return nil, err
	}
	connect, err := s.startNATS(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.prepareRating(ctx, connect); err != nil {
		return nil, err
	}
	return s, s.prepareProxy(ctx, connect)
}

// NATSURL is where other programs reach the NATS server in this process; empty where it does not listen.
func (s *Stack) NATSURL() string { return s.natsURL }

// AdminAddr is the address at which /metrics is; nil where there is none.
func (s *Stack) AdminAddr() net.Addr {
	if s.admin == nil {
		return nil
	}
	return s.admin.Addr
}

// Addr is the address of the HTTP server.
func (s *Stack) Addr() net.Addr { return s.listener.Addr() }

// Run serves until ctx ends, then drains: first the proxy, so that every request it has accepted is answered, then the
// rating service. It calls ready once the API answers. A part that fails ends the others.
func (s *Stack) Run(ctx context.Context, ready func()) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	serviceCtx, stopService := context.WithCancel(context.WithoutCancel(ctx))
	defer stopService()
	ratingDone := make(chan error, 1)
	go func() {
		err := s.rating.Serve(serviceCtx)
		cancel(err)
		ratingDone <- err
	}()
	select {
	case <-s.rating.Ready():
	case err := <-ratingDone:
		return err
	case <-ctx.Done():
		stopService()
		return <-ratingDone
	}
	proxyDone := make(chan error, 1)
	go func() { proxyDone <- s.proxy.Serve(ctx, s.listener) }()
	ready()
	proxyErr := <-proxyDone
	stopService()
	return errors.Join(proxyErr, <-ratingDone)
}

// Close ends what Start has begun, the last first.
func (s *Stack) Close() error {
	var errs []error
	for i := len(s.closers) - 1; i >= 0; i-- {
		errs = append(errs, s.closers[i]())
	}
	s.closers = nil
	return errors.Join(errs...)
}

func (s *Stack) onClose(closer func() error) { s.closers = append(s.closers, closer) }

// database returns where the rating service keeps its data.
func (s *Stack) database() database.Config {
	if s.config.Database == "" {
		return database.Config{URL: filepath.Join(s.config.Data, "rating.db")}
	}
	return database.Config{URL: s.config.Database}
}

// startMetrics serves the metrics of all parts, which come from one provider, so that those of the process are there once.
func (s *Stack) startMetrics(ctx context.Context) (err error) {
	if s.config.AdminListen == "" {
		return nil
	}
	if s.metrics, err = telemetry.NewMetrics("dev"); err != nil {
		return err
	}
	s.onClose(s.metrics.Close)
	if s.admin, err = telemetry.Listen(ctx, s.config.AdminListen, telemetry.AdminHandler(s.metrics, false)); err != nil {
		return fmt.Errorf("%w; choose another address with --admin-listen", err)
	}
	s.onClose(s.admin.Close)
	return nil
}

// startTraces returns what makes the spans of a part, nil where none are wanted.
func (s *Stack) startTraces(ctx context.Context, part string, trust telemetry.Trust) (trace.TracerProvider, error) {
	traces, err := s.config.Traces.Start(ctx, part, trust, s.config.Logger)
	if err != nil {
		return nil, err
	}
	s.onClose(func() error { traces.Close(); return nil })
	return traces.Provider(), nil
}

// prepareRating opens the store and registers the rating service on a server of its own connection.
func (s *Stack) prepareRating(ctx context.Context, connect func(name string) (*nats.Conn, error)) error {
	tracers, err := s.startTraces(ctx, "rating", telemetry.TrustCallers)
	if err != nil {
		return err
	}
	where := s.database()
	where.Tracers = tracers
	if err := where.Migrate(ctx, s.config.Logger); err != nil {
		return err
	}
	st, err := where.Open(ctx, s.config.Logger, slots, slots)
	if err != nil {
		return err
	}
	s.onClose(st.Close)
	nc, err := connect("rating")
	if err != nil {
		return err
	}
	srv, err := rating.New(st, rating.WithRequestID(natsgrpc.RequestID), rating.WithAdminClaims(s.config.AdminClaims...),
		rating.WithLogger(s.config.Logger))
	if err != nil {
		return err
	}
	s.rating, err = natsgrpc.NewServer(nc,
		natsgrpc.WithSlots(slots, slots),
		natsgrpc.WithUnaryInterceptors(srv.Interceptor()),
		natsgrpc.WithDrainTimeout(drainTimeout),
		natsgrpc.WithPublishedDescriptors(comments.Add),
		natsgrpc.WithLogger(s.config.Logger),
		natsgrpc.WithMeterProvider(s.metrics.Provider()),
		natsgrpc.WithTracerProvider(tracers))
	if err != nil {
		return err
	}
	srv.Register(s.rating)
	return nil
}

// prepareProxy makes the proxy on a connection of its own.
func (s *Stack) prepareProxy(ctx context.Context, connect func(name string) (*nats.Conn, error)) error {
	tracers, err := s.startTraces(ctx, "proxy", telemetry.DistrustCallers)
	if err != nil {
		return err
	}
	nc, err := connect("proxy")
	if err != nil {
		return err
	}
	authenticator, err := s.config.OIDC.New(s.config.Logger)
	if err != nil {
		return err
	}
	s.onClose(authenticator.Close)
	var ui http.Handler
	if s.config.UI != nil {
		if ui, err = s.config.UI(s.url() + "/api"); err != nil {
			return err
		}
	}
	srv, closeConn, err := natsproxy.New(ctx, nc, natsproxy.Config{
		Server: proxy.Config{
			Title: "Rating API", Auth: authenticator, UI: ui, DrainTimeout: drainTimeout, Logger: s.config.Logger,
			MeterProvider: s.metrics.Provider(), TracerProvider: tracers,
		},
		Logger: s.config.Logger,
		Conn:   []natsgrpc.ConnOption{natsgrpc.WithMeterProvider(s.metrics.Provider()), natsgrpc.WithTracerProvider(tracers)},
	})
	if err != nil {
		return err
	}
	s.proxy = srv
	s.onClose(closeConn)
	return nil
}

// listen takes the address, which is given with a flag.
func listen(ctx context.Context, address, flag string) (net.Listener, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("the address %s is in use by another program; choose one with %s", address, flag)
	case err != nil:
		return nil, fmt.Errorf("cannot listen on %s: %w", address, err)
	}
	return listener, nil
}

// lockFolder creates a folder and keeps other stacks out of it. The lock ends with the process, however that ends.
func lockFolder(folder string) (unlock func() error, err error) {
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return nil, fmt.Errorf("cannot use the data folder: %w", err)
	}
	file, err := os.OpenFile(filepath.Join(folder, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot use the data folder: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = file.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("the data folder %s is in use by another `dev up`; stop that one, or choose another folder with --data", folder)
		}
		return nil, fmt.Errorf("cannot lock the data folder %s: %w", folder, err)
	}
	return file.Close, nil
}

// url is where this machine reaches the stack, for people to read.
func (s *Stack) url() string {
	host, port, _ := net.SplitHostPort(s.Addr().String()) // a listener's address has both
	if ip := net.ParseIP(host); ip.IsLoopback() || ip.IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// Welcome writes what a newcomer can try.
func (s *Stack) Welcome(w io.Writer) error {
	broker := "in this process"
	switch {
	case s.config.NATS.URL != "":
		broker = s.config.NATS.Redacted()
	case s.natsURL != "":
		broker += ", for other programs at " + s.natsURL
	}
	_, err := fmt.Fprintf(w, `
The rating app runs at %[1]s

  data    %[2]s
  store   %[4]s
  NATS    %[3]s

Try:

  curl --json '{"displayName": "Ada"}' %[1]s/api/users
  curl %[1]s/api/users

or open %[1]s/ui in a browser. Ctrl-C stops it; the data stays.

`, s.url(), s.config.Data, broker, s.database().Redacted())
	return err
}
