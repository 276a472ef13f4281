package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/tools/deploy/kubectl/kubectltest"
)

// variable makes the test binary the program.
const variable = "DEPLOY_TEST"

func TestMain(m *testing.M) {
	if os.Getenv(variable) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// patience is the longest that the program may take.
const patience = time.Minute

// result is what the program did.
type result struct {
	stdout, stderr string
	code           int
}

// command returns the program, to be run.
func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	program, err := os.Executable()
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(os.Environ(), variable+"=1", "DOCKER_CONFIG="+t.TempDir())
	return cmd
}

// run runs the program.
func run(t *testing.T, stdin string, args ...string) result {
	t.Helper()
	cmd := command(t, args...)
	cmd.Stdin = strings.NewReader(stdin)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		require.NoError(t, err)
	}
	return result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// newCluster returns a kubectl whose cluster has nothing and does all that it is asked.
func newCluster(t *testing.T, context string) *kubectltest.Fake {
	t.Helper()
	t.Setenv("REGISTRY", "")
	fake := kubectltest.New(t)
	fake.Answer("config view", kubectltest.Answer{Stdout: context + " https://127.0.0.1:6443"})
	fake.Answer("api-resources", kubectltest.Answer{Stdout: "namespaces ns v1 false Namespace\ndeployments deploy apps/v1 true Deployment\n"})
	return fake
}

// newImage returns the layout of an image and its digest.
func newImage(t *testing.T) (string, string) {
	t.Helper()
	index, err := random.Index(100, 1, 2)
	require.NoError(t, err)
	folder := t.TempDir()
	_, err = layout.Write(folder, mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: index}))
	require.NoError(t, err)
	digest, err := index.Digest()
	require.NoError(t, err)
	return folder, digest.String()
}

func TestRenderPrintsTheManifestsWithTheImages(t *testing.T) {
	folder, digest := newImage(t)
	for name, test := range map[string]struct {
		registry string // the variable
		args     []string
		want     string
	}{
		"the flag":         {"variable.example", []string{"--registry=flag.example/rating", "--default-registry=default.example"}, "flag.example/rating"},
		"the variable":     {"variable.example", []string{"--default-registry=default.example"}, "variable.example"},
		"what is built in": {"", []string{"--default-registry=default.example"}, "default.example"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("REGISTRY", test.registry)
			got := run(t, "", append([]string{"render", "--overlay=testdata/dev", "--image=proxy=" + folder}, test.args...)...)
			require.Equal(t, result{stdout: `apiVersion: v1
kind: Namespace
metadata:
  name: rating
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: proxy
  namespace: rating
spec:
  template:
    spec:
      containers:
      - image: ` + test.want + "/proxy@" + digest + `
        name: proxy
`}, got)
		})
	}
}

func TestPushPrintsWhatItHasPushed(t *testing.T) {
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	host := server.Listener.Addr().String()
	t.Setenv("REGISTRY", host)
	proxy, proxyDigest := newImage(t)
	web, webDigest := newImage(t)
	got := run(t, "", "push", "--image=web="+web, "--image=proxy="+proxy)
	require.Zero(t, got.code, got.stderr)
	require.Equal(t, host+"/proxy@"+proxyDigest+"\n"+host+"/web@"+webDigest+"\n", got.stdout)
	for _, pushed := range strings.Fields(got.stdout) {
		reference, err := name.ParseReference(pushed)
		require.NoError(t, err)
		_, err = remote.Index(reference)
		require.NoError(t, err)
	}

	got = run(t, "", "push", "--image=web="+web, "--timeout=0s")
	require.Equal(t, result{stderr: "deploy: --timeout: 0s is not more than 0\n", code: 1}, got)
}

func TestApplyPushesAndApplies(t *testing.T) {
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	host := server.Listener.Addr().String()
	fake := newCluster(t, "k3d-rating")
	fake.Answer("apply", kubectltest.Answer{Stdout: "serverside-applied\n"})
	folder, digest := newImage(t)
	got := run(t, "", "apply", "--overlay=testdata/dev", "--image=proxy="+folder, "--registry="+host, "--cluster=local")
	require.Equal(t, result{
		stdout: "serverside-applied\nserverside-applied\n",
		stderr: "context k3d-rating: https://127.0.0.1:6443\npush " + host + "/proxy@" + digest + " (tag " + digest[len("sha256:"):][:12] + ")\n",
	}, got)
	reference, err := name.ParseReference(host + "/proxy@" + digest)
	require.NoError(t, err)
	_, err = remote.Index(reference)
	require.NoError(t, err)
	require.Contains(t, fake.Calls("apply")[1].Stdin, "image: "+host+"/proxy@"+digest)
	require.Len(t, fake.Calls("rollout status deployment.apps/proxy --timeout=5m0s"), 1)
}

