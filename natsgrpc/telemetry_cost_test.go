package natsgrpc

import (
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// What a call does for telemetry, at both ends, when there is none: it allocates nothing.
func TestNoTelemetryCostsNothing(t *testing.T) {
	client, err := newClientTelemetry(providers{})
	require.NoError(t, err)
	server, err := newServerTelemetry(providers{})
	require.NoError(t, err)
	header, settings, known, delivered := nats.Header{}, &callSettings{}, &methods{}, &task{ctx: t.Context()}
	ctx := t.Context()
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		ctx = client.begin(ctx, "/natsgrpctest.v1.EchoService/Command", known, settings)
		client.inject(ctx, header)
		settings.observed.taken()
		settings.observed.end(nil)
		observed := server.begin(delivered)
		observed.end(outcome{}, nil)
		server.deadLetter(delivered)
	}))
	require.Equal(t, t.Context(), ctx)
	require.Equal(t, t.Context(), delivered.ctx)
	require.Empty(t, header)
	require.Equal(t, &callSettings{}, settings)
}
