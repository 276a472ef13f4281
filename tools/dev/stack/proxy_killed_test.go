package stack_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	"github.com/codingflow/rating/proxy/natsproxy"
	"github.com/codingflow/rating/services/rating/store"
	"github.com/codingflow/rating/services/rating/store/sqlite"
	"github.com/codingflow/rating/tools/dev/verify"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// The environment variables that make this test's binary a proxy of its own.
const (
	processProxyNATS  = "STACK_TEST_PROXY_NATS"
	processProxyReady = "STACK_TEST_PROXY_READY" // a file that gets the proxy's address when it serves
)

// serveProxyProcess is the proxy, as its main wires it.
func serveProxyProcess(url, ready string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	nc, err := nats.Connect(url)
	if err != nil {
		return err
	}
	srv, closeConn, err := natsproxy.New(ctx, nc, natsproxy.Config{})
	if err != nil {
		return err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	// Under another name first, so that whoever looks finds the whole address or none.
	if err := os.WriteFile(ready+".new", []byte(listener.Addr().String()), 0o600); err != nil {
		return err
	}
	if err := os.Rename(ready+".new", ready); err != nil {
		return err
	}
	return errors.Join(srv.Serve(ctx, listener), closeConn())
}

// proxyProcess is a proxy that can be killed.
type proxyProcess struct {
	cmd *exec.Cmd
	api string
}

// kill ends the proxy with SIGKILL.
func (p *proxyProcess) kill() {
	_ = p.cmd.Process.Kill() // an error says that it has ended
	_ = p.cmd.Wait()         // likewise
}

// startProxyProcess starts a proxy and waits until it serves. It may be called by any goroutine of the test.
func startProxyProcess(ctx context.Context, url, dir string, i int) (*proxyProcess, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	ready := filepath.Join(dir, fmt.Sprint("proxy", i))
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), processProxyNATS+"="+url, processProxyReady+"="+ready)
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &proxyProcess{cmd: cmd}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(startTimeout); time.Now().Before(end) && ctx.Err() == nil; <-tick.C {
		if address, err := os.ReadFile(ready); err == nil {
			p.api = "http://" + string(address) + "/api"
			return p, nil
		}
	}
	p.kill()
	return nil, fmt.Errorf("proxy %d does not get ready", i)
}

// spareProxies are proxies that serve already, so that one that is killed is replaced at once.
type spareProxies struct {
	t     *testing.T
	ready chan *proxyProcess
}

// startSpares keeps n proxies ready until the test ends.
func startSpares(t *testing.T, url string, n int) *spareProxies {
	t.Helper()
	s := &spareProxies{t: t, ready: make(chan *proxyProcess, n)}
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	var next atomic.Int32
	for range 2 { // more would take the machine from what is tested
		group.Go(func() {
			for ctx.Err() == nil {
				p, err := startProxyProcess(ctx, url, dir, int(next.Add(1)))
				if err != nil {
					if ctx.Err() == nil {
						t.Error(err)
					}
					return
				}
				select {
				case s.ready <- p:
				case <-ctx.Done():
					p.kill()
				}
			}
		})
	}
	t.Cleanup(func() {
		cancel()
		group.Wait()
		for len(s.ready) > 0 {
			(<-s.ready).kill()
		}
	})
	return s
}

// take returns a proxy, which is the caller's to kill.
func (s *spareProxies) take() *proxyProcess {
	s.t.Helper()
	select {
	case p := <-s.ready:
		return p
	case <-time.After(2 * startTimeout):
		require.FailNow(s.t, "no proxy gets ready")
		return nil
	}
}

// kills is how many proxies a test kills.
func kills() int {
	if os.Getenv(verify.SizeVariable) == "full" {
		return 1000
	}
	return 20
}

// lostProxies is a test whose proxies are killed: one after another, beside a second one that stays.
type lostProxies struct {
	t        *testing.T
	database string
	spares   *spareProxies
	second   *proxyProcess
	client   *http.Client
}

func newLostProxies(t *testing.T) *lostProxies {
	t.Helper()
	ns := natsgrpctest.NewServer(t)
	l := &lostProxies{t: t, database: filepath.Join(t.TempDir(), "rating.db")}
	startRating(t, ns.ClientURL(), l.database)
	l.spares = startSpares(t, ns.ClientURL(), 4)
	l.second = l.spares.take()
	t.Cleanup(l.second.kill)
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	l.client = &http.Client{Transport: transport, Timeout: time.Minute}
	return l
}

// reply is what a request got.
type reply struct {
	answer
	err error
}

// create sends the request that creates the i-th user.
func (l *lostProxies) create(ctx context.Context, api string, i int, headers ...string) reply {
	body := fmt.Sprintf(`{"displayName": "user %d"}`, i)
	return l.send(ctx, http.MethodPost, api+"/users", body, headers...)
}

// send makes a request with headers, "Name: value" each.
func (l *lostProxies) send(ctx context.Context, method, url, body string, headers ...string) reply {
	request, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return reply{err: err}
	}
	request.GetBody = nil // it is for the test to send a request again
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		request.Header.Set(name, value)
	}
	response, err := l.client.Do(request)
	if err != nil {
		return reply{err: err}
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	return reply{answer: answer{code: response.StatusCode, header: response.Header, body: string(text)}, err: err}
}

