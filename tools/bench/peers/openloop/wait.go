package openloop

import (
	"context"
	"runtime"
	"time"
)

// coarse is how exact the runtime's timers are at least. An idle Go program sleeps in epoll_wait, which counts milliseconds:
// calls would be that late, which is more than many of them take.
const coarse = 2 * time.Millisecond

// wait waits until a time, which may be past, or until ctx ends, whose cause it returns.
func wait(ctx context.Context, until time.Time) error {
	if long := time.Until(until) - coarse; long > 0 {
		timer := time.NewTimer(long)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	runtime.Gosched() // what has just been sent goes out first: sleep keeps the processor until the runtime notices
	for left := time.Until(until); left > 0; left = time.Until(until) {
		sleep(left)
	}
	return nil
}
