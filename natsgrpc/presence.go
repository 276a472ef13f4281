package natsgrpc

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/grpc/status"
)

// presence remembers when streams were heard of last. One that was there a moment ago and does not answer any more is
// likely to elect a leader.
type presence struct {
	mu    sync.Mutex
	heard map[string]time.Time // by stream
}

// note takes note that a stream has answered.
func (p *presence) note(stream string, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.heard[stream] = now
}

// wasThere reports whether a stream was there a moment ago.
func (p *presence) wasThere(stream string, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	heard, known := p.heard[stream]
	return known && now.Sub(heard) <= aliveGrace
}

// lookUp is lookUp, and waits while the stream elects a leader.
func (c *Conn) lookUp(ctx context.Context, stream, subject string) (*nats.Msg, error) {
	begun := time.Now()
	for {
		msg, err := lookUp(ctx, c.nc, c.api, stream, subject)
		now := time.Now()
		if err == nil {
			c.presence.note(stream, now)
		}
		if !errors.Is(err, errNoQueue) || now.Sub(begun) >= aliveGrace || !c.presence.wasThere(stream, now) {
			return msg, err
		}
		select {
		case <-time.After(leaderlessRetry):
		case <-ctx.Done():
			return nil, status.FromContextError(ctx.Err()).Err()
		case <-c.closing:
			return nil, errClosed
		}
	}
}
