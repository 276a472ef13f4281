//go:build integration

package postgres_test

import (
	"log/slog"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/services/rating/store"
	"github.com/codingflow/rating/services/rating/store/postgres"
	"github.com/codingflow/rating/services/rating/store/postgres/postgrestest"
	"github.com/codingflow/rating/services/rating/store/storetest"
)

// discard drops what is logged.
var discard = slog.New(slog.DiscardHandler)

func TestMain(m *testing.M) { os.Exit(postgrestest.Main(m)) }

func TestConformance(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Opener {
		url := postgrestest.NewDatabase(t)
		return func() store.Store { return open(t, url) }
	})
}

// open opens a store that the test closes.
func open(t testing.TB, url string, opts ...postgres.Option) *postgres.Store {
	t.Helper()
	st, err := postgres.Open(t.Context(), url, opts...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, st.Close()) })
	return st
}
