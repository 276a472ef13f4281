package openloop

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// A system that does one call at a time and stalls once, for 300 ms: the calls that were due meanwhile, 10 ms apart, have
// waited for what was left of it, and their latencies say so.
func TestAStallShowsInTheLatenciesOfThoseDueMeanwhile(t *testing.T) {
	const stall = 300 * time.Millisecond
	var mu sync.Mutex
	calls := 0
	result, err := Run(t.Context(), Load{Rate: 100, Duration: 500 * time.Millisecond, MaxInFlight: 1000, Timeout: time.Minute},
		func(context.Context) error {
			mu.Lock()
			defer mu.Unlock()
			if calls++; calls == 5 {
				<-time.After(stall)
			}
			return nil
		})
	require.NoError(t, err)
	require.EqualValues(t, 50, result.Due)
	require.EqualValues(t, 50, result.Succeeded)
	require.EqualValues(t, 50, result.Latency.TotalCount())
	require.EqualValues(t, 50, result.Lag.TotalCount())
	require.GreaterOrEqual(t, result.Latency.Max(), stall.Microseconds()*999/1000)
	// 30 were due during the stall; those in its first half waited for at least the other half.
	var half int64
	for _, bar := range result.Latency.Distribution() {
		if bar.From >= (stall / 2).Microseconds() {
			half += bar.Count
		}
	}
	require.GreaterOrEqual(t, half, int64(14))
	require.Less(t, result.Lag.ValueAtQuantile(50), (stall / 2).Microseconds(), "the generator did not stall")
}

func TestRatesAreKept(t *testing.T) {
	for _, poisson := range []bool{false, true} {
		t.Run(fmt.Sprint("Poisson ", poisson), func(t *testing.T) {
			var calls atomic.Int64
			load := Load{Rate: 4000, Poisson: poisson, Warmup: 100 * time.Millisecond, Duration: 500 * time.Millisecond, MaxInFlight: 10_000, Timeout: time.Minute, Seed: 7}
			result, err := Run(t.Context(), load, func(context.Context) error {
				calls.Add(1)
				return nil
			})
			require.NoError(t, err)
			// The variance of a Poisson process is its mean; four deviations are 179. The seed has it the same each time.
			deviation := 0.0
			if poisson {
				deviation = 179
			}
			require.InDelta(t, 2000, result.Due, deviation)
			require.Equal(t, result.Due, result.Succeeded)
			require.InDelta(t, 400, calls.Load()-result.Due, 80, "the warm-up's calls are made and do not count")
			require.GreaterOrEqual(t, result.Elapsed, 500*time.Millisecond)
			require.InEpsilon(t, float64(result.Succeeded)/result.Elapsed.Seconds(), result.Goodput(), 1e-9)
		})
	}
}

func TestTimesOfAPoissonProcess(t *testing.T) {
	next := Load{Rate: 1000, Poisson: true, Seed: 3}.times()
	again := Load{Rate: 1000, Poisson: true, Seed: 3}.times()
	other := Load{Rate: 1000, Poisson: true, Seed: 4}.times()
	const n = 100_000
	var last time.Duration
	short, differ := 0, false
	for range n {
		at := next()
		require.Equal(t, at, again(), "the same seed, the same times")
		differ = differ || at != other()
		if at-last < time.Millisecond/2 {
			short++
		}
		require.GreaterOrEqual(t, at, last)
		last = at
	}
	require.True(t, differ, "another seed, other times")
	require.InEpsilon(t, 100*time.Second, last, 0.02)
	require.InDelta(t, 0.3935, float64(short)/n, 0.01, "1 - exp(-0.5) of the gaps are shorter than half the mean")
}

func TestEvenTimes(t *testing.T) {
	next := Load{Rate: 400}.times()
	require.Equal(t, []time.Duration{0, 2500 * time.Microsecond, 5 * time.Millisecond}, []time.Duration{next(), next(), next()})
}

