package stack_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
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

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	proxy "github.com/codingflow/rating/proxy/server"
	rating "github.com/codingflow/rating/services/rating/server"
	"github.com/codingflow/rating/services/rating/store"
	"github.com/codingflow/rating/services/rating/store/sqlite"
	"github.com/codingflow/rating/tools/dev/verify"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// The environment variables that make this test's binary a rating service of its own.
const (
	processNATS     = "STACK_TEST_RATING_NATS"
	processDatabase = "STACK_TEST_RATING_DATABASE"
	processReady    = "STACK_TEST_RATING_READY" // a file that the process makes when it pulls
)

func TestMain(m *testing.M) {
	if url := os.Getenv(processNATS); url != "" {
		if err := serveRating(url, os.Getenv(processDatabase), os.Getenv(processReady)); err != nil {
			fmt.Fprintln(os.Stderr, "rating process:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if url := os.Getenv(processProxyNATS); url != "" {
		if err := serveProxyProcess(url, os.Getenv(processProxyReady)); err != nil {
			fmt.Fprintln(os.Stderr, "proxy process:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// serveRating is the rating service, as services/rating wires it.
func serveRating(url, database, ready string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	st, err := sqlite.Open(ctx, database)
	if err != nil {
		return err
	}
	nc, err := nats.Connect(url)
	if err != nil {
		return err
	}
	srv, err := rating.New(st, rating.WithRequestID(natsgrpc.RequestID))
	if err != nil {
		return err
	}
	transport, err := natsgrpc.NewServer(nc, natsgrpc.WithUnaryInterceptors(srv.Interceptor()))
	if err != nil {
		return err
	}
	srv.Register(transport)
	go func() {
		<-transport.Ready()
		if err := os.WriteFile(ready, nil, 0o600); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}()
	return transport.Serve(ctx)
}

// startRating starts a rating process and waits until it pulls. It is killed when the test ends.
func startRating(t *testing.T, url, database string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	ready := filepath.Join(t.TempDir(), "ready")
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), processNATS+"="+url, processDatabase+"="+database, processReady+"="+ready)
	cmd.Stderr = t.Output()
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have been killed by the test
		_ = cmd.Wait()
	})
	require.Eventually(t, func() bool {
		_, err := os.Stat(ready)
		return err == nil
	}, startTimeout, 10*time.Millisecond, "the rating process does not get ready")
	return cmd
}

// Two rating processes share a NATS server and a database; one is killed in the middle of 2,000 creates. Every client
// gets its answer, and every user is there once. At full size it is at least 20,000 creates, and a process is killed and
// replaced ten times, more than an ack wait apart: a call whose workers are killed twice may well pass its deadline.
func TestAKilledServiceFailsNoRequest(t *testing.T) {
	const clients = 64
	creates, kills := int32(2000), 1
	if os.Getenv(verify.SizeVariable) == "full" {
		creates, kills = 20_000, 10
	}
	const apart = 7 * time.Second
	ns := natsgrpctest.NewServer(t)
	database := filepath.Join(t.TempDir(), "rating.db")
	processes := []*exec.Cmd{startRating(t, ns.ClientURL(), database), startRating(t, ns.ClientURL(), database)}

	conn, err := natsgrpc.NewConn(natsgrpctest.Connect(t, ns))
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close()) }()
	api := serveProxy(t, conn)

	transport := &http.Transport{MaxIdleConnsPerHost: clients}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: time.Minute}
	var next, done atomic.Int32
	var killed atomic.Bool
	var group sync.WaitGroup
	var names sync.Map
	for range clients {
		group.Go(func() {
			for i := next.Add(1); i <= creates || !killed.Load(); i = next.Add(1) {
				body := fmt.Sprintf(`{"displayName": "user %d"}`, i)
				resp, err := client.Post(api+"/users", "application/json", strings.NewReader(body))
				if err != nil {
					t.Error(err)
					return
				}
				got, err := io.ReadAll(resp.Body)
				_ = resp.Body.Close()
				if err != nil || resp.StatusCode != http.StatusOK {
					t.Errorf("create %d: %s: %s (%v)", i, resp.Status, got, err)
				}
				names.Store(string(got), true)
				done.Add(1)
				if t.Failed() {
					return
				}
			}
		})
	}
	for kill := range kills {
		half := creates / 2
		last := time.Now()
		require.Eventually(t, func() bool {
			return t.Failed() || done.Load() >= half && (kill == 0 || time.Since(last) >= apart)
		}, 5*time.Minute, time.Millisecond)
		require.NoError(t, processes[0].Process.Kill())
		processes = processes[1:]
		if kill < kills-1 {
			processes = append(processes, startRating(t, ns.ClientURL(), database))
		}
	}
	killed.Store(true)
	group.Wait()
	require.GreaterOrEqual(t, done.Load(), creates)

	st, err := sqlite.Open(t.Context(), database)
	require.NoError(t, err)
	defer func() { require.NoError(t, st.Close()) }()
	users, err := st.ListUsers(t.Context(), store.UserQuery{Limit: 2 * int(done.Load())})
	require.NoError(t, err)
	distinct := map[string]bool{}
	for _, user := range users {
		distinct[user.GetDisplayName()] = true
	}
	answers := 0
	names.Range(func(any, any) bool { answers++; return true })
	t.Logf("%d creates, %d rows, %d of them distinct, %d different answers", done.Load(), len(users), len(distinct), answers)
	require.EqualValues(t, done.Load(), len(users), "rows")
	require.EqualValues(t, done.Load(), len(distinct), "distinct rows")
	require.EqualValues(t, done.Load(), answers, "different answers")
}

// serveProxy runs the proxy until the test ends and returns the API's URL.
func serveProxy(t *testing.T, conn *natsgrpc.Conn) string {
	t.Helper()
	srv, err := proxy.New(conn, proxy.Config{Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- srv.Serve(ctx, listener) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
	})
	return "http://" + listener.Addr().String() + "/api"
}
