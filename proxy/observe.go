package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/telemetry"
)

// An observeConfig says what the proxy tells of itself.
type observeConfig struct {
	AdminListen string `env:"PROXY_ADMIN_LISTEN" placeholder:"ADDRESS" help:"Address to serve /metrics on for Prometheus, such as 127.0.0.1:9090: not one that users reach. Without it nothing is measured."`
	AdminPprof  bool   `env:"PROXY_ADMIN_PPROF" help:"Serve the profiles of Go's pprof there too."`
	telemetry.TracesConfig
}

// observation is what the proxy tells of itself. Its metrics and traces are nil where they are not wanted.
type observation struct {
	metrics *telemetry.Metrics
	traces  *telemetry.Traces
	admin   *telemetry.Listener
}

func (c *observeConfig) start(ctx context.Context, logger *slog.Logger) (_ *observation, err error) {
	o := &observation{}
	defer func() {
		if err != nil {
			err = errors.Join(err, o.close())
		}
	}()
	if o.traces, err = c.Start(ctx, "proxy", telemetry.DistrustCallers, logger); err != nil {
		return nil, err
	}
	switch {
	case c.AdminListen == "" && c.AdminPprof:
		return nil, errors.New("--admin-pprof needs --admin-listen")
	case c.AdminListen == "":
		return o, nil
	}
	if o.metrics, err = telemetry.NewMetrics("proxy"); err != nil {
		return nil, err
	}
	o.admin, err = telemetry.Listen(ctx, c.AdminListen, telemetry.AdminHandler(o.metrics, c.AdminPprof))
	if err != nil {
		return nil, fmt.Errorf("%w; choose another address with --admin-listen", err)
	}
	logger.Info("serving metrics", "url", "http://"+o.admin.Addr.String()+"/metrics")
	return o, nil
}

// options are those of who calls and is called through NATS.
func (o *observation) options() []natsgrpc.ConnOption {
	return []natsgrpc.ConnOption{natsgrpc.WithMeterProvider(o.metrics.Provider()), natsgrpc.WithTracerProvider(o.traces.Provider())}
}

// close sends the last traces, and ends the metrics after them.
func (o *observation) close() error {
	o.traces.Close()
	var err error
	if o.admin != nil {
		err = o.admin.Close()
	}
	return errors.Join(err, o.metrics.Close())
}
