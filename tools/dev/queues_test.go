package main

import (
	"testing"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsdial"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
)

func TestQueuesAreMadeAndCompared(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	queues := &queuesCommand{NATS: natsdial.Config{URL: ns.ClientURL()}}
	names := []string{"moderation.v1.ModerationService"}
	verify := queuesVerifyCommand{Services: names}
	ensure := queuesEnsureCommand{Services: names}
	require.ErrorIs(t, verify.Run(t.Context(), queues), natsgrpc.ErrQueues)
	require.NoError(t, ensure.Run(t.Context(), queues))
	require.NoError(t, verify.Run(t.Context(), queues))

	js, err := jetstream.New(natsgrpctest.Connect(t, ns))
	require.NoError(t, err)
	stream, err := js.Stream(t.Context(), "QRY_moderation_v1_ModerationService_0")
	require.NoError(t, err)
	require.EqualValues(t, 1000, stream.CachedInfo().Config.MaxMsgs)
}

func TestQueuesOfUnknownServicesAreRefused(t *testing.T) {
	for name, want := range map[string]string{"no.Service": "unknown service no.Service", "moderation.v1.Finding": "moderation.v1.Finding is not a service"} {
		ensure := queuesEnsureCommand{Services: []string{name}}
		require.EqualError(t, ensure.Run(t.Context(), &queuesCommand{}), want)
	}
}