func TestApplyOfOneComponentPushesAndAppliesThatAlone(t *testing.T) {
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	host := server.Listener.Addr().String()
	overlay := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(overlay, "kustomization.yaml"), []byte("resources: [objects.yaml]\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(overlay, "objects.yaml"), []byte(`apiVersion: apps/v1
kind: Deployment
metadata: {name: proxy, namespace: rating, labels: {app.kubernetes.io/component: proxy}}
spec: {template: {spec: {containers: [{name: proxy, image: proxy}]}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: rating, labels: {app.kubernetes.io/component: web}}
spec: {template: {spec: {containers: [{name: web, image: web}]}}}
`), 0o600))
	fake := newCluster(t, "k3d-rating")
	proxy, digest := newImage(t)
	web, _ := newImage(t)
	args := []string{"apply", "--overlay=" + overlay, "--image=proxy=" + proxy, "--image=web=" + web, "--registry=" + host}
	got := run(t, "", append(args, "--only=proxy")...)
	require.Equal(t, result{
		stderr: "context k3d-rating: https://127.0.0.1:6443\npush " + host + "/proxy@" + digest + " (tag " + digest[len("sha256:"):][:12] + ")\n",
	}, got)
	require.Len(t, fake.Calls("apply"), 1)
	require.Contains(t, fake.Calls("apply")[0].Stdin, "name: proxy")
	require.NotContains(t, fake.Calls("apply")[0].Stdin, "name: web")

	got = run(t, "", append(args, "--only=proxy,nats")...)
	require.Equal(t, result{stderr: "deploy: --only: no object is of component \"nats\": there are proxy, web\n", code: 1}, got)
}

func TestApplyPushesNothingWhenItIsToldSo(t *testing.T) {
	for _, flag := range []string{"--no-push", "--dry-run"} {
		t.Run(flag, func(t *testing.T) {
			newCluster(t, "k3d-rating")
			folder, _ := newImage(t)
			got := run(t, "", "apply", "--overlay=testdata/dev", "--image=proxy="+folder, "--registry=registry.invalid", flag)
			require.Equal(t, result{stderr: "context k3d-rating: https://127.0.0.1:6443\n"}, got)
		})
	}
}

func TestTheClusterMustBeOfTheRightPlace(t *testing.T) {
	for name, test := range map[string]struct {
		context string
		flags   []string
		want    string // of stderr
	}{
		"dev goes to no cluster elsewhere": {
			"aks-rating", []string{"--cluster=local"},
			"deploy: context aks-rating (https://127.0.0.1:6443) is not a cluster on this machine (k3d-…, kind-…, minikube, docker-desktop): " +
				"choose another with --context, or say --any-context\n",
		},
		"aks goes to no cluster here": {
			"kind-kind", []string{"--cluster=remote"},
			"deploy: context kind-kind (https://127.0.0.1:6443) is a cluster on this machine: choose another with --context, or say --any-context\n",
		},
		"unless told": {"aks-rating", []string{"--cluster=local", "--any-context"}, "context aks-rating: https://127.0.0.1:6443\n"},
	} {
		t.Run(name, func(t *testing.T) {
			fake := newCluster(t, test.context)
			folder, _ := newImage(t)
			got := run(t, "", append([]string{"apply", "--overlay=testdata/dev", "--image=proxy=" + folder, "--registry=registry.invalid", "--no-push"}, test.flags...)...)
			require.Equal(t, test.want, got.stderr)
			if got.code != 0 {
				require.Empty(t, fake.Calls("apply"))
			}
		})
	}
}

func TestAnInterruptEndsIt(t *testing.T) {
	fake := newCluster(t, "k3d-rating")
	fake.Answer("rollout status", kubectltest.Answer{Hang: true})
	folder, _ := newImage(t)
	cmd := command(t, "apply", "--overlay=testdata/dev", "--image=proxy="+folder, "--registry=registry.invalid", "--no-push")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	require.NoError(t, cmd.Start())
	require.Eventually(t, func() bool { return len(fake.Calls("rollout status")) == 1 }, patience, 5*time.Millisecond)
	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	require.EqualError(t, cmd.Wait(), "exit status 1")
	require.Equal(t, "context k3d-rating: https://127.0.0.1:6443\ndeploy: interrupted; what was applied stays\n", stderr.String())
	require.Len(t, fake.Calls("interrupted "), 1)
}

func TestMissingPartsAreNamed(t *testing.T) {
	folder, _ := newImage(t)
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"an image": {nil, `deploy: overlay testdata/dev: Deployment rating/proxy: image "proxy" is not among those that are deployed: --image proxy=LAYOUT is missing` + "\n"},
		"a registry": {
			[]string{"--image=proxy=" + folder},
			"deploy: --registry is missing: HOST[/PATH] of the registry that the cluster pulls from; or set REGISTRY\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("REGISTRY", "")
			got := run(t, "", append([]string{"render", "--overlay=testdata/dev"}, test.args...)...)
			require.Equal(t, result{stderr: test.want, code: 1}, got)
		})
	}
	t.Run("kubectl", func(t *testing.T) {
		t.Setenv("PATH", t.TempDir())
		got := run(t, "", "apply", "--overlay=testdata/dev", "--image=proxy="+folder, "--registry=registry.invalid")
		require.Equal(t, result{
			stderr: "deploy: kubectl is not on PATH: install it (https://kubernetes.io/docs/tasks/tools/), or enter the Devbox shell\n", code: 1,
		}, got)
	})
}

func TestDiffTellsByItsExitCode(t *testing.T) {
	folder, _ := newImage(t)
	args := []string{"diff", "--overlay=testdata/dev", "--image=proxy=" + folder, "--registry=registry.invalid"}
	fake := newCluster(t, "k3d-rating")
	const context = "context k3d-rating: https://127.0.0.1:6443\n"
	require.Equal(t, result{stderr: context}, run(t, "", args...))
	fake.Answer("diff", kubectltest.Answer{Stdout: "+ kind: Deployment\n", Code: 1})
	require.Equal(t, result{stdout: "+ kind: Deployment\n", stderr: context, code: 1}, run(t, "", args...))
}

func TestDeleteAsksFirst(t *testing.T) {
	const question = `context k3d-rating: https://127.0.0.1:6443
This deletes all 2 objects of testdata/dev from k3d-rating, and with them this data:
  volume rating/data-nats-0 of 10Gi
`
	for name, test := range map[string]struct {
		answer  string
		args    []string
		deletes bool
		want    result
	}{
		"yes":       {"y\n", nil, true, result{stderr: question + "Delete it? [y/N] "}},
		"no":        {"n\n", nil, false, result{stderr: question + "Delete it? [y/N] deploy: nothing was deleted\n", code: 1}},
		"Enter":     {"\n", nil, false, result{stderr: question + "Delete it? [y/N] deploy: nothing was deleted\n", code: 1}},
		"no answer": {"", nil, false, result{stderr: question + "Delete it? [y/N] deploy: nothing was deleted\n", code: 1}},
		"--yes":     {"", []string{"--yes"}, true, result{stderr: question}},
	} {
		t.Run(name, func(t *testing.T) {
			fake := newCluster(t, "k3d-rating")
			fake.Answer("get persistentvolumeclaims", kubectltest.Answer{Stdout: "data-nats-0 10Gi\n"})
			require.Equal(t, test.want, run(t, test.answer, append([]string{"delete", "--overlay=testdata/dev"}, test.args...)...))
			require.Equal(t, test.deletes, len(fake.Calls("delete --ignore-not-found")) > 0)
		})
	}
	t.Run("a cluster elsewhere", func(t *testing.T) {
		fake := newCluster(t, "aks-rating")
		got := run(t, "", "delete", "--overlay=testdata/dev", "--yes")
		require.Equal(t, 1, got.code)
		require.Contains(t, got.stderr, "deploy: context aks-rating (https://127.0.0.1:6443) is not a cluster on this machine")
		require.Empty(t, fake.Calls("delete"))
	})
}
