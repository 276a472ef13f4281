package natsdial

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

// instrumentationName names this package in what it reports.
const instrumentationName = "github.com/codingflow/rating/natsgrpc/natsdial"

// Measure reports a connection whenever metrics are collected. It costs the connection nothing in between. A nil provider is
// none.
//
//	name                     instrument, unit                attributes              what
//	nats.client.connected    gauge, {connection}             nats.client.name        1 while there is a connection, 0 without
//	nats.client.reconnects   counter, {connection}           nats.client.name        how often it was made again
//	nats.client.pending      gauge, By                       nats.client.name        what waits to be sent
//	nats.client.messages     counter, {message}              nats.client.name, network.io.direction
//	nats.client.io           counter, By                     nats.client.name, network.io.direction
func Measure(nc *nats.Conn, provider metric.MeterProvider) error {
	if provider == nil {
		return nil
	}
	meter := provider.Meter(instrumentationName, metric.WithSchemaURL(semconv.SchemaURL))
	var errs [5]error // one for each instrument
	connected, err := meter.Int64ObservableGauge("nats.client.connected", metric.WithUnit("{connection}"),
		metric.WithDescription("Whether there is a connection to NATS."))
	errs[0] = err
	reconnects, err := meter.Int64ObservableCounter("nats.client.reconnects", metric.WithUnit("{connection}"),
		metric.WithDescription("How often the connection to NATS was made again."))
	errs[1] = err
	pending, err := meter.Int64ObservableGauge("nats.client.pending", metric.WithUnit("By"),
		metric.WithDescription("What waits to be sent to NATS."))
	errs[2] = err
	messages, err := meter.Int64ObservableCounter("nats.client.messages", metric.WithUnit("{message}"),
		metric.WithDescription("Messages from and to NATS."))
	errs[3] = err
	bytes, err := meter.Int64ObservableCounter("nats.client.io", metric.WithUnit("By"),
		metric.WithDescription("What the messages from and to NATS are together."))
	errs[4] = err
	if err := errors.Join(errs[:]...); err != nil {
		return fmt.Errorf("natsdial: make instruments: %w", err)
	}
	name := attribute.String("nats.client.name", nc.Opts.Name)
	only := metric.WithAttributeSet(attribute.NewSet(name))
	received := metric.WithAttributeSet(attribute.NewSet(name, semconv.NetworkIODirectionReceive))
	sent := metric.WithAttributeSet(attribute.NewSet(name, semconv.NetworkIODirectionTransmit))
	_, err = meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		up := int64(0)
		if nc.IsConnected() {
			up = 1
		}
		buffered, _ := nc.Buffered() // fails where there is no connection, and nothing waits
		stats := nc.Stats()
		o.ObserveInt64(connected, up, only)
		o.ObserveInt64(reconnects, int64(stats.Reconnects), only)
		o.ObserveInt64(pending, int64(max(buffered, 0)), only)
		o.ObserveInt64(messages, int64(stats.InMsgs), received)
		o.ObserveInt64(messages, int64(stats.OutMsgs), sent)
		o.ObserveInt64(bytes, int64(stats.InBytes), received)
		o.ObserveInt64(bytes, int64(stats.OutBytes), sent)
		return nil
	}, connected, reconnects, pending, messages, bytes)
	if err != nil {
		return fmt.Errorf("natsdial: %w", err)
	}
	return nil
}
