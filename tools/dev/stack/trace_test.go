package stack_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	"github.com/codingflow/rating/proxy/natsproxy"
	proxy "github.com/codingflow/rating/proxy/server"
	rating "github.com/codingflow/rating/services/rating/server"
	"github.com/codingflow/rating/services/rating/store/database"
	"github.com/codingflow/rating/telemetry"
	"github.com/codingflow/rating/telemetry/otlptest"
	"github.com/codingflow/rating/tools/dev/stack"
	"github.com/codingflow/rating/tools/dev/stack/stacktest"
)

// What a client sends as the root of its trace.
const (
	clientTrace = "0af7651916cd43dd8448eb211c80319c"
	clientSpan  = "b7ad6b7169203331"
	traceparent = "Traceparent: 00-" + clientTrace + "-" + clientSpan + "-01"
)

// soon is within what must have happened that takes a moment, on a busy machine too.
const soon = 30 * time.Second

// requireTree waits until the spans below the client's are a tree.
func requireTree(t *testing.T, collector *otlptest.Collector, want string) {
	t.Helper()
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		assert.Equal(c, want, collector.Tree(clientTrace, clientSpan))
	}, soon, 10*time.Millisecond)
}

// A request is one trace from the client to the database, of which the log and the metrics have the id.
func TestOneTraceFromTheClientToTheDatabase(t *testing.T) {
	collector, log := otlptest.New(t), &otlptest.Log{}
	data := t.TempDir()
	s, _ := stacktest.Start(t, stack.Config{
		Data: data, Logger: log.Logger(), AdminListen: "127.0.0.1:0",
		Traces: telemetry.TracesConfig{Endpoint: collector.URL, Ratio: 1},
	})
	api := "http://" + s.Addr().String() + "/api"
	user := request(t, "POST", api+"/users", `{"displayName": "Ada"}`).field(t, "name").(string)
	service := request(t, "POST", api+"/services", `{"displayName": "Café"}`).field(t, "name").(string)

	created := request(t, "POST", api+"/ratings",
		fmt.Sprintf(`{"user": %q, "service": %q, "score": 4, "comment": "between us"}`, user, service), traceparent)
	require.Equal(t, 200, created.code, created.body)
	requireTree(t, collector, `proxy SERVER POST /api/ratings
  proxy CLIENT rating.v1.RatingService/CreateRating
    rating SERVER rating.v1.RatingService/CreateRating
      rating CLIENT BEGIN
      rating CLIENT INSERT requests
      rating CLIENT SELECT users
      rating CLIENT SELECT services
      rating CLIENT SELECT ratings
      rating CLIENT INSERT ratings
      rating CLIENT UPDATE requests
      rating CLIENT COMMIT
`)
	spans := collector.Trace(clientTrace)
	served, called, handled := spans[0].Attributes(), spans[1].Attributes(), spans[2].Attributes()
	require.Equal(t, "200", served["http.response.status_code"])
	require.Equal(t, created.header.Get("X-Request-Id"), served["http.response.header.x-request-id"])
	for _, attributes := range []map[string]string{called, handled} {
		require.Equal(t, "CMD_rating_v1_RatingService_0", attributes["messaging.destination.name"])
		require.Equal(t, called["messaging.message.id"], attributes["messaging.message.id"])
		require.Equal(t, "OK", attributes["rpc.response.status_code"])
	}
	require.Equal(t, "1", handled["natsgrpc.attempt"])
	for _, span := range spans[3:] {
		if span.GetKind() == tracepb.Span_SPAN_KIND_INTERNAL { // a long wait for a connection
			continue
		}
		attributes := span.Attributes()
		require.Equal(t, "sqlite", attributes["db.system.name"])
		require.Equal(t, span.GetName(), attributes["db.query.summary"])
		for key, value := range attributes {
			for _, secret := range []string{"between us", "Ada", strings.TrimPrefix(user, "users/"), strings.TrimPrefix(service, "services/")} {
				require.NotContains(t, value, secret, "%s of %s", key, span)
			}
		}
	}
	require.Equal(t, []string{"request rating.v1.RatingService.CreateRating"}, log.Messages(clientTrace))

	metrics := request(t, "GET", "http://"+s.AdminAddr().String()+"/metrics", "", "Accept: application/openmetrics-text").body
	exemplar := ` # {[^}]*trace_id="` + clientTrace + `"`
	require.Regexp(t, `http_server_request_duration_seconds_bucket{[^}]*http_route="/api/ratings"[^}]*} \d+`+exemplar, metrics)
	require.Regexp(t, `rpc_server_call_duration_seconds_bucket{[^}]*rpc_method="rating.v1.RatingService/CreateRating"[^}]*} \d+`+exemplar, metrics)
}