// requireUsers requires that the users are there, each once, and nobody else.
func (l *lostProxies) requireUsers(n int) {
	l.t.Helper()
	st, err := sqlite.Open(l.t.Context(), l.database)
	require.NoError(l.t, err)
	defer func() { require.NoError(l.t, st.Close()) }()
	users, err := st.ListUsers(l.t.Context(), store.UserQuery{Limit: 2*n + 1})
	require.NoError(l.t, err)
	require.Len(l.t, users, n, "rows")
	distinct := map[string]bool{}
	for _, user := range users {
		distinct[user.GetDisplayName()] = true
	}
	require.Len(l.t, distinct, n, "distinct rows")
}

// createAndKill sends the request that creates the i-th user, and kills the proxy at some moment within a window after it was
// sent. It returns the answer, nil where the kill came before it.
func (l *lostProxies) createAndKill(p *proxyProcess, i int, key string, window time.Duration) *reply {
	l.t.Helper()
	require.NoError(l.t, l.send(l.t.Context(), http.MethodGet, p.api+"/services", "").err) // opens the connection
	sent := make(chan struct{})
	ctx := httptrace.WithClientTrace(l.t.Context(), &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { close(sent) }})
	call := make(chan reply, 1)
	go func() { call <- l.create(ctx, p.api, i, key) }()
	<-sent
	delay := rand.N(window)
	for start := time.Now(); time.Since(start) < delay; { // a sleep is too coarse
		continue
	}
	p.kill()
	if got := <-call; got.err == nil {
		return &got
	}
	return nil
}

// created returns the user of an answer, which is a success.
func (l *lostProxies) created(r reply) string {
	l.t.Helper()
	require.NoError(l.t, r.err)
	require.Equal(l.t, 200, r.code, r.body)
	return r.body
}

// A proxy is killed in the middle of a call, at a moment that is chosen by chance, again and again. The client's retry
// through a second proxy, under the same key, gets the one answer, and so does a third; the effect has happened once.
// Only kills count that came after the request was sent and before it was answered. At full size there are 1,000 of them.
func TestAKilledProxysAnswerComesFromAnother(t *testing.T) {
	l := newLostProxies(t)
	began, window := time.Now(), 10*time.Millisecond
	users, midCall, before := 0, 0, 0
	var longest time.Duration
	first := l.spares.take()
	defer func() { first.kill() }()
	for midCall < kills() {
		users++
		key := fmt.Sprintf(`Idempotency-Key: "kill %d"`, users)
		early := l.createAndKill(first, users, key, window)
		first = l.spares.take()

		retry := time.Now()
		answered := l.created(l.create(t.Context(), l.second.api, users, key))
		longest = max(longest, time.Since(retry))
		require.Equal(t, answered, l.created(l.create(t.Context(), first.api, users, key)))
		if early != nil { // too late
			require.Equal(t, answered, l.created(*early))
			window = max(window*9/10, time.Millisecond)
			continue
		}
		midCall++
		window = min(window*101/100, 20*time.Millisecond)
		var user struct{ CreateTime time.Time }
		require.NoError(t, json.Unmarshal([]byte(answered), &user))
		if user.CreateTime.Before(retry) {
			before++
		}
	}
	t.Logf("%d proxies killed in mid-call, %d more after the answer; of the former %d effects were there before the retry; the longest retry took %v, all %v",
		midCall, users-midCall, before, longest.Round(time.Millisecond), time.Since(began).Round(time.Second))
	l.requireUsers(users)
}

// A proxy is killed as soon as it has answered 202. Another one has the operation, and the answer.
func TestAKilledProxysOperationsAreAnothers(t *testing.T) {
	l := newLostProxies(t)
	n := kills() / 5
	names := map[string]bool{}
	for i := range n {
		first := l.spares.take()
		started := l.create(t.Context(), first.api, i, "Prefer: respond-async")
		first.kill()
		require.NoError(t, started.err)
		require.Equal(t, 202, started.code, started.body)
		operation := strings.TrimSuffix(l.second.api, "/api") + started.header.Get("Location")
		require.Equal(t, started.field(t, "name"), strings.TrimPrefix(started.header.Get("Location"), "/api/"))

		done := l.send(t.Context(), http.MethodPost, operation+":wait", "{}")
		require.NoError(t, done.err)
		require.Equal(t, 200, done.code, done.body)
		require.Equal(t, true, done.field(t, "done"), done.body)
		require.Equal(t, fmt.Sprint("user ", i), done.field(t, "response.displayName"), done.body)
		require.Equal(t, "type.googleapis.com/rating.v1.User", done.field(t, "response.@type"))
		got := l.send(t.Context(), http.MethodGet, operation, "")
		require.NoError(t, got.err)
		require.Equal(t, done.body, got.body)
		names[done.field(t, "response.name").(string)] = true
	}
	require.Len(t, names, n)
	listed := l.send(t.Context(), http.MethodGet, l.second.api+"/operations?pageSize=100", "")
	require.NoError(t, listed.err)
	require.Len(t, listed.field(t, "operations"), min(n, 100))
	l.requireUsers(n)
}
