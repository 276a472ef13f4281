package sqlite

import (
	"context"
	"database/sql"
	"path/filepath"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/natsgrpc/once"
	"github.com/codingflow/rating/services/rating/store"
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

// What was there before there were owners stays, and is nobody's.
func TestMigrationToOwnersKeepsWhatIsThere(t *testing.T) {
	file := filepath.Join(t.TempDir(), "rating.db")
	db := openRaw(t, file)
	first, err := migrations.ReadFile("migrations/00001_rating.sql")
	require.NoError(t, err)
	require.NoError(t, migrate(t.Context(), db, fstest.MapFS{"00001_rating.sql": {Data: first}}))
	user, service := store.Users.Name("01900000-0000-7000-8000-000000000001"), store.Services.Name("01900000-0000-7000-8000-000000000002")
	_, err = db.ExecContext(t.Context(), `
INSERT INTO users VALUES ('01900000-0000-7000-8000-000000000001', 'Ada', 'ada', '', 1, 1, 'a'), ('01900000-0000-7000-8000-000000000003', 'Eve', 'eve', '', 1, 1, 'b');
INSERT INTO services VALUES ('01900000-0000-7000-8000-000000000002', 'Café', 'café', '', 1, 1, 'a');`)
	require.NoError(t, err)

	st, err := Open(t.Context(), file)
	require.NoError(t, err)
	defer st.Close()
	_, err = st.GetUser(t.Context(), user)
	require.NoError(t, err)
	_, err = st.Do(t.Context(), once.Request{}, func(ctx context.Context, tx store.Tx) ([]byte, error) {
		for _, name := range []string{user, service} {
			owner, err := tx.Owner(ctx, name)
			require.NoError(t, err)
			require.Empty(t, owner)
		}
		return nil, nil
	})
	require.NoError(t, err)
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