// The trace of a failure leads to the statement that failed, and to the line of the log that says why.
func TestTheTraceOfAFailure(t *testing.T) {
	collector, log := otlptest.New(t), &otlptest.Log{}
	data := t.TempDir()
	api, _ := up(t, stack.Config{Data: data, Logger: log.Logger(), Traces: telemetry.TracesConfig{Endpoint: collector.URL, Ratio: 1}})
	db, err := sql.Open("sqlite", filepath.Join(data, "rating.db"))
	require.NoError(t, err)
	defer db.Close()
	_, err = db.ExecContext(t.Context(), "DROP TABLE ratings")
	require.NoError(t, err)
	require.Equal(t, 500, request(t, "GET", api+"/ratings", "", traceparent).code)
	requireTree(t, collector, `proxy SERVER GET /api/ratings !
  proxy CLIENT rating.v1.RatingService/ListRatings !
    rating SERVER rating.v1.RatingService/ListRatings !
      rating CLIENT SELECT ratings !
`)
	statement := collector.Trace(clientTrace)[3]
	require.Equal(t, "1", statement.Attributes()["db.response.status_code"])
	require.Equal(t, "1", statement.Attributes()["error.type"])
	require.Empty(t, statement.GetStatus().GetMessage())
	require.Equal(t, []string{"internal error", "request rating.v1.RatingService.ListRatings"}, log.Messages(clientTrace))
}

// What is not sampled sends no spans, of statements neither, and has its trace's id in the log all the same.
func TestATraceThatIsNotSampled(t *testing.T) {
	collector, log := otlptest.New(t), &otlptest.Log{}
	api, down := up(t, stack.Config{Data: t.TempDir(), Logger: log.Logger(), Traces: telemetry.TracesConfig{Endpoint: collector.URL, Ratio: 0}})
	require.Equal(t, 200, request(t, "GET", api+"/ratings", "", traceparent).code)
	down()
	require.Empty(t, collector.Trace(clientTrace))
	require.Equal(t, []string{"request rating.v1.RatingService.ListRatings"}, log.Messages(clientTrace))
}

// A worker that is lost after its commit has its request run again: in the same trace, which shows that the second run finds the
// first one's answer and changes nothing.
func TestARequestThatIsRunAgainStaysInItsTrace(t *testing.T) {
	ns, collector, log := natsgrpctest.NewServer(t), otlptest.New(t), &otlptest.Log{}
	config := telemetry.TracesConfig{Endpoint: collector.URL, Ratio: 1}
	logger := log.Logger()
	atProxy, err := config.Start(t.Context(), "proxy", telemetry.DistrustCallers, logger)
	require.NoError(t, err)
	defer atProxy.Close()
	atService, err := config.Start(t.Context(), "rating", telemetry.TrustCallers, logger)
	require.NoError(t, err)
	defer atService.Close()

	st, err := database.Config{URL: filepath.Join(t.TempDir(), "rating.db"), Tracers: atService.Provider()}.Open(t.Context(), logger, 1, 1)
	require.NoError(t, err)
	defer func() { require.NoError(t, st.Close()) }()
	service, err := rating.New(st, rating.WithRequestID(natsgrpc.RequestID), rating.WithLogger(logger))
	require.NoError(t, err)
	var runs atomic.Int32
	losing := func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		answer, err := handler(ctx, req)
		if runs.Add(1) == 1 && err == nil {
			return nil, natsgrpc.Retry(errors.New("lost"), time.Millisecond)
		}
		return answer, err
	}
	worker, err := natsgrpc.NewServer(natsgrpctest.Connect(t, ns), natsgrpc.WithUnaryInterceptors(losing, service.Interceptor()),
		natsgrpc.WithTracerProvider(atService.Provider()), natsgrpc.WithLogger(logger))
	require.NoError(t, err)
	service.Register(worker)
	natsgrpctest.Serve(t, worker)
	srv, end, err := natsproxy.New(t.Context(), natsgrpctest.Connect(t, ns), natsproxy.Config{
		Server: proxy.Config{TracerProvider: atProxy.Provider(), Logger: logger},
		Conn:   []natsgrpc.ConnOption{natsgrpc.WithTracerProvider(atProxy.Provider())},
	})
	require.NoError(t, err)
	defer func() { require.NoError(t, end()) }()
	served := httptest.NewServer(srv)
	defer served.Close()

	created := request(t, "POST", served.URL+"/api/services", `{"displayName": "Café"}`, traceparent)
	require.Equal(t, 200, created.code, created.body)
	requireTree(t, collector, `proxy SERVER POST /api/services
  proxy CLIENT rating.v1.CatalogService/CreateService
    rating SERVER rating.v1.CatalogService/CreateService !
      rating CLIENT BEGIN
      rating CLIENT INSERT requests
      rating CLIENT INSERT services
      rating CLIENT UPDATE requests
      rating CLIENT COMMIT
    rating SERVER rating.v1.CatalogService/CreateService
      rating CLIENT BEGIN
      rating CLIENT INSERT requests
      rating CLIENT SELECT requests
      rating CLIENT COMMIT
`)
	var attempts []string
	for _, span := range collector.Trace(clientTrace) {
		if attempt, ok := span.Attributes()["natsgrpc.attempt"]; ok {
			attempts = append(attempts, attempt+" "+span.Attributes()["error.type"])
		}
	}
	require.Equal(t, []string{"1 retry", "2 "}, attempts)
	require.Equal(t, []string{"natsgrpc: an attempt failed", "request rating.v1.CatalogService.CreateService"}, log.Messages(clientTrace))
}
