package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/tools/bench/peers/pull"
	"github.com/codingflow/rating/tools/bench/peers/servicetime"
)

// A tiny run on real processes: every policy answers every call, and the files are there.
func TestPullMeasuresEveryPolicy(t *testing.T) {
	cell := pull.Cell{
		Work: servicetime.Exponential, Mean: 5 * time.Millisecond, Instances: 2, Slots: 2, Load: 0.5, Callers: 2,
		Warmup: 200 * time.Millisecond, Duration: time.Second, Timeout: time.Minute, Policies: append(pull.RetryPolicies, pull.PullCommands),
	}
	slow := cell
	slow.Slow, slow.Load, slow.Policies = true, 0.3, pull.Policies
	more := cell
	more.Load, more.Policies = 0.6, pull.Policies
	c, folder := &pullCommand{Seed: 3}, t.TempDir()
	var out strings.Builder
	require.NoError(t, c.run(t.Context(), []pull.Cell{cell, more, slow}, folder, &out))
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	require.Len(t, lines, 1+len(cell.Policies)+2*len(pull.Policies), out.String())
	require.NotContains(t, out.String(), "failed")
	for _, name := range []string{"pull.csv", "pull.md", "pull-exponential-2.svg"} {
		require.FileExists(t, filepath.Join(folder, name))
	}
}

// Instances are killed, stopped and replaced under load. No call through the queue fails, and all calls are accounted for.
func TestNoCallThroughTheQueueFailsWhereInstancesDo(t *testing.T) {
	var cells []pull.Cell
	for _, disturbance := range append(pull.Disturbances, pull.KilledEverySecond) {
		cells = append(cells, pull.Cell{
			Work: servicetime.Exponential, Mean: 20 * time.Millisecond, Instances: 3, Slots: 2, Load: 0.5, Callers: 1, Disturbance: disturbance,
			Duration: 2500 * time.Millisecond, Timeout: time.Minute, Policies: []pull.Policy{pull.Pull},
		})
	}
	cells[0].Policies = append(cells[0].Policies, pull.RoundRobin)
	seen := map[pull.Disturbance]pull.Outcome{}
	e := pull.Experiment{Start: startPulled, OwnCPU: ownCPU, Seed: 1, Seen: func(o pull.Outcome) {
		require.Equal(t, o.Due, o.Succeeded+o.Failures())
		require.Positive(t, o.Due)
		if o.Policy == pull.Pull {
			require.Zero(t, o.Failures(), o)
			seen[o.Cell.Disturbance] = o
		}
	}}
	outcomes, err := e.Run(t.Context(), cells)
	require.NoError(t, err)
	require.Len(t, outcomes, len(cells)+1)
	for _, disturbance := range []pull.Disturbance{pull.Killed, pull.Restarted, pull.Replaced} {
		require.Equal(t, 1, seen[disturbance].Ended, disturbance)
	}
	require.Zero(t, seen[pull.Paused].Ended)
	require.Equal(t, 2, seen[pull.KilledEverySecond].Ended)
}

func TestPullSaysWhatIsWrong(t *testing.T) {
	require.EqualError(t, (&pullCommand{Only: "nobody"}).Run(t.Context()), `--only "nobody": nothing has this in its name`)
	c := &pullCommand{Full: true, Only: "80 %", Seed: 2}
	require.Equal(t, `go run -C tools/bench/peers . pull --full --only "80 %" --seed 2`, c.commandLine())
	e := pull.Experiment{Start: startPulled, OwnCPU: ownCPU}
	_, err := e.Run(t.Context(), []pull.Cell{{Work: servicetime.Fixed, Rate: 1}})
	require.EqualError(t, err, "no work, 0 instances, 1/s: 0 instances: want at least 1")
}

func TestAnExperimentEndsWithItsContext(t *testing.T) {
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	ctx, cancel := context.WithCancel(t.Context())
	e := pull.Experiment{Start: startPulled, OwnCPU: ownCPU, Seen: func(pull.Outcome) { cancel() }}
	cell := pull.Cell{
		Work: servicetime.Fixed, Mean: time.Millisecond, Instances: 1, Slots: 1, Rate: 10, Callers: 1, Duration: 200 * time.Millisecond, Timeout: time.Minute,
		Policies: []pull.Policy{pull.Pull, pull.RoundRobin},
	}
	outcomes, err := e.Run(ctx, []pull.Cell{cell})
	require.ErrorIs(t, err, context.Canceled)
	require.Len(t, outcomes, 1)
	left, err := os.ReadDir(temporary)
	require.NoError(t, err)
	require.Empty(t, left, "files are left")
}
