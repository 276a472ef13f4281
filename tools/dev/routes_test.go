package main

import (
	"strings"
	"testing"
	"time"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsdial"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	"github.com/codingflow/rating/natsgrpc/registry"
	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

func TestRoutesAreShownToAPerson(t *testing.T) {
	nc := natsgrpctest.Connect(t, natsgrpctest.NewServer(t))
	srv, err := natsgrpc.NewServer(nc, natsgrpc.WithPublishedDescriptors())
	require.NoError(t, err)
	ratingv1.RegisterUserServiceServer(srv, broken{})
	stop := natsgrpctest.Serve(t, srv)
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	kv, err := js.KeyValue(t.Context(), "DESCRIPTORS")
	require.NoError(t, err)
	for key, value := range map[string]string{"bad_v1_Service.version.first": "nonsense", "bad_v1_Service.instance.first.one": "", "bad_v1_Service.latest": "first"} {
		_, err := kv.PutString(t.Context(), key, value)
		require.NoError(t, err)
	}
	list := func() string {
		snapshot, err := registry.Read(t.Context(), nc)
		require.NoError(t, err)
		var text strings.Builder
		require.NoError(t, listRoutes(snapshot, &text))
		return text.String()
	}
	const head = `^SERVICE +VERSION +METHODS +INSTANCES +STATUS\nbad_v1_Service +first +0 +one +refused: not a FileDescriptorSet with files in it\n`
	require.Eventually(t, func() bool { return strings.Contains(list(), "@") }, 10*time.Second, time.Millisecond)
	require.Regexp(t, head+`rating.v1.UserService  [0-9a-f]{8}  5        @\S+:\d+ +served\n$`, list())

	c := &routesCommand{NATS: natsdial.Config{URL: nc.ConnectedUrl()}}
	remove := &routesRemoveCommand{Service: "rating.v1.UserService"}
	require.EqualError(t, remove.Run(t.Context(), c),
		"rating.v1.UserService is served, and would publish its routes again: stop its instances first (`dev routes list` shows them)")
	stop()
	require.Regexp(t, head+`rating.v1.UserService  [0-9a-f]{8}  5        none +served\n$`, list())
	require.NoError(t, remove.Run(t.Context(), c))
	require.Regexp(t, head+"$", list())
	require.EqualError(t, remove.Run(t.Context(), c), "nothing is published of rating.v1.UserService; `dev routes list` shows what is")
}
