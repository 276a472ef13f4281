package server

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	otelcodes "go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/codingflow/rating/proxy/transcode"
)

// instrumentationName names this package in what it reports.
const instrumentationName = "github.com/codingflow/rating/proxy/server"

// maxAttribute bounds the attributes of spans that clients choose, and errors, in bytes.
const maxAttribute = 512

// telemetry reports requests: as spans, and in metrics. Either may be nil.
type telemetry struct {
	prefix  string
	tracer  trace.Tracer
	metrics *requestMetrics
}

// newTelemetry returns nil where nothing is wanted.
func newTelemetry(s *Server) (*telemetry, error) {
	config := s.config
	if config.TracerProvider == nil && config.MeterProvider == nil {
		return nil, nil
	}
	t := &telemetry{prefix: config.Prefix}
	if config.TracerProvider != nil {
		t.tracer = config.TracerProvider.Tracer(instrumentationName, trace.WithSchemaURL(semconv.SchemaURL))
	}
	if config.MeterProvider == nil {
		return t, nil
	}
	meter := config.MeterProvider.Meter(instrumentationName, metric.WithSchemaURL(semconv.SchemaURL))
	var err error
	if t.metrics, err = newRequestMetrics(meter); err != nil {
		return nil, err
	}
	return t, observeSaturation(meter, s)
}

// around reports the requests that next answers. It stands within the access log, whose record it completes.
func (t *telemetry) around(next http.Handler) http.Handler {
	if t == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		call := observedRequest{
			telemetry: t, recorder: w.(*responseRecorder), access: accessOf(r.Context()), start: time.Now(),
			method: methodIndex(r.Method), scheme: schemeIndex(r),
		}
		r = call.begin(r)
		// Deferred, because a request whose client has left ends in a panic.
		defer call.end(r)
		next.ServeHTTP(w, r)
	})
}

// observedRequest is a request that is reported.
type observedRequest struct {
	telemetry      *telemetry
	recorder       *responseRecorder
	access         *access
	start          time.Time
	method, scheme int        // places in requestMethods and schemes
	span           trace.Span // nil without a tracer
}

// begin returns the request with the context of its span.
func (o *observedRequest) begin(r *http.Request) *http.Request {
	if metrics := o.telemetry.metrics; metrics != nil {
		metrics.active[o.method][o.scheme].enter()
	}
	if o.telemetry.tracer == nil {
		return r
	}
	// Without baggage: it is for services, and clients are not believed.
	parent := propagation.TraceContext{}.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
	var ctx context.Context
	ctx, o.span = o.telemetry.tracer.Start(parent, o.name(), trace.WithSpanKind(trace.SpanKindServer), trace.WithTimestamp(o.start))
	o.access.trace = o.span.SpanContext()
	return r.WithContext(ctx)
}

// name is the span's: the method, and the route once it is known.
func (o *observedRequest) name() string {
	name := "HTTP" // as the conventions have it for an unknown method
	if o.method > 0 {
		name = requestMethods[o.method]
	}
	if route := o.telemetry.route(o.access); route != "" {
		name += " " + route
	}
	return name
}

// route returns the template that a request has matched, with the API's prefix as the server gets it, "" if there is none.
func (t *telemetry) route(a *access) string {
	if a.call != nil && a.route != "" {
		return t.prefix + a.route
	}
	return a.route
}

// end reports how a request has ended.
func (o *observedRequest) end(r *http.Request) {
	duration := time.Since(o.start)
	status, code, failed := o.access.result(o.recorder)
	ended := outcome{method: o.method, scheme: o.scheme, route: o.telemetry.route(o.access), status: status, code: code, failed: failed}
	if metrics := o.telemetry.metrics; metrics != nil {
		metrics.active[o.method][o.scheme].leave()
		metrics.record(r.Context(), ended, duration, r.ContentLength, o.recorder.bytes)
	}
	if o.span == nil {
		return
	}
	if o.span.IsRecording() {
		o.span.SetName(o.name())
		o.span.SetAttributes(ended.attributes()...)
		o.span.SetAttributes(o.attributes(r)...)
		if failed {
			o.span.SetStatus(otelcodes.Error, presentable(o.access.problem()))
		}
	}
	o.span.End(trace.WithTimestamp(o.start.Add(duration)))
}

// attributes returns those of the span beside the outcome. The query is not among them: it may hold what is nobody's
// business.
func (o *observedRequest) attributes(r *http.Request) []attribute.KeyValue {
	attributes := []attribute.KeyValue{
		semconv.URLPath(presentable(transcode.EscapedPath(r.URL))),
		semconv.NetworkProtocolVersion(protocolVersion(r)),
		semconv.ClientAddress(clientAddress(r)),
		semconv.HTTPResponseBodySize(int(o.recorder.bytes)),
		semconv.HTTPResponseHeader("x-request-id", o.recorder.Header().Get(requestIDHeader)),
	}
	if o.method == 0 {
		attributes = append(attributes, semconv.HTTPRequestMethodOriginal(presentable(r.Method)))
	}
	if r.ContentLength > 0 {
		attributes = append(attributes, semconv.HTTPRequestBodySize(int(r.ContentLength)))
	}
	if agent := r.UserAgent(); agent != "" {
		attributes = append(attributes, semconv.UserAgentOriginal(presentable(agent)))
	}
	return attributes
}

// protocolVersion is 1.1, or 2 without what follows.
func protocolVersion(r *http.Request) string {
	if r.ProtoMajor >= 2 {
		return fmt.Sprint(r.ProtoMajor)
	}
	return fmt.Sprintf("%d.%d", r.ProtoMajor, r.ProtoMinor)
}

// presentable returns what a span can hold of a text that clients choose. Protobuf takes no invalid UTF-8, and would refuse
// all the spans that are exported together.
func presentable(text string) string {
	return strings.ToValidUTF8(text[:min(len(text), maxAttribute)], "?")
}
