package faults

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	streampb "github.com/codingflow/rating/proto/natsgrpctest/v1"
	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
	proxyserver "github.com/codingflow/rating/proxy/server"
)

// reset closes a connection as one that breaks, without a farewell.
func reset(t testing.TB, conn net.Conn) {
	t.Helper()
	require.NoError(t, conn.(*net.TCPConn).SetLinger(0))
	require.NoError(t, conn.Close())
}

// TestClientGone has clients leave at each point of a call.
func TestClientGone(t *testing.T) {
	w := newDefaultWorld(t, proxyserver.Config{})
	started, ended := make(chan struct{}, 1), make(chan error, 1)
	w.users.get = func(ctx context.Context, r *ratingv1.GetUserRequest) (*ratingv1.User, error) {
		if !strings.HasSuffix(r.GetName(), "/slow") {
			return &ratingv1.User{Name: r.GetName()}, nil
		}
		started <- struct{}{}
		<-ctx.Done()
		ended <- ctx.Err()
		return nil, ctx.Err()
	}
	w.streams.OnDownload = func(_ []byte, stream natsgrpctest.DownloadStream) error {
		if err := stream.Send(&streampb.DownloadResponse{}); err != nil {
			return err
		}
		started <- struct{}{}
		<-stream.Context().Done()
		ended <- stream.Context().Err()
		return stream.Context().Err()
	}
	w.streams.OnUpload = func(stream natsgrpctest.UploadStream) error {
		if _, err := stream.Recv(); err != nil {
			return err
		}
		started <- struct{}{}
		_, err := stream.Recv()
		ended <- err
		return err
	}
	w.requireHealthy()
	before := runtime.NumGoroutine()
	tests := []struct {
		name, request string
		calls         bool // the service's handler has begun, and must end
	}{
		{"before it sends anything", "", false},
		{"within the headers", "GET /api/users/slow HTTP/1.1\r\nHo", false},
		{"before the body", createHead + "Content-Length: 100\r\n\r\n", false},
		{"within the body", createHead + "Content-Length: 100\r\n\r\n{", false},
		{"within a chunk", createHead + "Transfer-Encoding: chunked\r\n\r\nff\r\n{", false},
		{"within a query", "GET /api/users/slow HTTP/1.1\r\nHost: x\r\n\r\n", true},
		{"within a stream", "GET /api/download HTTP/1.1\r\nHost: x\r\n\r\n", true},
		{"within an event stream", "GET /api/download HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n", true},
		{"within an upload", "POST /api/upload HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{}\n\r\n", true},
	}
	for _, test := range tests {
		for how, leave := range map[string]func(net.Conn){
			"closes": func(conn net.Conn) { require.NoError(t, conn.Close()) },
			"breaks": func(conn net.Conn) { reset(t, conn) },
		} {
			t.Run(test.name+", "+how, func(t *testing.T) {
				conn := w.dial()
				_, err := io.WriteString(conn, test.request)
				require.NoError(t, err)
				if test.calls {
					receive(t, "the handler", started)
				}
				leave(conn)
				if test.calls {
					require.Error(t, receive(t, "the end of the handler", ended))
				}
				w.requireQuiet(before)
			})
		}
	}
	w.requireHealthy()
}

// TestManyClientsGone has as many clients as the service has slots leave at once, each within a call, again and again.
func TestManyClientsGone(t *testing.T) {
	w := newDefaultWorld(t, proxyserver.Config{})
	started := make(chan struct{}, slots)
	w.streams.OnDownload = func(_ []byte, stream natsgrpctest.DownloadStream) error {
		started <- struct{}{}
		<-stream.Context().Done()
		return stream.Context().Err()
	}
	come := func() {
		conns := make([]net.Conn, slots)
		for i := range conns {
			conns[i] = w.dial()
			_, err := io.WriteString(conns[i], "GET /api/download HTTP/1.1\r\nHost: x\r\n\r\n")
			require.NoError(t, err)
		}
		for range conns {
			receive(t, "a handler", started)
		}
		for _, conn := range conns {
			reset(t, conn)
		}
	}
	come()
	w.requireQuiet(math.MaxInt)
	before := runtime.NumGoroutine() // the service keeps those of its slots
	for range many(3) {
		come()
	}
	w.requireQuiet(before)
	w.requireHealthy()
}

// The errors of a proxy whose service, or NATS, is not there.
const (
	noWorkers = `503 {"error":{"code":503,"message":"no instance of the service is running","status":"UNAVAILABLE",` +
		`"details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"NO_WORKERS","domain":"natsgrpc"}]}}`
	notConnected = `503 {"error":{"code":503,"message":"the service cannot be reached at the moment","status":"UNAVAILABLE",` +
		`"details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"NOT_CONNECTED","domain":"natsgrpc"}]}}`
)

