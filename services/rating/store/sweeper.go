package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

const (
	// sweepInterval is the time between two sweeps: short beside any retention, so that the records of about one retention
	// are kept, and long beside a sweep.
	sweepInterval = 10 * time.Minute
	// sweepLimit is how many records one transaction deletes: a few milliseconds of the right to write.
	sweepLimit = 500
)

// A Sweeper deletes records of requests that are older than a retention.
type Sweeper struct {
	stop context.CancelFunc
	done chan struct{}
}

// StartSweeper sweeps a store now and from time to time, until [Sweeper.Close]. Failed sweeps are logged and tried again
// at the next time. Several processes may sweep the same database.
func StartSweeper(store Store, retention time.Duration, logger *slog.Logger) *Sweeper {
	ctx, stop := context.WithCancel(context.Background())
	s := &Sweeper{stop: stop, done: make(chan struct{})}
	go func() {
		defer close(s.done)
		ticker := time.NewTicker(sweepInterval)
		defer ticker.Stop()
		for {
			deleted, err := sweep(ctx, store, time.Now().Add(-retention))
			switch {
			case ctx.Err() != nil:
				return
			case err != nil && !errors.Is(err, ErrBusy) && !errors.Is(err, ErrUnavailable):
				logger.ErrorContext(ctx, "cannot delete old requests", "error", err)
			case deleted > 0:
				logger.InfoContext(ctx, "deleted old requests", "count", deleted)
			}
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
		}
	}()
	return s
}

// Close stops the sweeper and waits for it.
func (s *Sweeper) Close() {
	s.stop()
	<-s.done
}

// sweep deletes all records older than before and returns how many those were.
func sweep(ctx context.Context, store Store, before time.Time) (int, error) {
	for total := 0; ; {
		deleted, err := store.DeleteRequests(ctx, before, sweepLimit)
		total += deleted
		if err != nil {
			return total, fmt.Errorf("sweep requests: %w", err)
		}
		if deleted < sweepLimit {
			return total, nil
		}
	}
}
