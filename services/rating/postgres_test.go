//go:build integration

package main

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/metadata"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
	"github.com/codingflow/rating/services/rating/store/database"
	"github.com/codingflow/rating/services/rating/store/postgres"
	"github.com/codingflow/rating/services/rating/store/postgres/postgrestest"
	"github.com/codingflow/rating/telemetry/otlptest"
)

// Migrating waits for a PostgreSQL that comes, as long as it is told.
func TestMigrateWaits(t *testing.T) {
	server := postgrestest.NewServer(t)
	command := &migrateCommand{Database: database.Config{URL: server.URL("postgres")}, Wait: time.Millisecond}
	require.NoError(t, server.Stop())
	require.ErrorContains(t, command.Run(t.Context()), "cannot open postgres://postgres@127.0.0.1:")

	command.Wait = time.Minute
	ran := make(chan error, 1)
	go func() { ran <- command.Run(t.Context()) }()
	require.NoError(t, server.Start())
	require.NoError(t, <-ran)
}

// The service does not start before PostgreSQL has its schema. It says so while the database is away, and serves again when it
// is there again. It never logs the password.
func TestRunServesFromPostgreSQL(t *testing.T) {
	server := postgrestest.NewServer(t)
	ns := natsgrpctest.NewServer(t)
	cfg := newConfig(t, ns.ClientURL())
	cfg.Database = database.Config{URL: server.URL("postgres")}
	var log otlptest.Log
	logger := log.Logger()
	require.ErrorIs(t, run(t.Context(), cfg, logger), postgres.ErrOldSchema)

	require.NoError(t, (&migrateCommand{Database: cfg.Database}).Run(t.Context()))
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- run(ctx, cfg, logger) }()
	health := log.Await(t, "serving", "health")
	ready := func() bool { return get(t, health, "/readyz") == "200 ok\n" }
	require.Eventually(t, ready, 20*time.Second, 10*time.Millisecond)
	conn, err := natsgrpc.NewConn(natsgrpctest.Connect(t, ns))
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close()) }()
	users := ratingv1.NewUserServiceClient(conn)
	create := func() {
		t.Helper()
		ctx := metadata.AppendToOutgoingContext(t.Context(), "x-auth-issuer", "development", "x-auth-subject", "developer")
		_, err := users.CreateUser(ctx, &ratingv1.CreateUserRequest{User: &ratingv1.User{DisplayName: "Ada"}})
		require.NoError(t, err)
	}
	create()

	require.NoError(t, server.Kill())
	require.Regexp(t, "^503 .*the database is unavailable", get(t, health, "/readyz"))
	require.Equal(t, "200 ok\n", get(t, health, "/healthz"), "a restart of the service would not help")
	require.NoError(t, server.Start())
	require.Eventually(t, ready, 20*time.Second, 10*time.Millisecond)
	create()
	cancel()
	require.NoError(t, <-ran)
	require.Contains(t, log.String(), `"database":"postgres://postgres@127.0.0.1:`)
	require.NotContains(t, log.String(), server.Password())
}
