//go:build integration

package openapi

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSpectralFindsNothing(t *testing.T) {
	lint := installSpectral(t)
	for _, name := range []string{"rating", "things"} {
		output, err := lint(documentOf(t, map[string]func(testing.TB) *API{"rating": ratingAPI, "things": thingsAPI}[name](t)))
		require.NoError(t, err, "%s: %s", name, output)
	}
	// It does look, and by the JSON Schema of OpenAPI 3.1.
	output, err := lint([]byte(strings.Replace(string(documentOf(t, ratingAPI(t))), `"in":"query"`, `"in":"body"`, 1)))
	require.Error(t, err)
	require.Contains(t, output, "oas3-schema")
}

// installSpectral installs the linter, as package-lock.json pins it, and returns a function that runs it on a document.
// Everything that it finds is an error.
func installSpectral(t *testing.T) func(document []byte) (output string, err error) {
	t.Helper()
	_, err := exec.LookPath("npm")
	require.NoError(t, err, "the linter comes from the npm registry: install npm, or run `go run ./tools/dev test`, which does")
	dir := t.TempDir()
	for _, name := range []string{"package.json", "package-lock.json", "ruleset.yaml"} {
		data, err := os.ReadFile(filepath.Join("testdata", "spectral", name))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), data, 0o600))
	}
	install := exec.CommandContext(t.Context(), "npm", "ci", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund")
	install.Dir = dir
	install.Stdout, install.Stderr = t.Output(), t.Output()
	require.NoError(t, install.Run())
	return func(document []byte) (string, error) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "openapi.json"), document, 0o600))
		cmd := exec.CommandContext(t.Context(), filepath.Join(dir, "node_modules", ".bin", "spectral"),
			"lint", "--ruleset", "ruleset.yaml", "--fail-severity", "hint", "--format", "text", "openapi.json")
		cmd.Dir = dir
		output, err := cmd.CombinedOutput()
		return string(output), err
	}
}
