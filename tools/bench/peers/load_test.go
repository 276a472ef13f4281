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
	seen, err := load(t.Context(), 4, 101, func(context.Context) error {
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
	require.LessOrEqual(t, seen.p50, seen.p99)
}

func TestLoadStopsAtAnError(t *testing.T) {
	broken := errors.New("broken")
	var calls atomic.Int64
	_, err := load(t.Context(), 1, 100, func(context.Context) error {
		if calls.Add(1) == 3 {
			return broken
		}
		return nil
	})
	require.ErrorIs(t, err, broken)
	require.EqualValues(t, 3, calls.Load())
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = load(ended, 1, 100, func(context.Context) error { return nil })
	require.ErrorIs(t, err, context.Canceled)
}

func TestPercentileIsTheNearestRank(t *testing.T) {
	values := make([]time.Duration, 200)
	for i := range values {
		values[i] = time.Duration(i + 1)
	}
	require.EqualValues(t, 100, percentile(values, 50))
	require.EqualValues(t, 198, percentile(values, 99))
	require.EqualValues(t, 7, percentile([]time.Duration{7}, 99))
}
