package registry_test

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	"github.com/codingflow/rating/natsgrpc/registry"
)

func one(s protoreflect.ServiceDescriptor) []protoreflect.ServiceDescriptor {
	return []protoreflect.ServiceDescriptor{s}
}

// A rolling update, to a new version and back again: both live side by side, and each vanishes with its last instance.
func TestVersionsOverlap(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	nc := natsgrpctest.Connect(t, ns)
	createBucket(t, nc)
	w := watch(t, nc)
	v1, v2 := one(service(t, "film", "Get", "Old")), one(service(t, "film", "Get", "New"))

	w.until(t, "")
	stop1 := publish(t, nc, v1)
	w.until(t, "film.v1.Service Get Old, served, 1")
	stop2 := publish(t, nc, v2)
	w.until(t, "film.v1.Service Get New, served, 1", "film.v1.Service Get Old, served, 1")
	stop2b := publish(t, nc, v2)
	w.until(t, "film.v1.Service Get New, served, 2", "film.v1.Service Get Old, served, 1")
	stop1()
	w.until(t, "film.v1.Service Get New, served, 2", "film.v1.Service Get Old, 0")
	stop2b()
	w.until(t, "film.v1.Service Get New, served, 1", "film.v1.Service Get Old, 0")
	stop1 = publish(t, nc, v1)
	w.until(t, "film.v1.Service Get Old, served, 1", "film.v1.Service Get New, served, 1")
	stop2()
	w.until(t, "film.v1.Service Get Old, served, 1", "film.v1.Service Get New, 0")
	stop1()
	w.until(t, "film.v1.Service Get Old, served, 0", "film.v1.Service Get New, 0")

	require.NoError(t, registry.Remove(t.Context(), nc, "film.v1.Service"))
	w.until(t, "")
	require.ErrorIs(t, registry.Remove(t.Context(), nc, "film.v1.Service"), registry.ErrNotPublished)
	read, err := registry.Read(t.Context(), nc)
	require.NoError(t, err)
	require.Empty(t, text(read))
}

// An instance that stops while it publishes has no lease afterwards, however far it has come.
func TestNoLeaseIsLeftOfAnInstanceThatStopsWhileItPublishes(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	nc := natsgrpctest.Connect(t, ns)
	createBucket(t, nc)
	for round := range 30 {
		kind := []string{"instance.*.*", "version.*", "latest"}[round%3]
		ctx, stop := context.WithCancel(t.Context())
		heard, err := nc.Subscribe("$KV.DESCRIPTORS.*."+kind, func(*nats.Msg) { stop() })
		require.NoError(t, err)
		require.NoError(t, nc.Flush())
		publisher, err := registry.NewPublisher(natsgrpctest.Connect(t, ns), one(service(t, fmt.Sprint("film", round), "Get")))
		require.NoError(t, err)
		publisher.Run(ctx)
		require.NoError(t, heard.Unsubscribe())
		err = registry.Remove(t.Context(), nc, protoreflect.FullName(fmt.Sprintf("film%d.v1.Service", round)))
		require.NotErrorIs(t, err, registry.ErrServed, "stopped when it had published its %s", kind)
	}
}

func TestTheLeaseOfAKilledInstanceExpires(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	nc := natsgrpctest.Connect(t, ns)
	createBucket(t, nc)
	lease := registry.WithLease(2 * time.Second)
	killed, err := nats.Connect(ns.ClientURL(), nats.Name("rating"))
	require.NoError(t, err)
	publish(t, killed, one(service(t, "film", "Get", "Old")), lease)
	w := watch(t, nc, lease)
	w.until(t, "film.v1.Service Get Old, served, 1")
	publish(t, nc, one(service(t, "film", "Get", "New")), lease)
	w.until(t, "film.v1.Service Get New, served, 1", "film.v1.Service Get Old, served, 1")
	read, err := registry.Read(t.Context(), nc)
	require.NoError(t, err)
	for _, version := range read.Services[0].Versions {
		if version.Descriptor.Methods().ByName("Old") != nil {
			require.Equal(t, "rating", version.Instances[0].Name)
			require.NotZero(t, version.Instances[0].PID)
		}
	}
	require.ErrorIs(t, registry.Remove(t.Context(), nc, "film.v1.Service"), registry.ErrServed)
	killed.Close()
	w.until(t, "film.v1.Service Get New, served, 1", "film.v1.Service Get Old, 0")
}

