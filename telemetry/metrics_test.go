package telemetry

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// get returns what a handler answers to a GET.
func get(handler http.Handler, path string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w
}

func TestMetricsAreServed(t *testing.T) {
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
	metrics, err := NewMetrics("proxy")
	require.NoError(t, err)
	counter, err := metrics.Provider().Meter("x").Int64Counter("things.done", metric.WithUnit("{thing}"), metric.WithDescription("Things."))
	require.NoError(t, err)
	counter.Add(t.Context(), 3)
	handler := AdminHandler(metrics, false)

	w := get(handler, "/metrics")
	require.Equal(t, http.StatusOK, w.Code)
	require.Equal(t, "text/plain; version=0.0.4; charset=utf-8; escaping=underscores", w.Header().Get("Content-Type"))
	build := ThisBuild()
	for _, line := range []string{
		"# HELP things_done_total Things.\n# TYPE things_done_total counter\nthings_done_total 3\n",
		`proxy_build_info{goversion="` + build.Go + `",revision="` + build.Revision + `",version="` + build.Version + `"} 1` + "\n",
		`deployment_environment_name="test"`,
		`service_name="proxy"`,
		"\ngo_goroutines ",
		"\nprocess_cpu_seconds_total ",
	} {
		require.Contains(t, w.Body.String(), line)
	}
	require.Equal(t, "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores",
		get(handler, "/metrics", "Accept", "application/openmetrics-text; version=1.0.0").Header().Get("Content-Type"))

	require.Equal(t, http.StatusNotFound, get(handler, "/debug/pprof/").Code)
	require.Equal(t, http.StatusOK, get(AdminHandler(metrics, true), "/debug/pprof/").Code)
	require.Equal(t, http.StatusOK, get(AdminHandler(metrics, true), "/debug/pprof/goroutine?debug=1").Code)
	require.NoError(t, metrics.Close())
}

func TestWhatIsNotWantedIsNil(t *testing.T) {
	var metrics *Metrics
	require.Nil(t, metrics.Provider())
	require.NoError(t, metrics.Close())
	var traces *Traces
	require.Nil(t, traces.Provider())
	traces.Close()
}

func TestBuild(t *testing.T) {
	for name, test := range map[string]struct {
		info debug.BuildInfo
		want Build
	}{
		"nothing": {debug.BuildInfo{}, Build{"unknown", "unknown", "unknown"}},
		"a tag": {
			debug.BuildInfo{GoVersion: "go1.26.8", Main: debug.Module{Version: "v1.2.3"}, Settings: []debug.BuildSetting{
				{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.modified", Value: "false"},
			}},
			Build{"v1.2.3", "abc", "go1.26.8"},
		},
		"changed files": {
			debug.BuildInfo{Settings: []debug.BuildSetting{{Key: "vcs.modified", Value: "true"}, {Key: "vcs.revision", Value: "abc"}}},
			Build{"unknown", "abc-dirty", "unknown"},
		},
		"Bazel's":              {*released("", ""), Build{"unknown", "unknown", runtime.Version()}},
		"Bazel's of a release": {*released("v1.2.3", "abc"), Build{"v1.2.3", "abc", runtime.Version()}},
	} {
		require.Equal(t, test.want, newBuild(&test.info), name)
	}
}

func TestListen(t *testing.T) {
	listener, err := Listen(t.Context(), "127.0.0.1:0", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "hello")
	}))
	require.NoError(t, err)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get("http://" + listener.Addr.String())
	require.NoError(t, err)
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, "hello", string(body))
	_, err = Listen(t.Context(), listener.Addr.String(), nil)
	require.ErrorContains(t, err, "cannot listen on "+listener.Addr.String()+": listen tcp ")
	require.NoError(t, listener.Close())
	_, err = net.Dial("tcp", listener.Addr.String())
	require.Error(t, err)
}
