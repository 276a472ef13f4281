// Command canary is the rating service as a next version might be: its CatalogService has a query and a command more,
// ProbeService and EchoService. The proof of the deployment runs it beside the deployed version.
//
// Its flags are those of the rating service that it needs, with the same environment variables.
package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
	_ "golang.org/x/crypto/x509roots/fallback" // authorities to trust where the system has none: in an image

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsdial"
	"github.com/codingflow/rating/services/rating/server"
	"github.com/codingflow/rating/services/rating/store/database"
	"github.com/codingflow/rating/telemetry"
)

// slots is how many queries, and how many commands, of each API service run at once.
const slots = 16

type config struct {
	NATS         natsdial.Config `embed:"" group:"NATS"`
	Listen       string          `env:"RATING_LISTEN" default:"127.0.0.1:8081" help:"Address of /healthz, /readyz and /metrics."`
	Database     database.Config `embed:""`
	VerifyQueues bool            `env:"RATING_VERIFY_QUEUES" help:"Create and update no streams or consumers; wait until they are as the API's options have them."`
	DrainTimeout time.Duration   `env:"RATING_DRAIN_TIMEOUT" default:"25s" help:"How long running calls may take when the service is told to stop."`
}

func main() {
	var cfg config
	kong.Parse(&cfg, kong.Name("canary"), kong.Description("The rating service with two methods more, for the proof of a deployment."))
	logger := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	if err := run(ctx, &cfg, logger); err != nil {
		logger.Error(err.Error())
		os.Exit(1)
	}
}

// run serves until ctx ends, then drains.
func run(ctx context.Context, cfg *config, logger *slog.Logger) (err error) {
	next, err := nextVersion()
	if err != nil {
		return err
	}
	metrics, err := telemetry.NewMetrics("rating")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, metrics.Close()) }()
	st, err := cfg.Database.Open(ctx, logger, slots, slots)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	nc, err := cfg.NATS.Connect("rating", logger)
	if err != nil {
		return err
	}
	defer nc.Close()
	srv, err := server.New(st, server.WithRequestID(natsgrpc.RequestID), server.WithLogger(logger))
	if err != nil {
		return err
	}
	options := []natsgrpc.ServerOption{
		natsgrpc.WithJetStreamDomain(cfg.NATS.Domain),
		natsgrpc.WithSlots(slots, slots),
		natsgrpc.WithUnaryInterceptors(srv.Interceptor()),
		natsgrpc.WithDrainTimeout(cfg.DrainTimeout),
		natsgrpc.WithDescriptors(next),
		natsgrpc.WithPublishedDescriptors(),
		natsgrpc.WithLogger(logger),
		natsgrpc.WithMeterProvider(metrics.Provider()),
	}
	if cfg.VerifyQueues {
		options = append(options, natsgrpc.WithVerifyOnly())
	}
	transport, err := natsgrpc.NewServer(nc, options...)
	if err != nil {
		return err
	}
	srv.Register(extended{transport})
	health, err := telemetry.Listen(ctx, cfg.Listen, telemetry.HealthHandler(metrics.Handler(), func(probe context.Context) error {
		if err := natsdial.Ready(probe, nc); err != nil {
			return err
		}
		return transport.NotReady()
	}))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, health.Close()) }()
	logger.Info("serving", "nats", nc.ConnectedAddr(), "database", cfg.Database.Redacted())
	return transport.Serve(ctx)
}
