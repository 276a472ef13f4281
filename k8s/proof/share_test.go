//go:build cluster

package proof_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Of two to five replicas each does its share of the work: half of the mean at least.
func TestReplicasShareTheWork(t *testing.T) {
	sizes := []int{2, 5}
	if full() {
		sizes = []int{2, 3, 4, 5}
	}
	for _, replicas := range sizes {
		t.Run(fmt.Sprint(replicas), func(t *testing.T) {
			pods := keepRating(t, replicas)
			before := make([]int, replicas)
			for i, p := range pods {
				before[i] = handled(t, p)
			}
			l := startLoad(t, mixed(t, api(t)))
			l.goOn()
			l.requireNoFailure()
			total, least := 0, 0
			for i, p := range pods {
				n := handled(t, p) - before[i]
				total += n
				if i == 0 || n < least {
					least = n
				}
				t.Logf("%s handled %d calls", p.Metadata.Name, n)
			}
			require.GreaterOrEqual(t, total, l.count(), "each request is a call")
			require.GreaterOrEqual(t, least, total/replicas/2, "of %d calls", total)
		})
	}
}

// handled returns how many calls a pod of the rating service has handled, by its metrics.
func handled(t *testing.T, p pod) int {
	t.Helper()
	metrics := kubectl(t, "get", "--raw", "/api/v1/namespaces/"+*namespace+"/pods/"+p.Metadata.Name+":8081/proxy/metrics")
	sum := 0.0
	for line := range strings.Lines(metrics) {
		if !strings.HasPrefix(line, "rpc_server_call_duration_seconds_count{") {
			continue
		}
		_, value, _ := strings.Cut(strings.TrimSpace(line[strings.LastIndex(line, "}"):]), " ")
		n, err := strconv.ParseFloat(value, 64)
		require.NoError(t, err, line)
		sum += n
	}
	return int(sum)
}
