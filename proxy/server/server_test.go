package server

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
	"github.com/codingflow/rating/proxy/grpctest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// users is a user service whose GetUser is the test's.
type users struct {
	ratingv1.UnimplementedUserServiceServer
	get func(context.Context, *ratingv1.GetUserRequest) (*ratingv1.User, error)
}

func (u *users) ListUsers(context.Context, *ratingv1.ListUsersRequest) (*ratingv1.ListUsersResponse, error) {
	return &ratingv1.ListUsersResponse{}, nil
}

func (u *users) GetUser(ctx context.Context, r *ratingv1.GetUserRequest) (*ratingv1.User, error) {
	if u.get == nil {
		return &ratingv1.User{Name: r.GetName()}, nil
	}
	return u.get(ctx, r)
}

func dial(t testing.TB, service *users) *grpc.ClientConn {
	t.Helper()
	return grpctest.Serve(t, func(server grpc.ServiceRegistrar) { ratingv1.RegisterUserServiceServer(server, service) })
}

func newServer(t testing.TB, service *users, config Config) *Server {
	t.Helper()
	server, err := New(dial(t, service), config)
	require.NoError(t, err)
	return server
}

func do(handler http.Handler, method, target string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		r.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w
}

func TestRoutes(t *testing.T) {
	ui := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "ui "+r.URL.Path) })
	const notFound = `{"error":{"code":404,"message":"there is nothing at this path","status":"NOT_FOUND"}}`
	const getOnly = `{"error":{"code":405,"message":"only GET and HEAD are allowed here","status":"UNIMPLEMENTED"}}`
	user := func(id string) string { return `{"name":"users/` + id + `","displayName":"","email":"","etag":""}` }
	tests := []struct {
		prefix, method, target string
		code                   int
		want                   string
	}{
		{"", "GET", "/api/users", 200, `{"users":[],"nextPageToken":""}`},
		{"", "GET", "/api/users/a%2Fb", 200, user("a%2Fb")},
		{"", "GET", "/api/users/a%20b%25", 200, user("a b%")},
		{"", "GET", "/api/users//", 404, notFound},
		{"", "GET", "/api//users", 404, notFound},
		{"", "GET", "/api/users/../users", 404, notFound},
		{"", "GET", "/api", 404, notFound},
		{"", "GET", "/api/", 404, notFound},
		{"", "GET", "/apiusers", 404, notFound},
		{"", "GET", "/%61pi/users", 404, notFound},
		{"", "GET", "/users", 404, notFound},
		{"", "GET", "/nothing", 404, notFound},
		{"", "DELETE", "/api/users", 405, `{"error":{"code":405,"message":"method DELETE is not allowed here; allowed are GET, HEAD, OPTIONS, POST","status":"UNIMPLEMENTED"}}`},
		{"", "GET", "/healthz", 200, "ok\n"},
		{"", "POST", "/healthz", 405, getOnly},
		{"", "POST", "/readyz", 405, getOnly},
		{"", "POST", "/docs", 405, getOnly},
		{"", "PUT", "/openapi.json", 405, getOnly},
		{"", "DELETE", "/", 405, getOnly},
		{"", "GET", "/readyz", 200, "ok\n"},
		{"", "GET", "/ui", 200, "ui /ui"},
		{"", "GET", "/ui/", 200, "ui /ui/"},
		{"", "GET", "/ui/a/b.js", 200, "ui /ui/a/b.js"},
		{"", "GET", "/uix", 404, notFound},
		{"", "GET", "/", 302, "<a href=\"/ui/\">Found</a>.\n\n"},
		{"/", "GET", "/users", 200, `{"users":[],"nextPageToken":""}`},
		{"/", "GET", "/healthz", 200, "ok\n"},
		{"/", "GET", "/", 302, "<a href=\"/ui/\">Found</a>.\n\n"},
		{"/v1/rest/", "GET", "/v1/rest/users/1", 200, user("1")},
		{"/v1/rest/", "GET", "/api/users/1", 404, notFound},
	}
	for _, test := range tests {
		t.Run(test.prefix+" "+test.method+" "+test.target, func(t *testing.T) {
			server := newServer(t, &users{}, Config{Prefix: test.prefix, UI: ui})
			w := do(server, test.method, test.target)
			require.Equal(t, test.want, w.Body.String())
			require.Equal(t, test.code, w.Code)
		})
	}
}

