package sqlite

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/codingflow/rating/telemetry/dbtrace"
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
	query(ctx context.Context, statement string, args ...any) (rows, error)
	queryRow(ctx context.Context, statement string, args ...any) scanner
}

// A pool runs each statement by itself.
type pool struct {
	prepared prepared
	tracer   *dbtrace.Tracer
}

func (p pool) exec(ctx context.Context, statement string, args ...any) (sql.Result, error) {
	ctx, span := p.tracer.Start(ctx, statement)
	result, err := p.prepared[statement].ExecContext(ctx, args...)
	span.End(err)
	return result, err
}

func (p pool) query(ctx context.Context, statement string, args ...any) (rows, error) {
	ctx, span := p.tracer.Start(ctx, statement)
	found, err := p.prepared[statement].QueryContext(ctx, args...)
	return traceRows(found, err, span)
}

func (p pool) queryRow(ctx context.Context, statement string, args ...any) scanner {
	ctx, span := p.tracer.Start(ctx, statement)
	return traceRow(p.prepared[statement].QueryRowContext(ctx, args...), span)
}

// A transaction runs statements in one transaction.
type transaction struct {
	tx       *sql.Tx
	prepared prepared
	tracer   *dbtrace.Tracer
}

func (t transaction) exec(ctx context.Context, statement string, args ...any) (sql.Result, error) {
	ctx, span := t.tracer.Start(ctx, statement)
	result, err := t.stmt(ctx, statement).ExecContext(ctx, args...) //nolint:sqlclosecheck // the end of the transaction does
	span.End(err)
	return result, err
}

func (t transaction) query(ctx context.Context, statement string, args ...any) (rows, error) {
	ctx, span := t.tracer.Start(ctx, statement)
	found, err := t.stmt(ctx, statement).QueryContext(ctx, args...) //nolint:sqlclosecheck // the end of the transaction does
	return traceRows(found, err, span)
}

func (t transaction) queryRow(ctx context.Context, statement string, args ...any) scanner {
	ctx, span := t.tracer.Start(ctx, statement)
	return traceRow(t.stmt(ctx, statement).QueryRowContext(ctx, args...), span) //nolint:sqlclosecheck // the end of the transaction does
}

// stmt returns a prepared statement for use in the transaction, whose end closes it.
func (t transaction) stmt(ctx context.Context, statement string) *sql.Stmt {
	return t.tx.StmtContext(ctx, t.prepared[statement])
}
