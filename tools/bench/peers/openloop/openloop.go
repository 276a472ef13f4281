// Package openloop makes calls at a rate of its own, whatever becomes of those before, as independent users do. Each call's
// latency counts from when it was due, not from when it was sent: what a stall makes late counts as late, whether the
// system or the generator stalled (no coordinated omission).
package openloop

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Load says when calls are due.
type Load struct {
	// Rate is how many calls are due each second.
	Rate float64
	// Poisson has calls come by chance, independent of each other, as those of many users do. Otherwise they are evenly spaced.
	Poisson bool
	// Warmup is how long calls are made, at the same rate, before they count.
	Warmup time.Duration
	// Duration is how long calls that count are due, after the warm-up.
	Duration time.Duration
	// MaxInFlight bounds the calls that are being made. What is due beyond is not sent, and counts as failed: NotSent.
	MaxInFlight int
	// Timeout bounds each call, from when it was due.
	Timeout time.Duration
	// Seed is that of the chance: the same seed has the calls due at the same times.
	Seed uint64
}

func (l Load) validate() error {
	switch {
	case !(l.Rate > 0) || math.IsInf(l.Rate, 0):
		return fmt.Errorf("open loop: Rate %v: want more than 0", l.Rate)
	case l.Warmup < 0:
		return fmt.Errorf("open loop: Warmup %v: want at least 0", l.Warmup)
	case l.Duration <= 0:
		return fmt.Errorf("open loop: Duration %v: want more than 0", l.Duration)
	case l.MaxInFlight < 1:
		return fmt.Errorf("open loop: MaxInFlight %d: want at least 1", l.MaxInFlight)
	case l.Timeout <= 0:
		return fmt.Errorf("open loop: Timeout %v: want more than 0", l.Timeout)
	}
	return nil
}

// Result is what became of the calls that count. Every call that was due has succeeded or is in Failed.
type Result struct {
	// Latency has the microseconds from when each call was due until it succeeded.
	Latency *hdrhistogram.Histogram
	// Lag has the microseconds from when each call was due until it was sent, of all that were sent: how late the generator
	// was. It is part of the latency.
	Lag *hdrhistogram.Histogram
	// Due is how many calls were due, Succeeded how many returned no error.
	Due, Succeeded int64
	// Failed is how many failed, by kind: TimedOut, NotSent, or what Kind says of the error.
	Failed map[string]int64
	// Elapsed is from the end of the warm-up until all calls had returned, at least the load's Duration.
	Elapsed time.Duration
}

// Goodput returns how many calls succeeded each second.
func (r Result) Goodput() float64 { return float64(r.Succeeded) / r.Elapsed.Seconds() }

// NewHistogram returns a histogram of microseconds, up to an hour, with three significant digits.
func NewHistogram() *hdrhistogram.Histogram { return hdrhistogram.New(1, longest, 3) }

// longest is what a histogram has room for, in microseconds. What takes longer counts as that.
const longest = int64(time.Hour / time.Microsecond)

// Record adds a duration to a histogram of NewHistogram.
func Record(to *hdrhistogram.Histogram, d time.Duration) {
	// In these bounds it has no error.
	_ = to.RecordValue(min(max(d.Microseconds(), 0), longest))
}

// Run makes calls as load says, each in a goroutine of its own, and returns when all have ended, which they must when their
// context does. If ctx ends, so do the calls, and Run returns what it has seen, with ctx's cause. call must be safe for
// concurrent use.
func Run(ctx context.Context, load Load, call func(context.Context) error) (Result, error) {
	if err := load.validate(); err != nil {
		return Result{}, err
	}
	r := &run{load: load, call: call, slots: make(chan struct{}, load.MaxInFlight), result: Result{
		Latency: NewHistogram(), Lag: NewHistogram(), Failed: map[string]int64{},
	}}
	err := r.send(ctx)
	r.group.Wait()
	r.result.Elapsed = max(time.Since(r.counted), 0)
	if err == nil {
		err = context.Cause(ctx) // it may have ended after the last was sent
	}
	return r.result, err
}

type run struct {
	load    Load
	call    func(context.Context) error
	counted time.Time     // calls that are due from then on count
	slots   chan struct{} // one for each call in flight
	group   sync.WaitGroup

	mu     sync.Mutex
	result Result
}

// send makes the calls when they are due.
func (r *run) send(ctx context.Context) error {
	start := time.Now()
	r.counted = start.Add(r.load.Warmup)
	end := r.counted.Add(r.load.Duration)
	next := r.load.times()
	for due := start.Add(next()); due.Before(end); due = start.Add(next()) {
		if err := wait(ctx, due); err != nil {
			return err
		}
		counts := !due.Before(r.counted)
		if counts {
			r.note(func(to *Result) { to.Due++ })
		}
		select {
		case r.slots <- struct{}{}:
			r.group.Go(func() {
				r.one(ctx, due, counts)
				<-r.slots
			})
		default:
			if counts {
				r.note(func(to *Result) { to.Failed[NotSent]++ })
			}
		}
	}
	return wait(ctx, end)
}

// times returns what returns the times of calls after the start, one after the other.
func (l Load) times() func() time.Duration {
	gap := float64(time.Second) / l.Rate
	chance := rand.New(rand.NewPCG(l.Seed, 0))
	var at float64
	return func() time.Duration {
		now := time.Duration(at)
		if l.Poisson {
			now += time.Duration(chance.ExpFloat64() * gap)
			at = float64(now)
		} else {
			at += gap
		}
		return now
	}
}

// one makes a call and notes what became of it.
func (r *run) one(ctx context.Context, due time.Time, counts bool) {
	ctx, cancel := context.WithDeadline(ctx, due.Add(r.load.Timeout))
	defer cancel()
	lag := time.Since(due)
	err := r.call(ctx)
	took := time.Since(due)
	if !counts {
		return
	}
	r.note(func(to *Result) {
		Record(to.Lag, lag)
		switch {
		case err == nil:
			to.Succeeded++
			Record(to.Latency, took)
		case errors.Is(ctx.Err(), context.DeadlineExceeded):
			to.Failed[TimedOut]++
		default:
			to.Failed[Kind(err)]++
		}
	})
}

func (r *run) note(what func(to *Result)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	what(&r.result)
}
