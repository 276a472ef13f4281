package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/codingflow/rating/services/rating/store"
)

// The waits between attempts: short enough that a lost connection or a deadlock costs little, and long enough that a
// database which is away is not kept busy with refusing.
const (
	minRetryDelay = 10 * time.Millisecond
	maxRetryDelay = 500 * time.Millisecond
)

// A pool has the connections of one kind of calls.
type pool struct {
	pool        *pgxpool.Pool
	busyTimeout time.Duration
}

// use runs fn with a connection, for which it waits.
func (p pool) use(ctx context.Context, fn func(*pgxpool.Conn) error) error {
	waiting, cancel := context.WithTimeout(ctx, p.busyTimeout)
	defer cancel()
	conn, err := p.pool.Acquire(waiting)
	switch {
	case err != nil && ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) && waiting.Err() != nil:
		return fmt.Errorf("no connection was free within %v: %w", p.busyTimeout, store.ErrBusy)
	case err != nil:
		return failure(ctx, "connect", err)
	}
	defer conn.Release()
	return fn(conn)
}

// persist runs fn until it succeeds, or fails for a reason that time does not mend, or has been tried for as long as a call
// waits for the database.
func persist[T any](ctx context.Context, busyTimeout time.Duration, fn func() (T, error)) (T, error) {
	end := time.Now().Add(busyTimeout)
	for delay := minRetryDelay; ; delay = min(2*delay, maxRetryDelay) {
		result, err := fn()
		if err == nil || !passes(err) || time.Until(end) < delay {
			return result, err
		}
		if waitErr := wait(ctx, jitter(delay)); waitErr != nil {
			return result, fmt.Errorf("wait for the database: %w", waitErr)
		}
	}
}

// jitter returns half of d to all of it, so that those who failed together do not come back together.
func jitter(d time.Duration) time.Duration { return d/2 + rand.N(d/2) }

// wait waits for d or until ctx ends, whose error it then returns.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// read runs fn, which reads, with a connection.
func read[T any](ctx context.Context, p pool, fn func(querier) (T, error)) (T, error) {
	return persist(ctx, p.busyTimeout, func() (result T, err error) {
		err = p.use(ctx, func(conn *pgxpool.Conn) error {
			result, err = fn(conn)
			return err
		})
		return result, err
	})
}
