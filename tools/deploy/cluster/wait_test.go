package cluster

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/tools/deploy/kubectl/kubectltest"
)

const (
	timedOut  = "error: timed out waiting for the condition\n"
	proxyJSON = `{"spec": {"selector": {"matchLabels": {"b": "2", "a": "1"}}}, "status": {"conditions": [
		{"type": "Available", "status": "False", "reason": "MinimumReplicasUnavailable", "message": "Deployment does not have minimum availability."},
		{"type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated"},
		{"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "pods \"proxy-1\" is forbidden: violates PodSecurity\n\"restricted:latest\""}]}}`
)

// podJSON returns a pod that is not ready.
func podJSON(name, phase, conditions, containers string) string {
	return fmt.Sprintf(`{"metadata": {"name": %q}, "status": {"phase": %q, "conditions": [%s], "containerStatuses": [%s]}}`, name, phase, conditions, containers)
}

func podsJSON(pods ...string) string { return `{"items": [` + strings.Join(pods, ",") + `]}` }

const (
	ready    = `{"type": "Ready", "status": "True"}`
	notReady = `{"type": "Ready", "status": "False"}`
)

func TestWhatIsWrongIsTold(t *testing.T) {
	const head = `
Deployment rating/proxy is not ready
  not Available: MinimumReplicasUnavailable: Deployment does not have minimum availability.
  ReplicaFailure: FailedCreate: pods "proxy-1" is forbidden: violates PodSecurity "restricted:latest"
`
	for name, test := range map[string]struct {
		pods    string
		answers map[string]kubectltest.Answer
		want    string
	}{
		"no pods": {pods: podsJSON(), want: "  it has no pods\n"},
		"a ready pod beside one whose image is not to be had": {
			pods: podsJSON(
				podJSON("proxy-1", "Running", ready, `{"name": "proxy", "ready": true, "state": {"running": {}}}`),
				podJSON("proxy-2", "Pending", notReady, `{"name": "proxy", "state": {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image \"registry.example/proxy\""}}}`)),
			want: "  pod proxy-2: Pending\n    container proxy: ImagePullBackOff: Back-off pulling image \"registry.example/proxy\"\n",
		},
		"a pod without a node": {
			pods: podsJSON(podJSON("proxy-1", "Pending",
				`{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes are available: 1 Insufficient cpu."}`, "")),
			want: "  pod proxy-1: Unschedulable: 0/1 nodes are available: 1 Insufficient cpu.\n",
		},
		"an evicted pod": {
			pods: podsJSON(`{"metadata": {"name": "proxy-1"}, "status": {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."}}`),
			want: "  pod proxy-1: Evicted: The node was low on resource: memory.\n",
		},
		"a pod on its way out": {
			pods: podsJSON(`{"metadata": {"name": "proxy-1", "deletionTimestamp": "2026-01-02T03:04:05Z"}, "status": {"phase": "Running"}}`),
			want: "  pod proxy-1: it is being deleted\n",
		},
		"a probe that fails": {
			pods: podsJSON(podJSON("proxy-1", "Running", notReady, `{"name": "proxy", "state": {"running": {}}}`)),
			answers: map[string]kubectltest.Answer{
				"involvedObject.name=proxy-1": {Stdout: `{"items": [{"reason": "Unhealthy", "count": 4, "message": "Readiness probe failed: HTTP probe failed with statuscode: 503"}]}`},
			},
			want: "  pod proxy-1: Running\n    container proxy: it runs and is not ready\n" +
				"    warning Unhealthy (4 times): Readiness probe failed: HTTP probe failed with statuscode: 503\n",
		},
		"a container that crashes again and again": {
			pods: podsJSON(podJSON("proxy-1", "Running", notReady, `{"name": "proxy", "restartCount": 3,
				"state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s restarting failed container"}},
				"lastState": {"terminated": {"exitCode": 1, "reason": "Error"}}}`)),
			answers: map[string]kubectltest.Answer{
				"logs proxy-1 --container=proxy --previous=true --tail=20": {Stdout: "starting\nproxy: no NATS_URL\n"},
			},
			want: "  pod proxy-1: Running\n" +
				"    container proxy: CrashLoopBackOff: back-off 40s restarting failed container; before: it ended with code 1 (3 restarts)\n" +
				"    the last lines of container proxy:\n      | starting\n      | proxy: no NATS_URL\n",
		},
		"a container that had too little memory": {
			pods: podsJSON(podJSON("proxy-1", "Running", notReady, `{"name": "proxy", "restartCount": 1,
				"state": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}}`)),
			answers: map[string]kubectltest.Answer{
				"logs proxy-1 --container=proxy --previous=false": {Stdout: strings.Repeat("x", 5000) + "\nend\n"},
			},
			want: "  pod proxy-1: Running\n    container proxy: it ended with code 137: OOMKilled\n" +
				"    the last lines of container proxy:\n      | …" + strings.Repeat("x", 4091) + "\n      | end\n",
		},
		"an init container that fails, while the others wait for it": {
			pods: podsJSON(`{"metadata": {"name": "proxy-1"}, "status": {"phase": "Pending",
				"initContainerStatuses": [{"name": "check", "state": {"waiting": {"reason": "CreateContainerConfigError", "message": "secret \"nats-proxy\" not found"}}}],
				"containerStatuses": [{"name": "proxy", "state": {"waiting": {"reason": "PodInitializing"}}}]}}`),
			want: "  pod proxy-1: Pending\n    container check: CreateContainerConfigError: secret \"nats-proxy\" not found\n",
		},
		"a log that is not to be had": {
			pods: podsJSON(podJSON("proxy-1", "Failed", notReady, `{"name": "proxy", "state": {"terminated": {"exitCode": 2}}}`)),
			answers: map[string]kubectltest.Answer{
				"logs proxy-1": {Stderr: "Error from server: no log\n", Code: 1},
			},
			want: "  pod proxy-1: Failed\n    container proxy: it ended with code 2\n" +
				"    its log: kubectl --namespace=rating logs proxy-1 --container=proxy --previous=false --tail=20: Error from server: no log\n",
		},
		"more pods than anybody reads": {
			pods: podsJSON(podJSON("1", "Pending", "", ""), podJSON("2", "Pending", "", ""), podJSON("3", "Pending", "", ""), podJSON("4", "Pending", "", ""),
				podJSON("5", "Pending", "", ""), podJSON("6", "Pending", "", ""), podJSON("7", "Pending", "", "")),
			want: "  pod 1: Pending\n  pod 2: Pending\n  pod 3: Pending\n  pod 4: Pending\n  pod 5: Pending\n  and 2 more pods\n",
		},
		"more and longer warnings than anybody reads": {
			pods: podsJSON(podJSON("1", "Pending", "", "")),
			answers: map[string]kubectltest.Answer{
				"involvedObject.name=1": {Stdout: `{"items": [{"reason": "A"}, {"reason": "B"}, {"reason": "C"}, {"reason": "D"}, {"reason": "E"},
					{"reason": "F", "message": "` + strings.Repeat("é", 300) + `"}]}`},
			},
			want: "  pod 1: Pending\n    warning B: \n    warning C: \n    warning D: \n    warning E: \n    warning F: " + strings.Repeat("é", 250) + "…\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			fake := newFake(t)
			fake.Answer("rollout status deployment.apps/proxy", kubectltest.Answer{Stdout: "Waiting for deployment \"proxy\" rollout to finish\n", Stderr: timedOut, Code: 1})
			fake.Answer("get deployment.apps/proxy --output=json", kubectltest.Answer{Stdout: proxyJSON})
			fake.Answer("get pods --selector=a=1,b=2 --output=json", kubectltest.Answer{Stdout: test.pods})
			for args, answer := range test.answers {
				fake.Answer(args, answer)
			}
			opened, told := open(t)
			err := opened.wait(t.Context(), system(t).Where(isLast), minute)
			require.EqualError(t, err, "Deployment rating/proxy is not ready: kubectl --namespace=rating rollout status deployment.apps/proxy --timeout=1m0s: "+strings.TrimSpace(timedOut))
			require.Empty(t, cmp.Diff("Waiting for deployment \"proxy\" rollout to finish\n"+head+test.want, told.String()))
		})
	}
}

