package natsgrpc

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	otelcodes "go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/semconv/v1.43.0/rpcconv"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/codes"
)

// waitBuckets are the conventions' buckets of durations, in seconds, and longer ones: a command may wait for a day.
var waitBuckets = []float64{0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 30, 60, 300, 1800, 7200}

// errUnknownMethod is why a call goes to another version of its service.
var errUnknownMethod = errors.New("natsgrpc: this version of the service does not know the method, or the version of the wire")

// serverTelemetry reports the calls and the queues of a Server. A nil one reports nothing, and costs nothing.
type serverTelemetry struct {
	reporters
	duration     rpcconv.ServerCallDuration
	wait         metric.Float64Histogram
	active       metric.Int64UpDownCounter
	redeliveries metric.Int64Counter
	deadLetters  metric.Int64Counter
	slots, depth metric.Int64ObservableGauge
	age          metric.Float64ObservableGauge
}

// newServerTelemetry returns nil where nothing is wanted.
func newServerTelemetry(p providers) (*serverTelemetry, error) {
	if p.none() {
		return nil, nil
	}
	t := &serverTelemetry{reporters: newReporters(p)}
	var errs [8]error
	t.duration, errs[0] = rpcconv.NewServerCallDuration(t.meter)
	t.wait, errs[1] = t.meter.Float64Histogram(nameWait, metric.WithUnit("s"), metric.WithExplicitBucketBoundaries(waitBuckets...),
		metric.WithDescription("The wait of requests for their first delivery."))
	t.active, errs[2] = t.meter.Int64UpDownCounter(nameActive, metric.WithUnit("{call}"),
		metric.WithDescription("Attempts in work on this server."))
	t.redeliveries, errs[3] = t.meter.Int64Counter(nameRedeliveries, metric.WithUnit("{request}"),
		metric.WithDescription("Deliveries after the first."))
	t.deadLetters, errs[4] = t.meter.Int64Counter(nameDeadLetters, metric.WithUnit("{request}"),
		metric.WithDescription("Dead letters that were stored."))
	t.slots, errs[5] = t.meter.Int64ObservableGauge(nameSlots, metric.WithUnit("{slot}"),
		metric.WithDescription("How many calls can be in work on this server."))
	t.depth, errs[6] = t.meter.Int64ObservableGauge(nameDepth, metric.WithUnit("{request}"),
		metric.WithDescription("Requests of the queue that wait or are in work. Every server reports it."))
	t.age, errs[7] = t.meter.Float64ObservableGauge(nameAge, metric.WithUnit("s"),
		metric.WithDescription("The age of the queue's oldest request. Every server reports it."))
	return t, instrumentErrors(errs[:]...)
}

// queueAttributes are those of a queue in metrics.
func queueAttributes(s *service, q Queue) attribute.Set {
	name := "query"
	if q.kind == command {
		name = "command"
	}
	return attribute.NewSet(semconv.MessagingDestinationName(q.Stream.Name), attributeKind.String(name), attributeService.String(string(s.descriptor.FullName())))
}

// rpcMethod returns a request's method, and false for one that this version of the service does not know: it may be
// anything.
func (t *task) rpcMethod() (string, bool) {
	if fullName, known := t.worker.service.fullNames[t.name]; known {
		return rpcMethod(fullName), true
	}
	return other, false
}

// begin starts the span of a delivery, and makes its context the task's.
func (s *serverTelemetry) begin(t *task) *serverCall {
	if s == nil {
		return nil
	}
	o := &serverCall{telemetry: s, task: t, start: time.Now()}
	wait := max(0, o.start.Sub(t.stored)) // by two clocks
	var known bool
	o.rpcMethod, known = t.rpcMethod()
	attributes := []attribute.KeyValue{
		semconv.RPCSystemNameGRPC,
		semconv.RPCMethod(o.rpcMethod),
		messagingSystem,
		semconv.MessagingDestinationName(t.worker.queue.Stream.Name),
		semconv.MessagingMessageID(t.id),
	}
	if t.attempt > 0 { // else the delivery is malformed and tells nothing
		attributes = append(attributes, attributeAttempt.Int(t.attempt), attributeWait.Float64(wait.Seconds()))
	}
	name := o.rpcMethod
	if !known {
		name = semconv.RPCSystemNameGRPC.Value.AsString()
		attributes = append(attributes, semconv.RPCMethodOriginal(t.name))
	}
	ctx := s.propagator.Extract(t.ctx, carrier{t.msg.Header})
	t.ctx, o.span = s.tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindServer), trace.WithTimestamp(o.start), trace.WithAttributes(attributes...))
	o.ctx = t.ctx
	queue := metric.WithAttributeSet(t.worker.attributes)
	s.active.Add(o.ctx, 1, queue)
	switch {
	case t.stray: // the server that pulled it has counted the delivery
	case t.attempt > 1:
		s.redeliveries.Add(o.ctx, 1, queue, metric.WithAttributes(semconv.RPCMethod(o.rpcMethod)))
	case t.attempt == 1:
		s.wait.Record(o.ctx, wait.Seconds(), queue)
	}
	return o
}