func TestNewRefuses(t *testing.T) {
	tests := []struct {
		config Config
		want   string
	}{
		{Config{Prefix: "api"}, `server: prefix "api" does not start with /`},
		{Config{Prefix: "//"}, ``},
		{Config{Prefix: "/a//b"}, `server: prefix "/a//b" has a segment that is not of letters, digits, - _ . or ~`},
		{Config{Prefix: "/a%20b"}, `server: prefix "/a%20b" has a segment that is not of letters, digits, - _ . or ~`},
		{Config{Prefix: "/.."}, `server: prefix "/.." has a segment that is not of letters, digits, - _ . or ~`},
		{Config{Prefix: "/ui/api"}, `server: prefix "/ui/api": /ui is taken`},
		{Config{Prefix: "/readyz"}, `server: prefix "/readyz": /readyz is taken`},
		{Config{PublicPrefix: "api"}, `server: public prefix "api" does not start with /`},
		{Config{PublicPrefix: "/a//b"}, `server: public prefix "/a//b" has a segment that is not of letters, digits, - _ . or ~`},
		{Config{PublicPrefix: "https://api.example"}, `server: public prefix "https://api.example" does not start with /`},
		{Config{DrainTimeout: -1}, `server: drain timeout and drain delay must not be negative`},
		{
			Config{RequestHeaders: []string{"X-Tenant", "X-AUTH-Subject"}},
			`server: request header "X-AUTH-Subject": those that begin with x-auth- say who calls, and are not taken from clients`,
		},
		{Config{TrustedProxies: []netip.Prefix{{}}}, `server: trusted proxies: invalid Prefix is no prefix of addresses`},
		{Config{ForwardedHeader: "X-Real-Ip"}, `server: forwarded header "X-Real-Ip": it is x-forwarded-for or forwarded`},
		{Config{ReadTimeout: -1}, `server: read timeout must not be negative`},
		{Config{StreamIdle: -1}, `transcode: stream idle timeout -1ns is not positive`},
		{Config{HSTS: -1}, `server: HSTS must not be negative`},
		{Config{MaxConnectionsPerClient: -1}, `server: limits of connections must not be negative`},
		{Config{Timeout: -1}, `transcode: timeout -1ns is not positive`},
	}
	conn := dial(t, &users{})
	for _, test := range tests {
		_, err := New(conn, test.config)
		if test.want == "" {
			require.NoError(t, err)
			continue
		}
		require.EqualError(t, err, test.want)
	}
}

func TestPlaceholderPage(t *testing.T) {
	server := newServer(t, &users{}, Config{})
	for _, target := range []string{"/ui", "/ui/"} {
		w := do(server, "GET", target)
		require.Equal(t, 200, w.Code)
		require.Equal(t, "text/html; charset=utf-8", w.Header().Get("Content-Type"))
		require.Contains(t, w.Body.String(), "The web app is not here yet.")
		for _, link := range []string{"/api/users", "/api/services", "/api/ratings"} {
			require.Contains(t, w.Body.String(), `<a href="`+link+`"><code>GET `+link+`</code></a>`)
		}
		require.Equal(t, 3, strings.Count(w.Body.String(), "<li>"))
	}
	require.Equal(t, 404, do(server, "GET", "/ui/x").Code)
	require.Equal(t, 405, do(server, "POST", "/ui/").Code)
}

func TestReadiness(t *testing.T) {
	var problem error
	server := newServer(t, &users{}, Config{Ready: func(context.Context) error { return problem }})
	require.Equal(t, 200, do(server, "GET", "/readyz").Code)
	problem = errors.New("not connected to NATS")
	w := do(server, "GET", "/readyz")
	require.Equal(t, 503, w.Code)
	require.Equal(t, "not ready: not connected to NATS\n", w.Body.String())
	require.Equal(t, 200, do(server, "GET", "/healthz").Code)
}

func TestRequestID(t *testing.T) {
	var forwarded []string
	server := newServer(t, &users{get: func(ctx context.Context, _ *ratingv1.GetUserRequest) (*ratingv1.User, error) {
		md, _ := metadata.FromIncomingContext(ctx)
		forwarded = md.Get("x-request-id")
		return nil, status.Error(codes.NotFound, "none")
	}}, Config{})
	tests := []struct {
		name string
		ids  []string
		kept bool
	}{
		{"sane", []string{"a-B_1.2"}, true},
		{"longest", []string{strings.Repeat("x", 128)}, true},
		{"none", nil, false},
		{"empty", []string{""}, false},
		{"too long", []string{strings.Repeat("x", 129)}, false},
		{"space", []string{"a b"}, false},
		{"line break", []string{"a\nb"}, false},
		{"not ASCII", []string{"é"}, false},
		{"two", []string{"a", "b"}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var headers []string
			for _, id := range test.ids {
				headers = append(headers, "X-Request-Id: "+id)
			}
			ids := do(server, "GET", "/api/users/1", headers...).Header().Values("X-Request-Id")
			require.Len(t, ids, 1)
			require.Equal(t, ids, forwarded)
			if test.kept {
				require.Equal(t, test.ids, ids)
			} else {
				require.Regexp(t, `^[A-Z2-7]{26}$`, ids[0])
			}
		})
	}
}

