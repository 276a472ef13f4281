//go:build cluster

package proof_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	// clients is how many clients a load has.
	clients = 8
	// interval is the time between the starts of two requests of a client.
	interval = 40 * time.Millisecond
	// callTimeout is longer than the proxy lets a call take.
	callTimeout = 40 * time.Second
	// resendPause is what a client waits before it sends a request again, and resendTime for how long it does so.
	resendPause = 100 * time.Millisecond
	resendTime  = 15 * time.Second
)

// load is what clients of the API do while something happens: each creates services, and reads what there is.
type load struct {
	t      *testing.T
	prefix string // of the names of what it creates
	began  time.Time
	cancel context.CancelFunc
	group  sync.WaitGroup

	mu           sync.Mutex
	answered     int
	took, lag    []time.Duration
	failures     []failure
	acknowledged []string // display names
	sent         map[string]bool
}

// failure is a request that was not answered with 200.
type failure struct {
	at, took time.Duration // at: since the load began
	client   *client
	request  string
	status   int
	body     string
	err      error
}

func (f failure) String() string {
	answer := fmt.Sprint(f.status, " ", f.body)
	if f.err != nil {
		answer = f.err.Error()
	}
	return fmt.Sprintf("%v after the load's begin: %s by %s, answered after %v: %s",
		f.at.Round(time.Millisecond), f.request, f.client.name, f.took.Round(time.Millisecond), answer)
}

// client is one client, with a connection of its own that it keeps. A request that net/http can see was not processed is sent
// again by it, and by nothing else.
type client struct {
	name string
	base string // URL that requests go to
	http *http.Client
	// keyed is whether commands have an Idempotency-Key.
	keyed bool
	// again is where a request that got no answer is sent again, and all that follow; empty for nowhere. Such a client is keyed.
	again  string
	resent int // how many requests were
}

// newClient returns a client that speaks HTTP/1.1, or HTTP/2 without TLS.
func newClient(t *testing.T, name, base string, overHTTP2 bool) *client {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(!overHTTP2)
	protocols.SetUnencryptedHTTP2(overHTTP2)
	transport := &http.Transport{Protocols: protocols}
	t.Cleanup(transport.CloseIdleConnections)
	return &client{name: name, base: base, http: &http.Client{Transport: transport, Timeout: callTimeout}}
}

// mixed returns the clients of a load: by HTTP/1.1 and HTTP/2, with keys and without.
func mixed(t *testing.T, base string) []*client {
	all := make([]*client, clients)
	for i := range all {
		overHTTP2, keyed := i%2 == 1, i%4 < 2
		protocol := "HTTP/1.1"
		if overHTTP2 {
			protocol = "HTTP/2"
		}
		all[i] = newClient(t, fmt.Sprint("client ", i, " (", protocol, ")"), base, overHTTP2)
		all[i].keyed = keyed
	}
	return all
}

// send makes a request, and returns the status and the body of its answer.
func (c *client) send(ctx context.Context, method, target, key, body string) (int, string, error) {
	request, err := http.NewRequestWithContext(ctx, method, target, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	if key != "" {
		request.Header.Set("Idempotency-Key", key)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = response.Body.Close() }() // it was read
	answer, err := io.ReadAll(response.Body)
	return response.StatusCode, strings.TrimSpace(string(answer)), err
}

// startLoad lets clients of the API work until end.
func startLoad(t *testing.T, all []*client) *load {
	return startLoadOf(t, all, (*load).workAtAPI)
}

// startLoadOf is startLoad for another work: the n-th request of a client.
func startLoadOf(t *testing.T, all []*client, work func(l *load, ctx context.Context, c *client, n int)) *load {
	ctx, cancel := context.WithCancel(context.Background())
	l := &load{t: t, prefix: "proof-" + strings.ToLower(rand.Text()[:8]) + "-", began: time.Now(), cancel: cancel, sent: map[string]bool{}}
	for _, c := range all {
		l.group.Go(func() {
			due := time.Now()
			timer := time.NewTimer(0)
			defer timer.Stop()
			for n := 0; ; n++ {
				select {
				case <-timer.C:
				case <-ctx.Done():
					return
				}
				l.late(time.Since(due))
				work(l, context.WithoutCancel(ctx), c, n) // a request that was sent is waited for
				due = due.Add(interval)
				timer.Reset(time.Until(due))
			}
		})
	}
	t.Cleanup(l.stop)
	return l
}

// workAtAPI is three requests: a service is created, got, and a page of ratings is listed.
func (l *load) workAtAPI(ctx context.Context, c *client, n int) {
	switch n % 3 {
	case 0:
		name := fmt.Sprint(l.prefix, strings.Fields(c.name)[1], "-", n)
		key := ""
		if c.keyed {
			key = name
		}
		l.mu.Lock()
		l.sent[name] = true
		l.mu.Unlock()
		if l.do(ctx, c, http.MethodPost, "/services", key, fmt.Sprintf(`{"displayName": %q}`, name)) {
			l.mu.Lock()
			l.acknowledged = append(l.acknowledged, name)
			l.mu.Unlock()
		}
	case 1:
		l.do(ctx, c, http.MethodGet, "/services?pageSize=10", "", "")
	default:
		l.do(ctx, c, http.MethodGet, "/ratings?pageSize=10", "", "")
	}
}

// do makes a request and notes its answer. It reports whether that was 200.
func (l *load) do(ctx context.Context, c *client, method, path, key, body string) bool {
	start := time.Now()
	status, answer, err := c.send(ctx, method, c.base+path, key, body)
	if err != nil && c.again != "" {
		c.base = c.again
		c.resent++
		// The Service leads to the pod that is gone until the node has noticed.
		for end := time.Now().Add(resendTime); err != nil && time.Now().Before(end); {
			time.Sleep(resendPause)
			status, answer, err = c.send(ctx, method, c.base+path, key, body)
		}
	}
	took := time.Since(start)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answered++
	l.took = append(l.took, took)
	if err == nil && status == http.StatusOK {
		return true
	}
	l.failures = append(l.failures, failure{start.Sub(l.began), took, c, method + " " + path, status, answer, err})
	return false
}

func (l *load) late(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lag = append(l.lag, max(0, d))
}

// count returns how many requests were answered so far, in whatever way.
func (l *load) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.answered
}

