package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
)

// migrations holds the schema as steps, which goose applies in order. A step that is part of a release never changes; the
// schema only goes forward.
//
//go:embed migrations/*.sql
var migrations embed.FS

// migrateFile creates the file if need be and brings its schema up to date.
func migrateFile(ctx context.Context, path string, cfg *config) (err error) {
	db, err := sql.Open("sqlite", dsn(path, cfg.busyTimeout, "foreign_keys(1)", "synchronous(FULL)"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	if err := useWAL(ctx, db, cfg.busyTimeout); err != nil {
		return err
	}
	steps, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	return migrate(ctx, db, steps)
}

// useWAL makes the file use a write-ahead log, which stays so. While others open a new file at the same time SQLite does
// not wait for them but fails, so that waiting is done here.
func useWAL(ctx context.Context, db *sql.DB, busyTimeout time.Duration) error {
	for start := time.Now(); ; {
		var mode string
		err := db.QueryRowContext(ctx, "PRAGMA journal_mode = WAL").Scan(&mode)
		switch {
		case err == nil && mode != "wal":
			return fmt.Errorf("no write-ahead log here, but journal mode %q", mode)
		case !isBusy(err) || time.Since(start) >= busyTimeout:
			return err
		}
		if err := wait(ctx, beginInterval); err != nil {
			return err
		}
	}
}

// migrate applies the steps that are missing. Processes that do so at once need no further lock: each step is one
// transaction that also inserts its unique version, so that the second to apply it fails without an effect and goes on
// with the next.
//
// Errors: [ErrNewerSchema].
func migrate(ctx context.Context, db *sql.DB, steps fs.FS) error {
	versions, err := database.NewStore(database.DialectSQLite3, versionTable)
	if err != nil {
		return err
	}
	if err := createVersionTable(ctx, db, versions); err != nil {
		return fmt.Errorf("create version table: %w", err)
	}
	provider, err := goose.NewProvider(goose.DialectCustom, db, steps,
		goose.WithStore(versions), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	for {
		current, target, err := provider.GetVersions(ctx)
		switch {
		case err != nil:
			return fmt.Errorf("read schema version: %w", err)
		case current > target:
			return fmt.Errorf("%w: its schema is version %d, this one knows %d", ErrNewerSchema, current, target)
		case current == target:
			return nil
		}
		if _, upErr := provider.Up(ctx); upErr != nil {
			if now, err := provider.GetDBVersion(ctx); err != nil || now == current {
				return fmt.Errorf("migrate schema: %w", upErr)
			}
		}
	}
}

// versionTable is goose's default name of the table of applied steps.
const versionTable = goose.DefaultTablename

// createVersionTable creates the table of applied steps unless it exists. Goose would do it too, but without the unique
// index on which migrate relies.
func createVersionTable(ctx context.Context, db *sql.DB, versions database.Store) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // does nothing after the commit
	var exists bool
	err = tx.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = ?)", versionTable).Scan(&exists)
	if err != nil || exists {
		return err
	}
	if err := versions.CreateVersionTable(ctx, tx); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "CREATE UNIQUE INDEX goose_db_version_unique ON "+versionTable+" (version_id)"); err != nil {
		return err
	}
	if err := versions.Insert(ctx, tx, database.InsertRequest{Version: 0}); err != nil {
		return err
	}
	return tx.Commit()
}
