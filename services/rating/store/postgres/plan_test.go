//go:build integration

package postgres_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/services/rating/store"
	"github.com/codingflow/rating/services/rating/store/postgres"
	"github.com/codingflow/rating/services/rating/store/postgres/postgrestest"
	"github.com/codingflow/rating/services/rating/store/storetest"
)

// page is the size of the pages whose plans are looked at.
const page = 50

// A plan is a node of what EXPLAIN (ANALYZE, FORMAT JSON) says.
type plan struct {
	Node    string  `json:"Node Type"`
	Index   string  `json:"Index Name"`
	Rows    float64 `json:"Actual Rows"` // of one loop
	Loops   float64 `json:"Actual Loops"`
	Removed float64 `json:"Rows Removed by Filter"` // of one loop
	Plans   []plan
}

// walk calls visit with each node.
func (p plan) walk(visit func(plan)) {
	visit(p)
	for _, child := range p.Plans {
		child.walk(visit)
	}
}

// visited returns how many rows the scans of a plan look at.
func (p plan) visited() (rows float64) {
	p.walk(func(node plan) {
		if node.Index != "" || node.Node == "Seq Scan" {
			rows += node.Loops * (node.Rows + node.Removed)
		}
	})
	return rows
}

// nodes returns the kinds of a plan's nodes, each with its index.
func (p plan) nodes() (names []string) {
	p.walk(func(node plan) { names = append(names, strings.TrimSpace(node.Node+" "+node.Index)) })
	return names
}

// explain runs a prepared statement and returns its plan.
func explain(t *testing.T, conn *pgx.Conn, name string, args []string) plan {
	t.Helper()
	for i := range args {
		args[i] = "'" + args[i] + "'"
	}
	var text []byte
	query := fmt.Sprintf(`EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE "%s" (%s)`, name, strings.Join(args, ", "))
	require.NoError(t, conn.QueryRow(t.Context(), query).Scan(&text))
	var explained []struct{ Plan plan }
	require.NoError(t, json.Unmarshal(text, &explained), string(text))
	return explained[0].Plan
}

// Pages are read from where they start, in the order of an index, whatever the planner knows: with statistics and without, for
// these arguments and for any.
func TestPagesAreReadFromAnIndexAtAnyDepth(t *testing.T) {
	url := postgrestest.NewDatabase(t)
	st := open(t, url)
	sample := storetest.Seed(t, st, storetest.SampleSize())
	storetest.RequireFlat(t, st, sample)

	config, err := postgres.ConnConfig(url)
	require.NoError(t, err)
	conn, err := pgx.ConnectConfig(t.Context(), config)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(context.Background())) }()
	execute := func(statement string) {
		_, err := conn.Exec(t.Context(), statement)
		require.NoError(t, err, statement)
	}
	for name, statement := range postgres.Lists {
		execute(`PREPARE "` + name + `" AS ` + statement)
	}
	for name, statement := range postgres.Gets {
		execute(`PREPARE "` + name + `" AS ` + statement)
	}
	user, service := id(t, store.Users, sample.User), id(t, store.Services, sample.Service)
	for _, statistics := range []string{"RESET plan_cache_mode" /* nothing was analyzed */, "ANALYZE"} {
		execute(statistics)
		for _, mode := range []string{"force_custom_plan", "force_generic_plan"} {
			execute("SET plan_cache_mode = " + mode)
			for _, depth := range []float64{0, 0.5, 0.99} {
				for _, list := range []struct {
					name, table, where string
					args               []string
					want               string
					visits             float64 // rows for one of the page
				}{
					{"users", "users", "", nil, "Limit, Index Scan users_pkey", 1},
					{"services", "services", "", nil, "Limit, Index Scan services_pkey, Index Scan score_counts_pkey", 2},
					{"ratings", "ratings", "", nil, "Limit, Index Scan ratings_pkey", 1},
					{"ratings by user", "ratings", "WHERE user_id = '" + user + "'", []string{user}, "Limit, Index Scan ratings_by_user", 1},
					{"ratings of a service", "ratings", "WHERE service_id = '" + service + "'", []string{service}, "Limit, Index Scan ratings_by_service", 1},
				} {
					var after string
					require.NoError(t, conn.QueryRow(t.Context(), fmt.Sprintf(
						`SELECT id FROM (SELECT id, row_number() OVER (ORDER BY id) AS n, count(*) OVER () AS total FROM %s %s) AS numbered
						WHERE n > total * %v::float8 ORDER BY id LIMIT 1`, list.table, list.where, depth)).Scan(&after))
					explained := explain(t, conn, list.name, append(list.args, after, fmt.Sprint(page)))
					at := fmt.Sprintf("%s at %v, %s, %s", list.name, depth, statistics, mode)
					require.Equal(t, list.want, strings.Join(explained.nodes(), ", "), at)
					require.LessOrEqual(t, explained.visited(), list.visits*page, at)
				}
			}
			for name, prefix := range map[string]string{"users by prefix": "user 00010", "services by prefix": "service 00010"} {
				from, to := store.PrefixRange(prefix)
				explained := explain(t, conn, name, []string{from, to, "00000000-0000-0000-0000-000000000000", fmt.Sprint(page)})
				require.Contains(t, strings.Join(explained.nodes(), ", "), strings.Fields(name)[0]+"_by_display_name")
				require.LessOrEqual(t, explained.visited(), 3*10.0, "%s: the ten that match, and what is read of each", name)
			}
		}
		for name, want := range map[string]string{
			"user": "Index Scan users_pkey", "own user": "Index Scan users_by_owner", "service": "Index Scan services_pkey, Index Scan score_counts_pkey",
			"summary": "Index Scan score_counts_pkey", "rating": "Index Scan ratings_pkey",
		} {
			argument := map[string]string{"user": user, "own user": user, "service": service, "summary": service, "rating": user}[name]
			require.Equal(t, want, strings.Join(explain(t, conn, name, []string{argument}).nodes(), ", "), name)
		}
	}
}

// id returns the id in a resource's name.
func id(t *testing.T, c store.Collection, name string) string {
	t.Helper()
	id, err := c.ID(name)
	require.NoError(t, err)
	return id
}
