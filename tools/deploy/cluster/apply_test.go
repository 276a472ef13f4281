package cluster

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/codingflow/rating/tools/deploy/kubectl/kubectltest"
)

// TestApplyGoesInSteps allows for the waits of a step to begin in any order.
func TestApplyGoesInSteps(t *testing.T) {
	fake := newFake(t)
	opened, _ := open(t)
	require.NoError(t, opened.Apply(t.Context(), system(t), Options{Timeout: minute}))

	const apply = "apply --server-side --field-manager=rating-deploy --filename=-"
	const create = "create --field-manager=rating-deploy --filename=-"
	got := verbs(fake)
	var steps [][]string
	for _, call := range got {
		if strings.HasPrefix(call, "interrupted") {
			continue
		}
		if !strings.Contains(call, "rollout") && !strings.Contains(call, " wait ") {
			steps = append(steps, []string{call})
			continue
		}
		last := &steps[len(steps)-1]
		*last = append(*last, call)
	}
	wantWaits := map[int][]string{
		3: {
			"--namespace=rating rollout status statefulset.apps/nats --timeout=1m0s",
			"--namespace=rating wait job.batch/" + job + " --for=condition=Complete --timeout=1m0s",
			"--namespace=rating wait cluster.postgresql.cnpg.io/postgres --for=condition=Ready --timeout=1m0s",
			"--namespace=rating wait stream.jetstream.nats.io/responses --for=condition=Ready --timeout=1m0s",
		},
		4: {"--namespace=rating rollout status deployment.apps/proxy --timeout=1m0s"},
	}
	var calls []string
	for i, step := range steps {
		calls = append(calls, step[0])
		for _, wait := range wantWaits[i] {
			require.Contains(t, step[1:], wait)
		}
	}
	require.Empty(t, cmp.Diff([]string{
		apply + " Namespace/rating",
		create + " Secret/nats-proxy",
		create + " Secret/postgres-owner",
		apply + " ConfigMap/settings StatefulSet/nats Job/" + job + " Stream/responses Cluster/postgres",
		apply + " Deployment/proxy HorizontalPodAutoscaler/proxy ScaledObject/rating",
	}, calls))
}

func TestSecretsAreMadeOnce(t *testing.T) {
	fake := newFake(t)
	fake.Answer("get secret/nats-proxy", kubectltest.Answer{Stdout: "nats-proxy public seed"})
	opened, _ := open(t)
	require.NoError(t, opened.Apply(t.Context(), system(t), Options{Timeout: minute}))
	created := fake.Calls("create")
	require.Len(t, created, 1)
	var secret struct {
		Kind       string
		Metadata   struct{ Name, Namespace string }
		StringData map[string]string `yaml:"stringData"`
	}
	require.NoError(t, yaml.Unmarshal([]byte(created[0].Stdin), &secret))
	require.Equal(t, "Secret rating/postgres-owner", secret.Kind+" "+secret.Metadata.Namespace+"/"+secret.Metadata.Name)
	require.Equal(t, "owner", secret.StringData["username"])
	require.Len(t, secret.StringData["password"], 43)
	for _, call := range fake.Calls("apply") {
		require.NotContains(t, call.Stdin, "kind: Secret")
	}
}

func TestSecretsHaveWhatTheirAnnotationSays(t *testing.T) {
	fake := newFake(t)
	opened, _ := open(t)
	require.NoError(t, opened.Apply(t.Context(), system(t), Options{Timeout: minute}))
	var secret struct {
		StringData map[string]string `yaml:"stringData"`
	}
	require.NoError(t, yaml.Unmarshal([]byte(fake.Calls("create")[0].Stdin), &secret))
	require.Len(t, secret.StringData, 2)
	pair, err := nkeys.FromSeed([]byte(secret.StringData["seed"]))
	require.NoError(t, err)
	public, err := pair.PublicKey()
	require.NoError(t, err)
	require.Equal(t, public, secret.StringData["public"])
}

func TestASecretThatAnotherDeploymentMadeIsFine(t *testing.T) {
	fake := newFake(t)
	fake.Answer("create", kubectltest.Answer{Stderr: `Error from server (AlreadyExists): error when creating "STDIN": secrets "nats-proxy" already exists` + "\n", Code: 1})
	opened, _ := open(t)
	require.NoError(t, opened.Apply(t.Context(), system(t), Options{Timeout: minute}))
}

func TestASecretThatLacksAKeyEndsTheDeployment(t *testing.T) {
	fake := newFake(t)
	fake.Answer("get secret/nats-proxy", kubectltest.Answer{Stdout: "nats-proxy seed"})
	opened, _ := open(t)
	require.EqualError(t, opened.Apply(t.Context(), system(t), Options{Timeout: minute}),
		"Secret rating/nats-proxy: the cluster has it without the key public: add the key, or delete the Secret to have all of it made anew")
	require.Empty(t, fake.Calls("create"))
}

func TestAFailedJobRunsAgain(t *testing.T) {
	fake := newFake(t)
	fake.Answer(`get job.batch/`+job+` --ignore-not-found --output=jsonpath={.status.conditions[?(@.type=="Failed")].status}`, kubectltest.Answer{Stdout: "True"})
	opened, told := open(t)
	require.NoError(t, opened.Apply(t.Context(), system(t), Options{Timeout: minute}))
	require.Len(t, fake.Calls("delete job.batch/"+job), 1)
	require.Contains(t, told.String(), "Job rating/"+job+" failed before; it runs again\n")
}

