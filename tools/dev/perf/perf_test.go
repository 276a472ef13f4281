package perf

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/tools/dev/workspace"
)

// program returns a program that exits with a code.
func program(t *testing.T, name, code string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\necho \"$@\"; env | grep ^PERF_ | sort; exit "+code+"\n"), 0o700))
	return path
}

func TestWhereThereIsNoK6ItIsSaidWhereToGetIt(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	err := Run(t.Context(), workspace.Root("/nowhere"), Config{Script: "smoke", URL: "http://localhost:8080/api"})
	require.ErrorIs(t, err, ErrNoK6)
	require.EqualError(t, err, "k6 is not on PATH: the Devbox shell has it (devbox shell), and https://grafana.com/docs/k6/latest/set-up/install-k6/ tells how to install it; --k6 names it elsewhere")
	_, err = find("/nowhere/k6")
	require.EqualError(t, err, `--k6: exec: "/nowhere/k6": stat /nowhere/k6: no such file or directory`)
}

func TestK6OnPATHIsTaken(t *testing.T) {
	path := program(t, "k6", "0")
	t.Setenv("PATH", filepath.Dir(path))
	found, err := find("")
	require.NoError(t, err)
	require.Equal(t, path, found)
}

func TestAnAddressWithoutTheAPIIsSaidBefore(t *testing.T) {
	empty := httptest.NewServer(http.NotFoundHandler())
	defer empty.Close()
	private := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }))
	defer private.Close()
	const nobody = "http://127.0.0.1:1/api"
	for url, want := range map[string]string{
		nobody:                    "nothing listens at " + nobody + ": start the system with `go run ./tools/dev up`, name another with --url, or have one started with --up",
		empty.URL + "/api/":       empty.URL + "/api/services is answered 404 Not Found: --url is to name where the API is mounted, of a system without sign-in",
		private.URL:               private.URL + "/services is answered 401 Unauthorized: --url is to name where the API is mounted, of a system without sign-in",
		"localhost:8080":          `--url: "localhost:8080" is no URL such as http://localhost:8080/api`,
		"http://localhost/api?a=": `--url: "http://localhost/api?a=" is no URL such as http://localhost:8080/api`,
	} {
		err := Run(t.Context(), workspace.Root("/nowhere"), Config{Script: "smoke", URL: url, K6: program(t, "k6", "0")})
		require.EqualError(t, err, want)
	}
}

func TestK6GetsTheScriptAndItsSizes(t *testing.T) {
	api := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer api.Close()
	for _, test := range []struct {
		config Config
		want   string
	}{
		{Config{Script: "smoke"}, "run --no-usage-report /checkout/tools/k6/smoke.js\nPERF_URL=" + api.URL + "\n"},
		{
			Config{Script: "load", Rate: 30, Duration: 90 * time.Second, P95: 20 * time.Millisecond, P99: 1500 * time.Microsecond},
			"run --no-usage-report /checkout/tools/k6/load.js\nPERF_DURATION=90\nPERF_P95=20\nPERF_P99=1.5\nPERF_RATE=30\nPERF_URL=" + api.URL + "\n",
		},
	} {
		output, err := os.Create(filepath.Join(t.TempDir(), "output"))
		require.NoError(t, err)
		test.config.URL, test.config.K6, test.config.Stdout = api.URL, program(t, "k6", "0"), output
		require.NoError(t, Run(t.Context(), workspace.Root("/checkout"), test.config))
		require.NoError(t, output.Close())
		text, err := os.ReadFile(output.Name())
		require.NoError(t, err)
		require.Equal(t, test.want, string(text))
	}
}

func TestWhatTheEndOfK6Means(t *testing.T) {
	config := Config{Script: "load"}
	ended := func(code string) error { return exec.CommandContext(t.Context(), program(t, "k6", code)).Run() }
	require.NoError(t, config.result(t.Context(), ended("0")))
	require.ErrorIs(t, config.result(t.Context(), ended("99")), ErrThresholds)
	require.EqualError(t, config.result(t.Context(), ended("99")), "load: a threshold is broken: the report says which")
	require.EqualError(t, config.result(t.Context(), ended("105")), "load: interrupted")
	require.EqualError(t, config.result(t.Context(), ended("107")), "load: k6: exit status 107")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.EqualError(t, config.result(ctx, ended("105")), "load: interrupted: context canceled")
}
