package sqlite

import (
	"context"
	"database/sql"
	"fmt"
)

// statements are all statements of the readers and of the writer. They are prepared once for each connection: to parse
// one takes as long as to run it.
var statements = []string{
	selectUser, selectUserByOwner, selectUsers, selectUsersByPrefix, insertUser, updateUser, deleteUser,
	userExists, userHasRatings, deleteRatingsByUser,
	selectService, selectServices, selectServicesByPrefix, selectScoreCounts, insertService, updateService, deleteService,
	serviceExists, serviceHasRatings, deleteRatingsByService, deleteScoreCounts,
	selectRating, selectRatings, selectRatingsByUser, selectRatingsByService, selectRatingsByBoth, selectRatingID,
	insertRating, updateRating, deleteRating,
	selectUserOwner, selectServiceOwner, selectRatingOwner,
	selectAny,
}

// selectAny reads something.
const selectAny = `SELECT EXISTS (SELECT 1 FROM users)`

// A prepared holds the statements of a database, by their text.
type prepared map[string]*sql.Stmt

func prepare(ctx context.Context, db *sql.DB) (prepared, error) {
	p := make(prepared, len(statements))
	for _, text := range statements {
		stmt, err := db.PrepareContext(ctx, text) //nolint:sqlclosecheck // lives as long as db, whose Close ends it
		if err != nil {
			return nil, fmt.Errorf("prepare %s: %w", text, err)
		}
		p[text] = stmt
	}
	return p, nil
}

// A querier runs statements.
type querier interface {
	exec(ctx context.Context, statement string, args ...any) (sql.Result, error)
	query(ctx context.Context, statement string, args ...any) (*sql.Rows, error)
	queryRow(ctx context.Context, statement string, args ...any) *sql.Row
}

// A pool runs each statement by itself.
type pool struct{ prepared prepared }

func (p pool) exec(ctx context.Context, statement string, args ...any) (sql.Result, error) {
	return p.prepared[statement].ExecContext(ctx, args...)
}

func (p pool) query(ctx context.Context, statement string, args ...any) (*sql.Rows, error) {
	return p.prepared[statement].QueryContext(ctx, args...)
}

func (p pool) queryRow(ctx context.Context, statement string, args ...any) *sql.Row {
	return p.prepared[statement].QueryRowContext(ctx, args...)
}

// A transaction runs statements in one transaction.
type transaction struct {
	tx       *sql.Tx
	prepared prepared
}

func (t transaction) exec(ctx context.Context, statement string, args ...any) (sql.Result, error) {
	return t.stmt(ctx, statement).ExecContext(ctx, args...) //nolint:sqlclosecheck // the end of the transaction does
}

func (t transaction) query(ctx context.Context, statement string, args ...any) (*sql.Rows, error) {
	return t.stmt(ctx, statement).QueryContext(ctx, args...) //nolint:sqlclosecheck // the end of the transaction does
}

func (t transaction) queryRow(ctx context.Context, statement string, args ...any) *sql.Row {
	return t.stmt(ctx, statement).QueryRowContext(ctx, args...) //nolint:sqlclosecheck // the end of the transaction does
}

// stmt returns a prepared statement for use in the transaction, whose end closes it.
func (t transaction) stmt(ctx context.Context, statement string) *sql.Stmt {
	return t.tx.StmtContext(ctx, t.prepared[statement])
}
