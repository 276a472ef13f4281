package natsgrpc

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"go.opentelemetry.io/otel/attribute"
	otelcodes "go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/semconv/v1.43.0/rpcconv"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// clientTelemetry reports the calls of a Conn. A nil one reports nothing, and costs nothing.
type clientTelemetry struct {
	reporters
	duration rpcconv.ClientCallDuration
	refused  metric.Int64Counter
}

// newClientTelemetry returns nil where nothing is wanted.
func newClientTelemetry(p providers) (*clientTelemetry, error) {
	if p.none() {
		return nil, nil
	}
	t := &clientTelemetry{reporters: newReporters(p)}
	var errs [2]error
	t.duration, errs[0] = rpcconv.NewClientCallDuration(t.meter)
	t.refused, errs[1] = t.meter.Int64Counter(nameRefused, metric.WithUnit("{call}"),
		metric.WithDescription("Calls that no server took, by the reason in their ErrorInfo."))
	return t, instrumentErrors(errs[:]...)
}

// begin starts the span of a call, which the end of its settings ends. The context that it returns is the span's.
func (t *clientTelemetry) begin(ctx context.Context, fullName string, known *methods, settings *callSettings) context.Context {
	if t == nil {
		return ctx
	}
	o := &clientCall{telemetry: t, start: time.Now(), rpcMethod: other}
	o.method, _ = known.find(fullName) // the caller of an unknown one is told later
	attributes := []attribute.KeyValue{semconv.RPCSystemNameGRPC, messagingSystem}
	name := semconv.RPCSystemNameGRPC.Value.AsString()
	if o.method != nil {
		o.rpcMethod = rpcMethod(fullName)
		name = o.rpcMethod
	} else {
		attributes = append(attributes, semconv.RPCMethodOriginal(rpcMethod(fullName)))
	}
	attributes = append(attributes, semconv.RPCMethod(o.rpcMethod))
	o.ctx, o.span = t.tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindClient), trace.WithTimestamp(o.start), trace.WithAttributes(attributes...))
	settings.observed = o
	settings.ids = append(settings.ids, &o.id)
	return o.ctx
}

// inject puts the context of a trace into the headers of a request.
func (t *clientTelemetry) inject(ctx context.Context, header nats.Header) {
	if t != nil {
		t.propagator.Inject(ctx, carrier{header})
	}
}

// clientCall is a call or a stream that is reported. A nil one is not.
type clientCall struct {
	telemetry *clientTelemetry
	ctx       context.Context
	span      trace.Span
	start     time.Time
	method    *method // nil for an unknown one
	rpcMethod string
	id        string // once the call has one
	served    atomic.Bool
}

// taken notes that a server has the call: an error that follows is the server's.
func (o *clientCall) taken() {
	if o != nil {
		o.served.Store(true)
	}
}

// end reports how a call has ended.
func (o *clientCall) end(err error) {
	if o == nil {
		return
	}
	end := time.Now()
	st := status.Convert(err)
	name := codeName(st.Code())
	result := []attribute.KeyValue{semconv.RPCMethod(o.rpcMethod), semconv.RPCResponseStatusCode(name)}
	if st.Code() != codes.OK {
		result = append(result, semconv.ErrorTypeKey.String(name))
		o.span.SetStatus(otelcodes.Error, st.Message())
		if reason := refusal(st); reason != "" && !o.served.Load() {
			o.telemetry.refused.Add(o.ctx, 1, metric.WithAttributes(semconv.RPCMethod(o.rpcMethod), attributeReason.String(reason)))
		}
	}
	o.telemetry.duration.Record(o.ctx, end.Sub(o.start).Seconds(), rpcconv.SystemNameGRPC, result...)
	if o.span.IsRecording() {
		o.span.SetAttributes(result...)
		if o.id != "" {
			queue := streamName(o.method.kind, o.method.service, o.method.shard(o.id))
			o.span.SetAttributes(semconv.MessagingMessageID(o.id), semconv.MessagingDestinationName(queue))
		}
	}
	o.span.End(trace.WithTimestamp(end))
}

// refusal returns the reason why a call was not taken by any server, "" for another error.
func refusal(st *status.Status) string {
	switch reason := ReasonOf(st); reason {
	case ReasonQueueFull, ReasonBacklog, ReasonNoWorkers, ReasonMessageTooLarge, ReasonNoQueue, ReasonNotConnected,
		ReasonNotConfirmed, ReasonStreamNotClaimed:
		return reason
	}
	return ""
}