// goOn waits until the load has gone on for the time of the flag -duration, and returns early when anything failed.
func (l *load) goOn() {
	l.t.Helper()
	end, least := time.Now().Add(loadTime()), l.count()+3*clients
	eventually(l.t, soon+loadTime(), "the load goes on", func() bool { return time.Now().After(end) && l.count() >= least })
}

// stop ends the load; it returns when all requests are answered.
func (l *load) stop() {
	l.cancel()
	l.group.Wait()
}

// report prints what the load has seen, the failures among it, and returns those.
func (l *load) report() []failure {
	l.t.Helper()
	l.stop()
	slices.Sort(l.took)
	slices.Sort(l.lag)
	at := func(sorted []time.Duration, percent int) time.Duration {
		if len(sorted) == 0 {
			return 0
		}
		return sorted[(len(sorted)-1)*percent/100].Round(10 * time.Microsecond)
	}
	l.t.Logf("%d requests, %d of them failed, %d services created; p50 %v, p99 %v, slowest %v; sent late by p50 %v, p99 %v, at most %v",
		l.answered, len(l.failures), len(l.acknowledged), at(l.took, 50), at(l.took, 99), at(l.took, 100), at(l.lag, 50), at(l.lag, 99), at(l.lag, 100))
	const shown = 20
	for i, f := range l.failures {
		if i == shown {
			l.t.Logf("and %d failures more", len(l.failures)-shown)
			break
		}
		l.t.Log(f)
	}
	return l.failures
}

// requireNoFailure ends the load, and requires that every request was answered with 200.
func (l *load) requireNoFailure() {
	l.t.Helper()
	require.Empty(l.t, l.report(), "requests failed")
}

// requireWrittenOnce requires that each service whose creation was acknowledged is there once, and none is there twice.
func (l *load) requireWrittenOnce() {
	l.t.Helper()
	there := map[string]int{}
	c := newClient(l.t, "the reader", api(l.t), false)
	for token := ""; ; {
		query := url.Values{"pageSize": {"1000"}, "displayNamePrefix": {l.prefix}, "pageToken": {token}}
		status, body, err := c.send(l.t.Context(), http.MethodGet, c.base+"/services?"+query.Encode(), "", "")
		require.NoError(l.t, err)
		require.Equal(l.t, http.StatusOK, status, body)
		var page struct {
			Services      []struct{ DisplayName string }
			NextPageToken string
		}
		require.NoError(l.t, json.Unmarshal([]byte(body), &page))
		for _, service := range page.Services {
			there[service.DisplayName]++
		}
		if token = page.NextPageToken; token == "" {
			break
		}
	}
	require.NotEmpty(l.t, l.acknowledged)
	for _, name := range l.acknowledged {
		require.Equal(l.t, 1, there[name], "%s was acknowledged", name)
	}
	for name, times := range there {
		require.True(l.t, l.sent[name], "%s was never sent", name)
		require.Equal(l.t, 1, times, name)
	}
}
