//go:build cluster

package proof_test

import (
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// kills is how often a test kills.
func kills() int {
	if full() {
		return 5
	}
	return 2
}

// One of two pods of the rating service is deleted without grace: no call fails.
func TestADeletedRatingPodFailsNoCall(t *testing.T) {
	keepRating(t, 2)
	l := startLoad(t, mixed(t, api(t)))
	l.goOn()
	for range kills() {
		victim := settled(t, "rating", 2)[0]
		kubectl(t, "delete", "pod", victim.Metadata.Name, "--grace-period=0", "--force")
		settled(t, "rating", 2)
		l.goOn()
	}
	l.requireNoFailure()
	l.requireWrittenOnce()
}

// The process of one of two pods of the rating service gets a SIGKILL: no call fails.
func TestAKilledRatingProcessFailsNoCall(t *testing.T) {
	keepRating(t, 2)
	l := startLoad(t, mixed(t, api(t)))
	l.goOn()
	for range kills() {
		victim := settled(t, "rating", 2)[0]
		kill(t, victim)
		eventually(t, soon, victim.Metadata.Name+" has started again", func() bool {
			var now pod
			get(t, &now, "pod", victim.Metadata.Name)
			return now.restarts() > victim.restarts()
		})
		settled(t, "rating", 2)
		l.goOn()
	}
	l.requireNoFailure()
	l.requireWrittenOnce()
}

// One of two proxies is killed. Half of the clients have their connections to the other one: they see nothing of it. Those of
// the killed one send again, to the Service and with the same key, what got no answer: it is answered, and has acted once.
func TestAKilledProxyFailsOnlyItsOwnConnections(t *testing.T) {
	proxies := keepProxies(t, 2)
	victim, other := proxies[0], proxies[1]
	service := api(t)
	at := func(p pod) string { return "http://" + net.JoinHostPort(p.Status.PodIP, "8080") }
	all := mixed(t, at(other))
	for i, c := range all {
		if i < clients/2 {
			c.base, c.again, c.keyed = at(victim), service, true
			c.name += " of the killed proxy"
		}
	}
	l := startLoad(t, all)
	l.goOn()
	kill(t, victim)
	l.goOn()
	l.requireNoFailure()
	for i, c := range all {
		if i < clients/2 {
			require.Positive(t, c.resent, "%s did not notice", c.name)
			t.Logf("%s sent %d requests again", c.name, c.resent)
		}
	}
	l.requireWrittenOnce()
}

// kill sends a SIGKILL to a pod's process. No program in the pod can: it is process 1 there. A pod on the same node that sees
// the node's processes does it.
func kill(t *testing.T, victim pod) {
	t.Helper()
	require.Len(t, victim.Status.ContainerStatuses, 1)
	_, id, _ := strings.Cut(victim.Status.ContainerStatuses[0].ContainerID, "://")
	require.NotEmpty(t, id)
	name := "proof-kill-" + id[:8]
	spec, err := json.Marshal(map[string]any{
		"apiVersion": "v1",
		"kind":       "Pod",
		"spec": map[string]any{
			"nodeName": victim.Spec.NodeName, "hostPID": true, "restartPolicy": "Never",
			"containers": []any{map[string]any{
				"name": "kill", "image": killer,
				"command": []string{
					"sh", "-c", `pids=$(grep -l "$0" /proc/[0-9]*/cgroup | cut -d/ -f3) && echo $pids && kill -9 $pids`, id,
				},
				"securityContext": map[string]any{"privileged": true, "runAsUser": 0},
			}},
		},
	})
	require.NoError(t, err)
	in := []string{"--namespace", killers} // ours allows no such pod; kubectl takes the last one given
	kubectl(t, append(in, "run", name, "--image="+killer, "--restart=Never", "--overrides="+string(spec))...)
	defer kubectl(t, append(in, "delete", "pod", name, "--now")...)
	phase := ""
	eventually(t, soon, fmt.Sprintf("%s is killed", victim.Metadata.Name), func() bool {
		phase = kubectl(t, append(in, "get", "pod", name, "-o", "jsonpath={.status.phase}")...)
		return phase == "Succeeded" || phase == "Failed"
	})
	require.Equal(t, "Succeeded", phase, kubectl(t, append(in, "logs", name)...))
}

const (
	// killers is a namespace where pods may be privileged, as those of the cluster itself are.
	killers = "kube-system"
	// killer is an image with a shell, which the cluster has anyway.
	killer = "docker.io/library/nats:2.15.2-alpine"
)
