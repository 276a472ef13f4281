package main

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsdial"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
	"github.com/codingflow/rating/services/rating/store/database"
	"github.com/codingflow/rating/telemetry/otlptest"
)

func newConfig(t *testing.T, nats string) *config {
	t.Helper()
	return &config{
		NATS: natsdial.Config{URL: nats}, Listen: "127.0.0.1:0", Database: database.Config{URL: filepath.Join(t.TempDir(), "rating.db")},
		QuerySlots: 4, CommandSlots: 4, DrainTimeout: 10 * time.Second,
	}
}

// Calls come through the queue, health is told, and the end of the context drains.
func TestRunServes(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	cfg := newConfig(t, ns.ClientURL())
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	var log otlptest.Log
	go func() { ran <- run(ctx, cfg, log.Logger()) }()
	health := log.Await(t, "serving", "health")
	require.Eventually(t, func() bool { return get(t, health, "/readyz") == "200 ok\n" }, 20*time.Second, 10*time.Millisecond)
	require.Equal(t, "200 ok\n", get(t, health, "/healthz"))

	conn, err := natsgrpc.NewConn(natsgrpctest.Connect(t, ns))
	require.NoError(t, err)
	defer conn.Close()
	users := ratingv1.NewUserServiceClient(conn)
	ada := metadata.AppendToOutgoingContext(t.Context(), "x-auth-issuer", "https://issuer.example", "x-auth-subject", "ada")
	created, err := users.CreateUser(ada, &ratingv1.CreateUserRequest{User: &ratingv1.User{DisplayName: "Ada"}})
	require.NoError(t, err)
	got, err := users.GetUser(t.Context(), &ratingv1.GetUserRequest{Name: created.GetName()})
	require.NoError(t, err)
	own, err := users.GetUser(ada, &ratingv1.GetUserRequest{Name: "users/me"})
	require.NoError(t, err)
	require.Equal(t, created.GetName(), own.GetName())
	require.Equal(t, "Ada", got.GetDisplayName())
	_, err = users.CreateUser(t.Context(), &ratingv1.CreateUserRequest{User: &ratingv1.User{}})
	require.Equal(t, codes.InvalidArgument, status.Code(err))
	require.Len(t, status.Convert(err).Details(), 2)
	metrics := get(t, health, "/metrics")
	require.Contains(t, metrics, "\n"+`rpc_server_call_duration_seconds_count{rpc_method="rating.v1.UserService/GetUser",rpc_response_status_code="OK",rpc_system_name="grpc"} 2`)
	require.Contains(t, metrics, "\nrating_build_info{")
	require.Contains(t, metrics, `nats_client_connected{nats_client_name="rating"} 1`)

	cancel()
	require.NoError(t, <-ran)
}

// get returns the status and the body of a path of the health endpoint, or why there is none.
func get(t *testing.T, health, path string) string {
	t.Helper()
	response, err := http.Get("http://" + health + path)
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.Status[:4] + string(body)
}

func TestRunSaysWhatIsWrong(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer busy.Close()
	for _, test := range []struct {
		name   string
		change func(*config)
		want   string
	}{
		{"NATS", func(c *config) { c.NATS.URL = "nats://me:secret@127.0.0.1:1" }, "^cannot reach NATS at nats://me:xxxxx@127.0.0.1:1: nats: no servers available for connection$"},
		{"credentials", func(c *config) { c.NATS.Creds = "/no/such/file" }, "^cannot use --nats-creds: nats: open /no/such/file: no such file or directory$"},
		{"port", func(c *config) { c.Listen = busy.Addr().String() }, "^cannot listen on 127.0.0.1:[0-9]+: listen tcp 127.0.0.1:[0-9]+: bind: address already in use; choose another address with --listen$"},
		{"database", func(c *config) { c.Database.URL = t.TempDir() }, "^database .* cannot be opened: it is a folder$"},
		{"slots", func(c *config) { c.QuerySlots = 0 }, "slots"},
	} {
		t.Run(test.name, func(t *testing.T) {
			cfg := newConfig(t, ns.ClientURL())
			test.change(cfg)
			require.Regexp(t, test.want, run(t.Context(), cfg, slog.New(slog.DiscardHandler)).Error())
		})
	}
}

// Without a command the program serves, as with one; its flags are the same.
func TestCommandLine(t *testing.T) {
	for _, test := range []struct {
		args     []string
		command  string
		database string
	}{
		{nil, "serve", "rating.db"},
		{[]string{"--database", "x.db"}, "serve", "x.db"},
		{[]string{"serve", "--database", "x.db"}, "serve", "x.db"},
		{[]string{"migrate", "--database", "postgres://host/db"}, "migrate", "postgres://host/db"},
	} {
		var c cli
		parser, err := kong.New(&c, kong.Vars{"version": "1"})
		require.NoError(t, err)
		parsed, err := parser.Parse(test.args)
		require.NoError(t, err, test.args)
		require.Equal(t, test.command, parsed.Command(), test.args)
		got := c.Serve.Database.URL
		if test.command == "migrate" {
			got = c.Migrate.Database.URL
		}
		require.Equal(t, test.database, got, test.args)
	}
}

func TestMigrateMakesTheFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "rating.db")
	require.NoError(t, (&migrateCommand{Database: database.Config{URL: file}}).Run(t.Context()))
	require.FileExists(t, file)
}
