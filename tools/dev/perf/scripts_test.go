//go:build integration

package perf_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/tools/dev/perf"
	"github.com/codingflow/rating/tools/dev/stack"
	"github.com/codingflow/rating/tools/dev/stack/stacktest"
	"github.com/codingflow/rating/tools/dev/workspace"
)

// patient are limits that a busy machine keeps.
const patient = 8 * time.Second

// k6 returns the program that the variable K6 names, or else the stand-in for it.
func k6(t *testing.T) string {
	t.Helper()
	if program := os.Getenv("K6"); program != "" {
		return program
	}
	path, err := filepath.Abs(filepath.Join("testdata", "k6.mjs"))
	require.NoError(t, err)
	return path
}

// api runs a stack and returns the URL of its API.
func api(t *testing.T) string {
	t.Helper()
	s, _ := stacktest.Start(t, stack.Config{Data: t.TempDir()})
	return "http://" + s.Addr().String() + "/api"
}

// worse returns the URL of an API in front of which a handler stands: it answers, or waits, and says whether it has answered.
func worse(t *testing.T, api string, handle func(http.ResponseWriter, *http.Request) bool) string {
	t.Helper()
	target, err := url.Parse(strings.TrimSuffix(api, "/api"))
	require.NoError(t, err)
	forward := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !handle(w, r) {
			forward.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(srv.Close)
	return srv.URL + "/api"
}

// run runs a script and returns its report.
func run(ctx context.Context, t *testing.T, config perf.Config) (string, error) {
	t.Helper()
	root, err := workspace.Find()
	require.NoError(t, err)
	var report, progress bytes.Buffer
	config.K6, config.Stdout, config.Stderr = k6(t), &report, &progress
	err = perf.Run(ctx, root, config)
	t.Log(report.String(), progress.String())
	if err != nil {
		err = fmt.Errorf("%w\n%s", err, progress.String())
	}
	return report.String(), err
}

// listed returns how many users or services there are.
func listed(t *testing.T, api, what string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, api+"/"+what+"?pageSize=1000", nil)
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer func() { require.NoError(t, response.Body.Close()) }()
	var answer map[string]any
	require.NoError(t, json.NewDecoder(response.Body).Decode(&answer))
	return len(answer[what].([]any))
}

func TestEveryScriptPassesAndLeavesNothing(t *testing.T) {
	api := api(t)
	for _, test := range []struct {
		script string
		rate   int
		length time.Duration
	}{
		{"smoke", 10, 2 * time.Second},
		{"load", 10, 3 * time.Second},
		{"spike", 2, 6 * time.Second},
		{"breakpoint", 20, 2 * time.Second},
		{"soak", 10, 2 * time.Second},
	} {
		t.Run(test.script, func(t *testing.T) {
			report, err := run(t.Context(), t, perf.Config{
				Script: test.script, URL: api, Rate: test.rate, Duration: test.length, P95: patient, P99: patient,
			})
			require.NoError(t, err)
			require.Contains(t, report, "\n"+test.script+": passed\n")
			require.Contains(t, report, "\n  failed    0\n")
			require.Regexp(t, `\n  (\d+) of \d+ thresholds hold\n`, report)
			for _, route := range []string{
				"ListServices", "GetService", "GetRatingSummary", "ListRatings", "GetRating", "GetUser", "CreateUser", "CreateRating",
				"UpdateRating", "DeleteUser",
			} {
				require.Regexp(t, `\n  `+route+` +[1-9]\d* +\d+\.\d +0( +[\d.]+ m?s){4}\n`, report)
			}
			if test.script == "breakpoint" {
				require.Regexp(t, `\n  reached   (19|20) visits a second\n`, report)
			}
			require.Zero(t, listed(t, api, "users"))
			require.Zero(t, listed(t, api, "services"))
		})
	}
}

func TestFailuresBreakTheRunAndAreCountedByStatus(t *testing.T) {
	url := worse(t, api(t), func(w http.ResponseWriter, r *http.Request) bool {
		wrong := r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, "/api/services/")
		if wrong {
			w.WriteHeader(http.StatusInternalServerError)
		}
		return wrong
	})
	report, err := run(t.Context(), t, perf.Config{Script: "smoke", URL: url, Rate: 10, Duration: 2 * time.Second, P95: patient, P99: patient})
	require.ErrorIs(t, err, perf.ErrThresholds)
	for _, want := range []string{
		"\nsmoke: FAILED\n", "\n  failed    8\n            8: status 500\n", "\n  not so    8 of 26: the status is 200\n",
		"\n  broken: http_req_failed{name:GetService}: rate<0.001, and it is 1\n",
		"\n  broken: http_req_failed{name:GetRatingSummary}: rate<0.001, and it is 1\n",
	} {
		require.Contains(t, report, want)
	}
	require.Regexp(t, `\n  broken: checks: rate>0.999, and it is 0\.\d+\n`, report)
}

