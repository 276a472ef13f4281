//go:build integration

package postgres_test

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/natsgrpc/once"
	"github.com/codingflow/rating/services/rating/store"
	"github.com/codingflow/rating/services/rating/store/postgres"
	"github.com/codingflow/rating/services/rating/store/postgres/postgrestest"
)

// change returns a URL with a part of it changed.
func change(t *testing.T, raw string, change func(*url.URL)) string {
	t.Helper()
	u, err := url.Parse(raw)
	require.NoError(t, err)
	change(u)
	return u.String()
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	good, empty := postgrestest.NewDatabase(t), postgrestest.NewEmpty(t, "")
	u, err := url.Parse(good)
	require.NoError(t, err)
	password, _ := u.User.Password()
	const closed = "127.0.0.1:1"
	for _, test := range []struct{ name, url, want string }{
		{"not a URL", "postgres://me:sec%ret@host/db", "the database is not a PostgreSQL URL, postgres://user@host:port/database; special characters in a user or a password must be percent-encoded"},
		{"keywords", "host=localhost dbname=rating", "the database is not a PostgreSQL URL, postgres://user@host:port/database; special characters in a user or a password must be percent-encoded"},
		{"nobody listens", change(t, good, func(u *url.URL) { u.Host = closed }), "cannot open postgres://postgres@" + closed + u.Path + ": dial tcp " + closed + ": connect: connection refused"},
		{"password", change(t, good, func(u *url.URL) { u.User = url.UserPassword("postgres", "secret") }), "cannot open postgres://postgres@" + u.Host + u.Path + `: password authentication failed for user "postgres"`},
		{"no such database", change(t, good, func(u *url.URL) { u.Path = "/none" }), "cannot open postgres://postgres@" + u.Host + `/none: database "none" does not exist`},
		{"no schema", empty, "cannot use " + postgres.Describe(empty) + ": the schema is too old: it is version 0 and this version of the rating service needs 2; run `rating migrate`"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := postgres.Open(t.Context(), test.url)
			require.EqualError(t, err, test.want)
			require.NotContains(t, err.Error(), password)
			require.NotContains(t, err.Error(), "secret")
		})
	}
	require.Equal(t, "postgres://postgres@"+u.Host+u.Path, postgres.Describe(good))
	require.Equal(t, "postgres://me@/db?host=/run/postgresql", postgres.Describe("postgres://me:secret@/db?host=/run/postgresql"))
}

func TestOpenChecksOptions(t *testing.T) {
	for _, test := range []struct {
		option postgres.Option
		want   string
	}{
		{postgres.WithConnections(0, 1), "postgres: 0 connections for queries and 1 for commands, not at least 1 each"},
		{postgres.WithBusyTimeout(0), "postgres: busy timeout is 0s, less than a millisecond"},
		{postgres.WithRetention(0), "postgres: retention is 0s, not positive"},
		{postgres.WithLogger(nil), "postgres: logger is nil"},
	} {
		_, err := postgres.Open(t.Context(), "postgres://host/db", test.option)
		require.EqualError(t, err, test.want)
	}
}

func TestPasswordsComeFromTheEnvironment(t *testing.T) {
	good := postgrestest.NewDatabase(t)
	var password string
	without := change(t, good, func(u *url.URL) {
		password, _ = u.User.Password()
		u.User = url.User(u.User.Username())
	})
	t.Setenv("PGPASSWORD", password)
	require.NoError(t, open(t, without).Ping(t.Context()))
}

// Eight processes migrate at once, and again.
func TestMigrateRunsEachStepOnce(t *testing.T) {
	database := postgrestest.NewEmpty(t, "")
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if err := postgres.Migrate(t.Context(), database, discard); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	conn := connect(t, database)
	rows, err := conn.Query(t.Context(), "SELECT version_id FROM goose_db_version ORDER BY id")
	require.NoError(t, err)
	versions, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	require.NoError(t, err)
	var steps []int64
	for step := range postgres.NewestStep() + 1 {
		steps = append(steps, step)
	}
	require.Equal(t, steps, versions)

	st := open(t, database)
	_, err = conn.Exec(t.Context(), "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, true)")
	require.NoError(t, err)
	require.NoError(t, st.Ping(t.Context()), "a newer schema serves an older version too")
	require.NoError(t, open(t, database).Ping(t.Context()))
	_, err = conn.Exec(t.Context(), "DELETE FROM goose_db_version WHERE version_id > 0")
	require.NoError(t, err)
	require.ErrorIs(t, st.Ping(t.Context()), postgres.ErrOldSchema)
}

func TestMigrateSaysWhatIsWrong(t *testing.T) {
	ascii := postgrestest.NewEmpty(t, "TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'")
	err := postgres.Migrate(t.Context(), ascii, discard)
	require.EqualError(t, err, "cannot migrate "+postgres.Describe(ascii)+": its encoding is SQL_ASCII and must be UTF8")
	wrong := change(t, ascii, func(u *url.URL) { u.User = url.UserPassword("postgres", "secret") })
	err = postgres.Migrate(t.Context(), wrong, discard)
	require.EqualError(t, err, "cannot migrate "+postgres.Describe(ascii)+`: password authentication failed for user "postgres"`)
}