func TestAFailedJobEndsTheWaitAtOnce(t *testing.T) {
	fake := newFake(t)
	fake.Answer("rollout status statefulset.apps/nats", kubectltest.Answer{Hang: true})
	fake.Answer("--for=condition=Complete", kubectltest.Answer{Hang: true})
	fake.Answer("--for=condition=Failed", kubectltest.Answer{})
	fake.Answer("get job.batch/"+job+" --output=json", kubectltest.Answer{Stdout: `{"spec": {"selector": {"matchLabels": {"batch.kubernetes.io/controller-uid": "1"}}},
		"status": {"conditions": [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "Job has reached the specified backoff limit"}]}}`})
	fake.Answer("get statefulset.apps/nats --output=json", kubectltest.Answer{Stdout: `{}`})
	fake.Answer("get pods", kubectltest.Answer{Stdout: podsJSON(podJSON("migrate-1", "Failed", "", `{"name": "migrate", "state": {"terminated": {"exitCode": 1, "reason": "Error"}}}`))})
	fake.Answer("logs", kubectltest.Answer{Stdout: "no such database\n"})
	opened, told := open(t)
	err := opened.Apply(t.Context(), system(t), Options{Timeout: minute})
	var failed *NotReadyError
	require.ErrorAs(t, err, &failed)
	require.ErrorIs(t, err, errJobFailed)
	require.EqualError(t, err, "Job rating/"+job+" is not ready: the Job failed")
	require.Contains(t, told.String(), "\nStatefulSet rating/nats was still waited for\n")
	require.Contains(t, told.String(), "\nJob rating/"+job+` is not ready
  Failed: BackoffLimitExceeded: Job has reached the specified backoff limit
  pod migrate-1: Failed
    container migrate: it ended with code 1
    the last lines of container migrate:
      | no such database
`)
	require.Empty(t, fake.Calls("apply --server-side")[2:], "the programs are not applied")
}

