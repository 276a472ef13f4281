//go:build !linux

package openloop

import "time"

// sleep sleeps for about a duration.
func sleep(d time.Duration) { time.Sleep(d) }
