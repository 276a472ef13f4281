package database

import (
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAPathIsASQLiteFile(t *testing.T) {
	config := Config{URL: filepath.Join(t.TempDir(), "rating.db")}
	logger := slog.New(slog.DiscardHandler)
	require.NoError(t, config.Migrate(t.Context(), logger))
	st, err := config.Open(t.Context(), logger, 1, 1)
	require.NoError(t, err)
	require.NoError(t, st.Ping(t.Context()))
	require.NoError(t, st.Close())
	require.Equal(t, config.URL, config.Redacted())
}

func TestErrorsAreOneSentenceWithoutPasswords(t *testing.T) {
	for _, test := range []struct{ url, open, migrate, redacted string }{
		{
			"mysql://me:secret@host/db", "the database is a mysql: URL, and must be a path, or a file: or postgres: URL",
			"the database is a mysql: URL, and must be a path, or a file: or postgres: URL", "an unknown database",
		},
		{
			"postgres://me:secret@127.0.0.1:1/db", "cannot open postgres://me@127.0.0.1:1/db: dial tcp 127.0.0.1:1: connect: connection refused",
			"cannot migrate postgres://me@127.0.0.1:1/db: dial tcp 127.0.0.1:1: connect: connection refused", "postgres://me@127.0.0.1:1/db",
		},
	} {
		config := Config{URL: test.url}
		logger := slog.New(slog.DiscardHandler)
		st, err := config.Open(t.Context(), logger, 1, 1)
		require.EqualError(t, err, test.open)
		require.Nil(t, st)
		require.EqualError(t, config.Migrate(t.Context(), logger), test.migrate)
		require.Equal(t, test.redacted, config.Redacted())
	}
}
