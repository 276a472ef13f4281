package cluster

import (
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/tools/deploy/kubectl/kubectltest"
)

func TestOpen(t *testing.T) {
	const remote = "aks-rating https://rating.azmk8s.io:443"
	for name, test := range map[string]struct {
		context string
		where   Where
		answer  kubectltest.Answer
		want    string // the context
		err     string
	}{
		"a local one for local":   {"", Local, kubectltest.Answer{Stdout: "k3d-rating https://127.0.0.1:6443"}, "k3d-rating", ""},
		"kind":                    {"", Local, kubectltest.Answer{Stdout: "kind-kind https://127.0.0.1:6443"}, "kind-kind", ""},
		"minikube":                {"", Local, kubectltest.Answer{Stdout: "minikube https://192.168.49.2:8443"}, "minikube", ""},
		"Docker Desktop":          {"", Local, kubectltest.Answer{Stdout: "docker-desktop https://127.0.0.1:6443"}, "docker-desktop", ""},
		"a remote one for remote": {"aks-rating", Remote, kubectltest.Answer{Stdout: remote}, "aks-rating", ""},
		"a remote one for any":    {"", Anywhere, kubectltest.Answer{Stdout: remote}, "aks-rating", ""},
		"a remote one for local": {
			"", Local, kubectltest.Answer{Stdout: remote}, "",
			"context aks-rating (https://rating.azmk8s.io:443) is not a cluster on this machine (k3d-…, kind-…, minikube, docker-desktop): " +
				"choose another with --context, or say --any-context",
		},
		"a local one for remote": {
			"", Remote, kubectltest.Answer{Stdout: "k3d-rating https://127.0.0.1:6443"}, "",
			"context k3d-rating (https://127.0.0.1:6443) is a cluster on this machine: choose another with --context, or say --any-context",
		},
		"no current context": {
			"", Anywhere, kubectltest.Answer{Stderr: "error: current-context must exist in order to minify\n", Code: 1}, "",
			"kubectl has no current context: choose one with --context, or kubectl config use-context: kubectl config view --minify " +
				"--output=jsonpath={.current-context} {.clusters[0].cluster.server}: error: current-context must exist in order to minify",
		},
		"an unknown context": {
			"k3d-ratings", Local, kubectltest.Answer{Stderr: "error: cannot locate context k3d-ratings\n", Code: 1}, "",
			"context k3d-ratings: kubectl config get-contexts lists those that there are: kubectl config view --minify " +
				"--output=jsonpath={.current-context} {.clusters[0].cluster.server}: error: cannot locate context k3d-ratings",
		},
	} {
		t.Run(name, func(t *testing.T) {
			kubectltest.New(t).Answer("config view", test.answer)
			got, err := Open(t.Context(), test.context, test.where, io.Discard)
			if test.err != "" {
				require.EqualError(t, err, test.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.want, got.Context)
		})
	}
}

func TestTheContextStaysTheSameOnceOpened(t *testing.T) {
	fake := newFake(t)
	opened, _ := open(t)
	require.NoError(t, opened.Apply(t.Context(), system(t), Options{Timeout: minute}))
	require.Len(t, fake.Calls("--context=k3d-rating "), len(fake.Calls(""))-1, "all but the question which it is")
}

func TestMissingKindsAreNamedBeforeAnythingIsChanged(t *testing.T) {
	fake := newFake(t)
	fake.Answer("api-resources", kubectltest.Answer{
		Stdout: `configmaps                 cm      v1                              true    ConfigMap
namespaces                 ns      v1                              false   Namespace
secrets                            v1                              true    Secret
deployments                deploy  apps/v1                         true    Deployment
statefulsets               sts     apps/v1                         true    StatefulSet
horizontalpodautoscalers   hpa     autoscaling/v2                  true    HorizontalPodAutoscaler
jobs                               batch/v1                        true    Job
clusters                           example.com/v1                  true    Cluster
`,
		Stderr: "error: unable to retrieve the complete list of server APIs: metrics.k8s.io/v1beta1: stale GroupVersion discovery: metrics.k8s.io/v1beta1\n",
		Code:   1,
	})
	opened, _ := open(t)
	want := `Stream rating/responses: the cluster does not know Stream of jetstream.nats.io/v1beta2: install NACK, as docs/kubernetes.md says
ScaledObject rating/rating: the cluster does not know ScaledObject of keda.sh/v1alpha1: install KEDA, as docs/kubernetes.md says
Cluster rating/postgres: the cluster does not know Cluster of postgresql.cnpg.io/v1: install CloudNativePG, as docs/kubernetes.md says
kubectl api-resources --no-headers: error: unable to retrieve the complete list of server APIs: metrics.k8s.io/v1beta1: stale GroupVersion discovery: metrics.k8s.io/v1beta1`
	require.EqualError(t, opened.Apply(t.Context(), system(t), Options{Timeout: minute}), want)
	_, err := opened.Diff(t.Context(), system(t), Options{Timeout: minute})
	require.EqualError(t, err, want)
	require.Empty(t, verbs(fake))
}

func TestAnAPIThatIsDownAndNotWantedDoesNotMatter(t *testing.T) {
	newFake(t).Answer("api-resources", kubectltest.Answer{Stdout: kinds, Stderr: "error: unable to retrieve the complete list of server APIs\n", Code: 1})
	opened, _ := open(t)
	require.NoError(t, opened.Apply(t.Context(), system(t), Options{Timeout: minute}))
}

func TestAClusterThatDoesNotAnswer(t *testing.T) {
	newFake(t).Answer("api-resources", kubectltest.Answer{
		Stderr: "The connection to the server 127.0.0.1:6443 was refused - did you specify the right host or port?\n", Code: 1,
	})
	opened, _ := open(t)
	require.EqualError(t, opened.Apply(t.Context(), system(t), Options{Timeout: minute}),
		"kubectl api-resources --no-headers: The connection to the server 127.0.0.1:6443 was refused - did you specify the right host or port?")
}
