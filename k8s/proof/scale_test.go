//go:build cluster

package proof_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	// backlog is how many clients create a service after the other, so that nearly as many calls wait or are being worked on: more
	// than what KEDA has four replicas for.
	backlog = 256
	// mostReplicas is the ScaledObject's bound, in development.
	mostReplicas = 5
	// scaleDown bounds how long it takes until there is one replica again: what KEDA's autoscaler waits for first, and a pod at a time.
	scaleDown = 12 * time.Minute
)

// A backlog brings the rating service from one replica to five, and its end back to one. Meanwhile every call is answered, or
// refused at once because it would wait for too long.
func TestABacklogScalesTheRatingService(t *testing.T) {
	base := api(t)
	kubectl(t, "annotate", "--overwrite", "scaledobject/rating", pausedReplicas+"=1")
	t.Cleanup(func() { kubectl(t, "annotate", "scaledobject/rating", pausedReplicas+"-") })
	settled(t, "rating", 1)
	kubectl(t, "annotate", "scaledobject/rating", pausedReplicas+"-")
	eventually(t, soon, "the ScaledObject is active or not, and not paused", func() bool {
		return kubectl(t, "get", "hpa", "keda-hpa-rating", "--ignore-not-found", "-o", "name") != ""
	})

	ctx, cancel := context.WithCancel(t.Context())
	var mu sync.Mutex
	answers := map[string]int{}
	var group sync.WaitGroup
	for i := range backlog {
		c := newClient(t, fmt.Sprint("client ", i), base, false)
		group.Go(func() {
			for ctx.Err() == nil {
				status, body, err := c.send(context.WithoutCancel(ctx), http.MethodPost, base+"/services", "", `{"displayName": "Backlog"}`)
				answer := fmt.Sprint(status)
				switch {
				case err != nil:
					answer = err.Error()
				case status == http.StatusTooManyRequests:
					select { // it says when, and for a crowd that is always
					case <-time.After(interval):
					case <-ctx.Done():
					}
				case status != http.StatusOK:
					answer += " " + body
				}
				mu.Lock()
				answers[answer]++
				mu.Unlock()
			}
		})
	}
	defer group.Wait()
	defer cancel()

	begun := time.Now()
	seen := 1
	eventually(t, rollout, fmt.Sprintf("there are %d replicas", mostReplicas), func() bool {
		ready, _ := podsOf(t, "rating")
		if len(ready) != seen {
			seen = len(ready)
			t.Logf("%v after the backlog's begin: %d replicas are ready", time.Since(begun).Round(time.Second), seen)
		}
		return seen == mostReplicas
	})
	cancel()
	group.Wait()
	for answer, n := range answers {
		t.Logf("%d × %s", n, answer)
	}
	require.Positive(t, answers["200"])
	for answer := range answers {
		require.Contains(t, []string{"200", "429"}, answer)
	}

	ended := time.Now()
	eventually(t, scaleDown, "there is one replica", func() bool {
		ready, _ := podsOf(t, "rating")
		if len(ready) != seen {
			seen = len(ready)
			t.Logf("%v after the backlog's end: %d replicas are ready", time.Since(ended).Round(time.Second), seen)
		}
		return seen == 1
	})
}
