package live_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	"github.com/codingflow/rating/natsgrpc/registry"
	"github.com/codingflow/rating/proxy/server"
)

// A service that is started beside a running proxy answers within a second, the first one, which makes the bucket, too.
func TestANewServiceAnswersWithinASecond(t *testing.T) {
	within := soon // a busy machine may take its time
	if full() {
		within = time.Second
	}
	ns := natsgrpctest.NewServer(t)
	p := follow(t, natsgrpctest.Connect(t, ns))
	for _, name := range []string{"film", "song", "book"} {
		code, _ := p.get(t, p.h1, "/"+name+"/x/get")
		require.Equal(t, http.StatusNotFound, code)
		nc := natsgrpctest.Connect(t, ns)
		start := time.Now()
		_, stop := begin(t, nc, describe(t, name, "Get"))
		var body string
		require.Eventually(t, func() bool {
			code, body = p.get(t, p.h1, "/"+name+"/x/get")
			return code == http.StatusOK
		}, within, time.Millisecond)
		t.Logf("%s answers %v after its start", name, time.Since(start).Round(time.Millisecond))
		require.Equal(t, `{"name":"Get x"}`, body)
		defer stop()
	}
}

// A proxy that is started has what was published before, and what nobody serves any more: that is told, and not unknown.
func TestAProxyStartsWithWhatIsPublished(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	worker, stop := begin(t, natsgrpctest.Connect(t, ns), describe(t, "film", "Get"))
	<-worker.Ready()
	nc := natsgrpctest.Connect(t, ns)
	follow(t, nc).await(t, 1)
	p := follow(t, nc)
	require.Equal(t, 1, p.routes())
	code, body := p.get(t, p.h2, "/film/x/get")
	require.Equal(t, `200 {"name":"Get x"}`, fmt.Sprint(code, " ", body))
	stop()
	p = follow(t, nc)
	require.Equal(t, 1, p.routes())
	require.NoError(t, registry.Remove(t.Context(), nc, "film.v1.Service"))
	p.await(t, 0)
}

// A rolling update to a version with another method, and back, under load: what both versions have is never missed, and
// what one has is there while that lives, whichever pulls the call.
func TestARollingUpdateAndItsRollback(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	p := follow(t, natsgrpctest.Connect(t, ns))
	v1, v2 := describe(t, "film", "Get", "Old"), describe(t, "film", "Get", "New")
	require200 := func(method string) {
		t.Helper()
		for range 20 { // by the chance of which version pulls the call
			code, body := p.get(t, p.h1, "/film/x/"+method)
			require.Equal(t, http.StatusOK, code, "%s: %s", method, body)
		}
	}
	require404 := func(method string) {
		code, _ := p.get(t, p.h1, "/film/x/"+method)
		require.Equal(t, http.StatusNotFound, code, method)
	}
	start := func(version protoreflect.FileDescriptor) (stop func()) {
		worker, stop := begin(t, natsgrpctest.Connect(t, ns), version)
		<-worker.Ready()
		return stop
	}
	stop1 := start(v1)
	p.await(t, 2)

	ctx, done := context.WithCancel(t.Context())
	var load sync.WaitGroup
	var calls atomic.Int64
	for range 4 {
		load.Go(func() {
			for ctx.Err() == nil {
				if code, body := p.get(t, p.h2, "/film/x/get"); code != http.StatusOK {
					t.Errorf("%d %s", code, body)
					return
				}
				calls.Add(1)
			}
		})
	}
	defer load.Wait()
	defer done()
	for range 2 {
		require200("old")
		require404("new")
		stop2 := start(v2)
		p.await(t, 3)
		require200("old")
		require200("new")
		stop1()
		p.await(t, 2)
		require200("new")
		require404("old")
		stop1 = start(v1)
		p.await(t, 3)
		require200("old")
		require200("new")
		stop2()
		p.await(t, 2)
	}
	before := calls.Load()
	require.Eventually(t, func() bool { return calls.Load() > before || t.Failed() }, soon, time.Millisecond)
	t.Logf("%d calls meanwhile", calls.Load())
}

