package natsdial_test

import (
	"context"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/codingflow/rating/natsgrpc/natsdial"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
)

// relay passes one connection on to an address, until it falls silent.
type relay struct {
	listener net.Listener
	mu       sync.Mutex // held while it is silent
	running  sync.WaitGroup
}

func newRelay(t *testing.T, address string) *relay {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	r := &relay{listener: listener}
	r.running.Go(func() {
		client, err := listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", address)
		if err != nil {
			t.Error(err)
			return
		}
		r.running.Go(func() { r.pass(server, client) })
		r.pass(client, server)
	})
	t.Cleanup(func() {
		require.NoError(t, listener.Close())
		r.running.Wait()
	})
	return r
}

// pass copies until an end closes, and then closes the other.
func (r *relay) pass(to io.WriteCloser, from io.Reader) {
	defer to.Close()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		r.mu.Lock() // while it is silent, this waits
		_, failed := to.Write(buffer[:n])
		r.mu.Unlock()
		if err != nil || failed != nil {
			return
		}
	}
}

func TestReady(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	r := newRelay(t, ns.Addr().String())
	nc, _ := dial(t, natsdial.Config{URL: r.listener.Addr().String()})
	ready := func(within time.Duration) error {
		ctx, cancel := context.WithTimeout(t.Context(), within)
		defer cancel()
		return natsdial.Ready(ctx, nc)
	}
	require.NoError(t, ready(10*time.Second))
	r.mu.Lock()
	require.True(t, nc.IsConnected(), "the client does not know")
	require.EqualError(t, ready(20*time.Millisecond), "NATS does not answer")
	r.mu.Unlock()
	require.NoError(t, ready(10*time.Second))
	ns.Shutdown()
	eventually(t, func() bool { return !nc.IsConnected() })
	require.EqualError(t, ready(10*time.Second), "no connection to NATS")
}

func TestConnectionsAreMeasured(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	nc, _ := dial(t, natsdial.Config{URL: ns.ClientURL()})
	reader := sdkmetric.NewManualReader()
	require.NoError(t, natsdial.Measure(nc, nil))
	require.NoError(t, natsdial.Measure(nc, sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))))
	measured := func() map[string]int64 {
		var collected metricdata.ResourceMetrics
		require.NoError(t, reader.Collect(t.Context(), &collected))
		values := map[string]int64{}
		for _, m := range collected.ScopeMetrics[0].Metrics {
			var points []metricdata.DataPoint[int64]
			switch data := m.Data.(type) {
			case metricdata.Gauge[int64]:
				points = data.DataPoints
			case metricdata.Sum[int64]:
				points = data.DataPoints
			}
			for _, p := range points {
				values[m.Name+" "+p.Attributes.Encoded(attribute.DefaultEncoder())] = p.Value
			}
		}
		return values
	}
	require.Equal(t, map[string]int64{
		"nats.client.connected nats.client.name=test":                              1,
		"nats.client.reconnects nats.client.name=test":                             0,
		"nats.client.pending nats.client.name=test":                                0,
		"nats.client.messages nats.client.name=test,network.io.direction=receive":  0,
		"nats.client.messages nats.client.name=test,network.io.direction=transmit": 0,
		"nats.client.io nats.client.name=test,network.io.direction=receive":        0,
		"nats.client.io nats.client.name=test,network.io.direction=transmit":       0,
	}, measured())

	sub, err := nc.SubscribeSync("x")
	require.NoError(t, err)
	require.NoError(t, nc.Publish("x", []byte("hello")))
	_, err = sub.NextMsg(10 * time.Second)
	require.NoError(t, err)
	require.Equal(t, int64(1), measured()["nats.client.messages nats.client.name=test,network.io.direction=receive"])
	require.Equal(t, int64(5), measured()["nats.client.io nats.client.name=test,network.io.direction=transmit"])

	id, err := nc.GetClientID()
	require.NoError(t, err)
	require.NoError(t, ns.DisconnectClientByID(id))
	eventually(t, func() bool { return measured()["nats.client.reconnects nats.client.name=test"] == 1 })
	ns.Shutdown()
	eventually(t, func() bool { return measured()["nats.client.connected nats.client.name=test"] == 0 })
}
