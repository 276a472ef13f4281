package server

import (
	"context"
	"errors"
	"fmt"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/codingflow/rating/proxy/admission"
)

// The attribute of what is admitted: unary calls and streams have limits of their own.
var (
	kindCalls   = metric.WithAttributes(attribute.String("proxy.server.kind", "calls"))
	kindStreams = metric.WithAttributes(attribute.String("proxy.server.kind", "streams"))
)

// observeSaturation reports how much of each limit of a server is used up, and what it refuses without a request.
func observeSaturation(meter metric.Meter, s *Server) error {
	var errs []error
	gauge := func(name, unit, description string) metric.Int64ObservableUpDownCounter {
		instrument, err := meter.Int64ObservableUpDownCounter(name, metric.WithUnit(unit), metric.WithDescription(description))
		errs = append(errs, err)
		return instrument
	}
	open := gauge("proxy.server.connections", "{connection}", "Connections that are open.")
	openLimit := gauge("proxy.server.connections.limit", "{connection}", "Connections that may be open.")
	refused, err := meter.Int64ObservableCounter("proxy.server.connections.refused", metric.WithUnit("{connection}"),
		metric.WithDescription("Connections that were closed at once because there were too many."))
	errs = append(errs, err)
	inFlight := gauge("proxy.server.in_flight", "{request}", "Calls and streams that are in flight.")
	inFlightLimit := gauge("proxy.server.in_flight.limit", "{request}", "Calls and streams that may be in flight.")
	routes := gauge("proxy.server.descriptors.refused", "{version}", "Versions of services whose descriptors are refused now.")
	_, err = meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		count, turnedAway := s.Connections()
		o.ObserveInt64(open, int64(count))
		o.ObserveInt64(openLimit, int64(s.config.MaxConnections))
		o.ObserveInt64(refused, int64(turnedAway))
		observe := func(limiter *admission.Limiter, kind metric.MeasurementOption) {
			n, limit := limiter.InFlight()
			o.ObserveInt64(inFlight, int64(n), kind)
			o.ObserveInt64(inFlightLimit, int64(limit), kind)
		}
		observe(s.admitter.calls, kindCalls)
		observe(s.admitter.streams, kindStreams)
		o.ObserveInt64(routes, int64(len(s.Refused())))
		return nil
	}, open, openLimit, refused, inFlight, inFlightLimit, routes)
	if err := errors.Join(append(errs, err)...); err != nil {
		return fmt.Errorf("make instruments: %w", err)
	}
	return nil
}
