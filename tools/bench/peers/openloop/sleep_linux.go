package openloop

import (
	"syscall"
	"time"
)

// sleep sleeps for about a duration, in the system, whose timers are exact to some 50 µs. It may return early.
func sleep(d time.Duration) {
	spec := syscall.NsecToTimespec(int64(d))
	_ = syscall.Nanosleep(&spec, nil) // by a signal it ends early, which the caller sees
}
