package operations

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// buildTimeout bounds the building of the tools and programs, which compiles much where nothing is in Go's cache.
const buildTimeout = 25 * time.Minute

// bin is where the tools and the programs are.
var bin string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "operations")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	bin = dir
	return m.Run()
}

// tool builds a tool of go.mod, by the last element of its path, and returns where it is.
func tool(t *testing.T, name string) string {
	t.Helper()
	path := map[string]string{
		"nats":     "github.com/nats-io/natscli/nats",
		"promtool": "github.com/prometheus/prometheus/cmd/promtool",
	}[name]
	require.NotEmpty(t, path, name)
	// The tag leaves out of Prometheus the clients of all the clouds in which it can look for what to scrape.
	return build(t, ".", name, "-tags=remove_all_sd", path)
}

// program builds a program of the product.
func program(t *testing.T, pkg string) string {
	t.Helper()
	return build(t, root, filepath.Base(pkg), "./"+pkg)
}

func build(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	path := filepath.Join(bin, name)
	if _, err := os.Stat(path); err == nil {
		return path
	}
	ctx, cancel := context.WithTimeout(t.Context(), buildTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", append([]string{"build", "-o", path}, args...)...)
	cmd.Dir = dir
	output, err := cmd.CombinedOutput()
	require.NoError(t, err, string(output))
	return path
}

const (
	// soon is when something must have happened that takes a moment, on a busy machine too.
	soon = 30 * time.Second
	// tick is how often a condition is looked at.
	tick = 20 * time.Millisecond
)
