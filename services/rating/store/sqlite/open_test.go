package sqlite_test

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/natsgrpc/once"
	"github.com/codingflow/rating/services/rating/store"
	"github.com/codingflow/rating/services/rating/store/sqlite"
)

func TestOpenSaysWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	require.NoError(t, os.WriteFile(text, []byte("This is no database, but it is long enough to be taken for one.\n"), 0o600))
	for _, test := range []struct{ name, file, want string }{
		{"not a database", text, text + " is not a SQLite database"},
		{"a folder", dir, "database " + dir + " cannot be opened: it is a folder"},
		{"no folder", dir + "/none/rating.db", "database " + dir + "/none/rating.db cannot be opened: there is no folder " + dir + "/none"},
		{"a file as folder", text + "/rating.db", "database " + text + "/rating.db cannot be opened: there is no folder " + text},
		// In Linux's /proc not even root may create files.
		{"no permission", "/proc/rating.db", "database /proc/rating.db cannot be opened: no permission for the file or its folder"},
		{"another scheme", "postgres://host/db", `database "postgres://host/db" is neither a path nor a file: URL`},
		{"memory", ":memory:", `database ":memory:" is neither a path nor a file: URL`},
		{"query", "file:x.db?mode=ro", `database "file:x.db?mode=ro": a file: URL may only have a path`},
		{"another host", "file://host/x.db", `database "file://host/x.db": a file: URL may only have a path`},
		{"empty", "", `database "" has no path`},
		{"empty URL", "file:", `database "file:" has no path`},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := sqlite.Open(t.Context(), test.file)
			require.EqualError(t, err, test.want)
		})
	}
}

func TestOpenChecksOptions(t *testing.T) {
	for _, test := range []struct {
		option sqlite.Option
		want   string
	}{
		{sqlite.WithSynchronous("off"), `sqlite: synchronous is "off", neither FULL nor NORMAL`},
		{sqlite.WithBusyTimeout(0), "sqlite: busy timeout is 0s, less than a millisecond"},
		{sqlite.WithRetention(0), "sqlite: retention is 0s, not positive"},
		{sqlite.WithLogger(nil), "sqlite: logger is nil"},
	} {
		_, err := sqlite.Open(t.Context(), newFile(t), test.option)
		require.EqualError(t, err, test.want)
	}
}

func TestOpenTakesOddPaths(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, test := range []struct{ file, path string }{
		{"rating.db", "rating.db"},
		{"file:url.db", "url.db"},
		{"file:a%20b.db", "a b.db"},
		{"q?x=1#y%41 é.db", "q?x=1#y%41 é.db"},
		{"./a:b.db", "a:b.db"},
	} {
		open(t, test.file)
		require.FileExists(t, test.path)
	}
}

func TestOpenRefusesANewerSchema(t *testing.T) {
	file := newFile(t)
	open(t, file)
	_, err := rawDB(t, file).ExecContext(t.Context(), "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, 1)")
	require.NoError(t, err)
	_, err = sqlite.Open(t.Context(), file)
	require.ErrorIs(t, err, sqlite.ErrNewerSchema)
	require.EqualError(t, err, "database "+file+" was made by a newer version of the rating service: "+
		"its schema is version 99, this one knows 2")
}

func TestOpenAtOnceMigratesOnce(t *testing.T) {
	file := newFile(t)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			st, err := sqlite.Open(t.Context(), file)
			if err != nil {
				t.Error(err)
				return
			}
			if err := st.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	require.Equal(t, "0\n1\n2", queryString(t, rawDB(t, file), "SELECT version_id FROM goose_db_version ORDER BY id"))
}

// The migrations have made the table that package once reads and writes.
func TestTableOfRequestsIsThatOfOnce(t *testing.T) {
	const definition = "SELECT sql FROM sqlite_schema WHERE tbl_name = 'requests' AND sql IS NOT NULL ORDER BY name"
	file := newFile(t)
	open(t, file)
	other := rawDB(t, newFile(t))
	_, err := other.ExecContext(t.Context(), once.Table("requests").Schema(once.SQLite))
	require.NoError(t, err)
	require.Equal(t, queryString(t, other, definition), queryString(t, rawDB(t, file), definition))
}

func TestLockedFile(t *testing.T) {
	file := newFile(t)
	st := open(t, file, sqlite.WithBusyTimeout(20*time.Millisecond))
	other, err := rawDB(t, file).Conn(t.Context())
	require.NoError(t, err)
	defer other.Close()
	_, err = other.ExecContext(t.Context(), "BEGIN IMMEDIATE")
	require.NoError(t, err)

	_, err = sqlite.Open(t.Context(), file, sqlite.WithBusyTimeout(20*time.Millisecond))
	require.ErrorIs(t, err, store.ErrBusy)
	require.EqualError(t, err, "database "+file+" is locked by another process: the database is busy")
	_, err = st.Do(t.Context(), once.Request{}, createUser)
	require.ErrorIs(t, err, store.ErrBusy)
	_, err = st.ListUsers(t.Context(), store.UserQuery{Limit: 1})
	require.NoError(t, err, "readers do not wait for the writer")

	// A caller's deadline comes before the timeout.
	patient := open(t, newFile(t))
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	<-ctx.Done()
	_, err = patient.Do(ctx, once.Request{}, createUser)
	require.ErrorIs(t, err, context.DeadlineExceeded)

	_, err = other.ExecContext(t.Context(), "ROLLBACK")
	require.NoError(t, err)
	_, err = st.Do(t.Context(), once.Request{}, createUser)
	require.NoError(t, err)
}

func TestOldRequestsAreSweptWhileOpen(t *testing.T) {
	file := newFile(t)
	st, err := sqlite.Open(t.Context(), file)
	require.NoError(t, err)
	_, err = st.Do(t.Context(), once.Request{ID: "a"}, createUser)
	require.NoError(t, err)
	require.NoError(t, st.Close())

	open(t, file) // keeps what is younger than the retention
	require.Equal(t, "1", queryString(t, rawDB(t, file), "SELECT count(*) FROM requests"))
	open(t, file, sqlite.WithRetention(time.Nanosecond))
	require.Eventually(t, func() bool {
		return queryString(t, rawDB(t, file), "SELECT count(*) FROM requests") == "0"
	}, 10*time.Second, 5*time.Millisecond)
}
