//go:build integration

package webapp_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	webserver "github.com/codingflow/rating/services/web/server"
	"github.com/codingflow/rating/telemetry/otlptest"
	"github.com/codingflow/rating/tools/dev/webapp"
	"github.com/codingflow/rating/tools/dev/workspace"
)

const (
	startTimeout   = 30 * time.Second
	browserTimeout = 10 * time.Minute
)

func TestTheAppsTypesStyleAndUnits(t *testing.T) {
	root, err := workspace.Find()
	require.NoError(t, err)
	require.NoError(t, webapp.Check(t.Context(), root))
}

// The app is tried in Chromium, on the programs as they are built for production, each a process of its own: the rating
// service, which the tests kill and start, and the proxy. The pages come from services/web, behind one gateway with the API.
func TestTheAppInChromium(t *testing.T) {
	root := built(t)
	bin := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", bin+"/", "./services/rating", "./proxy")
	build.Dir = string(root)
	output, err := build.CombinedOutput()
	require.NoError(t, err, "%s", output)

	nats := natsgrpctest.NewServer(t).ClientURL()
	rating := &process{t: t, told: "health", args: []string{filepath.Join(bin, "rating"), "--nats", nats, "--database", filepath.Join(t.TempDir(), "rating.db")}}
	proxy := &process{t: t, told: "url", args: []string{filepath.Join(bin, "proxy"), "--nats", nats, "--cors-origin", "*"}}
	rating.start()
	proxy.start()

	app, err := webserver.New(webserver.Config{Assets: os.DirFS(webapp.Output(root))})
	require.NoError(t, err)
	pages, err := webserver.NewServer(app, slog.New(slog.DiscardHandler), nil)
	require.NoError(t, err)
	api := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: proxy.address})
	gateway := http.NewServeMux()
	gateway.Handle("/", pages)
	gateway.Handle("/api/", api)
	origin := httptest.NewServer(gateway)
	t.Cleanup(origin.Close)
	distant, err := webserver.New(webserver.Config{Assets: os.DirFS(webapp.Output(root)), API: "http://" + proxy.address + "/api"})
	require.NoError(t, err)
	elsewhere := httptest.NewServer(distant)
	t.Cleanup(elsewhere.Close)
	control := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/kill":
			rating.kill()
		case "/start":
			rating.start()
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(control.Close)

	for _, file := range []string{"looks", "journey"} {
		t.Run(file, func(t *testing.T) {
			browse(t, root, file, "WEB_ORIGIN="+origin.URL, "WEB_ELSEWHERE="+elsewhere.URL, "WEB_CONTROL="+control.URL)
		})
	}
}

// built builds the app, which Chromium must be there to try.
func built(t *testing.T) workspace.Root {
	t.Helper()
	root, err := workspace.Find()
	require.NoError(t, err)
	_, err = exec.LookPath("chromium")
	require.NoError(t, err, "the app is tried in Chromium: install it, or run `go run ./tools/dev test`, which does")
	require.NoError(t, webapp.Build(t.Context(), root))
	return root
}

// browse runs a file of tests of the app's folder browser, with variables.
func browse(t *testing.T, root workspace.Root, file string, env ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), browserTimeout)
	defer cancel()
	tests := exec.CommandContext(ctx, "node", "--test", "--test-reporter=spec", "browser/"+file+".test.js")
	tests.Dir = root.Path("services", "web")
	tests.Env = append(os.Environ(), env...)
	tests.Stdout, tests.Stderr = t.Output(), t.Output()
	require.NoError(t, tests.Run())
}

// process is a program that is ready when its /readyz says so.
type process struct {
	t       *testing.T
	args    []string
	told    string // the key of the log in which it says where it serves
	address string // host and port, of when it was started last
	mu      sync.Mutex
	cmd     *exec.Cmd
}

// start starts the program and waits until it is ready. It ends with the test.
func (p *process) start() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		p.t.Cleanup(p.kill)
	}
	var log otlptest.Log
	p.cmd = exec.Command(p.args[0], append(p.args[1:], "--listen", "127.0.0.1:0")...)
	p.cmd.Stderr = io.MultiWriter(&log, p.t.Output())
	if err := p.cmd.Start(); err != nil {
		p.t.Errorf("start %s: %v", p.args[0], err)
		return
	}
	p.address = strings.TrimSuffix(strings.TrimPrefix(log.Await(p.t, "serving", p.told), "http://"), "/api")
	for deadline := time.Now().Add(startTimeout); ; time.Sleep(20 * time.Millisecond) {
		err := ready(p.address)
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			p.t.Errorf("%s is not ready: %v", p.args[0], err)
			return
		}
	}
}

// kill ends the program as a crash does.
func (p *process) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.cmd.Process.Kill() // it may have ended
	_ = p.cmd.Wait()
}

func ready(address string) error {
	response, err := http.Get("http://" + address + "/readyz")
	if err != nil {
		return err
	}
	err = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		err = errors.Join(err, fmt.Errorf("/readyz is %s", response.Status))
	}
	return err
}
