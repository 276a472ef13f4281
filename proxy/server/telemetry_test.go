package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	otelcodes "go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
)

// measured returns a meter provider, and what collects from it: for each metric its points, by their attributes. The point of
// a histogram is its count.
func measured(t testing.TB) (metric.MeterProvider, func() map[string]map[string]int64) {
	t.Helper()
	reader := sdkmetric.NewManualReader()
	return sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)), func() map[string]map[string]int64 {
		var collected metricdata.ResourceMetrics
		require.NoError(t, reader.Collect(t.Context(), &collected))
		found := map[string]map[string]int64{}
		for _, scope := range collected.ScopeMetrics {
			for _, m := range scope.Metrics {
				points := map[string]int64{}
				switch data := m.Data.(type) {
				case metricdata.Histogram[float64]:
					for _, p := range data.DataPoints {
						points[encoded(p.Attributes)] = int64(p.Count)
					}
				case metricdata.Histogram[int64]:
					for _, p := range data.DataPoints {
						points[encoded(p.Attributes)] = p.Sum
					}
				case metricdata.Sum[int64]:
					for _, p := range data.DataPoints {
						points[encoded(p.Attributes)] = p.Value
					}
				default:
					t.Fatalf("%s is a %T", m.Name, data)
				}
				found[m.Name] = points
			}
		}
		return found
	}
}

