package main

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// latencies is what one round of one front showed to its clients.
type latencies struct {
	perSecond float64
	p50, p99  time.Duration
}

// load makes a number of calls from a number of clients, each one call after the other (a closed loop). It stops at the
// first error.
func load(ctx context.Context, clients, calls int, call func(context.Context) error) (latencies, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	took := make([]time.Duration, calls)
	var next atomic.Int64
	var group sync.WaitGroup
	start := time.Now()
	for range clients {
		group.Go(func() {
			for i := next.Add(1); i <= int64(calls) && ctx.Err() == nil; i = next.Add(1) {
				before := time.Now()
				if err := call(ctx); err != nil {
					cancel(err)
					return
				}
				took[i-1] = time.Since(before)
			}
		})
	}
	group.Wait()
	elapsed := time.Since(start)
	if err := context.Cause(ctx); err != nil {
		return latencies{}, err
	}
	slices.Sort(took)
	return latencies{
		perSecond: float64(calls) / elapsed.Seconds(),
		p50:       percentile(took, 50),
		p99:       percentile(took, 99),
	}, nil
}

// percentile returns the smallest of the sorted values that at least p percent of them do not exceed (nearest rank).
func percentile(sorted []time.Duration, p int) time.Duration {
	return sorted[max(0, (len(sorted)*p+99)/100-1)]
}
