package main

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestLoadMakesSoManyCalls(t *testing.T) {
	var calls, running, most atomic.Int64
	seen, err := load(t.Context(), closedLoop{clients: 4, calls: 101}, func(context.Context) error {
		calls.Add(1)
		n := running.Add(1)
		defer running.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		return nil
	})
	require.NoError(t, err)
	require.EqualValues(t, 101, calls.Load())
	require.LessOrEqual(t, most.Load(), int64(4))
	require.Positive(t, seen.perSecond)
	require.Equal(t, 101, seen.calls)
	require.IsIncreasing(t, []time.Duration{0, seen.p50, seen.p90 + 1, seen.p99 + 2, seen.p999 + 3, seen.most + 4})
}

func TestLoadStopsAtAnError(t *testing.T) {
	broken := errors.New("broken")
	var calls atomic.Int64
	_, err := load(t.Context(), closedLoop{clients: 1, calls: 100}, func(context.Context) error {
		if calls.Add(1) == 3 {
			return broken
		}
		return nil
	})
	require.ErrorIs(t, err, broken)
	require.EqualValues(t, 3, calls.Load())
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = load(ended, closedLoop{clients: 1, calls: 100}, func(context.Context) error { return nil })
	require.ErrorIs(t, err, context.Canceled)
}

func TestLoadLastsAsLongAsItIsTold(t *testing.T) {
	start := time.Now()
	seen, err := load(t.Context(), closedLoop{clients: 2, duration: 50 * time.Millisecond}, func(context.Context) error { return nil })
	require.NoError(t, err)
	require.GreaterOrEqual(t, time.Since(start), 50*time.Millisecond)
	require.Greater(t, seen.calls, 2)
	seen, err = load(t.Context(), closedLoop{clients: 3}, func(context.Context) error { return nil })
	require.NoError(t, err)
	require.Equal(t, 3, seen.calls, "one each at least")
}

func TestLoadLeavesOutFailuresThatAreNoEnd(t *testing.T) {
	broken := errors.New("broken")
	var calls, failures atomic.Int64
	seen, err := load(t.Context(), closedLoop{clients: 2, calls: 100, failed: func(err error) error {
		require.ErrorIs(t, err, broken)
		failures.Add(1)
		return nil
	}}, func(context.Context) error {
		if calls.Add(1)%4 == 0 {
			return broken
		}
		return nil
	})
	require.NoError(t, err)
	require.EqualValues(t, 25, failures.Load())
	require.Equal(t, 75, seen.calls)
}

func TestPercentileIsTheNearestRank(t *testing.T) {
	values := make([]time.Duration, 200)
	for i := range values {
		values[i] = time.Duration(i + 1)
	}
	require.EqualValues(t, 100, percentile(values, 50))
	require.EqualValues(t, 198, percentile(values, 99))
	require.EqualValues(t, 200, percentile(values, 99.9))
	require.EqualValues(t, 200, percentile(values, 100))
	require.Zero(t, percentile(nil, 50))
	require.EqualValues(t, 7, percentile([]time.Duration{7}, 99))
}
