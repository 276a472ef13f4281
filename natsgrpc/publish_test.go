package natsgrpc_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	"github.com/codingflow/rating/natsgrpc/registry"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
)

// served returns the names of the services with living instances, by what a proxy with least permissions may read.
func served(t *testing.T, snapshot registry.Snapshot) (names []string) {
	t.Helper()
	for _, service := range snapshot.Services {
		for _, version := range service.Versions {
			require.NoError(t, version.Err)
			if len(version.Instances) > 0 {
				names = append(names, service.Name)
			}
		}
	}
	return names
}

// A server publishes what it serves while it serves, and a proxy finds and calls it, both with least permissions.
func TestAServerPublishesItsDescriptors(t *testing.T) {
	connectAs := secured(t)
	proxy, proxyViolations := connectAs("live")
	told := make(chan registry.Snapshot, 100)
	watcher, err := registry.Watch(proxy, func(s registry.Snapshot) { told <- s })
	require.NoError(t, err)
	defer watcher.Close()
	await(t, "the watcher", watcher.Synced())

	nc, violations := connectAs("echo")
	srv, err := natsgrpc.NewServer(nc, natsgrpc.WithVerifyOnly(), natsgrpc.WithPublishedDescriptors(func(set *descriptorpb.FileDescriptorSet) error {
		for _, file := range set.GetFile() {
			file.SourceCodeInfo = &descriptorpb.SourceCodeInfo{Location: []*descriptorpb.SourceCodeInfo_Location{
				{Path: []int32{6, 0}, Span: []int32{0, 0, 0}, LeadingComments: proto.String("A comment.")},
			}}
		}
		return nil
	}))
	require.NoError(t, err)
	register(func(_ context.Context, payload []byte) ([]byte, error) { return payload, nil })(srv)
	streams(natsgrpctest.Streams{OnChat: natsgrpctest.EchoChat})(srv)
	stop := serveUntil(t, srv)
	names := []string{"natsgrpctest.v1.EchoService", "natsgrpctest.v1.StreamService"}
	var last registry.Snapshot
	for !slices.Equal(served(t, last), names) {
		last = await(t, "the services", told)
	}
	echo := last.Services[0].Versions[0].Descriptor
	require.Equal(t, "A comment.", echo.ParentFile().SourceLocations().ByDescriptor(echo).LeadingComments)

	files := &protoregistry.Files{}
	require.NoError(t, files.RegisterFile(echo.ParentFile()))
	got, err := command(t.Context(), connect(t, proxy, natsgrpc.WithDescriptors(files)), "hello")
	require.NoError(t, err)
	require.Equal(t, "hello", got)

	require.NoError(t, stop())
	for len(served(t, last)) > 0 {
		last = await(t, "the end of the services", told)
	}
	require.Len(t, last.Services, 2, "they can still be called")
	require.Empty(t, violations())
	require.Empty(t, proxyViolations())
}

// A proxy that calls all services writes no descriptors, and manages nothing but its own consumers of their bucket.
func TestAProxyOnlyReadsDescriptors(t *testing.T) {
	connectAs := secured(t)
	nc, violations := connectAs("live")
	for _, subject := range []string{
		"$KV.DESCRIPTORS.natsgrpctest_v1_EchoService.latest", "$KV.DESCRIPTORS.x", "$KV.OTHER.x",
		"$JS.API.STREAM.CREATE.KV_DESCRIPTORS", "$JS.API.STREAM.UPDATE.KV_DESCRIPTORS", "$JS.API.STREAM.DELETE.KV_DESCRIPTORS",
		"$JS.API.STREAM.PURGE.KV_DESCRIPTORS", "$JS.API.STREAM.MSG.DELETE.KV_DESCRIPTORS", "$JS.API.STREAM.SNAPSHOT.KV_DESCRIPTORS",
		"$JS.API.STREAM.RESTORE.KV_DESCRIPTORS", "$JS.API.CONSUMER.CREATE.RESPONSES.x", "$JS.API.CONSUMER.DELETE." + commandStream + ".workers",
		"$JS.API.STREAM.INFO." + commandStream, "$JS.API.CONSUMER.MSG.NEXT." + commandStream + ".workers",
		"rsp.natsgrpctest_v1_EchoService.id.conn", "rep.natsgrpctest_v1_EchoService.conn.1", "dead.natsgrpctest_v1_EchoService.Command.id",
	} {
		require.NoError(t, nc.PublishRequest(subject, nc.NewInbox(), nil))
		got := violations()
		require.Len(t, got, 1, "live publishes to %s", subject)
		require.Contains(t, strings.ToLower(got[0]), strings.ToLower(`publish to "`+subject+`"`))
	}
}

func TestDescriptorsBeyondTheLimitAreRefusedAtStart(t *testing.T) {
	nc := natsgrpctest.Connect(t, natsgrpctest.NewServer(t))
	srv, err := natsgrpc.NewServer(nc, natsgrpc.WithPublishedDescriptors(func(set *descriptorpb.FileDescriptorSet) error {
		set.File[0].Options = &descriptorpb.FileOptions{GoPackage: proto.String(strings.Repeat("x", registry.MaxSet))}
		return nil
	}))
	require.NoError(t, err)
	register(func(_ context.Context, payload []byte) ([]byte, error) { return payload, nil })(srv)
	err = srv.Serve(t.Context())
	require.ErrorIs(t, err, registry.ErrTooLarge)
	require.Regexp(t, `^natsgrpc: registry: natsgrpctest.v1.EchoService: descriptors of \d+ bytes: too large; at most 8388608 are published$`, err.Error())
}
