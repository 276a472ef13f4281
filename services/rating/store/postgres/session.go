package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"

	"github.com/codingflow/rating/natsgrpc/once"
)

// A session is how package once runs its statements.
type session struct{ q querier }

var _ once.Querier = session{}

// ExecContext implements [once.Execer].
func (s session) ExecContext(ctx context.Context, statement string, args ...any) (sql.Result, error) {
	tag, err := s.q.Exec(ctx, statement, args...)
	if err != nil {
		return nil, failure(ctx, "run statement", err)
	}
	return driver.RowsAffected(tag.RowsAffected()), nil
}

// ScanRow implements [once.Querier].
func (s session) ScanRow(ctx context.Context, dest []any, query string, args ...any) error {
	return failure(ctx, "read row", s.q.QueryRow(ctx, query, args...).Scan(dest...))
}
