//go:build integration

package postgres_test

import (
	"context"
	"net/url"
	"os"
	"regexp"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/services/rating/store/postgres"
	"github.com/codingflow/rating/services/rating/store/postgres/postgrestest"
	"github.com/codingflow/rating/services/rating/store/storetest"
)

// documented returns the SQL in docs/database.md: the grants that the service needs, and the check of the counts.
func documented(t *testing.T) (grants, check string) {
	t.Helper()
	text, err := os.ReadFile("../../../../docs/database.md")
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?ms)^```sql\n(.*?)^```$").FindAllStringSubmatch(string(text), -1)
	require.Len(t, blocks, 2)
	return blocks[0][1], blocks[1][1]
}

func TestTheDocumentedGrantsAreEnough(t *testing.T) {
	database := postgrestest.NewDatabase(t)
	grants, _ := documented(t)
	owner := connect(t, database)
	for _, statement := range []string{"CREATE ROLE rating LOGIN PASSWORD 'secret'", grants} {
		_, err := owner.Exec(t.Context(), statement)
		require.NoError(t, err)
	}
	t.Cleanup(func() { // roles are the server's
		_, err := owner.Exec(context.Background(), "DROP OWNED BY rating; DROP ROLE rating")
		require.NoError(t, err)
	})
	service := change(t, database, func(u *url.URL) { u.User = url.UserPassword("rating", "secret") })
	exercise(t, open(t, service))
	require.NoError(t, postgres.Migrate(t.Context(), service, discard), "with nothing to do")
}

func TestTheDocumentedCheckFindsWrongCounts(t *testing.T) {
	database := postgrestest.NewDatabase(t)
	storetest.Seed(t, open(t, database), 200)
	_, check := documented(t)
	conn := connect(t, database)
	wrong := func() int {
		rows, err := conn.Query(t.Context(), check)
		require.NoError(t, err)
		found, err := pgx.CollectRows(rows, pgx.RowToMap)
		require.NoError(t, err)
		return len(found)
	}
	require.Zero(t, wrong())
	_, err := conn.Exec(t.Context(), "UPDATE score_counts SET count_5 = count_5 + 1 WHERE service_id = (SELECT id FROM services LIMIT 1)")
	require.NoError(t, err)
	require.Equal(t, 1, wrong())
}
