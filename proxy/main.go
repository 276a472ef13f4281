// Command proxy serves the rating API over HTTP: it turns requests into calls on NATS work queues.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
	_ "golang.org/x/crypto/x509roots/fallback" // authorities to trust where the system has none: in an image

	"github.com/codingflow/rating/natsgrpc/natsdial"
	"github.com/codingflow/rating/proxy/auth"
	"github.com/codingflow/rating/proxy/natsproxy"
	"github.com/codingflow/rating/proxy/server"
	"github.com/codingflow/rating/telemetry"
)

// A config is what the command line and the environment say.
type config struct {
	NATS          natsdial.Config  `embed:"" group:"NATS"`
	OIDC          auth.Config      `embed:"" group:"Tokens"`
	Listen        string           `env:"PROXY_LISTEN" default:"127.0.0.1:8080" help:"Address to serve HTTP on."`
	Prefix        string           `env:"PROXY_PREFIX" default:"/api" help:"Path below which the API is served; / for none."`
	PublicPrefix  string           `env:"PROXY_PUBLIC_PREFIX" placeholder:"PATH" help:"Path below which clients see the API, where a gateway changes it on the way: /api with --prefix / behind one that strips /api. Default: that of --prefix."`
	APITitle      string           `name:"api-title" env:"PROXY_API_TITLE" default:"Rating API" help:"Title of the API in /openapi.json and /docs."`
	APIVersion    string           `name:"api-version" env:"PROXY_API_VERSION" placeholder:"VERSION" help:"Version of the API there. Default: the versions in the names of its packages, such as v1."`
	Descriptors   string           `env:"PROXY_DESCRIPTORS" placeholder:"FILE" help:"FileDescriptorSet (buf build -o FILE) with services to serve beside the built-in ones. A file in it replaces the built-in one of the same path. What services publish in NATS goes before both."`
	RoutesTimeout time.Duration    `env:"PROXY_ROUTES_TIMEOUT" default:"5s" help:"How long the proxy waits at start to read the routes that services have published in NATS."`
	Reflection    bool             `env:"PROXY_REFLECTION" default:"true" negatable:"" help:"Serve gRPC's server reflection. With --oidc-issuer it needs a token."`
	Timeout       time.Duration    `env:"PROXY_TIMEOUT" default:"30s" help:"How long a call may take at most; streams may take longer."`
	StreamTimeout time.Duration    `env:"PROXY_STREAM_TIMEOUT" default:"0s" help:"How long a stream may take at most; 0s for no limit."`
	MaxBody       int64            `env:"PROXY_MAX_BODY" default:"1048576" help:"Size of a request body at most, in bytes."`
	DrainTimeout  time.Duration    `env:"PROXY_DRAIN_TIMEOUT" default:"25s" help:"How long running requests may take when the proxy is told to stop. Kubernetes kills it after 30s."`
	DrainDelay    time.Duration    `env:"PROXY_DRAIN_DELAY" default:"0s" help:"How long the proxy takes requests when it is told to stop and no longer ready, so that load balancers notice. Precedes the drain timeout."`
	Admission     admissionConfig  `embed:"" group:"Admission"`
	Edge          edgeConfig       `embed:"" group:"Edge"`
	Observe       observeConfig    `embed:"" group:"Observability"`
	LogLevel      slog.Level       `env:"PROXY_LOG_LEVEL" default:"info" help:"Least level to log: debug, info, warn or error."`
	Version       kong.VersionFlag `help:"Print the version and exit."`
}

func main() {
	var cfg config
	kong.Parse(&cfg, kong.Name("proxy"), kong.Vars{"version": version()},
		kong.Description("The proxy: serves the rating API over HTTP and queues its calls in NATS."))
	logger := slog.New(telemetry.LogHandler(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: cfg.LogLevel})))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	if err := run(ctx, &cfg, logger); err != nil {
		logger.Error(err.Error())
		os.Exit(1)
	}
}

// run serves until ctx ends, then drains.
func run(ctx context.Context, cfg *config, logger *slog.Logger) (err error) {
	files := server.BuiltIn()
	if cfg.Descriptors != "" {
		if files, err = server.LoadDescriptors(cfg.Descriptors, files); err != nil {
			return err
		}
	}
	observed, err := cfg.Observe.start(ctx, logger)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, observed.close()) }()
	authenticator, err := cfg.OIDC.New(logger)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, authenticator.Close()) }()
	if cfg.OIDC.Issuer == "" {
		logger.Warn("no tokens are checked: there is no --oidc-issuer", "principal", auth.Development)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", cfg.Listen)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("cannot listen on %s: the address is in use; choose another with --listen", cfg.Listen)
	}
	if err != nil {
		return fmt.Errorf("cannot listen on %s: %w", cfg.Listen, err)
	}
	defer listener.Close() // if Serve is not reached

	nc, err := cfg.NATS.Connect("proxy", logger)
	if err != nil {
		return err
	}
	defer nc.Close()
	if err := natsdial.Measure(nc, observed.metrics.Provider()); err != nil {
		return err
	}
	serving := server.Config{
		Files:          files,
		Prefix:         cfg.Prefix,
		PublicPrefix:   cfg.PublicPrefix,
		Title:          cfg.APITitle,
		Version:        cfg.APIVersion,
		Timeout:        cfg.Timeout,
		StreamTimeout:  cfg.StreamTimeout,
		MaxBody:        cfg.MaxBody,
		DrainTimeout:   cfg.DrainTimeout,
		DrainDelay:     cfg.DrainDelay,
		Auth:           authenticator,
		NoReflection:   !cfg.Reflection,
		Logger:         logger,
		MeterProvider:  observed.metrics.Provider(),
		TracerProvider: observed.traces.Provider(),
	}
	cfg.Admission.apply(&serving)
	if err := cfg.Edge.apply(&serving); err != nil {
		return err
	}
	srv, closeConn, err := natsproxy.New(ctx, nc, natsproxy.Config{
		Server:        serving,
		Domain:        cfg.NATS.Domain,
		RoutesTimeout: cfg.RoutesTimeout,
		Logger:        logger,
		Conn:          observed.options(),
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeConn()) }()
	logger.Info("serving", "version", version(), "nats", nc.ConnectedAddr(),
		"url", cfg.Edge.scheme()+"://"+listener.Addr().String()+cfg.Prefix)
	if err := srv.Serve(ctx, listener); err != nil {
		return err
	}
	logger.Info("stopped")
	return nil
}

func version() string { return telemetry.ThisBuild().Version }
