package main

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestPercentileIsTheNearestRank(t *testing.T) {
	values := make([]time.Duration, 200)
	for i := range values {
		values[i] = time.Duration(i + 1)
	}
	require.EqualValues(t, 100, percentile(values, 50))
	require.EqualValues(t, 198, percentile(values, 99))
	require.EqualValues(t, 7, percentile([]time.Duration{7}, 99))
	require.Zero(t, percentile(nil, 50))
}

func TestMedianIsByRate(t *testing.T) {
	require.Equal(t, result{perSecond: 2}, median([]result{{perSecond: 3}, {perSecond: 1}, {perSecond: 2}}))
	require.Equal(t, result{perSecond: 1}, median([]result{{perSecond: 3}, {perSecond: 1}}))
}

func TestLoadCountsCallsAndStopsAtAnError(t *testing.T) {
	var calls atomic.Int64
	r, err := load(t.Context(), 4, 20*time.Millisecond, func(context.Context) error {
		calls.Add(1)
		return nil
	})
	require.NoError(t, err)
	require.Positive(t, calls.Load())
	require.Positive(t, r.perSecond)
	require.Positive(t, r.cost.objects, "its result is on the heap")
	broken := errors.New("broken")
	_, err = load(t.Context(), 4, time.Hour, func(context.Context) error { return broken })
	require.ErrorIs(t, err, broken)
}

func TestEachCallHasItsShareOfTheCosts(t *testing.T) {
	before := cost{cpu: 1, lockWait: 3, objects: 4, bytes: 5, voluntary: 6, forced: 7}
	after := cost{cpu: 5, lockWait: 15, objects: 6, bytes: 9, voluntary: 7, forced: 8}
	require.Equal(t, cost{cpu: 1, lockWait: 3, objects: 0.5, bytes: 1, voluntary: 0.25, forced: 0.25}, after.each(before, 4))
	require.Equal(t, cost{}, before.each(before, 0))
}