// logBuffer is a log that can be read while the server writes.
type logBuffer struct {
	mu   sync.Mutex
	data bytes.Buffer
}

func (b *logBuffer) Write(data []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.data.Write(data)
}

// entries returns the lines without their times and durations, after a check that they have them.
func (b *logBuffer) entries(t *testing.T) []map[string]any {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	var entries []map[string]any
	for line := range strings.Lines(b.data.String()) {
		entry := map[string]any{}
		require.NoError(t, json.Unmarshal([]byte(line), &entry))
		require.Contains(t, entry, "time")
		require.Contains(t, entry, "duration_ms")
		delete(entry, "time")
		delete(entry, "duration_ms")
		entries = append(entries, entry)
	}
	return entries
}

func TestAccessLog(t *testing.T) {
	var log logBuffer
	logger := slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	server := newServer(t, &users{get: func(context.Context, *ratingv1.GetUserRequest) (*ratingv1.User, error) {
		return nil, errors.New("disk full")
	}}, Config{Logger: logger})
	const id = "X-Request-Id: 1"
	do(server, "GET", "/api/users?page_size=5", id)
	do(server, "GET", "/api/users/ada", id)
	do(server, "GET", "/api/nothing", id)
	do(server, "GET", "/nothing", id)
	do(server, "GET", "/healthz", id)
	do(server, "GET", "/", id)
	entry := func(level, route string, status, bytes float64, more ...string) map[string]any {
		e := map[string]any{
			"level": level, "msg": "request", "client": "192.0.2.1", "method": "GET", "route": route, "status": status, "bytes": bytes,
			"request_id": "1",
		}
		for i := 0; i < len(more); i += 2 {
			e[more[i]] = more[i+1]
		}
		return e
	}
	require.Equal(t, []map[string]any{
		entry("INFO", "/users", 200, 31, "rpc", "rating.v1.UserService.ListUsers", "code", "OK"),
		entry("ERROR", "/{name=users/*}", 500, 68, "rpc", "rating.v1.UserService.GetUser", "code", "Unknown", "error", "rpc error: code = Unknown desc = disk full"),
		entry("INFO", "", 404, 85, "code", "NotFound", "error", "there is nothing at this path"),
		entry("INFO", "", 404, 85),
		entry("DEBUG", "/healthz", 200, 3),
		entry("INFO", "/", 302, 27),
	}, log.entries(t))
}

func TestPanicIsA500(t *testing.T) {
	var log logBuffer
	server := newServer(t, &users{}, Config{
		Logger: slog.New(slog.NewJSONHandler(&log, nil)),
		UI: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/ui/late" {
				fmt.Fprint(w, "half")
			}
			panic("secret")
		}),
	})
	w := do(server, "GET", "/ui/")
	require.Equal(t, 500, w.Code)
	require.Equal(t, `{"error":{"code":500,"message":"internal error","status":"INTERNAL"}}`, w.Body.String())
	require.PanicsWithValue(t, http.ErrAbortHandler, func() { do(server, "GET", "/ui/late") })
	entries := log.entries(t)
	require.Len(t, entries, 2)
	require.Equal(t, "secret", entries[0]["panic"])
	require.Contains(t, entries[0]["stack"], "server_test.go")
	require.Equal(t, 500.0, entries[0]["status"])
	require.Equal(t, "ERROR", entries[0]["level"])
}

// running is a server that serves on a port of its own.
type running struct {
	address string
	stop    context.CancelFunc
	done    chan error
}

func run(t *testing.T, server *Server) *running {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	r := &running{address: listener.Addr().String(), stop: stop, done: make(chan error, 1)}
	go func() { r.done <- server.Serve(ctx, listener) }()
	t.Cleanup(stop)
	return r
}

// send sends a request on a connection of its own and returns a function that reads the answer.
func (r *running) send(t *testing.T, request string) func() (status int, body string, err error) {
	t.Helper()
	conn, err := net.Dial("tcp", r.address)
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
	_, err = io.WriteString(conn, request)
	require.NoError(t, err)
	return func() (int, string, error) {
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			return 0, "", err
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		return response.StatusCode, string(body), err
	}
}

