package faults_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// natsRole is a NATS server with JetStream. Started again with the same role it goes on with its store.
type natsRole struct {
	Port     int
	StoreDir string

	// of a cluster only
	Name        string
	ClusterPort int
	Routes      []string

	WriteDeadline time.Duration // a client that does not read for this long is cut off; 0 for the server's default
}

// maxStore is what JetStream may store. The streams reserve a bit more than 2 GiB; the disk may have less.
const maxStore = 16 << 30

func (r *natsRole) play(ctx context.Context) error {
	options := &server.Options{
		Host:              "127.0.0.1",
		Port:              r.Port,
		ServerName:        r.Name,
		JetStream:         true,
		JetStreamMaxStore: maxStore,
		StoreDir:          r.StoreDir,
		WriteDeadline:     r.WriteDeadline,
		NoSigs:            true,
		NoLog:             true,

		LameDuckDuration:    time.Second,
		LameDuckGracePeriod: 100 * time.Millisecond,
	}
	if r.ClusterPort != 0 {
		options.Cluster = server.ClusterOpts{Name: "faults", Host: "127.0.0.1", Port: r.ClusterPort, NoAdvertise: true}
		options.Routes = server.RoutesFromStr(strings.Join(r.Routes, ","))
	}
	ns, err := server.NewServer(options)
	if err != nil {
		return fmt.Errorf("NATS server: %w", err)
	}
	ns.Start()
	if !ns.ReadyForConnections(startTimeout) {
		return errors.New("NATS server: it does not start")
	}
	sayReady()
	<-ctx.Done()
	ns.LameDuckShutdown()
	ns.WaitForShutdown()
	return nil
}

func (r *natsRole) url() string { return fmt.Sprintf("nats://127.0.0.1:%d", r.Port) }

// start starts the server.
func (r *natsRole) start(t *testing.T) *process {
	t.Helper()
	return start(t, role{NATS: r}, nil)
}

// newCluster returns three servers that know each other.
func newCluster(t *testing.T) []*natsRole {
	t.Helper()
	servers := make([]*natsRole, 3)
	var routes []string
	for i := range servers {
		servers[i] = newNATS(t)
		servers[i].Name, servers[i].ClusterPort = fmt.Sprintf("node-%d", i), freePort(t)
		routes = append(routes, fmt.Sprintf("nats://127.0.0.1:%d", servers[i].ClusterPort))
	}
	for _, s := range servers {
		s.Routes = routes
	}
	return servers
}

// newNATS returns a server with a store and a port of its own. Both stay over restarts.
func newNATS(t *testing.T) *natsRole {
	t.Helper()
	return &natsRole{Port: freePort(t), StoreDir: t.TempDir()}
}

// freePort returns a port of the loopback interface that is free now, and so most likely in a moment too.
func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	return listener.Addr().(*net.TCPAddr).Port
}

// connectOptions make a connection that comes back for as long as the process lives.
func connectOptions() []nats.Option {
	return []nats.Option{
		nats.MaxReconnects(-1),
		nats.ReconnectWait(20 * time.Millisecond),
		nats.ReconnectJitter(0, 0),
		nats.RetryOnFailedConnect(true),
		nats.IgnoreDiscoveredServers(),                                    // they are all known, or behind a link
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}), // broken connections are the point
	}
}

// connect returns a connection that is closed when the test ends.
func connect(t *testing.T, url string) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(url, connectOptions()...)
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	return nc
}
