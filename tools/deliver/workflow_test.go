//go:build integration

package deliver_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What actionlint does not ask of workflows: whoever changes a tag of an action changes nothing here, no job can do more than it
// says, and none hangs for GitHub's six hours.
func TestWorkflowsAreHeldTight(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "..", ".github", "workflows", "*.yml"))
	require.NoError(t, err)
	require.Len(t, files, 2)
	pinned := regexp.MustCompile(`^(\./\S+|[\w./-]+@[0-9a-f]{40} # v?\d+(\.\d+)+)$`)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Contains(t, string(text), "\npermissions: {}\n")
		require.Contains(t, string(text), "\ndefaults:\n  run:\n    shell: bash # with pipefail\n") // GitHub's default is without
		for _, found := range regexp.MustCompile(`(?m)^\s+(?:- )?uses: (.*)$`).FindAllStringSubmatch(string(text), -1) {
			require.Regexp(t, pinned, found[1])
		}
		_, jobs, found := strings.Cut(string(text), "\njobs:\n")
		require.True(t, found)
		starts := regexp.MustCompile(`(?m)^  [a-z]+:$`).FindAllStringIndex(jobs, -1)
		require.NotEmpty(t, starts)
		for i, start := range starts {
			end := len(jobs)
			if i+1 < len(starts) {
				end = starts[i+1][0]
			}
			job := jobs[start[0]:end]
			require.Contains(t, job, "\n    permissions:\n")
			if !strings.Contains(job, "\n    uses: ") { // another workflow's jobs have their own
				require.Contains(t, job, "\n    timeout-minutes: ")
			}
			require.Equal(t, strings.Count(job, "actions/checkout@"), strings.Count(job, "persist-credentials: false"))
		}
	}
}
