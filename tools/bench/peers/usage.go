package main

import (
	"fmt"
	"syscall"
	"time"
)

// usage is the CPU time that a process has taken.
type usage struct{ user, system time.Duration }

func (u usage) total() time.Duration { return u.user + u.system }

func (u usage) since(before usage) usage {
	return usage{user: u.user - before.user, system: u.system - before.system}
}

// String is what parseUsage reads: both times in nanoseconds.
func (u usage) String() string { return fmt.Sprintf("%d %d", u.user, u.system) }

func parseUsage(text string) (usage, error) {
	var u usage
	var rest string
	if n, _ := fmt.Sscanf(text+" end", "%d %d %s", &u.user, &u.system, &rest); n != 3 || rest != "end" || u.user < 0 || u.system < 0 {
		return usage{}, fmt.Errorf("CPU time %q: want two numbers of nanoseconds", text)
	}
	return u, nil
}

// ownUsage returns what this process has taken so far, its ended threads included.
func ownUsage() (usage, error) {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return usage{}, fmt.Errorf("getrusage: %w", err)
	}
	return usage{user: time.Duration(r.Utime.Nano()), system: time.Duration(r.Stime.Nano())}, nil
}
