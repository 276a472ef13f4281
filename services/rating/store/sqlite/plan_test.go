package sqlite

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Each statement reads by keys of an index or of the primary key, from where the page starts: no step scans a table.
func TestStatementsUseIndexes(t *testing.T) {
	st, err := Open(t.Context(), filepath.Join(t.TempDir(), "rating.db"))
	require.NoError(t, err)
	defer st.Close()
	for statement, want := range map[string]string{
		selectUser:        "SEARCH users USING PRIMARY KEY (id=?)",
		selectUserByOwner: "SEARCH users USING INDEX users_by_owner (owner=?)",
		selectUsers:       "SEARCH users USING PRIMARY KEY (id>?)",
		selectUsersByPrefix: `SEARCH users USING PRIMARY KEY (id=?)
LIST SUBQUERY 1
SEARCH users USING COVERING INDEX users_by_display_name (display_name_key>? AND display_name_key<?)
USE TEMP B-TREE FOR ORDER BY`,
		selectService:  "SEARCH services USING PRIMARY KEY (id=?)" + planOfAggregates,
		selectServices: "SEARCH services USING PRIMARY KEY (id>?)" + planOfAggregates,
		selectServicesByPrefix: `SEARCH services USING PRIMARY KEY (id=?)
LIST SUBQUERY 3
SEARCH services USING COVERING INDEX services_by_display_name (display_name_key>? AND display_name_key<?)
USE TEMP B-TREE FOR ORDER BY` + planOfAggregates,
		selectRatings:          "SEARCH ratings USING PRIMARY KEY (id>?)",
		selectRatingsByUser:    "SEARCH ratings USING INDEX ratings_by_user (user_id=? AND id>?)",
		selectRatingsByService: "SEARCH ratings USING INDEX ratings_by_service (service_id=? AND id>?)",
	} {
		require.Equal(t, want, plan(t, st, statement), "%s", statement)
	}
	for _, statement := range statements {
		if statement != selectAny {
			require.NotRegexp(t, "SCAN [a-z]", plan(t, st, statement), "%s", statement)
		}
	}
}

const planOfAggregates = `
CORRELATED SCALAR SUBQUERY 1
SEARCH score_counts USING PRIMARY KEY (service_id=?)
CORRELATED SCALAR SUBQUERY 2
SEARCH score_counts USING PRIMARY KEY (service_id=?)`

// plan returns the steps of a statement's query plan.
func plan(t *testing.T, st *Store, statement string) string {
	t.Helper()
	var args []any
	for range strings.Count(statement, "?") {
		args = append(args, 1)
	}
	rows, err := st.read.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+statement, args...)
	require.NoError(t, err, "%s", statement)
	defer rows.Close()
	var steps []string
	for rows.Next() {
		var id, parent, unused int
		var detail string
		require.NoError(t, rows.Scan(&id, &parent, &unused, &detail))
		steps = append(steps, detail)
	}
	require.NoError(t, rows.Err(), fmt.Sprint(statement))
	return strings.Join(steps, "\n")
}
