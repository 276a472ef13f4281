// Package database opens the store that a command line names: SQLite by a path, PostgreSQL by a URL. Config is a group of flags
// for kong.
//
//	type config struct {
//		Database database.Config `embed:""`
//	}
//
//	st, err := cfg.Database.Open(ctx, logger, cfg.QuerySlots, cfg.CommandSlots)
package database

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/codingflow/rating/services/rating/store"
	"github.com/codingflow/rating/services/rating/store/postgres"
	"github.com/codingflow/rating/services/rating/store/sqlite"
)

// Config says which database.
type Config struct {
	// URL is a path or file: URL of a SQLite file, or a postgres: URL; see sqlite.Open and postgres.Open.
	URL string `name:"database" env:"DATABASE_URL" default:"rating.db" help:"Path of a SQLite file, which is created if need be, or a postgres:// URL. The password may be in PGPASSWORD, or in a file that PGPASSFILE names."`
	// Tracers makes spans of statements, nil for none; see dbtrace.
	Tracers trace.TracerProvider `kong:"-"`
}

// Open opens the database for a service that runs so many queries and commands at once. A SQLite file is created or
// migrated if need be; PostgreSQL has the schema already: see [Config.Migrate].
//
// Errors are one sentence for the person who typed the command.
func (c Config) Open(ctx context.Context, logger *slog.Logger, queries, commands int) (store.Store, error) {
	if !postgres.IsURL(c.URL) {
		if err := c.checkPath(); err != nil {
			return nil, err
		}
		st, err := sqlite.Open(ctx, c.URL, sqlite.WithLogger(logger), sqlite.WithTracerProvider(c.Tracers))
		if err != nil {
			return nil, err // not st, which would be an interface that holds nil
		}
		return st, nil
	}
	st, err := postgres.Open(ctx, c.URL, postgres.WithConnections(queries, commands), postgres.WithLogger(logger),
		postgres.WithTracerProvider(c.Tracers))
	if err != nil {
		return nil, err
	}
	return st, nil
}

// Await waits until the database takes connections, for longest at most. A file always does.
//
// Errors are one sentence for the person who typed the command.
func (c Config) Await(ctx context.Context, longest time.Duration, logger *slog.Logger) error {
	if !postgres.IsURL(c.URL) {
		return nil
	}
	return postgres.Await(ctx, c.URL, longest, logger)
}

// Migrate brings the database's schema up to date.
//
// Errors are one sentence for the person who typed the command.
func (c Config) Migrate(ctx context.Context, logger *slog.Logger) error {
	if postgres.IsURL(c.URL) {
		return postgres.Migrate(ctx, c.URL, logger)
	}
	if err := c.checkPath(); err != nil {
		return err
	}
	st, err := sqlite.Open(ctx, c.URL, sqlite.WithLogger(logger))
	if err != nil {
		return err
	}
	return st.Close()
}

// Redacted returns the path, or the URL without its password, for messages to people.
func (c Config) Redacted() string {
	if postgres.IsURL(c.URL) {
		return postgres.Describe(c.URL)
	}
	if c.checkPath() != nil {
		return "an unknown database"
	}
	return c.URL
}

// checkPath refuses URLs of other databases. It does not quote them, since they may have passwords.
func (c Config) checkPath() error {
	if scheme, _, isURL := strings.Cut(c.URL, "://"); isURL && scheme != "file" {
		return fmt.Errorf("the database is a %s: URL, and must be a path, or a file: or postgres: URL", scheme)
	}
	return nil
}
