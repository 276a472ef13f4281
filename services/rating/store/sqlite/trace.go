package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"strconv"

	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/codingflow/rating/natsgrpc/once"
	"github.com/codingflow/rating/telemetry/dbtrace"
)

// newTracer returns what makes the spans of statements, nil for none.
func newTracer(provider trace.TracerProvider) *dbtrace.Tracer {
	return dbtrace.New(provider, func(err error) string {
		if code := code(err); code != 0 {
			return strconv.Itoa(code)
		}
		return ""
	}, semconv.DBSystemNameSQLite)
}

// A scanner is a row: a *sql.Row or a *sql.Rows.
type scanner interface{ Scan(dest ...any) error }

// rows are what a query finds: *sql.Rows.
type rows interface {
	scanner
	Next() bool
	Err() error
	Close() error
}

// tracedRow is a row whose statement ends when it is scanned.
type tracedRow struct {
	*sql.Row
	span dbtrace.Span
}

// traceRow returns the row itself where there is no span, so that nothing is allocated.
func traceRow(row *sql.Row, span dbtrace.Span) scanner {
	if span == (dbtrace.Span{}) {
		return row
	}
	return &tracedRow{row, span}
}

func (r *tracedRow) Scan(dest ...any) error {
	err := r.Row.Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) {
		r.span.End(nil)
	} else {
		r.span.End(err)
	}
	return err
}

// tracedRows are rows whose statement ends when they are closed.
type tracedRows struct {
	*sql.Rows
	span dbtrace.Span
}

func traceRows(found *sql.Rows, err error, span dbtrace.Span) (rows, error) {
	switch {
	case err != nil:
		span.End(err)
		return nil, err
	case span == (dbtrace.Span{}):
		return found, nil
	}
	return &tracedRows{found, span}, nil
}

func (r *tracedRows) Close() error {
	err := r.Rows.Close()
	r.span.End(errors.Join(r.Err(), err))
	return err
}

// A session is how package once runs its statements.
type session struct {
	*sql.Tx
	tracer *dbtrace.Tracer
}

var _ once.Querier = session{}

// ExecContext implements [once.Execer].
func (s session) ExecContext(ctx context.Context, statement string, args ...any) (sql.Result, error) {
	ctx, span := s.tracer.Start(ctx, statement)
	result, err := s.Tx.ExecContext(ctx, statement, args...)
	span.End(err)
	return result, err
}

// ScanRow implements [once.Querier].
func (s session) ScanRow(ctx context.Context, dest []any, query string, args ...any) error {
	ctx, span := s.tracer.Start(ctx, query)
	return traceRow(s.QueryRowContext(ctx, query, args...), span).Scan(dest...)
}
