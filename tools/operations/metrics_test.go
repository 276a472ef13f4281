package operations

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
	"github.com/codingflow/rating/telemetry"
	"github.com/codingflow/rating/telemetry/otlptest"
)

// foreign are the metrics of others, and who exports them.
var foreign = map[string]string{
	"up": "Prometheus itself",
	"certmanager_certificate_expiration_timestamp_seconds": "cert-manager",
	"cnpg_collector_up":                           "CloudNativePG",
	"jetstream_stream_limit_bytes":                "prometheus-nats-exporter -jsz=all",
	"jetstream_stream_total_bytes":                "prometheus-nats-exporter -jsz=all",
	"jetstream_stream_total_messages":             "prometheus-nats-exporter -jsz=all",
	"kube_deployment_status_replicas_unavailable": "kube-state-metrics",
	"kube_job_status_failed":                      "kube-state-metrics",
	"kube_pod_container_status_restarts_total":    "kube-state-metrics",
	"kubelet_volume_stats_available_bytes":        "kubelet",
	"kubelet_volume_stats_capacity_bytes":         "kubelet",
}

// added are labels that come with the scrape, or that a program has only when it overflows.
var added = []string{model.MetricNameLabel, "job", "namespace", "pod", "otel_metric_overflow"}

// Every name in an alert or a panel is one that a running program exports with the labels that are selected and grouped by, is
// recorded, or is of a known exporter; so a metric that is renamed, or a slip of the hand, leaves no alert that never fires.
func TestEveryMetricExists(t *testing.T) {
	exported := exports(t)
	recorded := map[string]bool{}
	for _, group := range alerts(t).Spec.Groups {
		for _, rule := range group.Rules {
			recorded[rule.Record] = true
		}
	}
	used := map[string]bool{}
	for _, q := range queries(t) {
		var names []string
		parser.Inspect(q.parse(t), func(node parser.Node, _ []parser.Node) error {
			selector, ok := node.(*parser.VectorSelector)
			if !ok {
				return nil
			}
			used[selector.Name] = true
			names = append(names, selector.Name)
			if foreign[selector.Name] != "" || recorded[selector.Name] {
				return nil
			}
			labels, ok := exported[selector.Name]
			require.True(t, ok, "%s: no program exports %s", q.where, selector.Name)
			for _, matcher := range selector.LabelMatchers {
				require.Contains(t, labels, matcher.Name, "%s: %s", q.where, selector.Name)
			}
			return nil
		})
		require.NotEmpty(t, names, q.where)
		own := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return exported[name] == nil })
		if len(own) == 0 {
			continue
		}
		parser.Inspect(q.parse(t), func(node parser.Node, _ []parser.Node) error {
			if aggregate, ok := node.(*parser.AggregateExpr); ok {
				for _, label := range aggregate.Grouping {
					require.True(t, label == "class" || slices.ContainsFunc(own, func(name string) bool { return slices.Contains(exported[name], label) }),
						"%s: no metric has the label %s", q.where, label)
				}
			}
			return nil
		})
	}
	for name, exporter := range foreign {
		require.True(t, used[name], "nothing asks %s for %s", exporter, name)
	}
}

// exports returns the labels of the metrics that the programs export, by name, after calls that have gone well and badly.
func exports(t *testing.T) map[string][]string {
	t.Helper()
	ns := natsgrpctest.NewServer(t)
	const anywhere = "127.0.0.1:0"
	proxy := start(t, program(t, "proxy"), "--nats", ns.ClientURL(), "--listen", anywhere, "--admin-listen", anywhere)
	web := start(t, program(t, "services/web"), "--listen", anywhere, "--admin-listen", anywhere)
	root := strings.TrimSuffix(proxy.Await(t, "serving", "url"), "/api")
	send := func(method, path, body string) int {
		request, err := http.NewRequestWithContext(t.Context(), method, root+path, strings.NewReader(body))
		require.NoError(t, err)
		request.Header.Set("Content-Type", "application/json")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return 0
		}
		defer response.Body.Close()
		return response.StatusCode
	}
	require.Eventually(t, func() bool { return send("GET", "/readyz", "") == 200 }, soon, tick)
	require.Equal(t, 503, send("GET", "/api/users", ""), "nobody serves yet")

	rating := start(t, program(t, "services/rating"), "--nats", ns.ClientURL(), "--listen", anywhere, "--database", filepath.Join(t.TempDir(), "rating.db"))
	require.Eventually(t, func() bool { return send("GET", "/api/users", "") == 200 }, soon, tick)
	require.Equal(t, 200, send("POST", "/api/users", `{"displayName": "Ada"}`))
	require.Equal(t, 404, send("GET", "/api/users/01999999-0000-7000-8000-000000000000", ""))

	all := map[string][]string{}
	for _, url := range []string{
		proxy.Await(t, "serving metrics", "url"), web.Await(t, "serving metrics", "url"), "http://" + rating.Await(t, "serving", "health") + "/metrics",
	} {
		require.NoError(t, scrape(t.Context(), url, all))
	}
	brokenService(t, all)
	return all
}

// brokenService adds the metrics of a service that gives a command up.
func brokenService(t *testing.T, all map[string][]string) {
	t.Helper()
	metrics, err := telemetry.NewMetrics("broken")
	require.NoError(t, err)
	nc := natsgrpctest.Connect(t, natsgrpctest.NewServer(t))
	worker, err := natsgrpc.NewServer(nc, natsgrpc.WithMeterProvider(metrics.Provider()), natsgrpc.WithLogger(discard))
	require.NoError(t, err)
	ratingv1.RegisterUserServiceServer(worker, broken{})
	natsgrpctest.Serve(t, worker)
	conn, err := natsgrpc.NewConn(nc)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close()) }()
	_, err = ratingv1.NewUserServiceClient(conn).CreateUser(t.Context(), &ratingv1.CreateUserRequest{})
	require.Error(t, err)
	listener, err := telemetry.Listen(t.Context(), "127.0.0.1:0", telemetry.AdminHandler(metrics, false))
	require.NoError(t, err)
	require.NoError(t, scrape(t.Context(), "http://"+listener.Addr.String()+"/metrics", all))
	require.NoError(t, listener.Close())
	require.NoError(t, metrics.Close())
}

// scrape adds the labels of the metrics at a URL, by the names that queries use.
func scrape(ctx context.Context, url string, all map[string][]string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", response.StatusCode)
	}
	textParser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := textParser.TextToMetricFamilies(response.Body)
	if err != nil {
		return err
	}
	if len(families) == 0 {
		return errors.New("no metrics")
	}
	for name, family := range families {
		names, labels := []string{name}, slices.Clone(added)
		if family.GetType() == dto.MetricType_HISTOGRAM {
			names, labels = []string{name + "_bucket", name + "_count", name + "_sum"}, append(labels, "le")
		}
		for _, metric := range family.GetMetric() {
			for _, pair := range metric.GetLabel() {
				labels = append(labels, pair.GetName())
			}
		}
		for _, name := range names {
			all[name] = append(all[name], labels...)
		}
	}
	return nil
}

// start runs a program until the test ends, and returns its log.
func start(t *testing.T, program string, args ...string) *otlptest.Log {
	t.Helper()
	log := &otlptest.Log{}
	cmd := exec.CommandContext(t.Context(), program, args...) // its context ends before the cleanups
	cmd.Stdout, cmd.Stderr = t.Output(), io.MultiWriter(log, t.Output())
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 20 * time.Second
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Wait() }) // it was told to end
	return log
}