// The migrations have made the table that package once reads and writes.
func TestTableOfRequestsIsThatOfOnce(t *testing.T) {
	const definition = `
SELECT string_agg(line, E'\n' ORDER BY line) FROM (
    SELECT concat_ws(' ', column_name, data_type, is_nullable, column_default) FROM information_schema.columns WHERE table_name = 'requests'
    UNION ALL SELECT indexdef FROM pg_indexes WHERE tablename = 'requests'
) AS lines (line)`
	read := func(conn *pgx.Conn) (text string) {
		require.NoError(t, conn.QueryRow(t.Context(), definition).Scan(&text))
		return text
	}
	other := connect(t, postgrestest.NewEmpty(t, ""))
	_, err := other.Exec(t.Context(), once.Table("requests").Schema(once.PostgreSQL))
	require.NoError(t, err)
	require.Equal(t, read(other), read(connect(t, postgrestest.NewDatabase(t))))
}

// Behind a pooler that hands connections from transaction to transaction, statements cannot be prepared by name.
func TestStatementsWorkWithoutPreparation(t *testing.T) {
	for _, mode := range []string{"exec", "simple_protocol"} {
		t.Run(mode, func(t *testing.T) {
			st := open(t, postgrestest.NewDatabase(t)+"?default_query_exec_mode="+mode)
			exercise(t, st)
		})
	}
}

// connect connects without a store.
func connect(t testing.TB, database string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), database)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close(context.Background())) })
	return conn
}

func TestOldRequestsAreSweptWhileOpen(t *testing.T) {
	database := postgrestest.NewDatabase(t)
	st := open(t, database)
	_, err := st.Do(t.Context(), once.Request{ID: "a"}, createUser)
	require.NoError(t, err)
	open(t, database, postgres.WithRetention(time.Nanosecond))
	conn := connect(t, database)
	require.Eventually(t, func() bool {
		var count int
		err := conn.QueryRow(t.Context(), "SELECT count(*) FROM requests").Scan(&count)
		return err == nil && count == 0
	}, 10*time.Second, 5*time.Millisecond)
}

// The parameters of connections are those that the package comment tells, or the URL's.
func TestConnectionsHaveTimeouts(t *testing.T) {
	for _, test := range []struct{ query, parameter, want string }{
		{"", "statement_timeout", "30s"},
		{"", "idle_in_transaction_session_timeout", "10s"},
		{"", "application_name", "rating"},
		{"?statement_timeout=1234", "statement_timeout", "1234ms"},
		{"?application_name=mine", "application_name", "mine"},
	} {
		config, err := postgres.ConnConfig(postgrestest.NewDatabase(t) + test.query)
		require.NoError(t, err)
		conn, err := pgx.ConnectConfig(t.Context(), config)
		require.NoError(t, err)
		var got string
		require.NoError(t, conn.QueryRow(t.Context(), "SHOW "+test.parameter).Scan(&got))
		require.Equal(t, test.want, got, test.query)
		require.NoError(t, conn.Close(t.Context()))
	}
}

// exercise runs each statement at least once.
func exercise(t *testing.T, st store.Store) {
	t.Helper()
	var user, service, rating string
	_, err := st.Do(t.Context(), once.Request{ID: "a"}, func(ctx context.Context, tx store.Tx) ([]byte, error) {
		return []byte("answer"), useAll(ctx, tx, &user, &service, &rating)
	})
	require.NoError(t, err)
	again, err := st.Do(t.Context(), once.Request{ID: "a"}, createUser)
	require.NoError(t, err)
	require.Equal(t, "answer", string(again))
	for _, prefix := range []string{"", "a"} {
		users, err := st.ListUsers(t.Context(), store.UserQuery{DisplayNamePrefix: prefix, Limit: 2})
		require.NoError(t, err)
		require.Len(t, users, 1)
		services, err := st.ListServices(t.Context(), store.ServiceQuery{DisplayNamePrefix: prefix, Limit: 2})
		require.NoError(t, err)
		require.Len(t, services, 1)
		require.EqualValues(t, 1, services[0].GetRatingCount())
	}
	for _, query := range []store.RatingQuery{{}, {User: user}, {Service: service}, {User: user, Service: service}} {
		query.Limit = 2
		ratings, err := st.ListRatings(t.Context(), query)
		require.NoError(t, err)
		require.Len(t, ratings, 1)
		require.Equal(t, rating, ratings[0].GetName())
	}
	summary, err := st.GetRatingSummary(t.Context(), service)
	require.NoError(t, err)
	require.InDelta(t, 2.0, summary.GetAverageScore(), 0)
	_, err = st.Do(t.Context(), once.Request{ID: "b"}, func(ctx context.Context, tx store.Tx) ([]byte, error) {
		if err := tx.DeleteUser(ctx, user, "", true); err != nil {
			return nil, err
		}
		return nil, tx.DeleteService(ctx, service, "", true)
	})
	require.NoError(t, err)
	deleted, err := st.DeleteRequests(t.Context(), time.Now().Add(time.Hour), 10)
	require.NoError(t, err)
	require.Equal(t, 2, deleted)
	require.NoError(t, st.Ping(t.Context()))
}

func TestLongNamesFitTheIndex(t *testing.T) {
	st := open(t, postgrestest.NewDatabase(t))
	// The longest that the API lets in: 100 code points, of which folding makes three each, none of which repeats another.
	var name strings.Builder
	for i := range 100 {
		name.WriteRune(rune(0x1F80 + i%48)) // Greek letters with signs
	}
	_, err := st.Do(t.Context(), once.Request{}, func(ctx context.Context, tx store.Tx) ([]byte, error) {
		_, err := tx.CreateUser(ctx, newUser(name.String()), "")
		return nil, err
	})
	require.NoError(t, err)
	users, err := st.ListUsers(t.Context(), store.UserQuery{DisplayNamePrefix: name.String(), Limit: 1})
	require.NoError(t, err)
	require.Len(t, users, 1, fmt.Sprint(len(store.Fold(name.String())), " bytes"))
}
