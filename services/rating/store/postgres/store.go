package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/codingflow/rating/natsgrpc/once"
	"github.com/codingflow/rating/services/rating/store"
)

// A Store is a [store.Store] in one PostgreSQL database.
type Store struct {
	reader
	write   pool
	sweeper *store.Sweeper
}

var _ store.Store = (*Store)(nil)

// requests is the table of the commands that were committed, with their answers. The migrations make it.
const requests once.Table = "requests"

// rollbackTimeout bounds the end of a transaction that is given up: the connection is closed after it.
const rollbackTimeout = time.Second

// Do implements [store.Store].
func (s *Store) Do(ctx context.Context, req once.Request, fn func(context.Context, store.Tx) ([]byte, error)) ([]byte, error) {
	return persist(ctx, s.write, func() (answer []byte, err error) {
		err = s.write.use(ctx, func(conn *pgxpool.Conn) error {
			answer, err = transact(ctx, conn, req, fn)
			return err
		})
		return answer, err
	})
}

// transact runs fn in one transaction.
func transact(ctx context.Context, conn *pgxpool.Conn, req once.Request, fn func(context.Context, store.Tx) ([]byte, error)) ([]byte, error) {
	pgxTx, err := conn.Begin(ctx)
	if err != nil {
		return nil, failure(ctx, "begin transaction", err)
	}
	// After the commit this does nothing. After an error of fn or a panic it ends the transaction, and an error of its own
	// would say nothing more.
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTimeout)
		defer cancel()
		_ = pgxTx.Rollback(ctx)
	}()
	answer, err := requests.DoIn(ctx, session{pgxTx}, req, func(ctx context.Context) ([]byte, error) {
		return fn(ctx, tx{pgxTx})
	})
	if err != nil {
		return nil, err
	}
	if err := pgxTx.Commit(ctx); err != nil {
		err = failure(ctx, "commit transaction", err)
		if req.ID == "" {
			err = &doubtError{err}
		}
		return nil, err
	}
	return answer, nil
}

// DeleteRequests implements [store.Store].
func (s *Store) DeleteRequests(ctx context.Context, before time.Time, limit int) (int, error) {
	return persist(ctx, s.write, func() (deleted int, err error) {
		err = s.write.use(ctx, func(conn *pgxpool.Conn) error {
			deleted, err = requests.Sweep(ctx, session{conn}, before, limit)
			return err
		})
		return deleted, err
	})
}

// Ping implements [store.Store]: it reads the schema's version. Errors: [ErrOldSchema] too, when somebody has put an older
// database in this one's place.
func (s *Store) Ping(ctx context.Context) error {
	return s.read.use(ctx, func(conn *pgxpool.Conn) error { return checkSchema(ctx, conn.Conn()) })
}

// Close implements [store.Store].
func (s *Store) Close() error {
	s.sweeper.Close()
	s.closePools()
	return nil
}

func (s *Store) closePools() {
	s.read.pool.Close()
	s.write.pool.Close()
}

// A reader reads in statements of one snapshot each.
type reader struct{ read pool }

// A tx is the [store.Tx] of one transaction.
type tx struct{ q querier }

var (
	_ store.Reader = reader{}
	_ store.Tx     = tx{}
)

// A querier runs statements: a connection or a transaction.
type querier interface {
	Exec(ctx context.Context, statement string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, statement string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, statement string, args ...any) pgx.Row
	SendBatch(ctx context.Context, batch *pgx.Batch) pgx.BatchResults
}
