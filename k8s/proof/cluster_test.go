//go:build cluster

package proof_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var (
	namespace   = flag.String("namespace", "rating", "namespace of the deployment")
	apiURL      = flag.String("api", "", "URL of the API as it is reached from here; by default that of the Service proxy")
	duration    = flag.Duration("duration", 0, "how long a load goes on besides what happens meanwhile; by default 5s, or 30s with TEST_SIZE=full")
	canaryImage = flag.String("canary-image", "", "image of //k8s/proof/canary, where the cluster can pull it")
)

const (
	// soon bounds what a cluster does at once, on a busy machine too.
	soon = 2 * time.Minute
	// rollout bounds the replacement of all pods of a Deployment, each of which may drain for 40 s.
	rollout = 8 * time.Minute
	// pause is the time between two looks at the cluster.
	pause = 250 * time.Millisecond
)

// full reports whether scenarios have their full size: TEST_SIZE=full.
func full() bool { return os.Getenv("TEST_SIZE") == "full" }

// loadTime is how long a load goes on besides what happens meanwhile.
func loadTime() time.Duration {
	switch {
	case *duration > 0:
		return *duration
	case full():
		return 30 * time.Second
	default:
		return 5 * time.Second
	}
}

// kubectlContext runs kubectl in the deployment's namespace and returns what it prints.
func kubectlContext(ctx context.Context, args ...string) (string, error) {
	command := exec.CommandContext(ctx, "kubectl", append([]string{"--namespace", *namespace}, args...)...)
	var out, problem bytes.Buffer
	command.Stdout, command.Stderr = &out, &problem
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(problem.String()))
	}
	return out.String(), nil
}

// kubectl is kubectlContext for what must succeed, and within a rollout's time.
func kubectl(t testing.TB, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), rollout) // cleanups use it too
	defer cancel()
	out, err := kubectlContext(ctx, args...)
	require.NoError(t, err)
	return out
}

// get decodes objects as kubectl shows them in JSON.
func get(t testing.TB, into any, args ...string) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(kubectl(t, append(append([]string{"get"}, args...), "-o", "json")...)), into))
}

// pod is what the tests want to know of a pod.
type pod struct {
	Metadata struct {
		Name              string
		UID               string
		DeletionTimestamp string
	}
	Spec struct {
		NodeName string
	}
	Status struct {
		PodIP      string
		Conditions []struct{ Type, Status string }
		// of its one container
		ContainerStatuses []struct {
			ContainerID  string
			RestartCount int
		}
	}
}

// ready reports whether the pod can work and is not told to stop.
func (p pod) ready() bool {
	for _, c := range p.Status.Conditions {
		if c.Type == "Ready" {
			return c.Status == "True" && p.Metadata.DeletionTimestamp == ""
		}
	}
	return false
}

// restarts returns how often the pod's container was started again.
func (p pod) restarts() int {
	if len(p.Status.ContainerStatuses) == 0 {
		return 0
	}
	return p.Status.ContainerStatuses[0].RestartCount
}

// podsOf returns the pods of a Deployment that are ready, and how many others there are.
func podsOf(t testing.TB, deployment string) (ready []pod, others int) {
	t.Helper()
	var list struct{ Items []pod }
	get(t, &list, "pods", "-l", "app.kubernetes.io/name="+deployment+",!"+canaryLabel)
	for _, p := range list.Items {
		if p.ready() {
			ready = append(ready, p)
		} else {
			others++
		}
	}
	return ready, others
}

// eventually waits until a condition holds, which looks at the cluster.
func eventually(t testing.TB, within time.Duration, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(within)
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for !condition() {
		require.True(t, time.Now().Before(deadline), "after %v not so: %s", within, what)
		select {
		case <-tick.C:
		case <-t.Context().Done():
			require.NoError(t, errors.Join(errors.New(what), t.Context().Err()))
		}
	}
}

// settled waits until a Deployment has so many pods, all of them ready, and returns them.
func settled(t testing.TB, deployment string, replicas int) (pods []pod) {
	t.Helper()
	eventually(t, rollout, fmt.Sprintf("%s has %d pods, which are ready", deployment, replicas), func() bool {
		var others int
		pods, others = podsOf(t, deployment)
		return len(pods) == replicas && others == 0
	})
	return pods
}

// serviceURL returns the URL of a Service's first port, by its cluster IP.
func serviceURL(t testing.TB, name string) string {
	t.Helper()
	var service struct {
		Spec struct {
			ClusterIP string
			Ports     []struct{ Port int }
		}
	}
	get(t, &service, "service", name)
	require.NotEmpty(t, service.Spec.Ports)
	return "http://" + net.JoinHostPort(service.Spec.ClusterIP, fmt.Sprint(service.Spec.Ports[0].Port))
}

// api returns the URL of the API.
func api(t testing.TB) string {
	t.Helper()
	if *apiURL != "" {
		return strings.TrimSuffix(*apiURL, "/")
	}
	return serviceURL(t, "proxy")
}

// pausedReplicas is the annotation by which KEDA keeps so many replicas and stops scaling.
const pausedReplicas = "autoscaling.keda.sh/paused-replicas"

// keepRating gives the rating service so many replicas until the test ends, when KEDA scales again.
func keepRating(t testing.TB, replicas int) []pod {
	t.Helper()
	kubectl(t, "annotate", "--overwrite", "scaledobject/rating", fmt.Sprintf("%s=%d", pausedReplicas, replicas))
	t.Cleanup(func() { kubectl(t, "annotate", "scaledobject/rating", pausedReplicas+"-") })
	return settled(t, "rating", replicas)
}

// keepProxies gives the proxy so many replicas until the test ends.
func keepProxies(t testing.TB, replicas int) []pod {
	t.Helper()
	var was struct {
		Spec struct{ MinReplicas, MaxReplicas int }
	}
	get(t, &was, "hpa/proxy")
	bounds := func(least, most int) {
		kubectl(t, "patch", "hpa/proxy", "--type=merge", "-p", fmt.Sprintf(`{"spec":{"minReplicas":%d,"maxReplicas":%d}}`, least, most))
	}
	bounds(replicas, replicas)
	t.Cleanup(func() { bounds(was.Spec.MinReplicas, was.Spec.MaxReplicas) })
	return settled(t, "proxy", replicas)
}
