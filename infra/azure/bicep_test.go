//go:build integration

// Package azure_test checks the Bicep files as far as it goes without their compiler, which comes from no package registry.
package azure_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// lineNumber is what changes with every edit of a file.
var lineNumber = regexp.MustCompile(`:\d+:`)

// run runs a program and returns what it prints, and whether it succeeds.
func run(t *testing.T, program string, args ...string) (string, bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...) //nolint:gosec // the test's own
	cmd.Stderr = t.Output()
	printed, err := cmd.Output()
	require.NoError(t, ctx.Err())
	return string(printed), err == nil
}

// checker returns what runs check.py on a folder, in an environment that has what check.py says it needs.
func checker(t *testing.T) func(folder string) (string, bool) {
	t.Helper()
	script, err := os.ReadFile("check.py")
	require.NoError(t, err)
	_, install, found := strings.Cut(string(script), "    pip install ")
	require.True(t, found)
	install, _, _ = strings.Cut(install, "\n")
	environment := filepath.Join(t.TempDir(), "venv")
	printed, ok := run(t, "python3", "-m", "venv", environment)
	require.True(t, ok, printed)
	printed, ok = run(t, filepath.Join(environment, "bin", "pip"), append([]string{"install", "--quiet"}, strings.Fields(install)...)...)
	require.True(t, ok, printed)
	return func(folder string) (string, bool) {
		return run(t, filepath.Join(environment, "bin", "python"), "check.py", folder)
	}
}

func TestBicepFilesParseAndFitTogether(t *testing.T) {
	check := checker(t)
	printed, ok := check(".")
	require.True(t, ok, printed)
	require.Empty(t, printed)

	for name, test := range map[string]struct{ file, old, replacement, want string }{
		"syntax":              {"modules/logs.bicep", "kind: 'Linux'", "kind 'Linux'", "modules/logs.bicep:N: syntax error\n"},
		"parameter forgotten": {"main.bicep", "    retentionDays: logRetentionDays\n", "", "main.bicep:N: modules/logs.bicep wants the parameter retentionDays\nmain.bicep:N: logRetentionDays is not used\n"},
		"parameter unknown":   {"main.bicep", "readerName: names.secrets", "readerName: names.secrets\n    writer: 1", "main.bicep:N: modules/vault.bicep has no parameter writer\n"},
		"output unknown":      {"main.bicep", "vault.outputs.url", "vault.outputs.address", "main.bicep: modules/vault.bicep has no output address\n"},
		"module unknown":      {"main.bicep", "'modules/plan.bicep'", "'modules/plans.bicep'", "main.bicep:N: there is no modules/plans.bicep\n"},
		"unused":              {"modules/plan.bicep", "param name string", "param name string\nvar owner = 'x'", "modules/plan.bicep:N: owner is not used\n"},
		"environment":         {"prod.bicepparam", "param location", "param place", "prod.bicepparam: main.bicep has no parameter place\nprod.bicepparam: main.bicep wants the parameter location\n"},
		"no such file":        {"dev.bicepparam", "main.bicep", "min.bicep", "dev.bicepparam: `using` names no file\n"},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			require.NoError(t, os.CopyFS(folder, os.DirFS(".")))
			path := filepath.Join(folder, test.file)
			text, err := os.ReadFile(path) //nolint:gosec // a copy of ours
			require.NoError(t, err)
			require.Contains(t, string(text), test.old)
			require.NoError(t, os.WriteFile(path, []byte(strings.Replace(string(text), test.old, test.replacement, 1)), 0o600)) //nolint:gosec // likewise
			printed, ok := check(folder)
			require.False(t, ok)
			require.Equal(t, test.want, lineNumber.ReplaceAllString(printed, ":N:"))
		})
	}
}
