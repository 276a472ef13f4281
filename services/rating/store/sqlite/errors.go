package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	sqlite "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/codingflow/rating/services/rating/store"
)

// ErrNewerSchema says that a newer version of the rating service has changed the database in a way that this one does
// not know.
var ErrNewerSchema = errors.New("was made by a newer version of the rating service")

// failure wraps an error of an operation, if it is one: with the context's error when the context has ended, which is
// then its reason, and with [store.ErrBusy] where that is the reason.
func failure(ctx context.Context, operation string, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w", operation, ctx.Err())
	case isBusy(err):
		return fmt.Errorf("%s: %w: %w", operation, store.ErrBusy, err)
	}
	return fmt.Errorf("%s: %w", operation, err)
}

// isBusy reports whether an error says that another connection holds the lock that is needed.
func isBusy(err error) bool { return code(err) == sqlite3.SQLITE_BUSY }

// code returns SQLite's primary result code of an error, or 0.
func code(err error) int {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code() & 0xff
	}
	return 0
}

// explain turns an error of opening a file into a sentence about the file.
func explain(ctx context.Context, path string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("open database %s: %w", path, ctx.Err())
	}
	if errors.Is(err, ErrNewerSchema) {
		return fmt.Errorf("database %s %w", path, err)
	}
	switch code(err) {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return fmt.Errorf("database %s is locked by another process: %w", path, store.ErrBusy)
	case sqlite3.SQLITE_NOTADB:
		return fmt.Errorf("%s is not a SQLite database", path)
	case sqlite3.SQLITE_CORRUPT:
		return fmt.Errorf("database %s is damaged: %w", path, err)
	case sqlite3.SQLITE_READONLY:
		return fmt.Errorf("database %s cannot be written: no permission for the file or its folder", path)
	case sqlite3.SQLITE_CANTOPEN:
		return fmt.Errorf("database %s cannot be opened: %s", path, whyNot(path))
	}
	return fmt.Errorf("database %s: %w", path, err)
}

// whyNot returns why a file can be neither opened nor created.
func whyNot(path string) string {
	folder := filepath.Dir(path)
	if info, err := os.Stat(folder); err != nil || !info.IsDir() {
		return "there is no folder " + folder
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return "it is a folder"
	}
	return "no permission for the file or its folder"
}
