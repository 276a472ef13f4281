package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/services/web/server"
	"github.com/codingflow/rating/telemetry"
)

// upstream stands for sign-in and the API: its answer is in the path.
func upstream(w http.ResponseWriter, r *http.Request) {
	switch {
	case strings.HasSuffix(r.URL.Path, "/unreachable"):
		w.WriteHeader(http.StatusBadGateway)
	case strings.HasSuffix(r.URL.Path, "/panics"):
		panic("a defect")
	case strings.HasSuffix(r.URL.Path, "/breaks-off"):
		_, _ = io.WriteString(w, "half")
		panic(http.ErrAbortHandler)
	case strings.HasPrefix(r.URL.Path, "/ui/api/"):
		w.Header().Set("X-Request-Id", "1")
		fallthrough
	default:
		_, _ = io.WriteString(w, "{}")
	}
}

// logged is a line of the log.
type logged map[string]any

func TestEachRequestIsALineOfTheLog(t *testing.T) {
	var lines bytes.Buffer
	logger := slog.New(slog.NewJSONHandler(&lines, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s, err := server.NewServer(newHandler(t, server.Config{Assets: app(), SignIn: http.HandlerFunc(upstream)}), logger, nil)
	require.NoError(t, err)
	const left = true
	for _, c := range []struct {
		method, target string
		left           bool
		level, route   string
		status, bytes  int
		more           logged
	}{
		{"GET", "/ui/services/1?q=a%20name", false, "INFO", "/ui/", 200, len(indexHTML), nil},
		{"GET", "/ui/assets/gone.js", false, "INFO", "/ui/assets/", 404, 22, nil},
		{"POST", "/ui/services", false, "INFO", "/ui/", 405, 50, nil},
		{"GET", "/elsewhere", false, "INFO", "", 404, 19, nil},
		{"GET", "/healthz", false, "DEBUG", "/healthz", 200, 3, nil},
		{"GET", "/readyz", false, "DEBUG", "/readyz", 200, 3, nil},
		{"GET", "/ui/auth/callback?code=secret&state=secret", false, "INFO", "/ui/auth/callback", 200, 2, nil},
		{"DELETE", "/ui/api/ratings/a%2Fb", false, "INFO", "/ui/api/", 200, 2, logged{"request_id": "1"}},
		{"GET", "/ui/api/unreachable", false, "ERROR", "/ui/api/", 502, 0, nil},
		{"GET", "/ui/api/unreachable", left, "INFO", "/ui/api/", 499, 0, nil},
		{"GET", "/ui/api/services", left, "INFO", "/ui/api/", 200, 2, logged{"request_id": "1"}},
		{"GET", "/ui/api/breaks-off", false, "ERROR", "/ui/api/", 200, 4, logged{"error": "the answer was cut off"}},
		{"GET", "/ui/api/breaks-off", left, "INFO", "/ui/api/", 499, 4, nil},
		{"GET", "/ui/api/panics", left, "ERROR", "/ui/api/", 500, 0, logged{"panic": "a defect"}},
		{"GET", "/ui/" + strings.Repeat("a", 600), false, "INFO", "/ui/", 200, len(indexHTML), nil},
	} {
		t.Run(c.method+" "+c.target[:min(len(c.target), 40)], func(t *testing.T) {
			lines.Reset()
			request := httptest.NewRequest(c.method, c.target, nil)
			ctx, leave := context.WithCancel(t.Context())
			defer leave()
			if c.left {
				leave()
			}
			func() {
				defer func() { _ = recover() }() // net/http's part
				s.ServeHTTP(httptest.NewRecorder(), request.WithContext(ctx))
			}()
			var got logged
			require.NoError(t, json.Unmarshal(lines.Bytes(), &got), "one line: %s", lines.String())
			require.NotContains(t, lines.String(), "secret")
			require.GreaterOrEqual(t, got["duration_ms"], 0.0)
			if c.more["panic"] != nil {
				require.Contains(t, got["stack"], "upstream", "where it has happened")
			}
			for _, key := range []string{"time", "duration_ms", "stack"} {
				delete(got, key)
			}
			path, _, _ := strings.Cut(c.target, "?")
			want := logged{
				"level": c.level, "msg": "request", "client": "192.0.2.1", "method": c.method, "route": c.route,
				"path": path[:min(len(path), 512)], "status": float64(c.status), "bytes": float64(c.bytes),
			}
			for key, value := range c.more {
				want[key] = value
			}
			require.Equal(t, want, got)
		})
	}
}

// A trace that begins in the browser passes through, and is in the log.
func TestTheTraceOfARequestIsInTheLog(t *testing.T) {
	for traceparent, want := range map[string]any{
		"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01": "0af7651916cd43dd8448eb211c80319c",
		"nonsense": nil,
	} {
		var line bytes.Buffer
		passed := ""
		s, err := server.NewServer(newHandler(t, server.Config{Assets: app(), SignIn: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			passed = r.Header.Get("Traceparent")
		})}), slog.New(slog.NewJSONHandler(&line, nil)), nil)
		require.NoError(t, err)
		request := httptest.NewRequest(http.MethodGet, "/ui/api/users", nil)
		request.Header.Set("Traceparent", traceparent)
		s.ServeHTTP(httptest.NewRecorder(), request)
		require.Equal(t, traceparent, passed)
		var got logged
		require.NoError(t, json.Unmarshal(line.Bytes(), &got))
		require.Equal(t, want, got["trace_id"])
	}
}

