package main

import (
	"fmt"
	"os"
	"syscall"
	"time"
)

// usage is the CPU time that a process has taken, and the memory that it holds.
type usage struct {
	user, system time.Duration
	resident     int64 // bytes; 0 where the system does not tell
}

func (u usage) total() time.Duration { return u.user + u.system }

// since returns the time taken since then, and the memory held now.
func (u usage) since(before usage) usage {
	return usage{user: u.user - before.user, system: u.system - before.system, resident: u.resident}
}

// String is what parseUsage reads: both times in nanoseconds, and the memory in bytes.
func (u usage) String() string { return fmt.Sprintf("%d %d %d", u.user, u.system, u.resident) }

func parseUsage(text string) (usage, error) {
	var u usage
	var rest string
	n, _ := fmt.Sscanf(text+" end", "%d %d %d %s", &u.user, &u.system, &u.resident, &rest)
	if n != 4 || rest != "end" || u.user < 0 || u.system < 0 || u.resident < 0 {
		return usage{}, fmt.Errorf("usage %q: want two numbers of nanoseconds and one of bytes", text)
	}
	return u, nil
}

// ownUsage returns what this process has taken so far, its ended threads included.
func ownUsage() (usage, error) {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return usage{}, fmt.Errorf("getrusage: %w", err)
	}
	return usage{user: time.Duration(r.Utime.Nano()), system: time.Duration(r.Stime.Nano()), resident: resident()}, nil
}

// resident returns the memory that this process holds, as Linux tells it (proc_pid_statm(5)), 0 elsewhere.
func resident() int64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var size, pages int64
	if _, err := fmt.Sscan(string(text), &size, &pages); err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}