func TestAJobThatIsStillRunningIsNotReady(t *testing.T) {
	fake := newFake(t)
	fake.Answer("--for=condition=Complete", kubectltest.Answer{Stderr: timedOut, Code: 1})
	opened, _ := open(t)
	require.EqualError(t, opened.Apply(t.Context(), system(t), Options{Timeout: minute}),
		"Job rating/"+job+" is not ready: kubectl --namespace=rating wait job.batch/"+job+" --for=condition=Complete --timeout=1m0s: error: timed out waiting for the condition")
}

func TestWhatControllersSayIsTold(t *testing.T) {
	for name, test := range map[string]struct{ target, conditions, want string }{
		"NACK": {
			"stream.jetstream.nats.io/responses",
			`{"type": "Ready", "status": "False", "reason": "Errored", "message": "nats: no servers available for connection"}`,
			"\nStream rating/responses is not ready\n  not Ready: Errored: nats: no servers available for connection\n",
		},
		"CloudNativePG": {
			"cluster.postgresql.cnpg.io/postgres",
			`{"type": "Ready", "status": "False", "reason": "ClusterIsNotReady", "message": "Cluster Is Not Ready"}`,
			"\nCluster rating/postgres is not ready\n  not Ready: ClusterIsNotReady: Cluster Is Not Ready\n  pod postgres-1: Pending\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			fake := newFake(t)
			fake.Answer("wait "+test.target, kubectltest.Answer{Stderr: timedOut, Code: 1})
			fake.Answer("get "+test.target+" --output=json", kubectltest.Answer{Stdout: `{"status": {"conditions": [` + test.conditions + `]}}`})
			fake.Answer("get pods --selector=cnpg.io/cluster=postgres", kubectltest.Answer{Stdout: podsJSON(podJSON("postgres-1", "Pending", "", ""))})
			opened, told := open(t)
			err := opened.Apply(t.Context(), system(t), Options{Timeout: minute})
			require.ErrorContains(t, err, " is not ready: kubectl --namespace=rating wait "+test.target+" --for=condition=Ready --timeout=1m0s: error: timed out")
			require.Contains(t, told.String(), test.want)
		})
	}
}

func TestDelete(t *testing.T) {
	const remove = "delete --ignore-not-found --wait --timeout=1m0s --filename=-"
	fake := newFake(t)
	fake.Answer("api-resources", kubectltest.Answer{Stdout: strings.ReplaceAll(kinds, "ScaledObject", "Other")})
	fake.Answer("get jobs.batch --output=name", kubectltest.Answer{Stdout: "job.batch/" + job + "\njob.batch/rating-migrate-0123456789\njob.batch/rating-migrate-by-hand\njob.batch/other-0123456789\n"})
	opened, _ := open(t)
	require.NoError(t, opened.Delete(t.Context(), built(t), minute))
	require.Empty(t, cmp.Diff([]string{
		"--namespace=rating delete job.batch/" + job + " --ignore-not-found --wait --timeout=1m0s",
		"--namespace=rating delete job.batch/rating-migrate-0123456789 --ignore-not-found --wait --timeout=1m0s",
		remove + " HorizontalPodAutoscaler/proxy Deployment/proxy",
		remove + " Stream/responses",
		remove + " Cluster/postgres StatefulSet/nats Secret/postgres-owner Secret/nats-proxy ConfigMap/settings",
		remove + " Namespace/rating",
	}, verbs(fake)))
}

func TestDeleteSaysWhatKeepsAnObject(t *testing.T) {
	newFake(t).Answer("delete", kubectltest.Answer{Stderr: "error: timed out waiting for the condition on streams/responses\n", Code: 1})
	opened, _ := open(t)
	require.EqualError(t, opened.Delete(t.Context(), built(t), minute),
		"kubectl delete --ignore-not-found --wait --timeout=1m0s --filename=-: error: timed out waiting for the condition on streams/responses\n"+
			"something is not gone: a finalizer waits for its controller, which may not run or may not reach what it ends")
}

func TestLosses(t *testing.T) {
	newFake(t).Answer("--namespace=rating get persistentvolumeclaims", kubectltest.Answer{Stdout: "data-nats-0 10Gi\ndata-postgres-0 5Gi\n"})
	opened, _ := open(t)
	got, err := opened.Losses(t.Context(), built(t))
	require.NoError(t, err)
	require.Equal(t, []string{
		"volume rating/data-nats-0 of 10Gi",
		"volume rating/data-postgres-0 of 5Gi",
		"Secret rating/nats-proxy",
		"Secret rating/postgres-owner",
		"Stream rating/responses",
		"Cluster rating/postgres",
	}, got)
}
