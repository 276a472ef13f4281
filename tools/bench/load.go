package main

import (
	"context"
	"slices"
	"sync"
	"time"
)

// result is what one round of one target showed.
type result struct {
	perSecond float64
	p50, p99  time.Duration
	cost      cost // of the whole process, for each call
}

// callTimeout is how long the last call of a round may take.
const callTimeout = 30 * time.Second

// load calls from a number of clients, each one call after the other, for a time (a closed loop). It stops at the first
// error.
func load(ctx context.Context, clients int, duration time.Duration, call func(context.Context) error) (result, error) {
	ctx, stop := context.WithTimeout(ctx, duration+callTimeout) // one timer for all calls
	defer stop()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	took := make([][]time.Duration, clients)
	var group sync.WaitGroup
	start, before := time.Now(), costs()
	for i := range clients {
		group.Go(func() {
			for time.Since(start) < duration && ctx.Err() == nil {
				before := time.Now()
				if err := call(ctx); err != nil {
					cancel(err)
					return
				}
				took[i] = append(took[i], time.Since(before))
			}
		})
	}
	group.Wait()
	elapsed := time.Since(start)
	if err := context.Cause(ctx); err != nil {
		return result{}, err
	}
	after := costs()
	all := slices.Concat(took...)
	slices.Sort(all)
	return result{
		perSecond: float64(len(all)) / elapsed.Seconds(),
		p50:       percentile(all, 50),
		p99:       percentile(all, 99),
		cost:      after.each(before, len(all)),
	}, nil
}

// percentile returns the smallest of the sorted values that at least p percent of them do not exceed (nearest rank).
func percentile(sorted []time.Duration, p int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[max(0, (len(sorted)*p+99)/100-1)]
}

// median returns the result with the median rate; of an even number the lower one.
func median(results []result) result {
	results = slices.Clone(results)
	slices.SortFunc(results, func(a, b result) int {
		switch {
		case a.perSecond < b.perSecond:
			return -1
		case a.perSecond > b.perSecond:
			return 1
		}
		return 0
	})
	return results[(len(results)-1)/2]
}
