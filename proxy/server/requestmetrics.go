package server

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/semconv/v1.43.0/httpconv"
)

// requestMetrics measures requests as OpenTelemetry's conventions for HTTP servers have it.
type requestMetrics struct {
	duration     metric.Float64Histogram
	requestSize  metric.Int64Histogram
	responseSize metric.Int64Histogram
	active       [len(requestMethods)][len(schemes)]active
	outcomes     outcomes
}

// active counts requests in flight. It is read when metrics are collected, which costs requests less than an instrument.
type active struct {
	now  atomic.Int64
	seen atomic.Bool
}

func (a *active) enter() {
	a.now.Add(1)
	if !a.seen.Load() {
		a.seen.Store(true)
	}
}

func (a *active) leave() { a.now.Add(-1) }

// requestMethods are those of the conventions. The first one stands for all others, of which clients could invent any number.
var requestMethods = [...]string{
	"_OTHER", http.MethodConnect, http.MethodDelete, http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPatch,
	http.MethodPost, http.MethodPut, "QUERY", http.MethodTrace,
}

var schemes = [...]string{"http", "https"}

// methodIndex returns the place of a method in requestMethods.
func methodIndex(method string) int {
	for i, known := range requestMethods[1:] {
		if method == known {
			return i + 1
		}
	}
	return 0
}

func schemeIndex(r *http.Request) int {
	if isSecure(r) {
		return 1
	}
	return 0
}

func newRequestMetrics(meter metric.Meter) (*requestMetrics, error) {
	m := &requestMetrics{}
	var errs [5]error
	duration, err := httpconv.NewServerRequestDuration(meter)
	m.duration, errs[0] = duration.Inst(), err
	sizes := metric.WithExplicitBucketBoundaries(0, 100, 1e3, 1e4, 1e5, 1e6, 1e7)
	requestSize, err := httpconv.NewServerRequestBodySize(meter, sizes)
	m.requestSize, errs[1] = requestSize.Inst(), err
	responseSize, err := httpconv.NewServerResponseBodySize(meter, sizes)
	m.responseSize, errs[2] = responseSize.Inst(), err
	inFlight, err := httpconv.NewServerActiveRequestsObservable(meter)
	errs[3] = err
	if err == nil {
		_, errs[4] = meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
			m.observeActive(o, inFlight.Inst())
			return nil
		}, inFlight.Inst())
	}
	if err := errors.Join(errs[:]...); err != nil {
		return nil, fmt.Errorf("make instruments: %w", err)
	}
	return m, nil
}

// observeActive reports the methods that there have been requests with.
func (m *requestMetrics) observeActive(o metric.Observer, instrument metric.Int64Observable) {
	for i, method := range requestMethods {
		for j, scheme := range schemes {
			if m.active[i][j].seen.Load() {
				o.ObserveInt64(instrument, m.active[i][j].now.Load(), metric.WithAttributes(semconv.HTTPRequestMethodKey.String(method), semconv.URLScheme(scheme)))
			}
		}
	}
}

// outcome is what requests are counted by. It has few values: routes are templates, and what clients can choose freely is not
// in it.
type outcome struct {
	method, scheme int // places in requestMethods and schemes
	route          string
	status         int
	code           string // gRPC's, "" where no method was called
	failed         bool
}

// attributes returns an outcome as the conventions have it.
func (o outcome) attributes() []attribute.KeyValue {
	attributes := []attribute.KeyValue{
		semconv.HTTPRequestMethodKey.String(requestMethods[o.method]),
		semconv.URLScheme(schemes[o.scheme]),
		semconv.HTTPResponseStatusCode(o.status),
	}
	if o.route != "" {
		attributes = append(attributes, semconv.HTTPRoute(o.route))
	}
	if o.code != "" {
		attributes = append(attributes, semconv.RPCResponseStatusCode(o.code))
	}
	if o.failed {
		attributes = append(attributes, semconv.ErrorTypeKey.String(o.errorType()))
	}
	return attributes
}

// errorType is the HTTP status, or gRPC's code where the protocol has another place for errors than the status.
func (o outcome) errorType() string {
	if o.status >= http.StatusInternalServerError {
		return strconv.Itoa(o.status)
	}
	return o.code
}

// record counts a request. A request without a body, or with one whose size was not told, has none in the metrics.
func (m *requestMetrics) record(ctx context.Context, o outcome, duration time.Duration, requestSize, responseSize int64) {
	options := m.outcomes.options(o)
	m.duration.Record(ctx, duration.Seconds(), options...)
	if requestSize > 0 {
		m.requestSize.Record(ctx, requestSize, options...)
	}
	m.responseSize.Record(ctx, responseSize, options...)
}

// maxOutcomes bounds how many sets of attributes are kept. The SDK has a bound for what it counts: 2,000 sets for each metric,
// beyond which all others are one.
const maxOutcomes = 4096

// outcomes keeps the attributes of outcomes, which are costly to make. Reading takes no lock: it is copied to be added to,
// which is rare.
type outcomes struct {
	mu    sync.Mutex // of those who add
	known atomic.Pointer[map[outcome][]metric.RecordOption]
}

func (c *outcomes) options(o outcome) []metric.RecordOption {
	if known := c.known.Load(); known != nil {
		if options, ok := (*known)[o]; ok {
			return options
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	added := map[outcome][]metric.RecordOption{}
	if known := c.known.Load(); known != nil && len(*known) < maxOutcomes { // or else it begins anew
		added = maps.Clone(*known)
	}
	options := []metric.RecordOption{metric.WithAttributeSet(attribute.NewSet(o.attributes()...))}
	added[o] = options
	c.known.Store(&added)
	return options
}