// Requests of every protocol go on while routes come and go: none is dropped, none gets another's answer.
func TestNoRequestIsDroppedWhileRoutesChange(t *testing.T) {
	requests, changes := int64(1000), 100
	if full() {
		requests, changes = 10_000, 1000
	}
	ns := natsgrpctest.NewServer(t)
	nc := natsgrpctest.Connect(t, ns)
	p := follow(t, natsgrpctest.Connect(t, ns))
	film := describe(t, "film", "Get")
	begin(t, natsgrpctest.Connect(t, ns), film)
	p.await(t, 1)
	client, err := grpc.NewClient(p.address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	defer func() { require.NoError(t, client.Close()) }()

	rest := func(client *http.Client) func(name string) string {
		return func(name string) string {
			code, body := p.get(t, client, "/film/"+name+"/get")
			return fmt.Sprint(code, " ", body)
		}
	}
	want := func(name string) string { return `200 {"name":"Get ` + name + `"}` }
	overGRPC := func(name string) string {
		thing := film.Messages().Get(0)
		request, response := dynamicpb.NewMessage(thing), dynamicpb.NewMessage(thing)
		request.Set(thing.Fields().Get(0), protoreflect.ValueOfString(name))
		if err := client.Invoke(t.Context(), "/film.v1.Service/Get", request, response); err != nil {
			return err.Error()
		}
		return fmt.Sprintf(`200 {"name":%q}`, response.Get(thing.Fields().Get(0)).String())
	}
	var made, wrong atomic.Int64
	var changed atomic.Bool
	var load sync.WaitGroup
	for i, send := range []func(string) string{rest(p.h1), rest(p.h2), overGRPC, rest(p.h1)} {
		load.Go(func() {
			for n := 0; !changed.Load() || made.Load() < requests; n++ {
				name := fmt.Sprintf("%d-%d", i, n)
				if got := send(name); got != want(name) {
					wrong.Add(1)
					t.Errorf("request %s: %s", name, got)
					return
				}
				made.Add(1)
			}
		})
	}
	// Another version of film, by turns with another service: each begins to live, and dies.
	others := []protoreflect.ServiceDescriptor{
		describe(t, "film", "Get", "New").Services().Get(0), describe(t, "song", "Get").Services().Get(0),
	}
	start := time.Now()
	for change := 0; change < changes && wrong.Load() == 0; change += 2 {
		service := others[change/2%2]
		publisher, err := registry.NewPublisher(nc, []protoreflect.ServiceDescriptor{service})
		require.NoError(t, err)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			publisher.Run(ctx)
		}()
		p.await(t, 2)
		stop()
		<-done
		if service.FullName() == "song.v1.Service" {
			require.NoError(t, registry.Remove(t.Context(), nc, service.FullName()))
		}
		p.await(t, 1)
	}
	took := time.Since(start)
	changed.Store(true)
	load.Wait()
	t.Logf("%d requests, %d wrong, during %d route changes in %v", made.Load(), wrong.Load(), changes, took.Round(time.Millisecond))
	require.Zero(t, wrong.Load())
	require.Empty(t, p.Refused())
}

// One publisher of nonsense is told of, and stops neither a proxy's start nor anybody else's routes.
func TestABadPublisherHarmsNobody(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	nc := natsgrpctest.Connect(t, ns)
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	_, err = js.CreateStream(t.Context(), registry.Stream())
	require.NoError(t, err)
	kv, err := js.KeyValue(t.Context(), "DESCRIPTORS")
	require.NoError(t, err)
	put := func(key, value string) {
		_, err := kv.PutString(t.Context(), key, value)
		require.NoError(t, err)
	}
	put("bad_v1_Service.version.v1", "nonsense")
	put("bad_v1_Service.instance.v1.a", "{}")
	put("bad_v1_Service.latest", "v1")
	put("other.of.a.later.version", "x")
	put("film_v1_Service", "x")

	p := follow(t, nc)
	refused := []server.Refusal{{Service: "bad_v1_Service", Version: "v1", Reason: "not a FileDescriptorSet with files in it"}}
	require.Equal(t, refused, p.Refused())
	begin(t, natsgrpctest.Connect(t, ns), describe(t, "film", "Get"))
	p.await(t, 1)
	require.Equal(t, refused, p.Refused())
	code, _ := p.get(t, p.h1, "/film/x/get")
	require.Equal(t, http.StatusOK, code)
}
