package sqlite

import (
	"database/sql"
	"path/filepath"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"
)

// steps returns migrations of which a second run would not fail but leave a trace.
func steps() fstest.MapFS {
	return fstest.MapFS{
		"00001_a.sql": {Data: []byte("-- +goose Up\nCREATE TABLE IF NOT EXISTS runs (step INTEGER);\nINSERT INTO runs VALUES (1);")},
		"00002_b.sql": {Data: []byte("-- +goose Up\nINSERT INTO runs VALUES (2);")},
		"00003_c.sql": {Data: []byte("-- +goose Up\nINSERT INTO runs VALUES (3);")},
	}
}

func openRaw(t *testing.T, file string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", dsn(file, 10*time.Second))
	require.NoError(t, err)
	db.SetMaxOpenConns(1)
	require.NoError(t, useWAL(t.Context(), db, 10*time.Second))
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

func TestMigrationsRunOnce(t *testing.T) {
	file := filepath.Join(t.TempDir(), "rating.db")
	var dbs []*sql.DB
	for range 8 {
		dbs = append(dbs, openRaw(t, file))
	}
	var group sync.WaitGroup
	for _, db := range dbs {
		group.Go(func() {
			if err := migrate(t.Context(), db, steps()); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	var runs string
	require.NoError(t, dbs[0].QueryRowContext(t.Context(), "SELECT group_concat(step) FROM (SELECT step FROM runs ORDER BY rowid)").Scan(&runs))
	require.Equal(t, "1,2,3", runs)
}

func TestMigrationThatFailsHasNoEffect(t *testing.T) {
	db := openRaw(t, filepath.Join(t.TempDir(), "rating.db"))
	broken := steps()
	broken["00002_b.sql"].Data = []byte("-- +goose Up\nINSERT INTO runs VALUES (2);\nINSERT INTO nowhere VALUES (2);")
	require.ErrorContains(t, migrate(t.Context(), db, broken), "migrate schema: ")
	var runs int
	require.NoError(t, db.QueryRowContext(t.Context(), "SELECT count(*) FROM runs").Scan(&runs))
	require.Equal(t, 1, runs)
	require.NoError(t, migrate(t.Context(), db, steps()), "mended")
}
