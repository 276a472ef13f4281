package faults_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A worker kills itself once for one in fifty commands, at the point that the case names, and is replaced.
func TestAKilledWorkerLosesNoCommand(t *testing.T) {
	for _, point := range []killPoint{killDelivered, killInside, killCommitted} {
		t.Run(string(point), func(t *testing.T) {
			s := newScenario(t, usual)
			w := s.worker(s.url())
			w.Kill, w.Every = point, size()/20
			workers := startPool(t, 2, w)
			calls := run(t, size(), command(s.conn(s.url())), nil)
			got := s.requireOnce(calls)
			t.Logf("%d workers were killed", workers.replacements())
			require.GreaterOrEqual(t, workers.replacements(), 10)
			if point == killCommitted {
				require.GreaterOrEqual(t, got.replays, 10)
			} else {
				require.GreaterOrEqual(t, got.redelivered, 10)
			}
			requireEmpty(t, s.js(), commandStream)
		})
	}
}

// Workers are paused, get commands that they do not run, and are killed; in between they are killed at any moment.
func TestAWorkerKilledAtAnyMomentLosesNoCommand(t *testing.T) {
	s := newScenario(t, usual)
	workers := startPool(t, 3, s.worker(s.url()))
	kills := 4
	if full() {
		kills = 30
	}
	calls := run(t, size(), command(s.conn(s.url())), func(calls *load) {
		for kill := range kills {
			i := kill % 2 // the third worker stays
			calls.await(size() / 2 / kills)
			if i%2 == 0 {
				workers.worker(i).pause(t)
				calls.awaitAtMost(callers, ackWait) // it may hold the database, so that nobody goes on
			}
			workers.kill(i)
		}
	})
	got := s.requireOnce(calls)
	require.Equal(t, kills, workers.replacements())
	require.Positive(t, got.redelivered, "no kill hit a command")
	requireEmpty(t, s.js(), commandStream)
}
