package faults_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/natsgrpc"
	pb "github.com/codingflow/rating/proto/natsgrpctest/v1"
)

// One worker of a new version runs beside three of an old one, which does not know the commands. All of them are killed, with
// commands in hand that they run, hold for another, or have just handed over; and one is paused.
func TestARolloutLosesNoCommand(t *testing.T) {
	s := newScenario(t, usual)
	w := s.worker(s.url())
	w.Work = time.Millisecond
	canary := startPool(t, 1, w)
	w.Old = true
	old := startPool(t, 3, w)
	kills := 3
	if full() {
		kills = 20
	}
	calls := run(t, size(), command(s.conn(s.url())), func(calls *load) {
		for kill := range kills {
			calls.await(2 * callers)
			old.kill(kill % 2) // the third is paused
			calls.await(callers)
			canary.kill(0)
		}
		calls.await(callers)
		old.worker(2).pause(t)
		time.Sleep(outage()) // the fault
		old.worker(2).resume(t)
		calls.await(2 * callers)
	})
	s.requireOnce(calls)
	require.Equal(t, kills, canary.replacements())
	require.Equal(t, kills, old.replacements())
	requireEmpty(t, s.js(), commandStream)
}

// The last worker is killed and not replaced: calls are told so 5 seconds after it was last heard of, well before a default
// timeout is over, and half a second after their start from then on.
func TestALastWorkerThatIsKilledIsMissed(t *testing.T) {
	s := newScenario(t, delivery{Replicas: 1, MaxPending: 1000, Attempts: 5, Timeout: 10 * time.Second})
	w := s.worker(s.url())
	last := start(t, role{Worker: &w}, nil)
	client := pb.NewEchoServiceClient(s.conn(s.url()))
	ask := func() error {
		_, err := client.Query(t.Context(), &pb.QueryRequest{Payload: []byte("x")})
		return err
	}
	require.NoError(t, ask())
	last.kill()
	killed := time.Now()
	require.Equal(t, natsgrpc.ReasonNoWorkers, reason(ask()))
	require.Greater(t, time.Since(killed), 4500*time.Millisecond)
	require.Less(t, time.Since(killed), 8*time.Second)
	for range 3 {
		begun := time.Now()
		require.Equal(t, natsgrpc.ReasonNoWorkers, reason(ask()))
		require.Less(t, time.Since(begun), 3*time.Second)
	}
}
