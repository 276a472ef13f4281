package postgres

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// migrations holds the schema as steps, which goose applies in order. A step that is part of a release never changes; the
// schema only goes forward. A step leaves the release before it working: what that one needs goes a release later.
//
//go:embed migrations/*.sql
var migrations embed.FS

const (
	// migrationLockTimeout is lock_timeout, in milliseconds, while steps are applied: one that waits for a table holds up all
	// who come after it, so it shall rather fail and be tried again.
	migrationLockTimeout = "10000"
	// Who finds another at migrating asks each second whether that one is ready, for 5 minutes.
	migrationLockInterval, migrationLockTries = 1, 300
)

// awaitInterval is how often Await looks for the server.
const awaitInterval = time.Second

// Await waits until a database takes connections, for longest at most: of one that is being set up, the server, the database or the
// role may come later. It logs that it waits.
//
// Errors are one sentence that names the database, without its password, and why it cannot be used.
func Await(ctx context.Context, url string, longest time.Duration, logger *slog.Logger) error {
	config, err := parse(url)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	for waits := false; ; waits = true {
		conn, err := pgx.ConnectConfig(ctx, config.ConnConfig)
		if err == nil {
			return conn.Close(ctx)
		}
		failure := fmt.Errorf("cannot open %s within %v: %s", describe(config.ConnConfig), longest, reason(err))
		if !waits {
			logger.InfoContext(ctx, "waiting for the database", "error", failure)
		}
		if wait(ctx, awaitInterval) != nil {
			return failure
		}
	}
}

// Migrate brings the schema of a database up to date, which [Open] never does. Each step is one transaction. Several
// processes may do so at once: one does it, the others wait for it. The role must own the tables, or be allowed to create
// them in the schema that comes first on its search path.
//
// Errors are one sentence that names the database, without its password, and what is wrong with it.
func Migrate(ctx context.Context, url string, logger *slog.Logger) error {
	config, err := parse(url)
	if err != nil {
		return err
	}
	conn := config.ConnConfig
	conn.RuntimeParams["lock_timeout"] = migrationLockTimeout
	delete(conn.RuntimeParams, "statement_timeout")
	delete(conn.RuntimeParams, "idle_in_transaction_session_timeout")
	if err := migrate(ctx, conn, logger); err != nil {
		return fmt.Errorf("cannot migrate %s: %w", describe(conn), err)
	}
	return nil
}

func migrate(ctx context.Context, config *pgx.ConnConfig, logger *slog.Logger) (err error) {
	if err := checkEncoding(ctx, config); err != nil {
		return err
	}
	db := stdlib.OpenDB(*config)
	defer func() { err = errors.Join(err, db.Close()) }()
	steps, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(migrationLockInterval, migrationLockTries))
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, steps,
		goose.WithSessionLocker(locker), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	applied, err := provider.Up(ctx)
	for _, step := range applied {
		logger.InfoContext(ctx, "migrated", "step", step.Source.Path, "duration", step.Duration)
	}
	return err
}

// checkEncoding checks that the database takes every text.
func checkEncoding(ctx context.Context, config *pgx.ConnConfig) error {
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return errors.New(reason(err))
	}
	defer conn.Close(ctx)
	var encoding string
	if err := conn.QueryRow(ctx, "SHOW server_encoding").Scan(&encoding); err != nil {
		return err
	}
	if encoding != "UTF8" {
		return fmt.Errorf("its encoding is %s and must be UTF8", encoding)
	}
	return nil
}

// selectSchemaVersion reads goose's table, which has a row for each step.
const selectSchemaVersion = `SELECT coalesce(max(version_id), 0) FROM ` + goose.DefaultTablename + ` WHERE is_applied`

// checkSchema checks that the schema is not older than the one that this version needs. A newer one will do: see
// [migrations].
func checkSchema(ctx context.Context, conn *pgx.Conn) error {
	var version int64
	err := conn.QueryRow(ctx, selectSchemaVersion).Scan(&version)
	if code(err) == codeUndefinedTable {
		err = nil // nothing was migrated
	}
	if err != nil {
		return failure(ctx, "read schema version", err)
	}
	if newest := newestStep(); version < newest {
		return fmt.Errorf("%w: it is version %d and this version of the rating service needs %d; run `rating migrate`",
			ErrOldSchema, version, newest)
	}
	return nil
}

// newestStep returns the version of the schema after all steps.
func newestStep() int64 {
	names, err := fs.Glob(migrations, "migrations/*.sql") // in order
	if err != nil || len(names) == 0 {
		return 0 // cannot happen: they are embedded
	}
	number, _, _ := strings.Cut(path.Base(names[len(names)-1]), "_")
	version, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return 0 // likewise
	}
	return version
}
