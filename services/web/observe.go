package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/codingflow/rating/telemetry"
)

// An observeConfig says what the program tells of itself.
type observeConfig struct {
	AdminListen string `env:"WEB_ADMIN_LISTEN" placeholder:"ADDRESS" help:"Address to serve /metrics on for Prometheus, such as 127.0.0.1:9092: not one that users reach. Without it nothing is measured."`
	AdminPprof  bool   `env:"WEB_ADMIN_PPROF" help:"Serve the profiles of Go's pprof there too."`
}

// start returns the program's metrics, nil where they are not wanted, and what ends them.
func (c *observeConfig) start(ctx context.Context, logger *slog.Logger) (*telemetry.Metrics, func() error, error) {
	switch {
	case c.AdminListen == "" && c.AdminPprof:
		return nil, nil, errors.New("--admin-pprof needs --admin-listen")
	case c.AdminListen == "":
		return nil, func() error { return nil }, nil
	}
	metrics, err := telemetry.NewMetrics("web")
	if err != nil {
		return nil, nil, err
	}
	admin, err := telemetry.Listen(ctx, c.AdminListen, telemetry.AdminHandler(metrics, c.AdminPprof))
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("%w; choose another address with --admin-listen", err), metrics.Close())
	}
	logger.Info("serving metrics", "url", "http://"+admin.Addr.String()+"/metrics")
	return metrics, func() error { return errors.Join(admin.Close(), metrics.Close()) }, nil
}
