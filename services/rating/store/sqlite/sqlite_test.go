package sqlite_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/codingflow/rating/services/rating/store"
	"github.com/codingflow/rating/services/rating/store/sqlite"
	"github.com/codingflow/rating/services/rating/store/storetest"
)

func TestMain(m *testing.M) {
	if file := os.Getenv(childFile); file != "" {
		runChild(file)
		return
	}
	goleak.VerifyTestMain(m)
}

func TestConformance(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Opener {
		file := newFile(t)
		return func() store.Store { return open(t, file) }
	})
}

func TestPagesOfLargeListsTakeAsLongAtAnyDepth(t *testing.T) {
	st := open(t, newFile(t))
	storetest.RequireFlat(t, st, storetest.Seed(t, st, storetest.SampleSize()))
}

// newFile returns the path of a database that does not exist.
func newFile(t testing.TB) string { return filepath.Join(t.TempDir(), "rating.db") }

// open opens a store that the test closes.
func open(t testing.TB, file string, opts ...sqlite.Option) *sqlite.Store {
	t.Helper()
	st, err := sqlite.Open(t.Context(), file, opts...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, st.Close()) })
	return st
}
