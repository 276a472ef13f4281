package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
	proxy "github.com/codingflow/rating/proxy/server"
)

// startWorker serves the users, and returns what ends that and waits for it.
func startWorker(t *testing.T, ns *server.Server, service ratingv1.UserServiceServer, options ...natsgrpc.ServerOption) (stop func()) {
	t.Helper()
	worker, err := natsgrpc.NewServer(natsgrpctest.Connect(t, ns), options...)
	require.NoError(t, err)
	ratingv1.RegisterUserServiceServer(worker, service)
	return natsgrpctest.Serve(t, worker)
}

// tracedUsers makes a span of its own in each call.
type tracedUsers struct {
	users
	tracer trace.Tracer
}

func (u tracedUsers) GetUser(ctx context.Context, r *ratingv1.GetUserRequest) (*ratingv1.User, error) {
	ctx, span := u.tracer.Start(ctx, "look the user up")
	defer span.End()
	return u.users.GetUser(ctx, r)
}

// The client's span, those of the proxy, and those of the service, which are reported by another program, are one trace: each
// the child of the one before.
func TestOneTraceFromTheClientToTheService(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	byProxy, byService := tracetest.NewInMemoryExporter(), tracetest.NewInMemoryExporter()
	provider := func(exporter sdktrace.SpanExporter) *sdktrace.TracerProvider {
		return sdktrace.NewTracerProvider(sdktrace.WithSyncer(exporter))
	}
	atService := provider(byService)
	stop := startWorker(t, ns, tracedUsers{tracer: atService.Tracer("test")}, natsgrpc.WithTracerProvider(atService))
	defer stop()
	atProxy := provider(byProxy)
	conn, err := natsgrpc.NewConn(natsgrpctest.Connect(t, ns), natsgrpc.WithTracerProvider(atProxy))
	require.NoError(t, err)
	defer conn.Close()
	srv, err := proxy.New(conn, proxy.Config{TracerProvider: atProxy})
	require.NoError(t, err)

	for path, name := range map[string]string{
		"/api/users/ada": "GET /api/{name=users/*}",
		"/rating.v1.UserService/GetUser?connect=v1&encoding=json&message=%7B%22name%22%3A%22users%2Fada%22%7D": "GET /rating.v1.UserService/GetUser",
	} {
		byProxy.Reset()
		byService.Reset()
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.Header.Set("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
		w := httptest.NewRecorder()
		srv.ServeHTTP(w, r)
		require.Equal(t, http.StatusOK, w.Code, w.Body.String())
		// The answer may be here before the attempt that gave it has been reported.
		require.Eventually(t, func() bool { return len(byService.GetSpans()) == 2 }, 20*time.Second, time.Millisecond)

		const call = "rating.v1.UserService/GetUser"
		parent := "b7ad6b7169203331"
		byName := map[string]tracetest.SpanStub{}
		for _, span := range byProxy.GetSpans() {
			byName["proxy "+span.Name] = span
		}
		for _, span := range byService.GetSpans() {
			byName["service "+span.Name] = span
		}
		require.Len(t, byName, 4)
		for _, step := range []string{"proxy " + name, "proxy " + call, "service " + call, "service look the user up"} {
			span, ok := byName[step]
			require.True(t, ok, "%s is not in %v", step, byName)
			require.Equal(t, "0af7651916cd43dd8448eb211c80319c", span.SpanContext.TraceID().String(), step)
			require.Equal(t, parent, span.Parent.SpanID().String(), step)
			parent = span.SpanContext.SpanID().String()
		}
	}
}

// What operators look at: metrics of the proxy, of its calls and of its connection, on the admin listener and not on the
// users', and readiness that goes with NATS and comes back with it.
func TestRunTellsOfItself(t *testing.T) {
	dir := t.TempDir()
	ns := natsgrpctest.NewServerAt(t, dir, server.RANDOM_PORT)
	port := ns.Addr().String()
	stop := startWorker(t, ns, users{})
	cfg := newConfig(ns.ClientURL())
	cfg.Listen = closedAddress(t)
	cfg.Observe.AdminListen = closedAddress(t)
	cfg.Observe.AdminPprof = true
	admin := &config{Listen: cfg.Observe.AdminListen}
	ctx, end := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- run(ctx, cfg, slog.New(slog.DiscardHandler)) }()
	require.Eventually(t, func() bool { return get(t, cfg, "/readyz") == "200 ok\n" }, 20*time.Second, 10*time.Millisecond)
	require.Equal(t, `200 {"name":"users/ada","displayName":"","email":"","etag":""}`, get(t, cfg, "/api/users/ada"))

	metrics := get(t, admin, "/metrics")
	for _, line := range []string{
		`http_server_request_duration_seconds_count{http_request_method="GET",http_response_status_code="200",http_route="/api/{name=users/*}",rpc_response_status_code="OK",url_scheme="http"} 1`,
		`rpc_client_call_duration_seconds_count{rpc_method="rating.v1.UserService/GetUser",rpc_response_status_code="OK",rpc_system_name="grpc"} 1`,
		`nats_client_connected{nats_client_name="proxy"} 1`,
		`proxy_server_connections `,
		`proxy_build_info{`,
		`go_goroutines `,
	} {
		require.Contains(t, metrics, "\n"+line)
	}
	require.Contains(t, get(t, admin, "/debug/pprof/cmdline"), "200 ")
	require.Contains(t, get(t, cfg, "/metrics"), "404 ")
	require.Contains(t, get(t, cfg, "/debug/pprof/"), "404 ")
	stop()

	ns.Shutdown()
	ns.WaitForShutdown()
	require.Eventually(t, func() bool { return get(t, cfg, "/readyz") == "503 not ready: no connection to NATS\n" }, 20*time.Second, 10*time.Millisecond)
	require.Equal(t, "200 ok\n", get(t, cfg, "/healthz"))
	require.Contains(t, get(t, admin, "/metrics"), "\n"+`nats_client_connected{nats_client_name="proxy"} 0`)
	var number int
	_, err := fmt.Sscanf(port, "127.0.0.1:%d", &number)
	require.NoError(t, err)
	natsgrpctest.NewServerAt(t, dir, number)
	require.Eventually(t, func() bool { return get(t, cfg, "/readyz") == "200 ok\n" }, 30*time.Second, 10*time.Millisecond)

	end()
	require.NoError(t, <-ran)
	require.Contains(t, get(t, admin, "/metrics"), "connection refused")
}
