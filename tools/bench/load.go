package main

import (
	"context"
	"slices"
	"sync"
	"syscall"
	"time"
)

// result is what one round of one target showed.
type result struct {
	perSecond float64
	p50, p99  time.Duration
	cpu       time.Duration // user and system, of the whole process, for each call
}

// load calls from a number of clients, each one call after the other, for a time (a closed loop). It stops at the first
// error.
func load(ctx context.Context, clients int, duration time.Duration, call func(context.Context) error) (result, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	took := make([][]time.Duration, clients)
	var group sync.WaitGroup
	start, cpu := time.Now(), cpuTime()
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
	cpu = cpuTime() - cpu
	all := slices.Concat(took...)
	slices.Sort(all)
	return result{
		perSecond: float64(len(all)) / elapsed.Seconds(),
		p50:       percentile(all, 50),
		p99:       percentile(all, 99),
		cpu:       cpu / time.Duration(max(1, len(all))),
	}, nil
}

// cpuTime returns the user and system time that this process has taken.
func cpuTime() time.Duration {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
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
