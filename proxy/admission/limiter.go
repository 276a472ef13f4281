package admission

import (
	"fmt"
	"sync"
	"time"
)

// Limits are those of a [Limiter].
type Limits struct {
	// InFlight is how many requests may be in flight.
	InFlight int
	// PerClient is how many of one client may be.
	PerClient int
}

// headway is how many times as many requests as there is room for a client may have in flight.
const headway = 8

// Limiter bounds the requests in flight, as the package comment says. It is safe for concurrent use.
type Limiter struct {
	limits Limits

	mu       sync.Mutex
	inFlight tally
	drain    drain
}

// NewLimiter returns a limiter. It fails if a limit is not positive.
func NewLimiter(limits Limits) (*Limiter, error) {
	if limits.InFlight < 1 || limits.PerClient < 1 {
		return nil, fmt.Errorf("admission: limits of %d in flight and %d per client; want 1 or more", limits.InFlight, limits.PerClient)
	}
	return &Limiter{limits: limits, inFlight: newTally(), drain: drain{since: time.Now()}}, nil
}

// Enter admits a request of a client, for which Leave must be called when it has been answered, or returns the status error
// to answer it with.
func (l *Limiter) Enter(c Client) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.check(c); err != nil {
		return err
	}
	l.inFlight.add(c)
	return nil
}

// Move counts an admitted request for another client than the one that it was admitted for, or returns the status error
// to answer it with; then it stays counted as it was.
func (l *Limiter) Move(from, to Client) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.inFlight.remove(from)
	if err := l.check(to); err != nil {
		l.inFlight.add(from)
		return err
	}
	l.inFlight.add(to)
	return nil
}

// Leave takes note that a request of a client has been answered.
func (l *Limiter) Leave(c Client) {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.inFlight.remove(c)
	l.drain.end(now)
}

// InFlight returns how many requests are in flight, and how many may be, for metrics.
func (l *Limiter) InFlight() (n, limit int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.inFlight.total, l.limits.InFlight
}

// check returns why a request of a client is refused now, nil if it is not. Called with the lock held.
func (l *Limiter) check(c Client) error {
	if l.inFlight.total >= l.limits.InFlight {
		return overloaded(l.retry())
	}
	own := l.inFlight.clients[c]
	if own >= l.limits.PerClient {
		return clientLimit(l.retry())
	}
	if own >= headway*(l.limits.InFlight-l.inFlight.total) {
		return fairShare(l.retry())
	}
	return nil
}

// retry returns how long what is in flight takes to end. Called with the lock held.
func (l *Limiter) retry() time.Duration { return l.drain.time(l.inFlight.total, time.Now()) }