// encoded returns `key=value,…`, without the escapes.
func encoded(set attribute.Set) string {
	return strings.ReplaceAll(set.Encoded(attribute.DefaultEncoder()), `\`, "")
}

// Requests are counted by what has few values: templates of routes, known methods, statuses and codes.
func TestRequestsAreMeasured(t *testing.T) {
	meters, collect := measured(t)
	server := newServer(t, &users{get: func(_ context.Context, r *ratingv1.GetUserRequest) (*ratingv1.User, error) {
		switch r.GetName() {
		case "users/none":
			return nil, status.Error(codes.NotFound, "none")
		case "users/full":
			return nil, errors.New("disk full")
		}
		return &ratingv1.User{Name: r.GetName()}, nil
	}}, Config{MeterProvider: meters, UI: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("a fault") })})
	for _, request := range []string{
		"GET /api/users/1", "GET /api/users/2", "HEAD /api/users/2", "GET /api/users/none", "GET /api/users/full", "GET /nothing/1", "GET /nothing/2",
		"GET /api/nothing", "BREW /api/users/1", "brew /api/users/1", "DELETE /api/users", "GET /healthz", "GET /ui/x",
	} {
		method, target, _ := strings.Cut(request, " ")
		do(server, method, target)
	}
	post := httptest.NewRequest(http.MethodPost, "/rating.v1.UserService/GetUser", strings.NewReader(`{"name":"users/none"}`))
	post.Header.Set("Content-Type", "application/json")
	server.ServeHTTP(httptest.NewRecorder(), post)
	post = httptest.NewRequest(http.MethodPost, "/rating.v1.UserService/Nothing", strings.NewReader(`{}`))
	post.Header.Set("Content-Type", "application/json")
	post.ContentLength = -1
	server.ServeHTTP(httptest.NewRecorder(), post)

	metrics := collect()
	require.Equal(t, map[string]int64{
		"http.request.method=GET,http.response.status_code=200,http.route=/api/{name=users/*},rpc.response.status_code=OK,url.scheme=http":                     2,
		"http.request.method=HEAD,http.response.status_code=200,http.route=/api/{name=users/*},rpc.response.status_code=OK,url.scheme=http":                    1,
		"http.request.method=GET,http.response.status_code=404,http.route=/api/{name=users/*},rpc.response.status_code=NOT_FOUND,url.scheme=http":              1,
		"error.type=500,http.request.method=GET,http.response.status_code=500,http.route=/api/{name=users/*},rpc.response.status_code=UNKNOWN,url.scheme=http": 1,
		"http.request.method=GET,http.response.status_code=404,rpc.response.status_code=NOT_FOUND,url.scheme=http":                                             1,
		"http.request.method=GET,http.response.status_code=404,url.scheme=http":                                                                                2,
		"http.request.method=_OTHER,http.response.status_code=405,rpc.response.status_code=UNIMPLEMENTED,url.scheme=http":                                      2,
		"http.request.method=DELETE,http.response.status_code=405,rpc.response.status_code=UNIMPLEMENTED,url.scheme=http":                                      1,
		"http.request.method=GET,http.response.status_code=200,http.route=/healthz,url.scheme=http":                                                            1,
		"error.type=500,http.request.method=GET,http.response.status_code=500,http.route=/ui/,url.scheme=http":                                                 1,
		"http.request.method=POST,http.response.status_code=404,http.route=/rating.v1.UserService/GetUser,rpc.response.status_code=NOT_FOUND,url.scheme=http":  1,
		"http.request.method=POST,http.response.status_code=501,rpc.response.status_code=UNIMPLEMENTED,url.scheme=http":                                        1,
	}, metrics["http.server.request.duration"])
	const posted = "http.request.method=POST,http.response.status_code=404,http.route=/rating.v1.UserService/GetUser,rpc.response.status_code=NOT_FOUND,url.scheme=http"
	require.Equal(t, int64(len(`{"name":"users/none"}`)), metrics["http.server.request.body.size"][posted])
	require.Equal(t, int64(len(`{"code":"not_found","message":"none"}`)), metrics["http.server.response.body.size"][posted])
	require.Len(t, metrics["http.server.response.body.size"], 12)
	require.Len(t, metrics["http.server.request.body.size"], 1, "no body, and one whose size is not told, are not counted")
	require.Equal(t, map[string]int64{
		"http.request.method=GET,url.scheme=http": 0, "http.request.method=HEAD,url.scheme=http": 0, "http.request.method=POST,url.scheme=http": 0,
		"http.request.method=DELETE,url.scheme=http": 0, "http.request.method=_OTHER,url.scheme=http": 0,
	}, metrics["http.server.active_requests"])
}

func TestWhatIsInFlightIsMeasured(t *testing.T) {
	meters, collect := measured(t)
	started, release := make(chan struct{}), make(chan struct{})
	server := newServer(t, &users{get: func(context.Context, *ratingv1.GetUserRequest) (*ratingv1.User, error) {
		close(started)
		<-release
		return &ratingv1.User{}, nil
	}}, Config{MeterProvider: meters, MaxConnections: 1, MaxInFlight: 7, MaxStreams: 3})
	r := run(t, server)
	answer := r.send(t, "GET /api/users/1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	<-started
	refused, err := net.Dial("tcp", r.address)
	require.NoError(t, err)
	_, err = io.ReadAll(refused)
	require.NoError(t, err)
	require.NoError(t, refused.Close())
	metrics := collect()
	require.Equal(t, map[string]int64{"http.request.method=GET,url.scheme=http": 1}, metrics["http.server.active_requests"])
	require.Equal(t, map[string]int64{"": 1}, metrics["proxy.server.connections"])
	require.Equal(t, map[string]int64{"": 1}, metrics["proxy.server.connections.limit"])
	require.Equal(t, map[string]int64{"": 1}, metrics["proxy.server.connections.refused"])
	require.Equal(t, map[string]int64{"proxy.server.kind=calls": 1, "proxy.server.kind=streams": 0}, metrics["proxy.server.in_flight"])
	require.Equal(t, map[string]int64{"proxy.server.kind=calls": 7, "proxy.server.kind=streams": 3}, metrics["proxy.server.in_flight.limit"])
	require.Equal(t, map[string]int64{"": 0}, metrics["proxy.server.descriptors.refused"])
	close(release)
	_, _, err = answer()
	require.NoError(t, err)
	r.stop()
	require.NoError(t, <-r.done)
	metrics = collect()
	require.Equal(t, map[string]int64{"http.request.method=GET,url.scheme=http": 0}, metrics["http.server.active_requests"])
	require.Equal(t, map[string]int64{"": 0}, metrics["proxy.server.connections"])
	require.Equal(t, map[string]int64{"proxy.server.kind=calls": 0, "proxy.server.kind=streams": 0}, metrics["proxy.server.in_flight"])
}

// A client that has left is counted with 499, whatever it would have been answered.
func TestAClientThatLeavesIsMeasured(t *testing.T) {
	meters, collect := measured(t)
	started := make(chan struct{})
	server := newServer(t, &users{get: func(ctx context.Context, _ *ratingv1.GetUserRequest) (*ratingv1.User, error) {
		close(started)
		<-ctx.Done()
		return nil, ctx.Err()
	}}, Config{MeterProvider: meters})
	r := run(t, server)
	conn, err := net.Dial("tcp", r.address)
	require.NoError(t, err)
	_, err = io.WriteString(conn, "GET /api/users/1 HTTP/1.1\r\nHost: x\r\n\r\n")
	require.NoError(t, err)
	<-started
	require.NoError(t, conn.Close())
	require.Eventually(t, func() bool {
		return collect()["http.server.request.duration"]["http.request.method=GET,http.response.status_code=499,http.route=/api/{name=users/*},rpc.response.status_code=CANCELLED,url.scheme=http"] == 1
	}, 10*time.Second, time.Millisecond)
	r.stop()
	require.NoError(t, <-r.done)
}

// However many outcomes there are, the attributes of a bounded number are kept.
func TestKeptOutcomesAreBounded(t *testing.T) {
	var known outcomes
	for i := range 3 * maxOutcomes / 2 {
		known.options(outcome{status: i})
	}
	require.Len(t, *known.known.Load(), maxOutcomes/2)
}

// The SDK cannot forget a series: that of a route which is gone stays, and counts no more.
func TestTheSeriesOfARouteStayWhenItIsGone(t *testing.T) {
	meters, collect := measured(t)
	server := newServer(t, &users{}, Config{MeterProvider: meters})
	server.Update(publishedFilms(version(1, films(t, "Get /films"))))
	do(server, "GET", "/api/films")
	server.Update(nil)
	do(server, "GET", "/api/films")
	require.Equal(t, map[string]int64{
		"error.type=501,http.request.method=GET,http.response.status_code=501,http.route=/api/films,rpc.response.status_code=UNIMPLEMENTED,url.scheme=http": 1,
		"http.request.method=GET,http.response.status_code=404,rpc.response.status_code=NOT_FOUND,url.scheme=http":                                          1,
	}, collect()["http.server.request.duration"])
}

// However many routes have come and gone, a metric has 2,000 series. Beyond them all are counted in one, and none is lost.
func TestSeriesAreBounded(t *testing.T) {
	meters, collect := measured(t)
	metrics, err := newRequestMetrics(meters.Meter("test"))
	require.NoError(t, err)
	const outcomes, bound = 2500, 2000
	for i := range outcomes {
		metrics.record(t.Context(), outcome{route: fmt.Sprint("/", i), status: http.StatusOK}, time.Second, 1, 1)
	}
	collected := collect()
	for _, name := range []string{"http.server.request.duration", "http.server.request.body.size", "http.server.response.body.size"} {
		require.Len(t, collected[name], bound, name)
		require.EqualValues(t, outcomes-bound+1, collected[name]["otel.metric.overflow=true"], name)
	}
}

// traced returns a tracer provider, and what tells the spans that have ended.
func traced(t testing.TB) (trace.TracerProvider, func() tracetest.SpanStubs) {
	t.Helper()
	exporter := tracetest.NewInMemoryExporter()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(exporter))
	return provider, exporter.GetSpans
}

func attributesOf(span tracetest.SpanStub) map[string]any {
	attributes := map[string]any{}
	for _, a := range span.Attributes {
		attributes[string(a.Key)] = a.Value.AsInterface()
	}
	return attributes
}

// A request is a span below the client's, of which the access log has the id.
func TestRequestsAreTraced(t *testing.T) {
	tracers, spans := traced(t)
	var log logBuffer
	var within trace.SpanContext
	server := newServer(t, &users{get: func(_ context.Context, r *ratingv1.GetUserRequest) (*ratingv1.User, error) {
		if r.GetName() == "users/full" {
			return nil, errors.New("disk full")
		}
		return &ratingv1.User{Name: r.GetName()}, nil
	}}, Config{TracerProvider: tracers, Logger: slog.New(slog.NewJSONHandler(&log, nil)), UI: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		within = trace.SpanContextFromContext(r.Context())
	})})
	const parent = "Traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	do(server, "GET", "/api/users?page_size=5", parent, "X-Request-Id: 1", "User-Agent: test")
	do(server, "GET", "/api/users/full", parent)
	do(server, "GET", "/ui/")
	do(server, "BREW", "/nothing/%FF", "User-Agent: \xff"+strings.Repeat("\u20ac", 1000), "Traceparent: nonsense")
	ended := spans()
	require.Len(t, ended, 4)

	found := ended[0]
	require.Equal(t, "GET /api/users", found.Name)
	require.Equal(t, trace.SpanKindServer, found.SpanKind)
	require.Equal(t, "0af7651916cd43dd8448eb211c80319c", found.SpanContext.TraceID().String())
	require.Equal(t, "b7ad6b7169203331", found.Parent.SpanID().String())
	require.Equal(t, otelcodes.Unset, found.Status.Code)
	require.Equal(t, map[string]any{
		"http.request.method": "GET", "url.scheme": "http", "url.path": "/api/users", "http.route": "/api/users",
		"http.response.status_code": int64(200), "rpc.response.status_code": "OK", "client.address": "192.0.2.1", "network.protocol.version": "1.1",
		"http.response.body.size": int64(31), "http.response.header.x-request-id": []string{"1"}, "user_agent.original": "test",
	}, attributesOf(found))

	failed := ended[1]
	require.Equal(t, otelcodes.Error, failed.Status.Code)
	require.Equal(t, "rpc error: code = Unknown desc = disk full", failed.Status.Description)
	require.Equal(t, "500", attributesOf(failed)["error.type"])

	root := ended[2]
	require.Equal(t, "GET /ui/", root.Name)
	require.False(t, root.Parent.IsValid())
	require.Equal(t, root.SpanContext, within)

	hostile := ended[3]
	require.Equal(t, "HTTP", hostile.Name)
	require.False(t, hostile.Parent.IsValid())
	require.Equal(t, "/nothing/%FF", attributesOf(hostile)["url.path"])
	require.Equal(t, "BREW", attributesOf(hostile)["http.request.method_original"])
	for key, value := range attributesOf(hostile) {
		if text, ok := value.(string); ok {
			require.True(t, utf8.ValidString(text), key)
			require.LessOrEqual(t, len(text), maxAttribute, key)
		}
	}

	for i, entry := range log.entries(t) {
		require.Equal(t, ended[i].SpanContext.TraceID().String(), entry["trace_id"])
	}
}

// BenchmarkTelemetry is what a request costs for each kind of telemetry, beside the same without.
func BenchmarkTelemetry(b *testing.B) {
	meters, _ := measured(b)
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	for _, test := range []struct {
		name   string
		config Config
	}{
		{"none", Config{}},
		{"metrics", Config{MeterProvider: meters}},
		{"unsampled", Config{TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.NeverSample()))}},
		{"sampled", Config{TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.AlwaysSample()))}},
	} {
		b.Run(test.name, func(b *testing.B) {
			observed, err := newTelemetry(&Server{config: test.config})
			require.NoError(b, err)
			around := observed.around(handler)
			r := httptest.NewRequest(http.MethodGet, "/api/users/1", nil)
			record := &access{route: "/ui/"}
			r = r.WithContext(context.WithValue(r.Context(), accessKey{}, record))
			w := &responseRecorder{ResponseWriter: httptest.NewRecorder()}
			b.ReportAllocs()
			for b.Loop() {
				around.ServeHTTP(w, r)
			}
		})
	}
}

func TestTelemetryIsOffByDefault(t *testing.T) {
	observed, err := newTelemetry(&Server{})
	require.NoError(t, err)
	next := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	require.Equal(t, fmt.Sprint(http.Handler(next)), fmt.Sprint(observed.around(next)), "there is nothing in between")
}
