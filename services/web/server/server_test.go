package server_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/services/web/server"
)

var discard = slog.New(slog.DiscardHandler)

func newServer(t *testing.T, config server.Config) *server.Server {
	t.Helper()
	s, err := server.NewServer(newHandler(t, config), discard, nil)
	require.NoError(t, err)
	return s
}

func TestHealthIsToldBesideTheApp(t *testing.T) {
	built := newServer(t, server.Config{Assets: app()})
	empty := newServer(t, server.Config{Assets: fstest.MapFS{}})
	for _, c := range []struct {
		server       *server.Server
		method, path string
		code         int
		body         string
	}{
		{built, "GET", "/healthz", 200, "ok\n"},
		{built, "GET", "/readyz", 200, "ok\n"},
		{empty, "GET", "/healthz", 200, "ok\n"},
		{empty, "GET", "/readyz", 503, "The web app is not built: go run ./tools/dev web build\n"},
		{built, "POST", "/healthz", 405, "Method Not Allowed\n"},
		{built, "GET", "/ui/", 200, indexHTML},
		{built, "GET", "/", 302, "<a href=\"/ui/\">Found</a>.\n\n"},
		{built, "GET", "/uix", 404, "404 page not found\n"},
	} {
		got := do(c.server, c.method, c.path)
		require.Equal(t, c.code, got.Code, c.path)
		require.Equal(t, c.body, got.Body.String(), c.path)
	}
}

// serve serves an app whose session waits until proceed is closed.
func serve(t *testing.T, delay, timeout time.Duration) (url string, stop context.CancelFunc, started chan struct{}, proceed chan struct{}, ended chan error) {
	t.Helper()
	started, proceed, ended = make(chan struct{}), make(chan struct{}), make(chan error, 1)
	s := newServer(t, server.Config{Assets: app(), SignIn: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(started)
		<-proceed
	})})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	go func() { ended <- s.Serve(ctx, listener, delay, timeout) }()
	return "http://" + listener.Addr().String(), stop, started, proceed, ended
}

func TestServeDrains(t *testing.T) {
	url, stop, started, proceed, ended := serve(t, 0, 10*time.Second)
	answered := make(chan error, 1)
	go func() {
		response, err := http.Get(url + "/ui/auth/session")
		if err == nil {
			_, err = io.Copy(io.Discard, response.Body)
			_ = response.Body.Close()
		}
		answered <- err
	}()
	<-started
	stop()
	close(proceed)
	require.NoError(t, <-answered)
	require.NoError(t, <-ended)
}

func TestServeCutsOffWhatDoesNotEnd(t *testing.T) {
	url, stop, started, proceed, ended := serve(t, 0, 10*time.Millisecond)
	go func() {
		if response, err := http.Get(url + "/ui/auth/session"); err == nil {
			_ = response.Body.Close()
		}
	}()
	<-started
	stop()
	require.EqualError(t, <-ended, "not drained after 10ms: the rest is cut off")
	close(proceed)
}

func TestServeIsNotReadyWhileItStops(t *testing.T) {
	const delay = 2 * time.Second // a busy machine takes its time to ask
	url, stop, _, _, ended := serve(t, delay, 10*time.Second)
	stop()
	require.Eventually(t, func() bool {
		response, err := http.Get(url + "/readyz")
		if err != nil {
			return false
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		return err == nil && response.StatusCode == http.StatusServiceUnavailable && string(body) == "stopping\n"
	}, 2*delay, time.Millisecond)
	require.NoError(t, <-ended)
}
