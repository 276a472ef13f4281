package server

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// open opens a connection and reports whether the server takes it: whether it answers a request.
func (r *running) open(t *testing.T) (conn net.Conn, answered bool) {
	t.Helper()
	conn, err := net.Dial("tcp", r.address)
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
	// An error is that of a connection that is closed already.
	_, _ = io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
	_, err = bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		require.NotErrorIs(t, err, os.ErrDeadlineExceeded)
	}
	return conn, err == nil
}

func TestConnectionsAreLimited(t *testing.T) {
	tests := []struct {
		name    string
		config  Config
		allowed int
		logged  string
	}{
		{"in total", Config{MaxConnections: 3}, 3, "limit=total"},
		{"for each client", Config{MaxConnectionsPerClient: 2}, 2, "limit=client client=127.0.0.1/32"},
		{
			"but not for a trusted proxy",
			Config{MaxConnections: 4, MaxConnectionsPerClient: 2, TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}},
			4, "limit=total",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var log lines
			test.config.Logger = slog.New(slog.NewTextHandler(&log, nil))
			server := newServer(t, &users{}, test.config)
			r := run(t, server)
			var open []net.Conn
			for range test.allowed {
				conn, answered := r.open(t)
				require.True(t, answered)
				open = append(open, conn)
			}
			for range 2 {
				_, answered := r.open(t)
				require.False(t, answered)
			}
			count, refused := server.Connections()
			require.Equal(t, test.allowed, count)
			require.EqualValues(t, 2, refused)
			warnings := log.with("connections refused")
			require.Len(t, warnings, 1, "not one for each")
			require.Contains(t, warnings[0], fmt.Sprintf("%s refused=1 open=%d", test.logged, test.allowed))

			require.NoError(t, open[0].Close())
			require.Eventually(t, func() bool {
				_, answered := r.open(t)
				return answered
			}, 10*time.Second, time.Millisecond, "there is room again")
			r.stop()
			require.NoError(t, <-r.done)
			count, _ = server.Connections()
			require.Zero(t, count)
			require.Empty(t, server.connections.clients)
		})
	}
}

func TestConnectionsOfIPv6AreCountedByNetwork(t *testing.T) {
	c := &connections{exempt: func(netip.Addr) bool { return false }}
	for address, want := range map[string]string{
		"192.0.2.1":        "192.0.2.1/32",
		"::ffff:192.0.2.1": "192.0.2.1/32",
		"2001:db8:1:2::1":  "2001:db8:1:2::/64",
		"fe80::1":          "fe80::/64",
	} {
		conn := addressed{address: &net.TCPAddr{IP: net.ParseIP(address), Port: 1}}
		require.Equal(t, want, c.client(conn).String())
	}
	require.False(t, c.client(addressed{address: &net.UnixAddr{Name: "@"}}).IsValid())
}

// addressed is a connection from an address.
type addressed struct {
	net.Conn
	address net.Addr
}

func (c addressed) RemoteAddr() net.Addr { return c.address }

// lines is a log.
type lines struct{ logBuffer }

// with returns the lines that hold a text.
func (l *lines) with(text string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []string
	for line := range strings.Lines(l.data.String()) {
		if strings.Contains(line, text) {
			found = append(found, line)
		}
	}
	return found
}