func TestAnotherAnswerThanTheOneAskedForBreaksTheRun(t *testing.T) {
	url := worse(t, api(t), func(w http.ResponseWriter, r *http.Request) bool {
		wrong := r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, "/api/users/")
		if wrong {
			_, _ = w.Write([]byte(`{"name": "users/other"}`))
		}
		return wrong
	})
	report, err := run(t.Context(), t, perf.Config{Script: "smoke", URL: url, Rate: 10, Duration: 2 * time.Second, P95: patient, P99: patient})
	require.ErrorIs(t, err, perf.ErrThresholds)
	require.Contains(t, report, "\n  failed    0\n  not so    2 of 26: the answer is what was asked for\n")
}

func TestSlowAnswersBreakTheRun(t *testing.T) {
	url := worse(t, api(t), func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, "/api/ratings/") {
			wait(r, 700*time.Millisecond)
		}
		return false
	})
	report, err := run(t.Context(), t, perf.Config{Script: "smoke", URL: url, Rate: 5, Duration: 4 * time.Second, P95: 600 * time.Millisecond, P99: patient})
	require.ErrorIs(t, err, perf.ErrThresholds)
	require.Regexp(t, `\n  broken: http_req_duration\{name:GetRating\}: p\(95\)<600, and it is ([\d.]+ s|[7-9]\d\d(\.\d+)? ms)\n`, report)
}

func TestALoadThatIsNotKeptUpBreaksTheRunAndSaysSo(t *testing.T) {
	t.Setenv("STAND_IN_PATIENCE", "3") // seconds; k6 has a number of virtual users instead
	url := worse(t, api(t), func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, "/api/services/") {
			wait(r, 9*time.Second)
		}
		return false
	})
	report, err := run(t.Context(), t, perf.Config{Script: "soak", URL: url, Rate: 5, Duration: 15 * time.Second, P95: 20 * time.Second, P99: 20 * time.Second})
	require.ErrorIs(t, err, perf.ErrThresholds)
	require.Regexp(t, `\n  The load was not kept up: [1-9]\d* visits could not begin when they were due, since every virtual user was waiting for an answer\.\n`, report)
	require.Regexp(t, `\n  broken: dropped_iterations: count<1, and it is [1-9]\d*\n`, report)
}

// wait waits for as long, or until the client has gone.
func wait(r *http.Request, length time.Duration) {
	select {
	case <-time.After(length):
	case <-r.Context().Done():
	}
}

func TestTheBreakpointEndsTheRunAndIsTold(t *testing.T) {
	report, err := run(t.Context(), t, perf.Config{Script: "breakpoint", URL: api(t), Rate: 50, Duration: 60 * time.Second, P99: time.Microsecond})
	require.ErrorIs(t, err, perf.ErrThresholds)
	require.Regexp(t, `\n  broken: http_req_duration\{scenario:breakpoint\}: p\(99\)<0.001, and it is `, report)
	reached := regexp.MustCompile(`\n  reached   (\d\d) visits a second\n`).FindStringSubmatch(report)
	require.NotEmpty(t, reached, report)
	require.Less(t, reached[1], "45", "it has gone on")
}

func TestAnInterruptedRunReportsAndLeavesNothing(t *testing.T) {
	api := api(t)
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	url := worse(t, api, func(_ http.ResponseWriter, r *http.Request) bool {
		if r.URL.RawQuery == "pageSize=20" { // of a visit
			interrupt()
		}
		return false
	})
	report, err := run(ctx, t, perf.Config{Script: "load", URL: url, Rate: 10, Duration: 10 * time.Minute})
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, "load: interrupted: context canceled")
	require.Contains(t, report, "\nload: ")
	require.Zero(t, listed(t, api, "users"))
	require.Zero(t, listed(t, api, "services"))
}

func TestWhereNoDataCanBeMadeTheAnswerIsShown(t *testing.T) {
	url := worse(t, api(t), func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPost {
			http.Error(w, "broken", http.StatusInternalServerError)
		}
		return r.Method == http.MethodPost
	})
	_, err := run(t.Context(), t, perf.Config{Script: "smoke", URL: url})
	require.ErrorContains(t, err, "smoke: k6: exit status 107")
	require.ErrorContains(t, err, "cannot make the data: POST /services was answered 500 broken")
}
