// Command rating is the rating service: it pulls the calls of the rating API from NATS and keeps its data in SQLite or
// PostgreSQL.
//
//	rating --database FILE          serve; the file is made if need be
//	rating migrate --database URL   bring the schema up to date: with PostgreSQL before the first start and before a new version's
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
	_ "golang.org/x/crypto/x509roots/fallback" // authorities to trust where the system has none: in an image

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsdial"
	"github.com/codingflow/rating/proto/comments"
	"github.com/codingflow/rating/services/rating/server"
	"github.com/codingflow/rating/services/rating/store/database"
	"github.com/codingflow/rating/telemetry"
)

type cli struct {
	Serve   config           `cmd:"" default:"withargs" help:"Serve. This is what the program does without a command; rating serve --help lists the flags."`
	Migrate migrateCommand   `cmd:"" help:"Bring the schema of the database up to date, and exit."`
	Version kong.VersionFlag `help:"Print the version and exit."`
}

// A config is what the command line and the environment say about serving.
type config struct {
	NATS         natsdial.Config        `embed:"" group:"NATS"`
	Listen       string                 `env:"RATING_LISTEN" default:"127.0.0.1:8081" help:"Address of /healthz, /readyz and /metrics."`
	Database     database.Config        `embed:""`
	QuerySlots   int                    `env:"RATING_QUERY_SLOTS" default:"16" help:"Queries of each API service that run at once."`
	VerifyQueues bool                   `env:"RATING_VERIFY_QUEUES" help:"Create and update no streams or consumers; wait until they are as the API's options have them."`
	CommandSlots int                    `env:"RATING_COMMAND_SLOTS" default:"16" help:"Commands of each API service that run at once."`
	DrainTimeout time.Duration          `env:"RATING_DRAIN_TIMEOUT" default:"25s" help:"How long running calls may take when the service is told to stop. Kubernetes kills it after 30s."`
	AdminClaims  []string               `name:"admin-claim" env:"RATING_ADMIN_CLAIMS" placeholder:"NAME=VALUE" help:"Claims that make an administrator, who may change what belongs to others. The proxy must pass them on: --oidc-claims."`
	Traces       telemetry.TracesConfig `embed:"" group:"Observability"`
	LogLevel     slog.Level             `env:"RATING_LOG_LEVEL" default:"info" help:"Least level to log: debug, info, warn or error."`
}

func main() {
	var c cli
	parser := kong.Parse(&c, kong.Name("rating"), kong.Vars{"version": version()},
		kong.Description("The rating service: pulls the calls of the rating API from NATS and keeps its data in SQLite or PostgreSQL."))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	parser.BindTo(ctx, (*context.Context)(nil))
	if err := parser.Run(); err != nil {
		newLogger(c.Serve.LogLevel).Error(err.Error())
		os.Exit(1)
	}
}

func newLogger(level slog.Level) *slog.Logger {
	return slog.New(telemetry.LogHandler(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: level})))
}

// Run serves until ctx ends, then drains.
func (c *config) Run(ctx context.Context) error { return run(ctx, c, newLogger(c.LogLevel)) }

type migrateCommand struct {
	Database database.Config `embed:""`
	Wait     time.Duration   `env:"RATING_MIGRATE_WAIT" default:"0s" help:"How long to wait for a PostgreSQL that takes no connections yet; 0s for not at all."`
}

// Run migrates.
func (c *migrateCommand) Run(ctx context.Context) error {
	logger := newLogger(slog.LevelInfo)
	if c.Wait > 0 {
		if err := c.Database.Await(ctx, c.Wait, logger); err != nil {
			return err
		}
	}
	if err := c.Database.Migrate(ctx, logger); err != nil {
		return err
	}
	logger.Info("the schema is up to date", "database", c.Database.Redacted())
	return nil
}

// run serves until ctx ends, then drains.
func run(ctx context.Context, cfg *config, logger *slog.Logger) (err error) {
	metrics, err := telemetry.NewMetrics("rating")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, metrics.Close()) }()
	traces, err := cfg.Traces.Start(ctx, "rating", telemetry.TrustCallers, logger)
	if err != nil {
		return err
	}
	defer traces.Close()
	cfg.Database.Tracers = traces.Provider()
	st, err := cfg.Database.Open(ctx, logger, cfg.QuerySlots, cfg.CommandSlots)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()

	nc, err := cfg.NATS.Connect("rating", logger)
	if err != nil {
		return err
	}
	defer nc.Close()
	if err := natsdial.Measure(nc, metrics.Provider()); err != nil {
		return err
	}

	srv, err := server.New(st, server.WithRequestID(natsgrpc.RequestID),
		server.WithAdminClaims(cfg.AdminClaims...), server.WithLogger(logger))
	if err != nil {
		return err
	}
	options := []natsgrpc.ServerOption{
		natsgrpc.WithJetStreamDomain(cfg.NATS.Domain),
		natsgrpc.WithSlots(cfg.QuerySlots, cfg.CommandSlots),
		natsgrpc.WithUnaryInterceptors(srv.Interceptor()),
		natsgrpc.WithDrainTimeout(cfg.DrainTimeout),
		natsgrpc.WithPublishedDescriptors(comments.Add),
		natsgrpc.WithLogger(logger),
		natsgrpc.WithMeterProvider(metrics.Provider()),
		natsgrpc.WithTracerProvider(traces.Provider()),
	}
	if cfg.VerifyQueues {
		options = append(options, natsgrpc.WithVerifyOnly())
	}
	transport, err := natsgrpc.NewServer(nc, options...)
	if err != nil {
		return err
	}
	srv.Register(transport)

	health, err := telemetry.Listen(ctx, cfg.Listen, telemetry.HealthHandler(metrics.Handler(), func(probe context.Context) error {
		if ctx.Err() != nil {
			return errors.New("stopping")
		}
		if err := natsdial.Ready(probe, nc); err != nil {
			return err
		}
		if err := transport.NotReady(); err != nil {
			return err
		}
		return st.Ping(probe)
	}))
	if err != nil {
		return fmt.Errorf("%w; choose another address with --listen", err)
	}
	defer func() { err = errors.Join(err, health.Close()) }()

	logger.Info("serving", "version", version(), "nats", nc.ConnectedAddr(), "database", cfg.Database.Redacted(),
		"health", health.Addr.String())
	if err := transport.Serve(ctx); err != nil {
		return err
	}
	logger.Info("stopped")
	return nil
}

func version() string { return telemetry.ThisBuild().Version }
