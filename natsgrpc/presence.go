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
	heard sync.Map // the stream → the time.Time
}

// note takes note that a stream has answered.
func (p *presence) note(stream string, now time.Time) { p.heard.Store(stream, now) }

// wasThere reports whether a stream was there a moment ago.
func (p *presence) wasThere(stream string, now time.Time) bool {
	heard, known := p.heard.Load(stream)
	return known && now.Sub(heard.(time.Time)) <= aliveGrace
}

// leaderless reports whether what no stream took is to be sent again, since it is likely that the stream elects a leader: it was
// there a moment ago, and who sends it has begun no longer ago than that.
func leaderless(err error, there bool, begun, now time.Time) bool {
	return errors.Is(err, errNoQueue) && there && now.Sub(begun) < aliveGrace
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
		if !leaderless(err, c.presence.wasThere(stream, now), begun, now) {
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
