// Command web serves the rating app's pages under /ui.
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

	"github.com/codingflow/rating/services/web/server"
	"github.com/codingflow/rating/services/web/signin"
	"github.com/codingflow/rating/telemetry"
)

// A config is what the command line and the environment say.
type config struct {
	Listen       string           `env:"WEB_LISTEN" default:"127.0.0.1:8082" help:"Address to serve HTTP on: /ui, /healthz and /readyz."`
	API          string           `name:"api" env:"WEB_API" default:"/api" placeholder:"URL" help:"Where browsers call the API: a path on the same origin (${default}), or a URL whose proxy names this origin in --cors-origin. With sign-in they call it through /ui/api; then this is where others do, the proxy's --public-prefix."`
	Issuer       string           `name:"oidc-issuer" env:"OIDC_ISSUER" group:"Sign-in" placeholder:"URL" help:"Where people sign in: the issuer of the tokens that the API needs. Without it nobody does."`
	Upstream     string           `name:"signin-api" env:"SIGNIN_API" group:"Sign-in" placeholder:"URL" help:"Where this program reaches the API, such as http://proxy:8080/api, or without /api where the proxy's --prefix is /: with sign-in, browsers call it through /ui/api. The proxy names this program in --trusted-proxies."`
	SignIn       signin.Config    `embed:"" group:"Sign-in"`
	DrainTimeout time.Duration    `env:"WEB_DRAIN_TIMEOUT" default:"10s" help:"How long running requests may take when the server is told to stop."`
	DrainDelay   time.Duration    `env:"WEB_DRAIN_DELAY" default:"0s" help:"How long the server takes requests when it is told to stop and no longer ready, so that load balancers notice. Precedes the drain timeout."`
	Observe      observeConfig    `embed:"" group:"Observability"`
	LogLevel     slog.Level       `env:"WEB_LOG_LEVEL" default:"info" help:"Least level to log: debug, info, warn or error."`
	Version      kong.VersionFlag `help:"Print the version and exit."`
}

func main() {
	var cfg config
	kong.Parse(&cfg, kong.Name("web"), kong.Vars{"version": version()},
		kong.Description("Serves the rating app's pages under /ui. They call the API from the browser."))
	logger := slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: cfg.LogLevel}))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	if err := run(ctx, &cfg, logger); err != nil {
		logger.Error(err.Error())
		os.Exit(1)
	}
}

// run serves until ctx ends, then drains.
func run(ctx context.Context, cfg *config, logger *slog.Logger) (err error) {
	cfg.SignIn.Issuer, cfg.SignIn.API, cfg.SignIn.PublicAPI, cfg.SignIn.Logger = cfg.Issuer, cfg.Upstream, cfg.API, logger
	if cfg.Issuer != "" && cfg.Upstream == "" {
		return errors.New("--oidc-issuer needs --signin-api")
	}
	sessions, err := signin.New(cfg.SignIn)
	if err != nil {
		return err
	}
	app, err := server.New(server.Config{API: cfg.API, SignIn: sessions})
	if err != nil {
		return err
	}
	if !app.Built() {
		logger.Warn(server.NotBuilt)
	}
	metrics, closeMetrics, err := cfg.Observe.start(ctx, logger)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeMetrics()) }()
	srv, err := server.NewServer(app, logger, metrics.Provider())
	if err != nil {
		return err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", cfg.Listen)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("cannot listen on %s: the address is in use; choose another with --listen", cfg.Listen)
	}
	if err != nil {
		return fmt.Errorf("cannot listen on %s: %w", cfg.Listen, err)
	}
	logger.Info("serving", "version", version(), "url", "http://"+listener.Addr().String()+"/ui/", "api", cfg.API)
	if err := srv.Serve(ctx, listener, cfg.DrainDelay, cfg.DrainTimeout); err != nil {
		return err
	}
	logger.Info("stopped")
	return nil
}

func version() string { return telemetry.ThisBuild().Version }
