//go:build integration

package main

import (
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/kustomize/api/resource"

	"github.com/codingflow/rating/tools/deploy/manifest"
	"github.com/codingflow/rating/tools/dev/workspace"
)

// copyCheckout returns a copy of the checkout, with what is not committed yet and without what git ignores.
func copyCheckout(t *testing.T) workspace.Root {
	t.Helper()
	root, err := workspace.Find()
	require.NoError(t, err)
	dir := t.TempDir()
	for name := range strings.SplitSeq(strings.TrimSuffix(output(t, string(root), "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"), "\x00"), "\x00") {
		info, err := os.Lstat(root.Path(name))
		if os.IsNotExist(err) {
			continue // deleted, and that not committed
		}
		require.NoError(t, err)
		require.True(t, info.Mode().IsRegular(), name)
		data, err := os.ReadFile(root.Path(name))
		require.NoError(t, err)
		file := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, data, info.Mode().Perm()))
	}
	return workspace.Root(dir)
}

// TestTheNewServiceOfTheDocsWorksAsWritten follows docs/new-service.md in a copy of the checkout.
func TestTheNewServiceOfTheDocsWorksAsWritten(t *testing.T) {
	root := copyCheckout(t)
	text, err := os.ReadFile(root.Path("docs", "new-service.md"))
	require.NoError(t, err)
	commands := fences(string(text), "sh")
	require.Len(t, commands, 5)
	do := func(command string) {
		t.Helper()
		t.Log(output(t, string(root), "bash", "-ec", command))
	}

	do(commands[0])
	do(commands[1])
	require.Empty(t, output(t, string(root), "gofmt", "-l", "services/note", "proto/note", "proto/gateway/note", "tools/dev/cluster", "k8s"))
	output(t, string(root), "go", "vet", "./services/note/...", "./proto/note/...", "./tools/dev/cluster", "./k8s")
	again := exec.CommandContext(t.Context(), "bash", "-c", strings.Split(commands[0], "\n")[0])
	again.Dir = string(root)
	said, err := again.CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(said), "dev: NAME: \"note\" is taken: there is proto/note\n")

	// The page's ports are those of README's examples, so theirs may be in use by the system that a person runs.
	for _, address := range []string{"localhost:8080", "127.0.0.1:4222"} {
		if busy, err := net.Dial("tcp", address); err == nil {
			require.NoError(t, busy.Close())
			t.Fatal("docs/new-service.md uses the address " + address + " and something listens there: end it")
		}
	}
	require.Equal(t, "go run ./tools/dev up --nats-listen 127.0.0.1:4222", commands[2])
	start(t, root, commands[2])
	start(t, root, strings.ReplaceAll(commands[3], "/tmp/", t.TempDir()+"/"))
	awaitAPI(t)
	require.Eventually(t, func() bool {
		code, body := fetch(t, "http://localhost:8080/api/notes")
		return code == http.StatusOK && body == `{"notes":[],"nextPageToken":""}`
	}, upTimeout, 100*time.Millisecond, "the new service does not answer")
	run(t, string(root), examples(fences(string(text), "console")))

	do(commands[4])
	images := map[string]string{}
	for _, name := range []string{"proxy", "rating", "web", "note"} {
		images[name] = "registry.example/rating/" + name + "@sha256:" + strings.Repeat("0", 64)
	}
	for _, overlay := range []string{"dev", "aks"} {
		objects, err := manifest.Render(root.Path("k8s", overlay), images)
		require.NoError(t, err)
		var names []string
		for _, object := range objects.Where(func(object *resource.Resource) bool { return strings.Contains(object.GetName(), "note") }) {
			names = append(names, manifest.Name(object))
		}
		require.ElementsMatch(t, []string{
			"ServiceAccount rating/note", "Secret rating/nats-note", "PersistentVolumeClaim rating/note", "Deployment rating/note",
			"ScaledObject rating/note", "PodDisruptionBudget rating/note", "NetworkPolicy rating/note",
			"Stream rating/qry-note-v1-noteservice-0", "Consumer rating/qry-note-v1-noteservice-0-workers",
			"Stream rating/cmd-note-v1-noteservice-0", "Consumer rating/cmd-note-v1-noteservice-0-workers",
		}, names, overlay)
	}
}

// fetch returns the status and the body of a page; 0 and why where there is none.
func fetch(t *testing.T, url string) (int, string) {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(body)
}