// deadLetter counts a dead letter that its stream has.
func (s *serverTelemetry) deadLetter(t *task) {
	if s == nil {
		return
	}
	method, _ := t.rpcMethod()
	s.deadLetters.Add(t.ctx, 1, metric.WithAttributeSet(t.worker.attributes), metric.WithAttributes(semconv.RPCMethod(method)))
}

// serverCall is a delivery that is reported. A nil one is not.
type serverCall struct {
	telemetry *serverTelemetry
	task      *task
	ctx       context.Context
	span      trace.Span
	start     time.Time
	rpcMethod string
	parked    bool
}

// park says that the call takes no slot while it waits for another server.
func (o *serverCall) park() {
	if o == nil || o.parked {
		return
	}
	o.parked = true
	o.telemetry.active.Add(o.ctx, -1, metric.WithAttributeSet(o.task.worker.attributes))
}

// handedOver reports that another server took the call. It was not made here, so it has no duration.
func (o *serverCall) handedOver() {
	if o == nil {
		return
	}
	o.park()
	o.span.SetAttributes(attributeHandedOver.Bool(true))
	o.span.End()
}

// end reports what became of a delivery: an answer, or, where failed is not nil, none.
func (o *serverCall) end(result outcome, failed error) {
	if o == nil {
		return
	}
	o.park()
	if o.task.answered { // by the attempt before; no call was made, so its duration would be wrong
		o.span.SetAttributes(attributeAnswered.Bool(true))
		o.span.End()
		return
	}
	end := time.Now()
	attributes := []attribute.KeyValue{semconv.RPCMethod(o.rpcMethod)}
	if failed != nil {
		attributes = append(attributes, semconv.ErrorTypeKey.String(failureType(failed)))
		o.span.SetStatus(otelcodes.Error, failed.Error())
	} else {
		c := codes.Code(result.status.GetCode())
		attributes = append(attributes, semconv.RPCResponseStatusCode(codeName(c)))
		if isServerError(c) {
			attributes = append(attributes, semconv.ErrorTypeKey.String(codeName(c)))
			o.span.SetStatus(otelcodes.Error, result.status.GetMessage())
		}
	}
	o.telemetry.duration.Record(o.ctx, end.Sub(o.start).Seconds(), rpcconv.SystemNameGRPC, attributes...)
	if o.span.IsRecording() {
		o.span.SetAttributes(attributes...)
		if o.task.becomesDeadLetter() {
			o.span.SetAttributes(attributeDeadLetter.Bool(true))
		}
	}
	o.span.End(trace.WithTimestamp(end))
}

// becomesDeadLetter reports whether a dead letter is written: only of unary commands.
func (t *task) becomesDeadLetter() bool { return t.dead && !t.stream && t.worker.queue.kind == command }

// isServerError tells the codes that the conventions count as errors of a server from those that a caller may expect.
// Codes beyond gRPC's are as UNKNOWN.
func isServerError(c codes.Code) bool {
	switch c {
	case codes.Unknown, codes.DeadlineExceeded, codes.Unimplemented, codes.Internal, codes.Unavailable, codes.DataLoss:
		return true
	default:
		return codeName(c) == other
	}
}

// failureType is why an attempt has no answer, as error.type.
func failureType(err error) string {
	switch {
	case errors.Is(err, errPanic):
		return "panic"
	case errors.Is(err, errLost):
		return "lost"
	case errors.Is(err, errDrained):
		return "drained"
	case errors.Is(err, errUnknownMethod):
		return "unknown_method"
	default:
		return "retry"
	}
}
