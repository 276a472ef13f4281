package main

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
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
		for begun := time.Now(); time.Since(begun) < 10*time.Microsecond; { // a call takes a time that can be told
		}
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		return nil
	})
	require.NoError(t, err)
	require.EqualValues(t, 101, calls.Load())
	require.LessOrEqual(t, most.Load(), int64(4))
	require.Positive(t, seen.perSecond)
	require.Equal(t, 101, seen.calls)
	require.IsNonDecreasing(t, []time.Duration{0, seen.p50, seen.p90, seen.p99, seen.p999, seen.most})
	require.Positive(t, seen.most)
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

// A percentile is that of the times themselves, but for the precision that recorder states.
func TestPercentilesAreThoseOfTheTimes(t *testing.T) {
	chance := rand.New(rand.NewPCG(1, 0))
	r := newRecorder()
	times := make([]time.Duration, 100_001)
	for i := range times {
		times[i] = time.Duration(math.Exp(chance.Float64()*math.Log(float64(10*time.Second)/1000)) * 1000) // 1 µs to 10 s
		r.record(times[i])
	}
	slices.Sort(times)
	for _, p := range []float64{0.1, 1, 5, 25, 50, 75, 90, 99, 99.9, 100} {
		exact := times[int(math.Round(p/100*float64(len(times))))-1]
		precision := recorderUnit / 2
		if exact > 2000*recorderUnit {
			precision += exact / 1000
		}
		require.InDelta(t, exact, r.percentile(p), float64(precision), "%v", p)
	}
	require.EqualValues(t, len(times), r.histogram.TotalCount())
}

func TestTimesOfAnyLengthAreRecorded(t *testing.T) {
	r := newRecorder()
	require.Zero(t, r.percentile(50), "none")
	r.record(-time.Second)
	require.Zero(t, r.percentile(100))
	r.record(249_960 * time.Nanosecond)
	require.InEpsilon(t, 250*time.Microsecond, r.percentile(100), 0.001)
	r.record(20 * time.Microsecond)
	require.Equal(t, 20*time.Microsecond, r.percentile(50))
	r.record(24 * time.Hour)
	require.InEpsilon(t, time.Hour, r.percentile(100), 0.001)
	require.EqualValues(t, 4, r.histogram.TotalCount())
}

// However many times there are, they take no more memory.
func TestTimesTakeNoMemoryOfTheirOwn(t *testing.T) {
	r := newRecorder()
	require.Less(t, r.histogram.ByteSize(), 250_000)
	took := time.Microsecond
	require.Zero(t, testing.AllocsPerRun(10_000, func() {
		r.record(took)
		took += took / 100
	}))
}
