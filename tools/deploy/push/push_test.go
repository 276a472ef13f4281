package push

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"github.com/stretchr/testify/require"
)

// requests counts by method what a handler is asked.
type requests struct {
	http.Handler
	mu     sync.Mutex
	counts map[string]int
}

func (r *requests) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	r.mu.Lock()
	r.counts[request.Method]++
	r.mu.Unlock()
	r.Handler.ServeHTTP(w, request)
}

func (r *requests) take() map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	counts := r.counts
	r.counts = make(map[string]int)
	return counts
}

// serve returns the address of a registry.
func serve(t *testing.T, handler http.Handler) string {
	t.Helper()
	t.Setenv("DOCKER_CONFIG", t.TempDir()) // whoever runs the test may be signed in somewhere
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

func newRegistry() *requests {
	return &requests{Handler: registry.New(registry.Logger(log.New(io.Discard, "", 0))), counts: make(map[string]int)}
}

// newLayout returns the folder of a layout with an index of two platforms, and the index.
func newLayout(t *testing.T) (string, v1.ImageIndex) {
	t.Helper()
	index, err := random.Index(1000, 2, 2)
	require.NoError(t, err)
	folder := t.TempDir()
	_, err = layout.Write(folder, mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: index}))
	require.NoError(t, err)
	return folder, index
}

func TestPushSendsTheIndexUnderItsDigestAndATag(t *testing.T) {
	host := serve(t, newRegistry())
	folder, index := newLayout(t)
	digest, err := index.Digest()
	require.NoError(t, err)

	image, err := Open(folder, host+"/rating", "proxy")
	require.NoError(t, err)
	require.Equal(t, host+"/rating/proxy@"+digest.String(), image.Reference())
	require.Equal(t, digest.Hex[:12], image.Tag())
	require.NoError(t, image.Push(t.Context()))

	for _, reference := range []string{image.Reference(), host + "/rating/proxy:" + image.Tag()} {
		parsed, err := name.ParseReference(reference)
		require.NoError(t, err)
		got, err := remote.Index(parsed)
		require.NoError(t, err)
		require.NoError(t, validate.Index(got))
		gotDigest, err := got.Digest()
		require.NoError(t, err)
		require.Equal(t, digest, gotDigest)
	}
}

func TestPushSendsNothingTwice(t *testing.T) {
	counted := newRegistry()
	host := serve(t, counted)
	folder, _ := newLayout(t)
	image, err := Open(folder, host, "proxy")
	require.NoError(t, err)
	require.NoError(t, image.Push(t.Context()))
	require.Positive(t, counted.take()[http.MethodPut])

	require.NoError(t, image.Push(t.Context()))
	again := counted.take()
	require.Zero(t, again[http.MethodPost]+again[http.MethodPatch]+again[http.MethodPut], "%v", again)
}

func TestPushReachesNamesBelowLocalhost(t *testing.T) {
	_, port, err := net.SplitHostPort(serve(t, newRegistry()))
	require.NoError(t, err)
	folder, _ := newLayout(t)
	image, err := Open(folder, "k3d-rating.localhost:"+port, "proxy")
	require.NoError(t, err)
	require.NoError(t, image.Push(t.Context()))
}

func TestOpenFollowsTheLinksThatBazelMakes(t *testing.T) {
	folder, _ := newLayout(t)
	links := t.TempDir()
	require.NoError(t, os.Symlink(filepath.Join(folder, "index.json"), filepath.Join(links, "index.json")))
	direct, err := Open(folder, "registry.example", "proxy")
	require.NoError(t, err)
	linked, err := Open(links, "registry.example", "proxy")
	require.NoError(t, err)
	require.Equal(t, direct.Reference(), linked.Reference())
}

func TestOpenRefuses(t *testing.T) {
	folder, index := newLayout(t)
	two := t.TempDir()
	other, err := random.Image(10, 1)
	require.NoError(t, err)
	_, err = layout.Write(two, mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: index}, mutate.IndexAddendum{Add: other}))
	require.NoError(t, err)
	nowhere := t.TempDir()
	for name, test := range map[string]struct{ folder, registry, want string }{
		"no layout": {nowhere, "registry.example", "image proxy: OCI layout " + nowhere + ": lstat " + nowhere + "/index.json: no such file or directory"},
		"two images": {two, "registry.example",
			"image proxy: OCI layout " + two + ": it has 2 manifests, must have 1: the image, or the index of its platforms"},
		"no registry":      {folder, "rating", "registry rating: strict validation requires the registry to be explicitly defined"},
		"a registry's URL": {folder, "https://registry.example", "registry https://registry.example: it must be HOST[/PATH], registry.example"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Open(test.folder, test.registry, "proxy")
			require.ErrorContains(t, err, test.want)
		})
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	refuse := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })
	const nobody = "127.0.0.1:1"
	refusing := serve(t, refuse)
	for name, test := range map[string]struct{ host, want string }{
		"refused": {refusing, fmt.Sprintf("push to %s/proxy: registry %s refuses: sign in with docker login %s: ", refusing, refusing, refusing)},
		"nobody":  {nobody, fmt.Sprintf("push to %s/proxy: registry %s cannot be reached: does it run, and is --registry right? ", nobody, nobody)},
	} {
		t.Run(name, func(t *testing.T) {
			folder, _ := newLayout(t)
			image, err := Open(folder, test.host, "proxy")
			require.NoError(t, err)
			err = image.Push(t.Context())
			require.Error(t, err)
			require.True(t, strings.HasPrefix(err.Error(), test.want), err.Error())
		})
	}
	require.Equal(t, "sign in with az acr login --name ratings", login("ratings.azurecr.io"))
}

func TestPushEndsWithItsContext(t *testing.T) {
	hang := http.HandlerFunc(func(_ http.ResponseWriter, request *http.Request) { <-request.Context().Done() })
	folder, _ := newLayout(t)
	image, err := Open(folder, serve(t, hang), "proxy")
	require.NoError(t, err)

	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.ErrorContains(t, image.Push(short), "it was not done in time (--timeout)")

	stopped, stop := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, stop)
	require.ErrorIs(t, image.Push(stopped), context.Canceled)
}