const getA = "GET /api/users/a HTTP/1.1\r\nHost: x\r\n\r\n"

// retryAfter returns the header of the answer to getA.
func (w *world) retryAfter() string {
	w.t.Helper()
	conn := w.dial()
	defer conn.Close()
	_, err := io.WriteString(conn, getA)
	require.NoError(w.t, err)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(w.t, err)
	require.NoError(w.t, response.Body.Close())
	return response.Header.Get("Retry-After")
}

// TestServiceGone stops the service: after the five seconds in which natsgrpc still expects it back, clients are told at once,
// and when to come again.
func TestServiceGone(t *testing.T) {
	url := natsgrpctest.NewServer(t).ClientURL()
	w := newWorld(t, url, proxyserver.Config{})
	w.requireHealthy()
	w.stopService()
	require.Equal(t, []string{noWorkers, healthy}, w.exchange("DELETE /api/users/a HTTP/1.1\r\nHost: x\r\n\r\n"+last))
	require.Equal(t, []string{noWorkers, healthy}, w.exchange(getA+last))
	require.Equal(t, "5", w.retryAfter())
	require.Equal(t, []string{"200 ok\n"}, w.exchange(strings.Replace(last, "healthz", "readyz", 1)), "other services may be there")
	w.work(url)
	w.requireHealthy()
}

// TestServiceKilled cuts the service off in the middle of a query: another one answers it, and the client notices nothing.
func TestServiceKilled(t *testing.T) {
	url := natsgrpctest.NewServer(t).ClientURL()
	w := newWorld(t, url, proxyserver.Config{})
	w.requireHealthy()
	w.stopService()

	started := make(chan struct{})
	nc := connect(t, url)
	victim, err := natsgrpc.NewServer(nc, natsgrpc.WithDescriptors(w.files), natsgrpc.WithLogger(slog.New(slog.DiscardHandler)))
	require.NoError(t, err)
	ratingv1.RegisterUserServiceServer(victim, &users{get: func(ctx context.Context, _ *ratingv1.GetUserRequest) (*ratingv1.User, error) {
		nc.Close()
		close(started)
		<-ctx.Done()
		return nil, ctx.Err()
	}})
	done := make(chan error, 1)
	go func() { done <- victim.Serve(t.Context()) }()
	receive(t, "the service", victim.Ready())
	conn := w.dial()
	_, err = io.WriteString(conn, getA+last)
	require.NoError(t, err)
	receive(t, "the call", started)
	require.ErrorContains(t, receive(t, "the end of the service", done), "connection closed")

	w.work(url)
	require.Equal(t, []string{user("users/a", ""), healthy}, answers(t, conn))
}

// TestNATSGone stops NATS and starts it again on the same port: meanwhile the proxy says at once that it cannot reach the
// service, and is not ready; then all goes on without a restart of anything.
func TestNATSGone(t *testing.T) {
	dir := t.TempDir()
	ns := natsgrpctest.NewServerAt(t, dir, server.RANDOM_PORT)
	port := ns.Addr().(*net.TCPAddr).Port
	w := newWorld(t, ns.ClientURL(), proxyserver.Config{})
	ready := strings.Replace(last, "healthz", "readyz", 1)
	w.requireHealthy()
	require.Equal(t, []string{"200 ok\n"}, w.exchange(ready))
	for range 2 {
		ns.Shutdown()
		ns.WaitForShutdown()
		require.Eventually(t, func() bool { return !w.nc.IsConnected() }, soon, time.Millisecond)
		before := runtime.NumGoroutine()
		for range many(20) {
			start := time.Now()
			require.Equal(t, []string{notConnected, healthy}, w.exchange(getA+last))
			require.Less(t, time.Since(start), 10*time.Second, "at once, not after the call's 30 s")
			require.Equal(t, []string{notConnected, healthy}, w.exchange(post("/api/users", "{}")+last))
			require.Equal(t, []string{notConnected, healthy}, w.exchange("GET /api/download HTTP/1.1\r\nHost: x\r\n\r\n"+last))
		}
		require.Equal(t, "5", w.retryAfter())
		require.Equal(t, []string{"503 not ready: no connection to NATS\n"}, w.exchange(ready))
		w.requireQuiet(before)

		ns = natsgrpctest.NewServerAt(t, dir, port)
		require.Eventually(t, func() bool { return w.exchange(ready)[0] == "200 ok\n" }, soon, time.Millisecond)
		require.Eventually(t, func() bool { return w.exchange(getA + last)[0] == user("users/a", "") }, soon, 10*time.Millisecond)
		w.requireHealthy()
	}
}
