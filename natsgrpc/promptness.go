package natsgrpc

import (
	"sync/atomic"
	"time"
)

const (
	// promptAnswer is how fast a query was answered whose method is expected to answer fast again.
	promptAnswer = 10 * time.Millisecond
	// promptFor is how long that is expected.
	promptFor = time.Second
)

// promptness is when a method was last answered fast. It is safe for concurrent use.
type promptness struct{ at atomic.Int64 } // nanoseconds since the Unix epoch, 0 where the last answer was slow

// answered notes how long an answer took.
func (p *promptness) answered(now time.Time, took time.Duration) {
	if took > promptAnswer {
		p.at.Store(0)
	} else {
		p.at.Store(now.UnixNano())
	}
}

// expected reports whether a call is expected to be answered fast.
func (p *promptness) expected(now time.Time) bool {
	return now.Sub(time.Unix(0, p.at.Load())) <= promptFor
}
