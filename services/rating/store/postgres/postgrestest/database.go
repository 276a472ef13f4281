package postgrestest

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/services/rating/store/postgres"
)

// template is the database that the others are copied from.
const template = "rating_template"

// shared is the server of this binary's tests, which the first of them starts.
var shared struct {
	sync.Mutex
	dir       string
	server    *Server
	databases atomic.Int64
}

// Main runs a binary's tests and then ends their server. It returns the exit code.
func Main(m *testing.M) int {
	code := m.Run()
	shared.Lock()
	defer shared.Unlock()
	if shared.server != nil {
		if err := shared.server.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	if shared.dir != "" {
		if err := os.RemoveAll(shared.dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	return code
}

// NewDatabase returns the URL of a database with the schema and no data, on the server of this binary's tests. That server
// does not wait for the disk. Its binary's TestMain calls [Main].
func NewDatabase(t testing.TB) string {
	t.Helper()
	return newDatabase(t, "TEMPLATE "+template)
}

// NewEmpty is like [NewDatabase], without the schema; options are those of CREATE DATABASE.
func NewEmpty(t testing.TB, options string) string {
	t.Helper()
	return newDatabase(t, options)
}

func newDatabase(t testing.TB, options string) string {
	t.Helper()
	server, err := sharedServer(t.Context())
	require.NoError(t, err)
	name := fmt.Sprint("test_", shared.databases.Add(1))
	require.NoError(t, server.execute(t.Context(), "CREATE DATABASE "+name+" "+options))
	t.Cleanup(func() {
		if err := server.execute(context.Background(), "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Error(err)
		}
	})
	return server.URL(name)
}

// sharedServer returns the server of this binary's tests.
func sharedServer(ctx context.Context) (*Server, error) {
	shared.Lock()
	defer shared.Unlock()
	if shared.server != nil {
		return shared.server, nil
	}
	var err error
	if shared.dir == "" {
		if shared.dir, err = os.MkdirTemp("", "postgrestest"); err != nil {
			return nil, err
		}
	}
	server, err := newServer(shared.dir, []string{"fsync=off", "full_page_writes=off", "max_connections=300"})
	if err != nil {
		return nil, err
	}
	if err := server.execute(ctx, "CREATE DATABASE "+template); err != nil {
		return nil, err
	}
	if err := postgres.Migrate(ctx, server.URL(template), slog.New(slog.DiscardHandler)); err != nil {
		return nil, err
	}
	shared.server = server
	return server, nil
}

// execute executes a statement in the database postgres.
func (s *Server) execute(ctx context.Context, statement string) error {
	conn, err := pgx.Connect(ctx, s.URL("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, statement)
	return err
}
