//go:build integration

package main

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
	"github.com/codingflow/rating/services/rating/store/database"
	"github.com/codingflow/rating/services/rating/store/postgres/postgrestest"
	"github.com/codingflow/rating/telemetry/otlptest"
)

// A deployment is a PostgreSQL server with the roles and the database of k8s/components.
type deployment struct {
	*postgrestest.Server
	owner, service string // URLs
}

func newDeployment(t *testing.T) deployment {
	t.Helper()
	server := postgrestest.NewServer(t)
	execute(t, server.URL("postgres"), "CREATE ROLE rating_owner LOGIN PASSWORD 'secret'", "CREATE ROLE rating LOGIN PASSWORD 'secret'",
		"CREATE DATABASE rating OWNER rating_owner ENCODING 'UTF8' TEMPLATE template0")
	as := func(role string) string {
		u, err := url.Parse(server.URL("rating"))
		require.NoError(t, err)
		u.User = url.UserPassword(role, "secret")
		return u.String()
	}
	d := deployment{server, as("rating_owner"), as("rating")}
	execute(t, server.URL("rating"), "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
		"ALTER DEFAULT PRIVILEGES FOR ROLE rating_owner IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO rating",
		"GRANT ALL ON SCHEMA public TO rating_owner")
	return d
}

func execute(t *testing.T, database string, statements ...string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), database)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(context.WithoutCancel(t.Context()))) }()
	for _, statement := range statements {
		_, err := conn.Exec(t.Context(), statement)
		require.NoError(t, err, statement)
	}
}

// migrate brings the schema up to date, as the owner.
func (d deployment) migrate(t *testing.T) {
	t.Helper()
	require.NoError(t, (&migrateCommand{Database: database.Config{URL: d.owner}}).Run(t.Context()))
}

// serve runs the service, as its role and on a NATS server of its own, until stop is called. The calls are those of where nobody signs in.
func (d deployment) serve(t *testing.T) (ctx context.Context, c clients, stop func()) {
	t.Helper()
	ns := natsgrpctest.NewServer(t)
	cfg := newConfig(t, ns.ClientURL())
	cfg.Database = database.Config{URL: d.service}
	running, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	var log otlptest.Log
	go func() { ran <- run(running, cfg, slog.New(slog.NewJSONHandler(io.MultiWriter(&log, t.Output()), nil))) }()
	health := log.Await(t, "serving", "health")
	require.Eventually(t, func() bool { return get(t, health, "/readyz") == "200 ok\n" }, 30*time.Second, 10*time.Millisecond)
	conn, err := natsgrpc.NewConn(natsgrpctest.Connect(t, ns))
	require.NoError(t, err)
	ctx = metadata.AppendToOutgoingContext(t.Context(), "x-auth-issuer", "development", "x-auth-subject", "developer")
	return ctx, clients{ratingv1.NewUserServiceClient(conn), ratingv1.NewCatalogServiceClient(conn), ratingv1.NewRatingServiceClient(conn)}, func() {
		require.NoError(t, conn.Close())
		cancel()
		require.NoError(t, <-ran)
	}
}

type clients struct {
	users   ratingv1.UserServiceClient
	catalog ratingv1.CatalogServiceClient
	ratings ratingv1.RatingServiceClient
}

// The backup and the restoring that docs/runbook.md has, of one server's database into another's: the service answers as it
// did, averages are right, and a command that is sent again acts no second time, though NATS knows nothing of it any more.
func TestPostgreSQLIsRestoredFromADump(t *testing.T) {
	lost := newDeployment(t)
	lost.migrate(t)
	ctx, c, stop := lost.serve(t)
	key := natsgrpc.IdempotencyKey("ada", "key")
	create := &ratingv1.CreateUserRequest{User: &ratingv1.User{DisplayName: "Ada"}}
	user, err := c.users.CreateUser(ctx, create, key)
	require.NoError(t, err)
	service, err := c.catalog.CreateService(ctx, &ratingv1.CreateServiceRequest{Service: &ratingv1.Service{DisplayName: "Café"}})
	require.NoError(t, err)
	other, err := c.users.CreateUser(ctx, &ratingv1.CreateUserRequest{User: &ratingv1.User{DisplayName: "Grace"}})
	require.NoError(t, err)
	_, err = c.ratings.CreateRating(ctx, &ratingv1.CreateRatingRequest{Rating: &ratingv1.Rating{User: user.GetName(), Service: service.GetName(), Score: proto.Int32(5)}})
	require.NoError(t, err)
	_, err = c.ratings.CreateRating(ctx, &ratingv1.CreateRatingRequest{Rating: &ratingv1.Rating{User: other.GetName(), Service: service.GetName(), Score: proto.Int32(2)}})
	require.NoError(t, err)
	stop()

	dump := lost.client(t, "pg_dump", nil)
	require.NoError(t, lost.Kill())
	restored := newDeployment(t)
	restored.client(t, "pg_restore", dump)
	restored.migrate(t)

	ctx, c, stop = restored.serve(t)
	defer stop()
	got, err := c.catalog.GetService(ctx, &ratingv1.GetServiceRequest{Name: service.GetName()})
	require.NoError(t, err)
	require.InDelta(t, 3.5, got.GetAverageScore(), 0)
	require.EqualValues(t, 2, got.GetRatingCount())
	again, err := c.users.CreateUser(ctx, create, key)
	require.NoError(t, err)
	require.Equal(t, user.GetName(), again.GetName())
	list, err := c.users.ListUsers(ctx, &ratingv1.ListUsersRequest{})
	require.NoError(t, err)
	require.Len(t, list.GetUsers(), 2)
	_, err = c.ratings.CreateRating(ctx, &ratingv1.CreateRatingRequest{Rating: &ratingv1.Rating{User: user.GetName(), Service: service.GetName(), Score: proto.Int32(1)}})
	require.Error(t, err, "Ada has rated it")
	execute(t, restored.owner, "ANALYZE")
	require.Zero(t, wrongCounts(t, restored.owner))
}

// client runs what the runbook has of a program of PostgreSQL, on this deployment's database and as its superuser, and returns
// what it writes.
func (d deployment) client(t *testing.T, program string, stdin []byte) []byte {
	t.Helper()
	text, err := os.ReadFile("../../docs/runbook.md")
	require.NoError(t, err)
	command := regexp.MustCompile(`-- ` + program + ` ([^<>\n]*) [<>] rating\.dump`).FindSubmatch(text)
	require.NotNil(t, command, "docs/runbook.md has no command with %s", program)
	args := strings.Fields(strings.Replace(string(command[1]), "--dbname rating", "--dbname "+d.URL("rating"), 1))
	require.Contains(t, args, d.URL("rating"))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := d.Client(ctx, program, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(stdin), &stdout, &stderr
	require.NoError(t, cmd.Run(), stderr.String())
	return stdout.Bytes()
}

// wrongCounts returns how many services have counts that are not those of their ratings, by the query of docs/database.md.
func wrongCounts(t *testing.T, database string) int {
	t.Helper()
	text, err := os.ReadFile("../../docs/database.md")
	require.NoError(t, err)
	check := regexp.MustCompile("(?ms)^```sql\n(SELECT .*?)^```$").FindSubmatch(text)
	require.NotNil(t, check)
	conn, err := pgx.Connect(t.Context(), database)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(context.WithoutCancel(t.Context()))) }()
	rows, err := conn.Query(t.Context(), string(check[1]))
	require.NoError(t, err)
	found, err := pgx.CollectRows(rows, pgx.RowToMap)
	require.NoError(t, err)
	return len(found)
}
