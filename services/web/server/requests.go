package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	"github.com/felixge/httpsnoop"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/semconv/v1.43.0/httpconv"
	"go.opentelemetry.io/otel/trace"
)

const (
	instrumentationName = "github.com/codingflow/rating/services/web/server"
	// statusClientLeft is nginx's status of a request that nobody waits for any more.
	statusClientLeft = 499
	// requestIDHeader has what the API's own log calls a request.
	requestIDHeader = "X-Request-Id"
	// maxPath bounds the paths in the log, which clients choose, in bytes.
	maxPath = 512
)

// methods are those of OpenTelemetry's conventions that the app, the API and probes use. All others, of which clients could
// invent any number, count as one.
var methods = []httpconv.RequestMethodAttr{
	httpconv.RequestMethodDelete, httpconv.RequestMethodGet, httpconv.RequestMethodHead, httpconv.RequestMethodOptions,
	httpconv.RequestMethodPatch, httpconv.RequestMethodPost, httpconv.RequestMethodPut,
}

// requests logs and measures the requests that next answers, whose pattern is their route.
type requests struct {
	next     http.Handler
	logger   *slog.Logger
	duration httpconv.ServerRequestDuration
}

// newRequests measures nothing where meters is nil.
func newRequests(next http.Handler, logger *slog.Logger, meters metric.MeterProvider) (*requests, error) {
	var meter metric.Meter
	if meters != nil {
		meter = meters.Meter(instrumentationName, metric.WithSchemaURL(semconv.SchemaURL))
	}
	duration, err := httpconv.NewServerRequestDuration(meter)
	if err != nil {
		return nil, fmt.Errorf("web: make instruments: %w", err)
	}
	return &requests{next: next, logger: logger, duration: duration}, nil
}

// ServeHTTP answers a request, and tells of it when that is over, even by a panic.
func (s *requests) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer := httpsnoop.Metrics{Code: http.StatusOK}
	defer func() {
		ended := outcome{Metrics: answer, panic: recover()}
		if ended.panic != nil && !ended.aborted() {
			ended.stack = debug.Stack()
		}
		s.tell(r, w.Header().Get(requestIDHeader), &ended)
		if ended.panic != nil {
			panic(ended.panic) // the connection is net/http's to close
		}
	}()
	answer.CaptureMetrics(w, func(w http.ResponseWriter) { s.next.ServeHTTP(w, r) })
}

// outcome is how a request has ended.
type outcome struct {
	httpsnoop.Metrics
	panic any // nil without one
	stack []byte
}

// aborted reports whether the answer was cut off on purpose, since the API's was, or since nobody reads it any more.
func (o *outcome) aborted() bool {
	err, ok := o.panic.(error)
	return ok && errors.Is(err, http.ErrAbortHandler)
}

// result returns the status to tell, and whether this program or the API is at fault.
func (o *outcome) result(ctx context.Context) (status int, failed bool) {
	panicked := o.panic != nil && !o.aborted()
	switch {
	case panicked:
		return http.StatusInternalServerError, true
	case ctx.Err() != nil && (o.aborted() || o.Code >= http.StatusInternalServerError):
		return statusClientLeft, false
	}
	return o.Code, o.aborted() || o.Code >= http.StatusInternalServerError
}

// tell logs and measures a request. Its query is not told: that of the callback has a code in it.
func (s *requests) tell(r *http.Request, requestID string, ended *outcome) {
	status, failed := ended.result(r.Context())
	_, route, found := strings.Cut(r.Pattern, " ")
	if !found {
		route = r.Pattern
	}
	s.measure(r, ended, route, status, failed)

	client, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		client = r.RemoteAddr
	}
	path := r.URL.EscapedPath()
	attrs := []slog.Attr{
		slog.String("client", client), slog.String("method", r.Method), slog.String("route", route),
		slog.String("path", path[:min(len(path), maxPath)]), slog.Int("status", status),
		slog.Float64("duration_ms", float64(ended.Duration.Microseconds())/1e3), slog.Int64("bytes", ended.Written),
	}
	if requestID != "" {
		attrs = append(attrs, slog.String("request_id", requestID))
	}
	// This program makes no spans: the trace is that of the browser, and passes through to the API.
	caller := propagation.TraceContext{}.Extract(context.Background(), propagation.HeaderCarrier(r.Header))
	if span := trace.SpanContextFromContext(caller); span.IsValid() {
		attrs = append(attrs, slog.String("trace_id", span.TraceID().String()))
	}
	level := slog.LevelInfo
	switch {
	case failed:
		level = slog.LevelError
	case route == "/healthz" || route == "/readyz":
		level = slog.LevelDebug
	}
	switch {
	case ended.stack != nil:
		attrs = append(attrs, slog.Any("panic", ended.panic), slog.String("stack", string(ended.stack)))
	case failed && ended.aborted():
		attrs = append(attrs, slog.String("error", "the answer was cut off"))
	}
	s.logger.LogAttrs(r.Context(), level, "request", attrs...)
}

// measure counts a request by what a client cannot choose freely.
func (s *requests) measure(r *http.Request, ended *outcome, route string, status int, failed bool) {
	method := httpconv.RequestMethodAttr(r.Method)
	if !slices.Contains(methods, method) {
		method = httpconv.RequestMethodOther
	}
	attrs := []attribute.KeyValue{s.duration.AttrResponseStatusCode(status)}
	if route != "" {
		attrs = append(attrs, s.duration.AttrRoute(route))
	}
	switch {
	case failed && status >= http.StatusInternalServerError:
		attrs = append(attrs, s.duration.AttrErrorType(httpconv.ErrorTypeAttr(strconv.Itoa(status))))
	case failed:
		attrs = append(attrs, s.duration.AttrErrorType(httpconv.ErrorTypeOther))
	}
	s.duration.Record(r.Context(), ended.Duration.Seconds(), method, "http", attrs...)
}