func TestADryRunChangesNothingAndWaitsForNothing(t *testing.T) {
	fake := newFake(t)
	opened, _ := open(t)
	require.NoError(t, opened.Apply(t.Context(), system(t), Options{Timeout: minute, DryRun: true, ForceConflicts: true}))
	const apply = "apply --server-side --field-manager=rating-deploy --force-conflicts --dry-run=server --filename=-"
	const create = "create --field-manager=rating-deploy --dry-run=server --filename=-"
	require.Empty(t, cmp.Diff([]string{
		apply + " Namespace/rating",
		create + " Secret/nats-proxy",
		create + " Secret/postgres-owner",
		apply + " ConfigMap/settings StatefulSet/nats Job/" + job + " Stream/responses Cluster/postgres",
		apply + " Deployment/proxy HorizontalPodAutoscaler/proxy ScaledObject/rating",
	}, verbs(fake)))
}

func TestErrorsOfApplySayWhatToDo(t *testing.T) {
	const command = "kubectl apply --server-side --field-manager=rating-deploy --filename=-: "
	for name, test := range map[string]struct{ stderr, more, want string }{
		"a conflict": {
			`error: Apply failed with 1 conflict: conflict with "kubectl-edit" using apps/v1: .spec.replicas`,
			"\nPlease review the fields above--they currently have other managers. Here\nare the ways you can resolve this warning:\n",
			"\nothers have set fields that the manifests set too: --force-conflicts takes these fields over",
		},
		"an old CRD": {
			`error: resource mapping not found for name: "responses" namespace: "rating" from "STDIN": no matches for kind "Stream" in version "jetstream.nats.io/v1beta2"`, "",
			"\nthe cluster does not know the kind in this version: docs/kubernetes.md says what it needs",
		},
		"no namespace": {
			`Error from server (NotFound): namespaces "rating" not found`, "",
			"\nnothing was deployed to this cluster yet, and without its namespace the cluster cannot check the rest",
		},
		"no namespace for a Secret": {
			`Error from server (NotFound): error when creating "STDIN": namespaces "rating" not found`, "",
			"\nnothing was deployed to this cluster yet, and without its namespace the cluster cannot check the rest",
		},
		"any other": {`Error from server (Forbidden): deployments.apps is forbidden`, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			newFake(t).Answer("apply", kubectltest.Answer{Stderr: test.stderr + test.more + "\n", Code: 1})
			opened, _ := open(t)
			require.EqualError(t, opened.Apply(t.Context(), system(t), Options{Timeout: minute}), command+test.stderr+test.want)
		})
	}
}

func TestAnInterruptStopsKubectl(t *testing.T) {
	fake := newFake(t)
	fake.Answer("rollout status statefulset.apps/nats", kubectltest.Answer{Hang: true})
	opened, told := open(t)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- opened.Apply(ctx, system(t), Options{Timeout: minute}) }()
	require.Eventually(t, func() bool { return len(fake.Calls("rollout status")) == 1 }, 30*time.Second, 5*time.Millisecond)
	stop()
	require.ErrorIs(t, <-ended, context.Canceled)
	require.Len(t, fake.Calls("interrupted --context=k3d-rating --namespace=rating rollout status"), 1)
	require.NotContains(t, told.String(), "is not ready", "nobody wants to know now")
	require.Empty(t, fake.Calls("rollout status deployment"))
}

func TestDiff(t *testing.T) {
	const args = "diff --server-side --field-manager=rating-deploy --filename=-"
	for name, test := range map[string]struct {
		secrets bool // whether the cluster has them
		answer  kubectltest.Answer
		differs bool
		told    string
		err     string
	}{
		"none": {true, kubectltest.Answer{}, false, "", ""},
		"some": {true, kubectltest.Answer{Stdout: "-  greeting: hi\n+  greeting: hello\n", Stderr: "Warning: careful\n", Code: 1}, true,
			"-  greeting: hi\n+  greeting: hello\n", ""},
		"Secrets":  {false, kubectltest.Answer{}, true, "Secret rating/nats-proxy would be made\nSecret rating/postgres-owner would be made\n", ""},
		"an error": {true, kubectltest.Answer{Stderr: "error: no\n", Code: 1}, false, "", "kubectl " + args + ": error: no"},
		"no diff": {true, kubectltest.Answer{Stderr: `error: exec: "diff": executable file not found in $PATH` + "\n", Code: 2}, false, "",
			"kubectl " + args + `: error: exec: "diff": executable file not found in $PATH`},
	} {
		t.Run(name, func(t *testing.T) {
			fake := newFake(t)
			if test.secrets {
				fake.Answer("get secret/", kubectltest.Answer{Stdout: "secret/x"})
			}
			fake.Answer("diff", test.answer)
			opened, told := open(t)
			differs, err := opened.Diff(t.Context(), system(t), Options{Timeout: minute})
			if test.err != "" {
				require.EqualError(t, err, test.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.differs, differs)
			require.Equal(t, test.told, told.String())
			require.Len(t, verbs(fake), 1)
			require.NotContains(t, fake.Calls("diff")[0].Stdin, "kind: Secret")
		})
	}
}