func TestNoMoreThanMaxInFlightAreSent(t *testing.T) {
	var running, most atomic.Int64
	result, err := Run(t.Context(), Load{Rate: 1000, Duration: 200 * time.Millisecond, MaxInFlight: 3, Timeout: time.Minute},
		func(context.Context) error {
			n := running.Add(1)
			defer running.Add(-1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			<-time.After(150 * time.Millisecond)
			return nil
		})
	require.NoError(t, err)
	require.EqualValues(t, 3, most.Load())
	require.EqualValues(t, 200, result.Due)
	require.Equal(t, result.Due, result.Succeeded+result.Failed[NotSent])
	require.Greater(t, result.Failed[NotSent], int64(100))
	require.Equal(t, result.Succeeded, result.Lag.TotalCount())
}

func TestFailuresAreCountedByKind(t *testing.T) {
	answers := []error{
		nil,
		&HTTPError{Status: http.StatusServiceUnavailable, Request: "GET /", Body: "later"},
		fmt.Errorf("call: %w", status.Error(codes.ResourceExhausted, "full")),
		status.Error(codes.DeadlineExceeded, "says the other end"),
		errors.New("connection reset"),
		nil, // as slow as its context allows
	}
	var calls atomic.Int64
	result, err := Run(t.Context(), Load{Rate: 100, Duration: 60 * time.Millisecond, MaxInFlight: 10, Timeout: time.Second},
		func(ctx context.Context) error {
			n := int(calls.Add(1)) - 1
			if n == len(answers)-1 {
				<-ctx.Done()
				return status.FromContextError(ctx.Err()).Err()
			}
			return answers[n]
		})
	require.NoError(t, err)
	require.EqualValues(t, 6, result.Due)
	require.EqualValues(t, 1, result.Succeeded)
	require.EqualValues(t, 1, result.Latency.TotalCount())
	require.Equal(t, map[string]int64{"503": 1, "ResourceExhausted": 1, "DeadlineExceeded": 1, Other: 1, TimedOut: 1}, result.Failed)
	require.GreaterOrEqual(t, result.Elapsed, 900*time.Millisecond, "it waits for the last")
	require.Equal(t, TimedOut, Kind(context.DeadlineExceeded))
	require.EqualError(t, answers[1], "GET /: status 503: later")
}

func TestItEndsWithItsContext(t *testing.T) {
	stopped := errors.New("stopped")
	ctx, cancel := context.WithCancelCause(t.Context())
	var calls atomic.Int64
	result, err := Run(ctx, Load{Rate: 100, Duration: time.Hour, MaxInFlight: 10_000, Timeout: time.Hour}, func(ctx context.Context) error {
		if calls.Add(1) == 3 {
			cancel(stopped)
		}
		<-ctx.Done()
		return ctx.Err()
	})
	require.ErrorIs(t, err, stopped)
	require.GreaterOrEqual(t, result.Due, int64(3), "on a busy machine more come due before the third has run")
	require.Equal(t, map[string]int64{"Canceled": result.Due}, result.Failed)
}

func TestLoadsAreChecked(t *testing.T) {
	good := Load{Rate: 1, Duration: 1, MaxInFlight: 1, Timeout: 1}
	tests := []struct {
		change func(*Load)
		want   string
	}{
		{func(l *Load) { l.Rate = 0 }, "open loop: Rate 0: want more than 0"},
		{func(l *Load) { l.Warmup = -1 }, "open loop: Warmup -1ns: want at least 0"},
		{func(l *Load) { l.Duration = 0 }, "open loop: Duration 0s: want more than 0"},
		{func(l *Load) { l.MaxInFlight = 0 }, "open loop: MaxInFlight 0: want at least 1"},
		{func(l *Load) { l.Timeout = 0 }, "open loop: Timeout 0s: want more than 0"},
	}
	for _, test := range tests {
		t.Run(test.want, func(t *testing.T) {
			load := good
			test.change(&load)
			_, err := Run(t.Context(), load, func(context.Context) error { return nil })
			require.EqualError(t, err, test.want)
		})
	}
}

func TestRecordHasRoomForAll(t *testing.T) {
	h := NewHistogram()
	for _, d := range []time.Duration{-time.Second, 0, time.Millisecond, 100 * time.Hour} {
		Record(h, d)
	}
	require.EqualValues(t, 4, h.TotalCount())
	require.EqualValues(t, 0, h.Min())
	require.InEpsilon(t, time.Hour.Microseconds(), h.Max(), 0.001)
}
