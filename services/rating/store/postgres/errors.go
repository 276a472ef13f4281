package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/codingflow/rating/services/rating/store"
)

// ErrOldSchema says that the database has not the schema that this version of the rating service needs. [Migrate] brings
// it up to date.
var ErrOldSchema = errors.New("the schema is too old")

// errVanished says that a row which was in the way is not there any more.
var errVanished = errors.New("a row in the way is gone")

// PostgreSQL's error codes, of which the first two characters are the class:
// https://www.postgresql.org/docs/current/errcodes-appendix.html
const (
	codeReadOnly             = "25006" // read_only_sql_transaction: a server that is no primary any more
	codeIdleInTransaction    = "25P03" // idle_in_transaction_session_timeout
	codeSerializationFailure = "40001"
	codeDeadlock             = "40P01"
	codeUndefinedTable       = "42P01"
	codeLockNotAvailable     = "55P03" // lock_timeout
	codeQueryCanceled        = "57014" // statement_timeout
	codeAdminShutdown        = "57P01"
	codeCrashShutdown        = "57P02"
	codeCannotConnectNow     = "57P03" // it starts, or stops
	classConnection          = "08"
	classResources           = "53" // too many connections, no memory, a full disk
	classSystem              = "58" // an error of input or output
)

// failure wraps an error of an operation, if it is one: with the context's error when the context has ended, which is
// then its reason, and with [store.ErrBusy] or [store.ErrUnavailable] where that is the reason.
func failure(ctx context.Context, operation string, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w", operation, ctx.Err())
	case isBusy(err):
		return fmt.Errorf("%s: %w: %w", operation, store.ErrBusy, err)
	case isUnavailable(err):
		return fmt.Errorf("%s: %w: %w", operation, store.ErrUnavailable, err)
	}
	return fmt.Errorf("%s: %w", operation, err)
}

// isBusy reports whether an error says that others hold what is needed.
func isBusy(err error) bool {
	switch code(err) {
	case codeLockNotAvailable, codeQueryCanceled, codeSerializationFailure, codeDeadlock:
		return true
	}
	return false
}

// isUnavailable reports whether an error says that the database cannot be reached, or not work, at the moment.
func isUnavailable(err error) bool {
	switch code := code(err); code {
	case "": // not the server's word, or no error
	case codeReadOnly, codeIdleInTransaction, codeAdminShutdown, codeCrashShutdown, codeCannotConnectNow:
		return true
	default:
		class := code[:2]
		return class == classConnection || class == classResources || class == classSystem
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, pgconn.ErrConnClosed) || pgconn.SafeToRetry(err)
}

// passes reports whether an error is of a kind that a rerun after a moment can mend.
func passes(err error) bool {
	if _, inDoubt := errors.AsType[*doubtError](err); inDoubt {
		return false
	}
	switch code(err) {
	case codeSerializationFailure, codeDeadlock:
		return true
	}
	return isAway(err) || errors.Is(err, errVanished)
}

// isAway reports whether an error says that the database is away, by the mark of [failure] or by itself.
func isAway(err error) bool { return errors.Is(err, store.ErrUnavailable) || isUnavailable(err) }

// A doubtError is that of a commit which may or may not have happened, of a command that nothing was recorded of.
type doubtError struct{ err error }

func (e *doubtError) Error() string { return e.err.Error() }
func (e *doubtError) Unwrap() error { return e.err }

// code returns PostgreSQL's code of an error, or "".
func code(err error) string {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code
	}
	return ""
}

// reason returns the shortest text of an error of connecting that says why: without the words of the client around it, and
// without the connection's parameters.
func reason(err error) string {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Message
	}
	if e, ok := errors.AsType[*net.OpError](err); ok {
		return e.Error()
	}
	if e, ok := errors.AsType[*net.DNSError](err); ok {
		return e.Error()
	}
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		err = inner
	}
	return err.Error()
}
