package once

import (
	"database/sql"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A sweep of a large table reads what it deletes, and no more.
func TestSweepUsesTheIndex(t *testing.T) {
	const requests Table = "requests"
	db, err := sql.Open("sqlite", ":memory:")
	require.NoError(t, err)
	defer db.Close()
	db.SetMaxOpenConns(1)
	_, err = db.ExecContext(t.Context(), requests.Schema(SQLite))
	require.NoError(t, err)
	rows, err := db.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+requests.sweepStatement(), 0, 1)
	require.NoError(t, err)
	defer rows.Close()
	var steps []string
	for rows.Next() {
		var id, parent, unused int
		var step string
		require.NoError(t, rows.Scan(&id, &parent, &unused, &step))
		steps = append(steps, step)
	}
	require.NoError(t, rows.Err())
	require.Equal(t, `SEARCH requests USING COVERING INDEX sqlite_autoindex_requests_1 (id=?)
LIST SUBQUERY 1
SEARCH requests USING INDEX requests_by_create_time (create_time<?)`, strings.Join(steps, "\n"))
}
