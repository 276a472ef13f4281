package faults_test

import (
	"testing"
	"time"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/stretchr/testify/require"
)

// The stream of answers has room for a fraction of them: the oldest go, and no call waits for room.
func TestAFullStreamOfAnswersStopsNoCommand(t *testing.T) {
	s := newScenario(t, usual)
	startPool(t, 2, s.worker(s.url()))
	js := s.js()
	small := natsgrpc.Responses()
	small.MaxBytes = 32 << 10
	_, err := js.UpdateStream(t.Context(), small)
	require.NoError(t, err)
	calls := run(t, size(), command(s.conn(s.url())), nil)
	s.requireOnce(calls)
	responses, err := js.Stream(t.Context(), small.Name)
	require.NoError(t, err)
	state := responses.CachedInfo().State
	t.Logf("%d answers are kept, in %d bytes", state.Msgs, state.Bytes)
	require.LessOrEqual(t, state.Bytes, uint64(small.MaxBytes))
	require.Greater(t, state.FirstSeq, uint64(1), "no answer was discarded")
	requireEmpty(t, js, commandStream)
}

// The stream of answers is deleted, and again whenever a worker has made it anew. An answer that is not confirmed is
// published again; its handler is not run again.
func TestAMissingStreamOfAnswersRunsNoHandlerAgain(t *testing.T) {
	s := newScenario(t, usual)
	startPool(t, 2, s.worker(s.url()))
	js := s.js()
	deleted := 0
	calls := run(t, size(), command(s.conn(s.url())), func(calls *load) {
		calls.await(size() / 2)
		for end := time.Now().Add(outage()); time.Now().Before(end); time.Sleep(50 * time.Millisecond) { // the fault
			if js.DeleteStream(t.Context(), natsgrpc.Responses().Name) == nil {
				deleted++
			}
		}
		calls.await(callers)
	})
	got := s.requireOnce(calls)
	t.Logf("the stream was deleted %d times", deleted)
	require.Positive(t, deleted)
	require.Zero(t, got.redelivered)
	require.Zero(t, got.replays)
	requireEmpty(t, js, commandStream)
}
