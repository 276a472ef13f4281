package main

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/require"
)

func TestConnectionsAreHeldAndAnswered(t *testing.T) {
	c := &connectionsCommand{Connections: 50, Duration: 2 * time.Second, Interval: time.Second, Timeout: 10 * time.Second}
	var report, progress strings.Builder
	require.NoError(t, c.run(t.Context(), &report, &progress))
	require.Equal(t, "50 connections are open; requests for 2s\n", progress.String())
	for _, want := range []string{
		"; 50 connections, each with a request every 1s for 2s\n" +
			"the proxy admits 66 connections (its default is 10000), of each client 1000 (its default); each connection is of another client\n",
		"\nrequests  100 in ", "; errors 0\nlatency   p50 ", "\nlate      p50 ", "\ncpu       for each request: proxy ",
		"resident", " before ", " all open ", " after the last request ", " each connection, idle ", " each connection, used ",
	} {
		require.Contains(t, report.String(), want)
	}
}

func TestTheProxyIsAskedWhatTheConnectionsTake(t *testing.T) {
	c := &connectionsCommand{Connections: 200, Duration: 20 * time.Millisecond, Interval: 20 * time.Millisecond, Timeout: 10 * time.Second}
	running, err := c.start(t.Context(), t.TempDir())
	defer func() { require.NoError(t, running.stop()) }()
	require.NoError(t, err)
	seen, err := c.measure(t.Context(), running.all, io.Discard)
	require.NoError(t, err)
	require.Empty(t, seen.failed)
	require.Len(t, seen.took, 200)
	require.Len(t, seen.late, 200)
	require.GreaterOrEqual(t, seen.opened.files-seen.before.files, int64(199))
	require.Greater(t, seen.opened.heap, seen.before.heap)
	require.Greater(t, seen.opened.stacks, seen.before.stacks)
	require.GreaterOrEqual(t, seen.used.resident, seen.before.resident)
	require.Len(t, seen.cpu, 3)
	require.Positive(t, seen.own.total())
}

func TestFailuresAreCountedByKind(t *testing.T) {
	// Three requests of each connection. A busy machine may take its time over them.
	patient := connectionsCommand{Connections: 2, Duration: 600 * time.Millisecond, Interval: 200 * time.Millisecond, Timeout: 10 * time.Second}
	// The first two time out, which takes 4.4 s: the third is late by more than the timeout. The second has 2 s to begin in.
	hasty := connectionsCommand{Connections: 2, Duration: 2100 * time.Millisecond, Interval: 700 * time.Millisecond, Timeout: 2200 * time.Millisecond}
	serve := func(handler http.HandlerFunc) string {
		srv := httptest.NewServer(handler)
		t.Cleanup(srv.Close)
		return srv.URL
	}
	for _, test := range []struct {
		name, url string
		command   connectionsCommand
		failed    map[string]int
	}{
		{"none", serve(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "fine") }), patient, map[string]int{}},
		{"a status", serve(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }), patient, map[string]int{"status 503": 6}},
		{"another answer", serve(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "other") }), patient, map[string]int{"another answer than the first one": 6}},
		{"no answer", serve(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }), patient, map[string]int{"closed by the proxy": 6}},
		{"nobody", "http://127.0.0.1:1", patient, map[string]int{"cannot connect: connect: connection refused": 6}},
		{"a slow one", serve(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }), hasty, map[string]int{"timeout": 4, "not sent: the requests before it took too long": 2}},
	} {
		t.Run(strings.ReplaceAll(test.name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			c := test.command
			var all []*connection
			for i := range c.Connections {
				conn, err := newConnection(test.url, i, request{method: "GET", path: "/"}, []byte("fine"), c.Timeout)
				require.NoError(t, err)
				defer conn.close()
				all = append(all, conn)
			}
			seen, err := c.send(t.Context(), all)
			require.NoError(t, err)
			require.Equal(t, test.failed, seen.failed)
			require.Equal(t, 6, seen.requests())
			if seen.failures() == 0 {
				require.NoError(t, seen.err())
			} else {
				require.EqualError(t, seen.err(), "6 of 6 requests failed")
			}
		})
	}
}

