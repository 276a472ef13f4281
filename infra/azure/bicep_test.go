//go:build integration

// Package azure_test checks the Bicep files as far as it goes without their compiler, which comes from no package registry.
package azure_test

import (
	"context"
	"fmt"
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
	cmd := exec.CommandContext(ctx, program, args...)
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
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Contains(t, string(text), test.old)
			require.NoError(t, os.WriteFile(path, []byte(strings.Replace(string(text), test.old, test.replacement, 1)), 0o600))
			printed, ok := check(folder)
			require.False(t, ok)
			require.Equal(t, test.want, lineNumber.ReplaceAllString(printed, ":N:"))
		})
	}
}

// A folder of stand-ins for az, gh and kubelogin, which write down how they are called, what they read, and answer.
func standIns(t *testing.T) (log string) {
	t.Helper()
	bin := t.TempDir()
	log = filepath.Join(bin, "log")
	for name, script := range map[string]string{
		"az": `[[ $* != *" show "* ]] || echo '{"clusteR": {"type": "String", "value": "rating-prod"}, "registry": {"type": "String", "value": "r.example"},
			"azurE_TENANT_ID": {"value": "tenant"}, "azurE_SUBSCRIPTION_ID": {"value": "subscription"},
			"plaN_CLIENT_ID": {"value": "plan"}, "pusH_CLIENT_ID": {"value": "push"}, "deploY_CLIENT_ID": {"value": "deploy"}}'`,
		"gh":        `case "$*" in "api users/"*) echo 42;; *--input*) cat >>"$LOG";; esac`,
		"kubelogin": "",
	} {
		text := fmt.Sprintf("#!/usr/bin/env bash\nset -eu\nLOG=%q\nprintf '%%s\\n' \"%s $*\" >>\"$LOG\"\n%s\n", log, name, script)
		require.NoError(t, os.WriteFile(filepath.Join(bin, name), []byte(text), 0o700))
	}
	t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	return log
}

func TestEnvironmentsAreAppliedByAz(t *testing.T) {
	const show = "az deployment sub show --name rating-prod --query properties.outputs --output json\n"
	const outputs = "CLUSTER=rating-prod\nREGISTRY=r.example\nAZURE_TENANT_ID=tenant\nAZURE_SUBSCRIPTION_ID=subscription\n" +
		"PLAN_CLIENT_ID=plan\nPUSH_CLIENT_ID=push\nDEPLOY_CLIENT_ID=deploy\n"
	for name, test := range map[string]struct {
		args           []string
		calls, printed string
	}{
		"what-if": {
			[]string{"dev", "what-if"},
			"az deployment sub what-if --name rating-dev --location westeurope --parameters dev.bicepparam --validation-level ProviderNoRbac\n", "",
		},
		"apply": {
			[]string{"prod", "apply"},
			"az deployment sub create --name rating-prod --location westeurope --parameters prod.bicepparam --confirm-with-what-if --output none\n" + show, outputs,
		},
		"outputs": {[]string{"prod", "outputs"}, show, outputs},
		"connect": {
			[]string{"prod", "connect"},
			"az aks get-credentials --resource-group rating-prod --name rating-prod --format exec --overwrite-existing\n" +
				"kubelogin convert-kubeconfig --context rating-prod --login azurecli\n", "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			log := standIns(t)
			printed, ok := run(t, "./environment.sh", test.args...)
			require.True(t, ok)
			require.Equal(t, test.printed, printed)
			calls, err := os.ReadFile(log)
			require.NoError(t, err)
			require.Equal(t, test.calls, string(calls))
		})
	}
	for _, args := range [][]string{{}, {"prod"}, {"test", "apply"}, {"prod", "delete"}} {
		log := standIns(t)
		_, ok := run(t, "./environment.sh", args...)
		require.False(t, ok, "%v", args)
		require.NoFileExists(t, log)
	}
}

func TestGitHubsEnvironmentsGetWhatTheWorkflowReads(t *testing.T) {
	log := standIns(t)
	printed, ok := run(t, "./github.sh", "someone/rating", "ada", "https://rating.example.com")
	require.True(t, ok, printed)
	var want strings.Builder
	want.WriteString("az deployment sub show --name rating-prod --query properties.outputs --output json\ngh api users/ada --jq .id\n")
	for _, environment := range []struct{ name, reviewers, client, address string }{
		{"prod-plan", "[]", "plan", ""},
		{"prod-push", "[]", "push", ""},
		{"prod", `[{"type": "User", "id": 42}]`, "deploy", "https://rating.example.com"},
	} {
		fmt.Fprintf(&want, "gh api --method PUT repos/someone/rating/environments/%s --silent --input -\n", environment.name)
		fmt.Fprintf(&want, `{"reviewers": %s, "deployment_branch_policy": {"protected_branches": true, "custom_branch_policies": false}}`+"\n", environment.reviewers)
		for _, variable := range [][2]string{
			{"AZURE_CLIENT_ID", environment.client}, {"AZURE_TENANT_ID", "tenant"}, {"AZURE_SUBSCRIPTION_ID", "subscription"},
			{"REGISTRY", "r.example"}, {"ADDRESS", environment.address},
		} {
			if variable[1] != "" {
				fmt.Fprintf(&want, "gh variable set %s --repo someone/rating --env %s --body %s\n", variable[0], environment.name, variable[1])
			}
		}
	}
	calls, err := os.ReadFile(log)
	require.NoError(t, err)
	require.Equal(t, want.String(), string(calls))

	// And the workflow reads no other, of no other environment.
	workflow, err := os.ReadFile(filepath.Join("..", "..", ".github", "workflows", "deliver.yml"))
	require.NoError(t, err)
	for _, found := range regexp.MustCompile(`\bvars\.(\w+)`).FindAllStringSubmatch(string(workflow), -1) {
		require.Contains(t, string(calls), "gh variable set "+found[1]+" ")
	}
	for _, found := range regexp.MustCompile(`(?m)^(?:    environment: |      name: )(prod\S*)$`).FindAllStringSubmatch(string(workflow), -1) {
		require.Contains(t, string(calls), "/environments/"+found[1]+" ")
	}
}
