package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// flushTimeout bounds how long Close waits for the collector to take the last spans. With the default drain timeout it fits
// into the 30 s after which Kubernetes kills a program.
const flushTimeout = 3 * time.Second

// TracesConfig is a group of flags for kong: where traces go. The zero value makes none.
//
// The exporter also reads OTEL_EXPORTER_OTLP_HEADERS, _CERTIFICATE, _CLIENT_CERTIFICATE, _CLIENT_KEY, _COMPRESSION and
// _TIMEOUT, and the SDK OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES and OTEL_BSP_….
type TracesConfig struct {
	Endpoint string  `name:"otlp-endpoint" env:"OTEL_EXPORTER_OTLP_ENDPOINT" placeholder:"URL" help:"Collector to send traces to, by OTLP over HTTP, such as http://127.0.0.1:4318. Without it none are made."`
	Ratio    float64 `name:"trace-ratio" env:"OTEL_TRACES_SAMPLER_ARG" default:"0.1" help:"Which part of the requests to trace, from 0 to 1."`
}

// Traces makes the spans of a program and sends them to a collector, in batches. What that does not take fast enough is
// dropped.
type Traces struct {
	provider *sdktrace.TracerProvider
	logger   *slog.Logger
}

// Start returns the traces of a program, nil where there is no endpoint. A collector that does not answer is no error; that
// spans were lost is logged.
func (c TracesConfig) Start(ctx context.Context, program string, trust Trust, logger *slog.Logger) (*Traces, error) {
	if c.Endpoint == "" {
		return nil, nil
	}
	if !(c.Ratio >= 0 && c.Ratio <= 1) {
		return nil, fmt.Errorf("--trace-ratio %g is not between 0 and 1", c.Ratio)
	}
	endpoint, err := url.Parse(c.Endpoint)
	if err != nil || endpoint.Host == "" || endpoint.Scheme != "http" && endpoint.Scheme != "https" {
		return nil, errors.New("--otlp-endpoint is not a URL such as http://127.0.0.1:4318")
	}
	described, err := newResource(program)
	if err != nil {
		return nil, fmt.Errorf("telemetry: %w", err)
	}
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(endpoint.JoinPath("v1", "traces").String()))
	if err != nil {
		return nil, fmt.Errorf("telemetry: make the exporter of traces: %w", err)
	}
	// The SDK has no other place for what goes wrong in the background.
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { logger.Warn("telemetry was lost", "error", err) }))
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(exporter), sdktrace.WithSampler(newSampler(trust, c.Ratio)), sdktrace.WithResource(described))
	return &Traces{provider: provider, logger: logger}, nil
}

// Provider returns what libraries make spans with, nil for nil traces.
func (t *Traces) Provider() trace.TracerProvider {
	if t == nil {
		return nil
	}
	return t.provider
}

// Close sends the last spans, for three seconds at most, and ends the traces. That spans were lost is logged: a program does
// not fail for it.
func (t *Traces) Close() {
	if t == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), flushTimeout)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil {
		t.logger.Warn("the last traces were lost", "error", err)
	}
}
