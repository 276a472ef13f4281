package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/codingflow/rating/natsgrpc/once"
	"github.com/codingflow/rating/services/rating/store"
)

// A Store is a [store.Store] in one SQLite file.
type Store struct {
	reader
	read    *sql.DB
	writer  writer
	sweeper *store.Sweeper
}

var _ store.Store = (*Store)(nil)

// requests is the table of the commands that were committed, with their answers. The migrations make it.
const requests once.Table = "requests"

// Do implements [store.Store]. It calls fn at most once.
func (s *Store) Do(ctx context.Context, req once.Request, fn func(context.Context, store.Tx) ([]byte, error)) (answer []byte, err error) {
	err = s.writer.do(ctx, func(t transaction) error {
		answer, err = requests.DoIn(ctx, session{t.tx, t.tracer}, req, func(ctx context.Context) ([]byte, error) {
			return fn(ctx, tx{t})
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	return answer, nil
}

// DeleteRequests implements [store.Store].
func (s *Store) DeleteRequests(ctx context.Context, before time.Time, limit int) (deleted int, err error) {
	err = s.writer.do(ctx, func(t transaction) error {
		deleted, err = requests.Sweep(ctx, t.tx, before, limit)
		return err
	})
	if err != nil {
		return 0, err
	}
	return deleted, nil
}

// Ping implements [store.Store].
func (s *Store) Ping(ctx context.Context) error {
	_, err := exists(ctx, s.q, selectAny)
	return err
}

// Close implements [store.Store].
func (s *Store) Close() error {
	s.sweeper.Close()
	return s.closeDatabases()
}

// closeDatabases closes the writer last: the last connection to a file moves the write-ahead log into it, which a reader
// may not.
func (s *Store) closeDatabases() error {
	return errors.Join(s.read.Close(), s.writer.db.Close())
}

// A reader reads in statements of one snapshot each.
type reader struct{ q querier }

// A tx is the [store.Tx] of one transaction.
type tx struct{ q querier }

var (
	_ store.Reader = reader{}
	_ store.Tx     = tx{}
)
