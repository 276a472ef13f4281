//go:build cluster

package main

import (
	"bytes"
	"context"
	"flag"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var clusterContext = flag.String("context", "k3d-rating", "context in the file that KUBECONFIG names")

// The commands are run as docs/development.md has them, on a cluster that create-cluster has made, or that has the same in it; it also says
// how this test is run. Bazel and kubectl must be on PATH. What is deployed stays.
func TestEachPartIsDeployedToAClusterAndAgainWithoutAChange(t *testing.T) {
	commands := []struct{ name, next string }{
		{"deploy-nack", "deploy-service"},
		{"deploy-service", "deploy-http-to-nats-proxy"},
		{"deploy-http-to-nats-proxy", "deploy-gateway"},
		{"deploy-gateway", "deploy-frontend"},
		{"deploy-frontend", "port-forward-gateway"},
	}
	for _, command := range commands {
		require.Contains(t, runOnCluster(t, command.name), "\nNext: go run ./tools/dev "+command.next+"\n")
	}
	deployed := generations(t)
	for _, workload := range []string{"nats", "postgres", "rating", "proxy", "web"} {
		require.Contains(t, deployed, "/"+workload+" ")
	}
	for _, command := range commands {
		runOnCluster(t, command.name)
	}
	require.Contains(t, runOnCluster(t, "deploy-all"), "\nNext: go run ./tools/dev port-forward-gateway\n")
	require.Equal(t, deployed, generations(t))
}

func TestTheGatewayOfAClusterIsReachedAlsoWhenItsPodHasGone(t *testing.T) {
	port, err := new(ports).free()
	require.NoError(t, err)
	ctx, stop := context.WithTimeout(t.Context(), 10*time.Minute)
	defer stop()
	var out bytes.Buffer
	forward := onCluster(ctx, "port-forward-gateway", "--port", port)
	forward.Stdout, forward.Stderr = &out, &out
	forward.Cancel = func() error { return forward.Process.Signal(os.Interrupt) } // as Ctrl-C does
	forward.WaitDelay = 10 * time.Second
	require.NoError(t, forward.Start())

	answers(t, "http://localhost:"+port+"/api/users")
	answers(t, "http://localhost:"+port+"/ui/")
	kubectlOnCluster(t, "delete", "pods", "--selector", "gateway.networking.k8s.io/gateway-name=gateway")
	answers(t, "http://localhost:"+port+"/api/users")

	stop()
	require.ErrorIs(t, forward.Wait(), context.Canceled, "%s", &out) // and no exit status
	require.Contains(t, out.String(), "\nThe connection ended. The next one:\n")
}

// onCluster returns a command of dev with the cluster as its own.
func onCluster(ctx context.Context, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, "dev", append(args, "--kubeconfig", os.Getenv("KUBECONFIG"), "--context", *clusterContext)...)
}

// runOnCluster returns what a command of dev prints, which must succeed.
func runOnCluster(t *testing.T, args ...string) string {
	t.Helper()
	start := time.Now()
	out, err := onCluster(t.Context(), args...).CombinedOutput()
	t.Logf("dev %s: %s\n%s", strings.Join(args, " "), time.Since(start).Round(time.Second), out)
	require.NoError(t, err)
	return string(out)
}

func kubectlOnCluster(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "kubectl", append([]string{"--context", *clusterContext, "--namespace", "rating"}, args...)...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return string(out)
}

// generations returns the number of changes that each workload has seen.
func generations(t *testing.T) string {
	t.Helper()
	format := `{range .items[*]}{.kind}/{.metadata.name} {.metadata.generation}{"\n"}{end}`
	return kubectlOnCluster(t, "get", "statefulsets,deployments", "--output", "jsonpath="+format)
}

// answers waits until a URL answers 200.
func answers(t *testing.T, url string) {
	t.Helper()
	client := &http.Client{Timeout: 10 * time.Second}
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		answer, err := client.Get(url)
		require.NoError(c, err)
		defer answer.Body.Close()
		require.Equal(c, http.StatusOK, answer.StatusCode)
	}, 3*time.Minute, 500*time.Millisecond)
}
