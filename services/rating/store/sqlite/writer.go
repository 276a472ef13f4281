package sqlite

import (
	"context"
	"database/sql"
	"time"

	"github.com/codingflow/rating/telemetry/dbtrace"
)

// beginInterval is the time between two attempts to begin a transaction while another process writes. An attempt costs
// about ten microseconds. SQLite's own wait (busy_timeout) sleeps up to 100 milliseconds between attempts, so that beside a
// process with 32 callers, where the lock is free for moments only, it took up to 1.4 seconds; this takes up to 0.1.
const beginInterval = time.Millisecond

// A writer runs write transactions one after the other: those of this process in the order of their calls.
type writer struct {
	db          *sql.DB // has one connection
	prepared    prepared
	busyTimeout time.Duration
	tracer      *dbtrace.Tracer
}

// do runs fn in a transaction, which it commits when fn returns no error. It returns fn's error unchanged.
func (w *writer) do(ctx context.Context, fn func(transaction) error) error {
	waiting := w.tracer.Wait(ctx)
	conn, err := w.db.Conn(ctx)
	waiting.End(err)
	if err != nil {
		return failure(ctx, "open database", err)
	}
	defer conn.Close()
	_, span := w.tracer.Start(ctx, "BEGIN IMMEDIATE")
	tx, err := w.begin(ctx, conn)
	span.End(err)
	if err != nil {
		return failure(ctx, "begin transaction", err)
	}
	// After the commit this does nothing. After an error of fn or a panic it ends the transaction, and an error of its own
	// would say nothing more.
	defer tx.Rollback() //nolint:errcheck // see above
	if err := fn(transaction{tx, w.prepared, w.tracer}); err != nil {
		return err
	}
	_, span = w.tracer.Start(ctx, "COMMIT")
	err = tx.Commit()
	span.End(err)
	return failure(ctx, "commit transaction", err)
}

// begin begins a transaction, for which it waits while another process writes.
func (w *writer) begin(ctx context.Context, conn *sql.Conn) (*sql.Tx, error) {
	for start := time.Now(); ; {
		tx, err := conn.BeginTx(ctx, nil)
		if !isBusy(err) || time.Since(start) >= w.busyTimeout {
			return tx, err
		}
		if err := wait(ctx, beginInterval); err != nil {
			return nil, err
		}
	}
}

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
