//go:build cluster

package proof_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// canaryLabel tells the canary's pod from those of the Deployment, whose other labels it has.
const canaryLabel = "proof.codingflow.com/canary"

// A pod of a next version, whose CatalogService has two methods more, runs beside the deployed ones and leaves again, under
// load. What it alone knows is answered from when the proxy shows it, whoever pulls the call, and never by UNIMPLEMENTED.
func TestACanaryAnswersWhatTheOthersDoNotKnow(t *testing.T) {
	require.NotEmpty(t, *canaryImage, "-canary-image is missing: bazel build //k8s/proof/canary:image, and push it to where the cluster can pull it")
	keepRating(t, 2)
	l := startLoad(t, mixed(t, api(t)))
	c := newClient(t, "the canary's client", api(t), false)
	ask := func(method, path, body string) (int, string) {
		t.Helper()
		status, answer, err := c.send(t.Context(), method, c.base+path, "", body)
		require.NoError(t, err)
		return status, answer
	}
	status, answer := ask(http.MethodPost, "/services", `{"displayName": "Canary"}`)
	require.Equal(t, http.StatusOK, status, answer)
	var service struct{ Name string }
	require.NoError(t, json.Unmarshal([]byte(answer), &service))
	probe := "/" + service.Name + ":probe"
	status, answer = ask(http.MethodGet, probe, "")
	require.Equal(t, http.StatusNotFound, status, answer)
	l.goOn()

	remove := startCanary(t)
	started := time.Now()
	eventually(t, soon, "the proxy has the canary's routes", func() bool {
		status, answer = ask(http.MethodGet, probe, "")
		return status != http.StatusNotFound
	})
	require.Equal(t, http.StatusOK, status, answer)
	t.Logf("%v after the canary is ready its methods answer", time.Since(started).Round(time.Millisecond))
	l.goOn()
	calls := startLoadOf(t, []*client{c, newClient(t, "another", api(t), true)}, func(calls *load, ctx context.Context, c *client, n int) {
		if n%2 == 0 {
			calls.do(ctx, c, http.MethodGet, probe, "", "")
		} else {
			calls.do(ctx, c, http.MethodPost, "/services:echo", "", fmt.Sprintf(`{"displayName": "%d"}`, n))
		}
	})
	calls.goOn()
	calls.requireNoFailure()
	remove()
	eventually(t, soon, "the proxy has forgotten the canary's routes", func() bool {
		status, answer = ask(http.MethodGet, probe, "")
		require.NotEqual(t, http.StatusNotImplemented, status, answer)
		return status == http.StatusNotFound
	})
	l.goOn()
	l.requireNoFailure()
	l.requireWrittenOnce()
}

// startCanary starts a pod as those of the Deployment rating are, but of another image, and waits until it is ready. remove
// tells it to stop and waits until it has.
func startCanary(t *testing.T) (remove func()) {
	t.Helper()
	var deployment struct {
		Spec struct{ Template map[string]any }
	}
	get(t, &deployment, "deployment", "rating")
	p := deployment.Spec.Template
	name := fmt.Sprintf("rating-canary-%d", time.Now().Unix())
	metadata, spec := p["metadata"].(map[string]any), p["spec"].(map[string]any)
	labels := metadata["labels"].(map[string]any)
	labels[canaryLabel] = "true"
	spec["containers"].([]any)[0].(map[string]any)["image"] = *canaryImage
	manifest, err := json.Marshal(map[string]any{
		"apiVersion": "v1", "kind": "Pod", "metadata": map[string]any{"name": name, "labels": labels}, "spec": spec,
	})
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "pod.json")
	require.NoError(t, os.WriteFile(file, manifest, 0o600))
	kubectl(t, "apply", "-f", file)
	removed := false
	remove = func() {
		if !removed {
			removed = true
			kubectl(t, "delete", "pod", name)
		}
	}
	t.Cleanup(remove)
	kubectl(t, "wait", "pod/"+name, "--for=condition=Ready", "--timeout="+soon.String())
	return remove
}
