package natsgrpc_test

import (
	"testing"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve runs a server over nc until the test ends.
func serve(t *testing.T, nc *nats.Conn, register func(grpc.ServiceRegistrar), options ...natsgrpc.ServerOption) {
	t.Helper()
	srv, err := natsgrpc.NewServer(nc, options...)
	require.NoError(t, err)
	register(srv)
	stop := serveUntil(t, srv)
	t.Cleanup(func() { require.NoError(t, stop()) })
}

// connect returns a connection over nc that is closed when the test ends.
func connect(t testing.TB, nc *nats.Conn) *natsgrpc.Conn {
	t.Helper()
	conn, err := natsgrpc.NewConn(nc)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	return conn
}
