package operations

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// promtool runs Prometheus's tool in a folder, and returns what it prints.
func promtool(t *testing.T, dir string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), tool(t, "promtool"), args...)
	cmd.Dir = dir
	output, err := cmd.CombinedOutput()
	return string(output), err
}

// rules writes the rules as a plain Prometheus takes them, and returns their folder.
func rules(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	text, err := yaml.Marshal(alerts(t).Spec)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "alerts.yaml"), text, 0o600))
	return dir
}

func TestPrometheusTakesTheAlerts(t *testing.T) {
	output, err := promtool(t, rules(t), "check", "rules", "--lint=all", "--lint-fatal", "alerts.yaml")
	require.NoError(t, err, output)
}

// The cases are in testdata/alerts_test.yaml, in promtool's language.
func TestAlertsFireWhenTheyShould(t *testing.T) {
	dir := rules(t)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "cases.yaml"), []byte(read(t, "testdata/alerts_test.yaml")), 0o600))
	output, err := promtool(t, dir, "test", "rules", "cases.yaml")
	require.NoError(t, err, output)
}
