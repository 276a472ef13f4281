package main

import (
	"context"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// latencies is what one round of one front showed to its clients.
type latencies struct {
	perSecond                 float64
	p50, p90, p99, p999, most time.Duration
	calls                     int // that succeeded
}

// closedLoop is a number of clients, each of which makes one call after the other.
type closedLoop struct {
	clients int
	// calls is how many they make together; without it they make calls for the duration, one each at least.
	calls    int
	duration time.Duration
	// failed is told of each call's error, by any client. What it returns ends the loop; nil leaves the call out. Without it
	// the first error ends the loop.
	failed func(error) error
}

// load makes the calls of a closed loop.
func load(ctx context.Context, loop closedLoop, call func(context.Context) error) (latencies, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	took := make([][]time.Duration, loop.clients)
	var begun atomic.Int64
	var group sync.WaitGroup
	start := time.Now()
	more := func(made int) bool { return made == 0 || time.Since(start) < loop.duration }
	if loop.calls > 0 {
		more = func(int) bool { return begun.Add(1) <= int64(loop.calls) }
	}
	for i := range loop.clients {
		group.Go(func() {
			for made := 0; ctx.Err() == nil && more(made); made++ {
				before := time.Now()
				err := call(ctx)
				if err == nil {
					took[i] = append(took[i], time.Since(before))
					continue
				}
				if loop.failed != nil {
					err = loop.failed(err)
				}
				if err != nil {
					cancel(err)
					return
				}
			}
		})
	}
	group.Wait()
	elapsed := time.Since(start)
	if err := context.Cause(ctx); err != nil {
		return latencies{}, err
	}
	all := slices.Concat(took...)
	slices.Sort(all)
	return latencies{
		perSecond: float64(len(all)) / elapsed.Seconds(),
		p50:       percentile(all, 50),
		p90:       percentile(all, 90),
		p99:       percentile(all, 99),
		p999:      percentile(all, 99.9),
		most:      percentile(all, 100),
		calls:     len(all),
	}, nil
}

// percentile returns the smallest of the sorted values that at least p percent of them do not exceed (nearest rank); 0
// of none.
func percentile(sorted []time.Duration, p float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[max(0, int(math.Ceil(float64(len(sorted))*p/100))-1)]
}
