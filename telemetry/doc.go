// Package telemetry is what the programs of this repository tell of themselves: metrics, which Prometheus reads from them,
// and traces, which they send to a collector by OTLP, and whose ids their logs have. Both are OpenTelemetry's, so libraries take a provider and know no
// more. What they report is listed in docs/observability.md.
//
//	logger := slog.New(telemetry.LogHandler(slog.NewJSONHandler(os.Stderr, nil)))
//	metrics, err := telemetry.NewMetrics("proxy")
//	traces, err := config.Traces.Start(ctx, "proxy", telemetry.DistrustCallers, logger)
//	listener, err := telemetry.Listen(ctx, ":9090", telemetry.AdminHandler(metrics, false))
//
// Nil *Metrics and *Traces are of use too: their providers are nil, which libraries take for none, and which costs nothing.
package telemetry
