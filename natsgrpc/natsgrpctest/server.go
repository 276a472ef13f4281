// Package natsgrpctest helps to test natsgrpc and what is built on it: an in-process NATS server with JetStream, and the
// conformance suites that every transport for gRPC calls must pass: Run for unary ones, RunStreams for streams.
package natsgrpctest

import (
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// startTimeout bounds the start of a server.
const startTimeout = 10 * time.Second

// NewServer runs a NATS server with JetStream on a free port of the loopback interface, with its store in a temporary
// folder. It is shut down when the test ends.
func NewServer(t testing.TB) *server.Server {
	t.Helper()
	return NewServerAt(t, t.TempDir(), server.RANDOM_PORT)
}

// NewServerAt is NewServer with its store in dir and on port, so that a test can shut it down and start it again.
func NewServerAt(t testing.TB, dir string, port int) *server.Server {
	t.Helper()
	return NewServerWith(t, &server.Options{StoreDir: dir, Port: port})
}

// NewServerWith is NewServer with options, such as users and certificates. It sets those that every test server shares,
// and the port and the store if they are not set.
func NewServerWith(t testing.TB, options *server.Options) *server.Server {
	t.Helper()
	options.Host = "127.0.0.1"
	options.JetStream = true
	options.NoSigs = true
	options.NoLog = true
	if options.Port == 0 {
		options.Port = server.RANDOM_PORT
	}
	if options.StoreDir == "" {
		options.StoreDir = t.TempDir()
	}
	ns, err := server.NewServer(options)
	require.NoError(t, err)
	ns.Start()
	t.Cleanup(func() {
		ns.Shutdown()
		ns.WaitForShutdown()
	})
	require.True(t, ns.ReadyForConnections(startTimeout), "the NATS server does not start")
	return ns
}

// Connect returns a connection to ns that reconnects for ever, quickly, and is closed when the test ends.
func Connect(t testing.TB, ns *server.Server) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(ns.ClientURL(), nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond))
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	return nc
}
