package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/codingflow/rating/services/rating/store"
	"github.com/codingflow/rating/telemetry/dbtrace"
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
	outage      *outage // that of the database, of all pools
	tracer      *dbtrace.Tracer
}

// use runs fn with a connection, for which it waits.
func (p pool) use(ctx context.Context, fn func(*pgxpool.Conn) error) error {
	waiting, cancel := context.WithTimeout(ctx, p.busyTimeout)
	defer cancel()
	wait := p.tracer.Wait(ctx)
	conn, err := p.pool.Acquire(waiting)
	wait.End(err)
	switch {
	case err != nil && ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) && waiting.Err() != nil:
		return fmt.Errorf("no connection was free within %v: %w", p.busyTimeout, store.ErrBusy)
	case err != nil:
		return failure(ctx, "connect", err)
	}
	defer conn.Release()
	return fn(conn)
}

// persist runs fn until it succeeds, or fails for a reason that time does not mend, or a call has waited long enough: for the
// busy timeout, counted from the moment at which the database went away where that was before the call. So who comes late is
// told at once, while those who wait in the queue behind him have time left to be told as well.
func persist[T any](ctx context.Context, p pool, fn func() (T, error)) (T, error) {
	start := time.Now()
	for delay := minRetryDelay; ; delay = min(2*delay, maxRetryDelay) {
		result, err := fn()
		since := start
		if isAway(err) {
			if began := p.outage.noticed(time.Now(), p.busyTimeout); began.Before(start) {
				since = began
			}
		} else {
			p.outage.ended()
		}
		if err == nil || !passes(err) || time.Since(since)+delay > p.busyTimeout {
			return result, err
		}
		if waitErr := wait(ctx, jitter(delay)); waitErr != nil {
			return result, fmt.Errorf("wait for the database: %w", waitErr)
		}
	}
}

// An outage is a time in which every call finds that the database is away.
type outage struct {
	mu          sync.Mutex
	since, last time.Time // when the first call and the last found it so; zero while there is no outage
}

// noticed notes that a call has found the database away, and returns when the outage began. Where no call has found it so for
// the busy timeout, nobody knows, and it begins now.
func (o *outage) noticed(now time.Time, busyTimeout time.Duration) time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.since.IsZero() || now.Sub(o.last) > busyTimeout {
		o.since = now
	}
	o.last = now
	return o.since
}

// ended notes that the database has answered.
func (o *outage) ended() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.since = time.Time{}
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
	return persist(ctx, p, func() (result T, err error) {
		err = p.use(ctx, func(conn *pgxpool.Conn) error {
			result, err = fn(conn)
			return err
		})
		return result, err
	})
}
