package main

import (
	"runtime/metrics"
	"syscall"
	"time"
)

// cost is what the process has spent: so far, or on one call.
type cost struct {
	cpu       time.Duration // user and system
	lockWait  time.Duration // of goroutines for mutexes, all together
	objects   float64       // allocated on the heap
	bytes     float64       // likewise
	voluntary float64       // switches to another thread because this one waits
	forced    float64       // likewise because its time is over
}

// costs returns what the process has spent so far.
func costs() cost {
	samples := []metrics.Sample{
		{Name: "/sync/mutex/wait/total:seconds"}, {Name: "/gc/heap/allocs:objects"}, {Name: "/gc/heap/allocs:bytes"},
	}
	metrics.Read(samples)
	c := cost{
		lockWait: time.Duration(samples[0].Value.Float64() * float64(time.Second)),
		objects:  float64(samples[1].Value.Uint64()), bytes: float64(samples[2].Value.Uint64()),
	}
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) == nil {
		c.cpu = time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
		c.voluntary, c.forced = float64(usage.Nvcsw), float64(usage.Nivcsw)
	}
	return c
}

// each returns what each of n calls has cost since before.
func (c cost) each(before cost, n int) cost {
	n = max(1, n)
	calls := float64(n)
	return cost{
		cpu: (c.cpu - before.cpu) / time.Duration(n), lockWait: (c.lockWait - before.lockWait) / time.Duration(n),
		objects: (c.objects - before.objects) / calls, bytes: (c.bytes - before.bytes) / calls,
		voluntary: (c.voluntary - before.voluntary) / calls, forced: (c.forced - before.forced) / calls,
	}
}
