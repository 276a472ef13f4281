package natsgrpc

import (
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	// tailAge is how long the acknowledgement of a command waits for the next command, at least; a tick of the worker more at
	// most.
	tailAge = 100 * time.Millisecond
	// tailShare is the share of what its queue may hold that a request whose acknowledgement waits may take: one in so many.
	tailShare = 1000
)

// tail keeps a queue of commands from running empty between two of them: the acknowledgement of the newest one that was
// answered waits until another was answered too, or for tailAge. When the last message leaves a stream on file the NATS
// server closes and removes the file that held it and makes another, which costs more than all else that it does for a
// command; without the tail it would do so for each one that comes when its predecessor is done.
//
// The answer is kept before, so nobody waits for this: a worker that is lost meanwhile leaves a redelivery, which finds the
// answer and runs nothing. The request stays in the ledger until then, and its heartbeats go on.
type tail struct {
	mu     sync.Mutex
	closed bool
	newest *task
	since  time.Time
}

// takes reports whether the acknowledgement of a request to a queue may wait: where that gains something, and the request
// takes no room that others may need.
func (*tail) takes(q Queue, size int) bool {
	return q.kind == command && q.Stream.Storage == jetstream.FileStorage &&
		q.Stream.MaxMsgs >= tailShare && int64(size) <= q.Stream.MaxBytes/tailShare
}

// hold makes a task the one whose acknowledgement waits, and settles the one before.
func (l *tail) hold(t *task, now time.Time) {
	l.mu.Lock()
	older := t
	if !l.closed {
		older, l.newest, l.since = l.newest, t, now
	}
	l.mu.Unlock()
	if older != nil {
		older.settled()
	}
}

// release settles the task that is held if it has been so since before a time.
func (l *tail) release(before time.Time) {
	l.mu.Lock()
	var due *task
	if l.since.Before(before) {
		due, l.newest = l.newest, nil
	}
	l.mu.Unlock()
	if due != nil {
		due.settled()
	}
}

// close settles the task that is held, and from now on each one at once.
func (l *tail) close() {
	l.mu.Lock()
	l.closed = true
	due := l.newest
	l.newest = nil
	l.mu.Unlock()
	if due != nil {
		due.settled()
	}
}