// A server that was killed may come back with leases that it had removed, and keeps them: nobody renews them.
func TestALeaseThatNobodyRenewsIsNone(t *testing.T) {
	nc := natsgrpctest.Connect(t, natsgrpctest.NewServer(t))
	kv := createBucket(t, nc)
	lease := registry.WithLease(2 * time.Second)
	stop := publish(t, nc, one(service(t, "film", "Get", "Old")), lease)
	w := watch(t, nc, lease)
	w.until(t, "film.v1.Service Get Old, served, 1")
	keys, err := kv.Keys(t.Context())
	require.NoError(t, err)
	instance := keys[slices.IndexFunc(keys, func(key string) bool { return strings.Contains(key, ".instance.") })]
	publish(t, nc, one(service(t, "film", "Get", "New")), lease)
	w.until(t, "film.v1.Service Get New, served, 1", "film.v1.Service Get Old, served, 1")
	stop()
	w.until(t, "film.v1.Service Get New, served, 1", "film.v1.Service Get Old, 0")

	_, err = kv.PutString(t.Context(), instance, "{}")
	require.NoError(t, err)
	w.until(t, "film.v1.Service Get New, served, 1", "film.v1.Service Get Old, served, 1")
	w.until(t, "film.v1.Service Get New, served, 1", "film.v1.Service Get Old, 0")
	const remaining = "film.v1.Service Get New, served, 1\nfilm.v1.Service Get Old, 0"
	require.Eventually(t, func() bool {
		read, err := registry.Read(t.Context(), nc, lease)
		return err == nil && text(read) == remaining
	}, soon, 10*time.Millisecond)
	for _, told := range watch(t, nc, lease).until(t, "film.v1.Service Get New, served, 1", "film.v1.Service Get Old, 0") {
		require.NotContains(t, told, "Old, served", "to one that begins to watch")
	}
}

// While NATS is away leases expire, and for a watcher everything stays as it was.
func TestNothingIsLostWithNATS(t *testing.T) {
	dir := t.TempDir()
	ns := natsgrpctest.NewServerAt(t, dir, server.RANDOM_PORT)
	port := ns.Addr().(*net.TCPAddr).Port
	nc := natsgrpctest.Connect(t, ns)
	createBucket(t, nc)
	lease := registry.WithLease(2 * time.Second)
	publish(t, nc, one(service(t, "film", "Get", "Old")), lease)
	w := watch(t, nc, lease)
	w.until(t, "film.v1.Service Get Old, served, 1")
	publish(t, nc, one(service(t, "film", "Get", "New")), lease)
	both := []string{"film.v1.Service Get New, served, 1", "film.v1.Service Get Old, served, 1"}
	w.until(t, both...)

	ns.Shutdown()
	ns.WaitForShutdown()
	down := time.Now()
	require.Eventually(t, func() bool { return time.Since(down) > 3*time.Second }, soon, 10*time.Millisecond) // the leases expire
	natsgrpctest.NewServerAt(t, dir, port)
	publish(t, nc, one(service(t, "song", "Get")), lease)
	deadline := time.After(soon)
	for {
		select {
		case told := <-w.told:
			require.Contains(t, text(told), "film.v1.Service Get Old, served, 1")
			require.Contains(t, text(told), "film.v1.Service Get New, served, 1")
			if len(told.Services) == 2 {
				return
			}
		case <-deadline:
			t.Fatal("nothing new is told")
		}
	}
}

// A bucket that is made, lost and made again while a watcher runs is found, and filled by those who published into it.
func TestTheBucketComesAndGoes(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	nc := natsgrpctest.Connect(t, ns)
	w := watch(t, nc, registry.WithLease(3*time.Second))
	select {
	case <-w.Synced():
	case <-time.After(soon):
		t.Fatal("a missing bucket is waited for")
	}
	publish(t, nc, one(service(t, "film", "Get")), registry.WithLease(3*time.Second))
	createBucket(t, nc)
	w.until(t, "film.v1.Service Get, served, 1")

	js, err := jetstream.New(nc)
	require.NoError(t, err)
	require.NoError(t, js.DeleteStream(t.Context(), "KV_DESCRIPTORS"))
	createBucket(t, nc)
	publish(t, nc, one(service(t, "song", "Get")), registry.WithLease(3*time.Second))
	for _, before := range w.until(t, "film.v1.Service Get, served, 1", "song.v1.Service Get, served, 1") {
		require.Contains(t, before, "film.v1.Service Get, served, 1")
	}
}