func TestEveryConnectionIsOfAnotherClient(t *testing.T) {
	seen := make(chan string, 3)
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		host, _, _ := net.SplitHostPort(r.RemoteAddr)
		seen <- host
	}))
	defer srv.Close()
	for _, test := range []struct {
		n    int
		want string
	}{{0, "127.1.0.0"}, {257, "127.1.1.1"}, {mostConnections - 1, "127.1.253.231"}} {
		conn, err := newConnection(srv.URL, test.n, request{method: "GET", path: "/"}, nil, time.Second)
		require.NoError(t, err)
		require.NoError(t, conn.send(t.Context()))
		conn.close()
		require.Equal(t, test.want, <-seen)
	}
}

func TestTooFewFileDescriptorsAreSaidBefore(t *testing.T) {
	c := &connectionsCommand{Connections: 10_000}
	require.NoError(t, c.fits(10_256))
	require.EqualError(t, c.fits(1024), "--connections 10000: each takes a file descriptor here and one in the proxy, and a process may have 1024 (RLIMIT_NOFILE): "+
		"raise the limit to 10256 or more (ulimit -n 10256, as root or in limits.conf), or want at most 768")
}

func TestMemoryIsReadAsItIsWritten(t *testing.T) {
	m := memory{resident: 1, heap: 2, stacks: 3, files: 4}
	got, err := parseMemory(m.String())
	require.NoError(t, err)
	require.Equal(t, m, got)
	for _, text := range []string{"", "1 2 3", "1 2 3 4 5", "1 2 3 x"} {
		_, err := parseMemory(text)
		require.EqualError(t, err, `memory "`+text+`": want four numbers`)
	}
}

func TestOwnMemoryCountsOpenFiles(t *testing.T) {
	before, err := ownMemory()
	require.NoError(t, err)
	require.Positive(t, before.resident)
	require.Positive(t, before.heap)
	require.Positive(t, before.stacks)
	f, err := os.Open(os.DevNull)
	require.NoError(t, err)
	after, err := ownMemory()
	require.NoError(t, err)
	require.NoError(t, f.Close())
	require.Equal(t, before.files+1, after.files)
}

func TestFlagsOfConnections(t *testing.T) {
	for _, test := range []struct{ args, want string }{
		{"", ""},
		{"--connections 50 --duration 2s --interval 500ms --timeout 1s", ""},
		{"--connections 0", "--connections 0: want 1 to 65000"},
		{"--connections 65001", "--connections 65001: want 1 to 65000"},
		{"--interval 0s", "--interval 0s: want at least 1ms"},
		{"--timeout 0s", "--timeout 0s: want at least 1ms"},
		{"--duration 10ms", "--duration 10ms: want at least the interval, 1s"},
	} {
		t.Run(test.args, func(t *testing.T) {
			parser, err := kong.New(&cli{})
			require.NoError(t, err)
			_, err = parser.Parse(append([]string{"connections"}, strings.Fields(test.args)...))
			if test.want == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, test.want)
			}
		})
	}
}

func TestRankIsTheNearest(t *testing.T) {
	values := make([]time.Duration, 200)
	for i := range values {
		values[i] = time.Duration(i+1)*time.Microsecond + 1
	}
	require.Equal(t, 100*time.Microsecond, rank(values, 50))
	require.Equal(t, 198*time.Microsecond, rank(values, 99))
	require.Equal(t, 200*time.Microsecond, rank(values, 99.9))
	require.Equal(t, 200*time.Microsecond, rank(values, 100))
	require.Zero(t, rank(nil, 50))
	require.Equal(t, 7*time.Microsecond, rank(values[6:7], 99))
}
