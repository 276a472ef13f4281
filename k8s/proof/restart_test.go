//go:build cluster

package proof_test

import (
	"context"
	"net/http"
	"testing"
)

// Every pod of a Deployment is replaced while eight clients read and write, and two read pages: no request fails, whatever its
// connection, and what was acknowledged is there once.
func TestARollingRestartLosesNoRequest(t *testing.T) {
	for _, deployment := range []string{"rating", "proxy", "web"} {
		t.Run(deployment, func(t *testing.T) {
			calls := startLoad(t, mixed(t, api(t)))
			web := serviceURL(t, "web")
			pages := startLoadOf(t, []*client{newClient(t, "reader 0 (HTTP/1.1)", web, false), newClient(t, "reader 1 (HTTP/1.1)", web, false)}, (*load).readAPage)
			calls.goOn()
			restarts := 1
			if full() {
				restarts = 3
			}
			for range restarts {
				kubectl(t, "rollout", "restart", "deployment/"+deployment)
				kubectl(t, "rollout", "status", "deployment/"+deployment, "--timeout="+rollout.String())
				// the old pods drain
				eventually(t, rollout, "the old pods are gone", func() bool {
					ready, others := podsOf(t, deployment)
					return len(ready) > 0 && others == 0
				})
			}
			calls.goOn()
			pages.requireNoFailure()
			calls.requireNoFailure()
			calls.requireWrittenOnce()
		})
	}
}

func (l *load) readAPage(ctx context.Context, c *client, _ int) {
	l.do(ctx, c, http.MethodGet, "/ui/", "", "")
}