func TestAPanicIsLeftToTheServer(t *testing.T) {
	s := newServer(t, server.Config{Assets: app(), SignIn: http.HandlerFunc(upstream)})
	require.PanicsWithValue(t, "a defect", func() { do(s, "GET", "/ui/api/panics") })
}

// Clients choose neither how many series there are, nor their names.
func TestRequestsAreMeasuredByRoute(t *testing.T) {
	metrics, err := telemetry.NewMetrics("web")
	require.NoError(t, err)
	defer func() { require.NoError(t, metrics.Close()) }()
	s, err := server.NewServer(newHandler(t, server.Config{Assets: app(), SignIn: http.HandlerFunc(upstream)}), discard, metrics.Provider())
	require.NoError(t, err)
	for _, target := range []string{"GET /ui/users", "GET /ui/services", "POST /ui/api/ratings", "GET /ui/api/unreachable", "BREW /x", "STEEP /x"} {
		method, path, _ := strings.Cut(target, " ")
		do(s, method, path)
	}
	func() {
		defer func() { _ = recover() }() // net/http's part
		do(s, "GET", "/ui/api/breaks-off")
	}()
	var got []string
	for line := range strings.Lines(do(metrics.Handler(), "GET", "/metrics").Body.String()) {
		if counted, ok := strings.CutPrefix(line, "http_server_request_duration_seconds_count"); ok {
			got = append(got, strings.TrimSpace(counted))
		}
	}
	require.ElementsMatch(t, []string{
		`{http_request_method="GET",http_response_status_code="200",http_route="/ui/",url_scheme="http"} 2`,
		`{http_request_method="POST",http_response_status_code="200",http_route="/ui/api/",url_scheme="http"} 1`,
		`{error_type="502",http_request_method="GET",http_response_status_code="502",http_route="/ui/api/",url_scheme="http"} 1`,
		`{error_type="_OTHER",http_request_method="GET",http_response_status_code="200",http_route="/ui/api/",url_scheme="http"} 1`,
		`{http_request_method="_OTHER",http_response_status_code="404",url_scheme="http"} 2`,
	}, got)
}

// Behind the log the API's answers still stream, and have deadlines of their own.
func TestAnswersStreamThroughTheLog(t *testing.T) {
	s := newServer(t, server.Config{Assets: app(), SignIn: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		if err := control.SetWriteDeadline(time.Now().Add(time.Minute)); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		_, _ = io.WriteString(w, "first")
		_ = control.Flush()
		<-r.Context().Done() // the client has read it and left
	})})
	listening := httptest.NewServer(s)
	defer listening.Close()
	response, err := http.Get(listening.URL + "/ui/api/stream")
	require.NoError(t, err)
	first := make([]byte, len("first"))
	_, err = io.ReadFull(response.Body, first)
	require.NoError(t, err)
	require.Equal(t, "first", string(first))
	require.NoError(t, response.Body.Close())
}
