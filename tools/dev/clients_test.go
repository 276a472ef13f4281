//go:build integration

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/tools/dev/stack"
	"github.com/codingflow/rating/tools/dev/stack/stacktest"
	"github.com/codingflow/rating/tools/dev/workspace"
)

// clientsDoc returns the checkout and what docs/clients.md says.
func clientsDoc(t *testing.T) (workspace.Root, string) {
	t.Helper()
	root, err := workspace.Find()
	require.NoError(t, err)
	text, err := os.ReadFile(root.Path("docs", "clients.md"))
	require.NoError(t, err)
	return root, string(text)
}

// runningDoc returns the checkout and what docs/clients.md says of a system that runs until the test ends, instead of the one
// at localhost:8080.
func runningDoc(t *testing.T) (workspace.Root, string) {
	t.Helper()
	root, text := clientsDoc(t)
	s, _ := stacktest.Start(t, stack.Config{Data: t.TempDir()})
	return root, strings.ReplaceAll(text, "localhost:8080", s.Addr().String())
}

// output runs a program in a folder and returns what it prints.
func output(t *testing.T, dir, program string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	cmd.Stderr = t.Output()
	printed, err := cmd.Output()
	require.NoError(t, err, "%s %v: %s", program, args, printed)
	return string(printed)
}

func TestTheGoOfClientsIsThatOfTheTests(t *testing.T) {
	root, text := clientsDoc(t)
	tested, err := os.ReadFile(root.Path("tools", "dev", "stack", "clients_test.go"))
	require.NoError(t, err)
	blocks := fences(text, "go")
	require.Len(t, blocks, 4)
	for _, block := range blocks {
		require.Contains(t, string(tested), "\t"+strings.ReplaceAll(block, "\n", "\n\t"))
	}
}

func TestTheShellOfClientsWorksAsWritten(t *testing.T) {
	_, text := runningDoc(t)
	run(t, t.TempDir(), examples(fences(text, "console")))
}

func TestThePythonOfClientsWorksAsWritten(t *testing.T) {
	_, text := runningDoc(t)
	dir := t.TempDir()
	commands, programs := fences(text, "sh"), fences(text, "python")
	require.Len(t, commands, 1)
	require.Len(t, programs, 1)
	t.Log(output(t, dir, "bash", "-ec", commands[0]))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "program.py"), []byte(programs[0]), 0o600))
	require.Equal(t, "Ada True\nINVALID_ARGUMENT user.display_name: must be at least 1 characters\n",
		output(t, dir, filepath.Join(".venv", "bin", "python"), "program.py"))
}

func TestTheTypeScriptOfClientsWorksAsWritten(t *testing.T) {
	root, text := runningDoc(t)
	programs := fences(text, "ts")
	require.Len(t, programs, 1)
	web := root.Path("services", "web")
	output(t, web, "npx", "--yes", packageManager(t, web), "install", "--frozen-lockfile", "--ignore-scripts", "--prefer-offline")

	dir := t.TempDir()
	program := strings.Replace(programs[0], `"./client"`, fmt.Sprintf("%q", filepath.Join(web, "api", "client")), 1)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "program.ts"), []byte(program), 0o600))
	config := fmt.Sprintf(`{"extends": %q, "compilerOptions": {"types": []}, "include": ["program.ts"]}`, filepath.Join(web, "tsconfig.json"))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "tsconfig.json"), []byte(config), 0o600))
	output(t, web, filepath.Join("node_modules", ".bin", "tsc"), "--project", dir)

	const importer = `import { runnerImport } from "vite"; await runnerImport(process.argv[1], { configFile: false, logLevel: "error" });`
	printed := output(t, web, "node", "--input-type=module", "--eval", importer, filepath.Join(dir, "program.ts"))
	require.Regexp(t, `^Ada \d{4}-\d\d-\d\dT\S+Z\nINVALID_ARGUMENT user\.display_name\n$`, printed)
}

// packageManager returns the package manager that a package names, with its version.
func packageManager(t *testing.T, dir string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "package.json"))
	require.NoError(t, err)
	var manifest struct{ PackageManager string }
	require.NoError(t, json.Unmarshal(data, &manifest))
	require.NotEmpty(t, manifest.PackageManager)
	return manifest.PackageManager
}
