package operations

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/codingflow/rating/tools/deploy/manifest"
)

// The files, from here.
const (
	root          = "../../"
	alertsFile    = root + "k8s/monitoring/alerts.yaml"
	scrapeFile    = root + "k8s/monitoring/scrape.yaml"
	dashboardFile = root + "k8s/monitoring/dashboard.json"
)

// read returns a file.
func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}

// alerts returns the rules, whose every field Prometheus's operator knows.
func alerts(t *testing.T) *monitoringv1.PrometheusRule {
	t.Helper()
	rule := &monitoringv1.PrometheusRule{}
	require.NoError(t, yaml.UnmarshalStrict([]byte(read(t, alertsFile)), rule))
	return rule
}

// panels returns the dashboard's panels, rows without.
func panels(t *testing.T) []dashboard.Panel {
	t.Helper()
	text := []byte(read(t, dashboardFile))
	err := new(dashboard.Dashboard).UnmarshalJSONStrict(text)    //nolint:staticcheck // version 1 is what Grafana takes from files and sidecars
	if problems, ok := errors.AsType[cog.BuildErrors](err); ok { // of panels it may be a list of none, and then they are lost
		require.Empty(t, problems)
	} else {
		require.NoError(t, err)
	}
	var d dashboard.Dashboard //nolint:staticcheck // as above
	require.NoError(t, json.Unmarshal(text, &d))
	require.NoError(t, d.Validate())
	var all []dashboard.Panel
	for _, entry := range d.Panels {
		if entry.Panel != nil {
			all = append(all, *entry.Panel)
		}
	}
	require.NotEmpty(t, all)
	return all
}

// A query is a PromQL expression of the alerts or the dashboard.
type query struct{ where, text string }

// queries returns all of them, the dashboard's with an interval for Grafana's variable.
func queries(t *testing.T) []query {
	t.Helper()
	var all []query
	for _, group := range alerts(t).Spec.Groups {
		for _, rule := range group.Rules {
			all = append(all, query{"alert " + rule.Alert + rule.Record, rule.Expr.String()})
		}
	}
	for _, panel := range panels(t) {
		for _, target := range panel.Targets {
			text := expression(t, target)
			all = append(all, query{"panel " + *panel.Title, strings.ReplaceAll(text, "$__rate_interval", "1m")})
		}
	}
	return all
}

// parse returns the parsed query.
func (q query) parse(t *testing.T) parser.Expr {
	t.Helper()
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(q.text)
	require.NoError(t, err, q.where)
	return expr
}

func TestEveryAlertSaysWhomItWakesAndWhatToDo(t *testing.T) {
	sections := headings(read(t, runbookFile))
	seen := map[string]bool{}
	for _, group := range alerts(t).Spec.Groups {
		for _, rule := range group.Rules {
			if rule.Alert == "" {
				continue
			}
			require.False(t, seen[rule.Alert], "two alerts are %s", rule.Alert)
			seen[rule.Alert] = true
			require.Contains(t, []string{"page", "ticket"}, rule.Labels["severity"], rule.Alert)
			require.NotEmpty(t, rule.Annotations["summary"], rule.Alert)
			section, ok := strings.CutPrefix(rule.Annotations["runbook_url"], runbookURL)
			require.True(t, ok, "%s: %s", rule.Alert, rule.Annotations["runbook_url"])
			require.Contains(t, sections, section, rule.Alert)
			require.Contains(t, read(t, runbookFile), "`"+rule.Alert+"`", "the runbook's section names the alert")
		}
	}
	for _, name := range namedAlerts(read(t, runbookFile)) {
		require.True(t, seen[name], "the runbook's %s is no alert", name)
	}
}

func TestTheFolderIsAppliedAsItIs(t *testing.T) {
	objects, err := manifest.Render(root+"k8s/monitoring", nil)
	require.NoError(t, err)
	text, err := objects.YAML()
	require.NoError(t, err)
	for _, kind := range []string{"ConfigMap", "PodMonitor", "PrometheusRule"} {
		require.Contains(t, text, "\nkind: "+kind+"\n")
	}
	require.Contains(t, text, `grafana_dashboard: "1"`)
	require.Contains(t, text, "namespace: rating")
}

func TestPanelsHaveAPlaceOfTheirOwn(t *testing.T) {
	taken := map[[2]uint32]string{}
	for _, panel := range panels(t) {
		require.NotEmpty(t, panel.Targets, *panel.Title)
		at := panel.GridPos
		require.LessOrEqual(t, at.X+at.W, uint32(24), *panel.Title)
		for x := at.X; x < at.X+at.W; x++ {
			for y := at.Y; y < at.Y+at.H; y++ {
				require.Empty(t, taken[[2]uint32{x, y}], "%s is over another panel", *panel.Title)
				taken[[2]uint32{x, y}] = *panel.Title
			}
		}
	}
}

func TestProgramsAreScrapedWhereTheirPortsAre(t *testing.T) {
	ports := map[string]string{}
	for _, file := range []string{"proxy/deployment.yaml", "rating/service/deployment.yaml", "web/deployment.yaml"} {
		for _, document := range strings.Split(read(t, root+"k8s/base/"+file), "\n---\n") {
			var deployment struct {
				Kind     string
				Metadata struct{ Name string }
				Spec     struct {
					Template struct {
						Spec struct {
							Containers []struct {
								Ports []struct{ Name string }
							}
						}
					}
				}
			}
			require.NoError(t, yaml.Unmarshal([]byte(document), &deployment))
			if deployment.Kind == "Deployment" {
				for _, port := range deployment.Spec.Template.Spec.Containers[0].Ports {
					ports[deployment.Metadata.Name+"/"+port.Name] = file
				}
			}
		}
	}
	scraped := map[string]bool{}
	for _, document := range strings.Split(read(t, scrapeFile), "\n---\n") {
		monitor := &monitoringv1.PodMonitor{}
		require.NoError(t, yaml.UnmarshalStrict([]byte(document), monitor))
		const name = "app.kubernetes.io/name"
		require.Equal(t, name, monitor.Spec.JobLabel)
		programs := []string{monitor.Spec.Selector.MatchLabels[name]}
		for _, expression := range monitor.Spec.Selector.MatchExpressions {
			require.Equal(t, name, expression.Key)
			programs = expression.Values
		}
		for _, program := range programs {
			port := program + "/" + *monitor.Spec.PodMetricsEndpoints[0].Port
			require.Contains(t, ports, port, fmt.Sprint(slices.Sorted(maps.Keys(ports))))
			scraped[program] = true
		}
	}
	require.Equal(t, map[string]bool{"proxy": true, "rating": true, "web": true}, scraped)
}

// expression returns the PromQL of a panel's target.
func expression(t *testing.T, target any) string {
	t.Helper()
	text, err := json.Marshal(target)
	require.NoError(t, err)
	var fields struct{ Expr string }
	require.NoError(t, json.Unmarshal(text, &fields))
	require.NotEmpty(t, fields.Expr)
	return fields.Expr
}
