package once_test

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/codingflow/rating/natsgrpc/once"
)

func TestMain(m *testing.M) {
	if file := os.Getenv(childFile); file != "" {
		runChild(file, os.Getenv(childMode))
		return
	}
	goleak.VerifyTestMain(m)
}

// newFile returns a database that has the tables requests and effects; effects has a row for each time that act ran.
func newFile(t testing.TB) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "once.db")
	_, err := openDB(t, file, "deferred").ExecContext(t.Context(), "PRAGMA journal_mode = WAL;\n"+
		requests.Schema(once.SQLite)+"CREATE TABLE effects (number INTEGER PRIMARY KEY, request TEXT NOT NULL) STRICT;")
	require.NoError(t, err)
	return file
}

// openDB opens a database that the test closes.
func openDB(t testing.TB, file, lock string) *sql.DB {
	t.Helper()
	db, err := open(file, lock)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

// open opens a database whose transactions begin as lock says: deferred or immediate.
func open(file, lock string) (*sql.DB, error) {
	query := url.Values{"_txlock": {lock}, "_pragma": {"busy_timeout(20000)", "synchronous(NORMAL)"}}
	return sql.Open("sqlite", (&url.URL{Scheme: "file", OmitHost: true, Path: file, RawQuery: query.Encode()}).String())
}

// request returns a request with an id and the digest of that id.
func request(id string) once.Request { return once.Request{ID: id, Digest: sha256.Sum256([]byte(id))} }

// act has an effect and answers with its number.
func act(id string) once.Func {
	return func(ctx context.Context, tx *sql.Tx) ([]byte, error) {
		var number int
		err := tx.QueryRowContext(ctx, "INSERT INTO effects (request) VALUES ($1) RETURNING number", id).Scan(&number)
		return fmt.Append(nil, "effect ", number), err
	}
}

// run runs a request that acts.
func run(t testing.TB, db *sql.DB, id string) string {
	t.Helper()
	answer, err := requests.Do(t.Context(), db, request(id), act(id))
	require.NoError(t, err)
	return string(answer)
}

func requireCount(t testing.TB, db *sql.DB, table string, want int) {
	t.Helper()
	var count int
	require.NoError(t, db.QueryRowContext(t.Context(), "SELECT count(*) FROM "+table).Scan(&count))
	require.Equal(t, want, count, table)
}