// TestServeDrains ends the context while a request is in flight: it is answered, and readiness is false meanwhile.
func TestServeDrains(t *testing.T) {
	started, release := make(chan struct{}), make(chan struct{})
	server := newServer(t, &users{get: func(_ context.Context, r *ratingv1.GetUserRequest) (*ratingv1.User, error) {
		close(started)
		<-release
		return &ratingv1.User{Name: r.GetName()}, nil
	}}, Config{})
	r := run(t, server)
	answer := r.send(t, "GET /api/users/1 HTTP/1.1\r\nHost: x\r\n\r\n")
	<-started
	r.stop()
	require.Eventually(t, func() bool { return do(server, "GET", "/readyz").Code == 503 }, 10*time.Second, time.Millisecond)
	require.Equal(t, "not ready: draining\n", do(server, "GET", "/readyz").Body.String())
	require.Eventually(t, func() bool {
		conn, err := net.Dial("tcp", r.address)
		if err == nil {
			conn.Close()
		}
		return err != nil
	}, 10*time.Second, time.Millisecond, "the listener closes")
	close(release)
	status, body, err := answer()
	require.NoError(t, err)
	require.Equal(t, 200, status)
	require.Equal(t, `{"name":"users/1","displayName":"","email":"","etag":""}`, body)
	require.NoError(t, <-r.done)
}

func TestServeCutsOffAfterTheDrainTimeout(t *testing.T) {
	started := make(chan struct{})
	server := newServer(t, &users{get: func(ctx context.Context, _ *ratingv1.GetUserRequest) (*ratingv1.User, error) {
		close(started)
		<-ctx.Done()
		return nil, ctx.Err()
	}}, Config{DrainTimeout: 20 * time.Millisecond})
	r := run(t, server)
	answer := r.send(t, "GET /api/users/1 HTTP/1.1\r\nHost: x\r\n\r\n")
	<-started
	r.stop()
	require.EqualError(t, <-r.done, "server: not drained after 20ms: 1 requests cut off")
	_, _, err := answer()
	require.Error(t, err, "no answer rather than a wrong one")
}

func TestServeAcceptsDuringTheDrainDelay(t *testing.T) {
	server := newServer(t, &users{}, Config{DrainDelay: time.Hour})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Serve(ctx, listener) }()
	r := &running{address: listener.Addr().String()}
	stop()
	require.Eventually(t, func() bool { return do(server, "GET", "/readyz").Code == 503 }, 10*time.Second, time.Millisecond)
	status, body, err := r.send(t, "GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")()
	require.NoError(t, err)
	require.Equal(t, 503, status)
	require.Equal(t, "not ready: draining\n", body)
	require.NoError(t, listener.Close())
	require.ErrorContains(t, <-done, "server: serve: accept tcp ")
}

func TestServeReturnsTheListenersError(t *testing.T) {
	server := newServer(t, &users{}, Config{})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	require.ErrorContains(t, server.Serve(context.Background(), listener), "server: serve: accept tcp ")
}

// TestClientGone has a client close its connection in mid-call: the call ends, and the log has a 499.
func TestClientGone(t *testing.T) {
	var log logBuffer
	started, ended := make(chan struct{}), make(chan struct{})
	server := newServer(t, &users{get: func(ctx context.Context, _ *ratingv1.GetUserRequest) (*ratingv1.User, error) {
		close(started)
		<-ctx.Done()
		close(ended)
		return nil, ctx.Err()
	}}, Config{Logger: slog.New(slog.NewJSONHandler(&log, nil))})
	r := run(t, server)
	conn, err := net.Dial("tcp", r.address)
	require.NoError(t, err)
	_, err = io.WriteString(conn, "GET /api/users/1 HTTP/1.1\r\nHost: x\r\n\r\n")
	require.NoError(t, err)
	<-started
	require.NoError(t, conn.Close())
	<-ended
	require.Eventually(t, func() bool { return len(log.entries(t)) == 1 }, 10*time.Second, time.Millisecond)
	entry := log.entries(t)[0]
	require.Equal(t, 499.0, entry["status"])
	require.Equal(t, "Canceled", entry["code"])
	require.Equal(t, 0.0, entry["bytes"])
	r.stop()
	require.NoError(t, <-r.done)
}

func TestHeadersAreLimited(t *testing.T) {
	r := run(t, newServer(t, &users{}, Config{}))
	status, _, err := r.send(t, "GET / HTTP/1.1\r\nHost: x\r\nX: "+strings.Repeat("x", 80<<10)+"\r\n\r\n")()
	require.NoError(t, err)
	require.Equal(t, 431, status)
	r.stop()
	require.NoError(t, <-r.done)
}
