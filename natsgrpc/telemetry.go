package natsgrpc

import (
	"errors"
	"fmt"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
	tracenoop "go.opentelemetry.io/otel/trace/noop"
	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/grpc/codes"
)

// Telemetry: OpenTelemetry's conventions for gRPC (semantic conventions 1.43.0), with messaging's attributes for the queue
// in between. There is none until a Conn or a Server is given [WithTracerProvider], [WithMeterProvider] or [WithPropagator].
//
// Spans. A call has one of kind CLIENT, a stream one from its opening to its end. Each delivery has one of kind SERVER, a
// child of the caller's, from the delivery to the return of the handler. It is not of kind CONSUMER with a link, as
// messaging's conventions have it for work that nobody waits for: those for RPC ask for SERVER, and the caller does wait,
// so that a trace without its servers would not tell where the time went. A further attempt is a further span beside the
// first. They are named "pkg.Service/Method", "grpc" for a method that is not known. Their attributes:
//
//	rpc.system.name                 grpc
//	rpc.method                      pkg.Service/Method, or _OTHER
//	rpc.method_original             what was called, where rpc.method is _OTHER
//	rpc.response.status_code        OK, NOT_FOUND, …; absent for an attempt that has no answer
//	error.type                      of a span with the status Error: the status code, or why the attempt failed: panic, retry
//	                                ([Retry]), lost (to another worker), drained, unknown_method (or version of the wire,
//	                                and the caller left before another server took the call)
//	messaging.system                nats
//	messaging.destination.name      the queue's stream
//	messaging.message.id            the call's id
//	natsgrpc.attempt                server: counted from 1
//	natsgrpc.queue.wait             server: seconds from the storing of the request to this delivery
//	natsgrpc.answered               server: true for a delivery that ran nothing, since the attempt before had answered
//	natsgrpc.handed_over            server: true for a delivery that ran nothing, since another server, which knows the
//	                                method, took the call; it has a span of its own there
//	natsgrpc.dead_letter            server: true for the delivery that gives a command up
//
// On a client span every code but OK is an error; on a server span UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL,
// UNAVAILABLE and DATA_LOSS. There is no server.address: a queue is no host.
//
// Metrics. "Queue" stands for the attributes messaging.destination.name, natsgrpc.queue.kind (query or command) and
// natsgrpc.service (pkg.Service); "result" for rpc.system.name, rpc.method, rpc.response.status_code and error.type, as in
// spans. No attribute has more values than there are methods, queues, codes or reasons.
//
//	name                            instrument, unit         attributes           what
//	rpc.client.call.duration        histogram, s             result               calls and streams, until their end
//	rpc.server.call.duration        histogram, s             result               attempts, from delivery to the return
//	natsgrpc.client.refused         counter, {call}          rpc.method,          calls that no server took, by the reason in
//	                                                         natsgrpc.reason      their ErrorInfo
//	natsgrpc.queue.wait             histogram, s             queue                the wait of requests for their first delivery
//	natsgrpc.queue.depth            gauge, {request}         queue                requests that wait or are in work
//	natsgrpc.queue.age              gauge, s                 queue                the age of the oldest of them, 0 without any
//	natsgrpc.server.active_calls    up-down counter, {call}  queue                attempts in work on this server
//	natsgrpc.server.slots           gauge, {slot}            queue                how many there can be
//	natsgrpc.server.redeliveries    counter, {request}       queue, rpc.method    deliveries after the first
//	natsgrpc.server.dead_letters    counter, {request}       queue, rpc.method    dead letters that were stored
//
// Every server of a queue reports the queue's depth and age: they are to be combined with max, not added up. The
// conventions' messaging.process.duration would be rpc.server.call.duration again, so it is not there.
//
// Logs go to [WithLogger]; those of an attempt carry the context of its span.
const (
	attributeKind       = attribute.Key("natsgrpc.queue.kind")
	attributeService    = attribute.Key("natsgrpc.service")
	attributeReason     = attribute.Key("natsgrpc.reason")
	attributeAttempt    = attribute.Key("natsgrpc.attempt")
	attributeWait       = attribute.Key("natsgrpc.queue.wait")
	attributeAnswered   = attribute.Key("natsgrpc.answered")
	attributeHandedOver = attribute.Key("natsgrpc.handed_over")
	attributeDeadLetter = attribute.Key("natsgrpc.dead_letter")

	nameRefused      = "natsgrpc.client.refused"
	nameWait         = "natsgrpc.queue.wait"
	nameDepth        = "natsgrpc.queue.depth"
	nameAge          = "natsgrpc.queue.age"
	nameActive       = "natsgrpc.server.active_calls"
	nameSlots        = "natsgrpc.server.slots"
	nameRedeliveries = "natsgrpc.server.redeliveries"
	nameDeadLetters  = "natsgrpc.server.dead_letters"
)

// instrumentationName names this library in what it reports.
const instrumentationName = "github.com/codingflow/rating/natsgrpc"

// messagingSystem is NATS, for which the conventions have no name yet.
var messagingSystem = semconv.MessagingSystemKey.String("nats")

// other stands for values that are not known beforehand, such as another version's methods.
const other = "_OTHER"

// providers are what telemetry is reported to; nil for what is not wanted.
type providers struct {
	tracer     trace.TracerProvider
	meter      metric.MeterProvider
	propagator propagation.TextMapPropagator
}

// none reports whether nothing is wanted.
func (p providers) none() bool { return p.tracer == nil && p.meter == nil && p.propagator == nil }

// reporters are made of providers: each is there, but does nothing where it is not wanted.
type reporters struct {
	tracer     trace.Tracer
	meter      metric.Meter
	propagator propagation.TextMapPropagator
}

func newReporters(p providers) reporters {
	if p.propagator == nil {
		p.propagator = propagation.NewCompositeTextMapPropagator() // of none
		if p.tracer != nil {
			p.propagator = propagation.TraceContext{}
		}
	}
	if p.tracer == nil {
		p.tracer = tracenoop.NewTracerProvider()
	}
	if p.meter == nil {
		p.meter = metricnoop.NewMeterProvider()
	}
	return reporters{
		tracer:     p.tracer.Tracer(instrumentationName, trace.WithSchemaURL(semconv.SchemaURL)),
		meter:      p.meter.Meter(instrumentationName, metric.WithSchemaURL(semconv.SchemaURL)),
		propagator: p.propagator,
	}
}

// instrumentErrors wraps what went wrong when instruments were made, nil for nothing.
func instrumentErrors(errs ...error) error {
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("natsgrpc: make instruments: %w", err)
	}
	return nil
}

// rpcMethod is a method's full name as the conventions have it, without the slash in front.
func rpcMethod(fullName string) string { return strings.TrimPrefix(fullName, "/") }

// codeName is a status code as the conventions have it: NOT_FOUND. A code beyond gRPC's is _OTHER, since a handler can
// return any number.
func codeName(c codes.Code) string {
	if name, known := code.Code_name[int32(c)]; known {
		return name
	}
	return other
}
