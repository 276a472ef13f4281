package once

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"time"
)

// DefaultRetention is how long rows are kept of requests whose queue has the default max_age. See the package comment.
const DefaultRetention = 10 * 24 * time.Hour

// A Table is the name of the table that records requests, as in [Table.Schema]: an identifier that needs no quotes. It is
// part of the statements, so it must be a constant.
type Table string

// A Func acts in a transaction and returns the encoded answer. All its effects are in tx, which it must not end.
type Func func(ctx context.Context, tx *sql.Tx) (answer []byte, err error)

// Do runs fn in a transaction and returns its answer, unless the request has been recorded: then it returns the recorded
// answer and does not run fn. It runs fn at most once. While the same request runs elsewhere, Do waits for the end of that.
// The answer is not nil, unless there is an error.
//
// When Do returns without an error, the effect and the answer are committed. When fn fails or panics, nothing is, and Do
// returns fn's error unchanged. When ctx ends before the commit, the error wraps that of ctx. When the commit itself fails
// the effect may be there, as a rerun finds out.
//
// Errors: [ErrReused]; the database's.
func (t Table) Do(ctx context.Context, db *sql.DB, req Request, fn Func) ([]byte, error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return nil, failure(ctx, "begin transaction", err)
	}
	// After the commit this does nothing. After an error of fn or a panic it ends the transaction, and an error of its own
	// would say nothing more.
	defer tx.Rollback() //nolint:errcheck // see above
	answer, err := t.DoTx(ctx, tx, req, fn)
	if err != nil {
		return nil, err
	}
	if err := tx.Commit(); err != nil {
		return nil, failure(ctx, "commit transaction", err)
	}
	return answer, nil
}

// DoTx is like [Table.Do] in a transaction that the caller has begun. The caller commits it, and rolls it back after an
// error or a panic.
func (t Table) DoTx(ctx context.Context, tx *sql.Tx, req Request, fn Func) ([]byte, error) {
	return t.DoIn(ctx, sqlTx{tx}, req, func(ctx context.Context) ([]byte, error) { return fn(ctx, tx) })
}

// DoIn is [Table.DoTx] for drivers beside those of database/sql: fn acts in the same transaction.
func (t Table) DoIn(ctx context.Context, tx Querier, req Request, fn func(ctx context.Context) (answer []byte, err error)) ([]byte, error) {
	if req.ID != "" {
		if answer, err := t.claim(ctx, tx, req); answer != nil || err != nil {
			return answer, err
		}
	}
	answer, err := fn(ctx)
	if err != nil {
		return nil, err
	}
	if answer == nil {
		answer = []byte{} // nil would be NULL
	}
	if req.ID != "" {
		if err := t.record(ctx, tx, req, answer); err != nil {
			return nil, err
		}
	}
	return answer, nil
}

// claim inserts the request's row, which makes every other transaction that does wait for the end of this one. When there
// is a row already, it returns its answer.
//
// The digest stays empty until there is an answer: if the caller of DoTx commits in spite of an error, a rerun is refused
// rather than told an empty answer.
func (t Table) claim(ctx context.Context, tx Querier, req Request) (answer []byte, err error) {
	result, err := tx.ExecContext(ctx, t.claimStatement(), req.ID, []byte{}, []byte{}, time.Now().UnixMicro())
	if err != nil {
		return nil, failure(ctx, "claim request", err)
	}
	inserted, err := result.RowsAffected()
	if err != nil {
		return nil, failure(ctx, "claim request", err)
	}
	if inserted == 1 {
		return nil, nil
	}
	var digest []byte
	err = tx.ScanRow(ctx, []any{&digest, &answer}, t.readStatement(), req.ID)
	switch {
	case err != nil:
		return nil, failure(ctx, "read answer", err)
	case !bytes.Equal(digest, req.Digest[:]):
		return nil, ErrReused
	case answer == nil: // some drivers' empty one
		answer = []byte{}
	}
	return answer, nil
}

// record completes the request's row.
func (t Table) record(ctx context.Context, tx Querier, req Request, answer []byte) error {
	_, err := tx.ExecContext(ctx, t.recordStatement(), req.Digest[:], answer, req.ID)
	return failure(ctx, "record answer", err)
}

// An Execer executes statements: a *sql.DB, a *sql.Conn or a *sql.Tx.
type Execer interface {
	ExecContext(ctx context.Context, statement string, args ...any) (sql.Result, error)
}

// A Querier executes and queries in one transaction.
type Querier interface {
	Execer
	// ScanRow copies the columns of a query's only row to dest. No row is an error.
	ScanRow(ctx context.Context, dest []any, query string, args ...any) error
}

// A sqlTx is the Querier of a *sql.Tx.
type sqlTx struct{ *sql.Tx }

// ScanRow implements [Querier].
func (tx sqlTx) ScanRow(ctx context.Context, dest []any, query string, args ...any) error {
	return tx.QueryRowContext(ctx, query, args...).Scan(dest...)
}

// Sweep deletes rows of requests that began before a time, the oldest first and at most limit, and returns how many it
// deleted; limit, 1 or more, bounds how long others wait for it. Any number of processes may sweep.
func (t Table) Sweep(ctx context.Context, db Execer, before time.Time, limit int) (int, error) {
	result, err := db.ExecContext(ctx, t.sweepStatement(), before.UnixMicro(), limit)
	if err != nil {
		return 0, failure(ctx, "sweep requests", err)
	}
	deleted, err := result.RowsAffected()
	return int(deleted), failure(ctx, "sweep requests", err)
}

// failure wraps an error of an operation, if it is one: with the context's error when the context has ended, which is
// then its reason.
func failure(ctx context.Context, operation string, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("once: %s: %w", operation, ctx.Err())
	}
	return fmt.Errorf("once: %s: %w", operation, err)
}
