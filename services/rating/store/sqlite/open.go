package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"go.opentelemetry.io/otel/trace"
	_ "modernc.org/sqlite" // registers the driver "sqlite"

	"github.com/codingflow/rating/natsgrpc/once"
	"github.com/codingflow/rating/services/rating/store"
)

// defaultBusyTimeout is how long a call waits for the database while others write: within the ten seconds that a call
// takes by default, so that its caller learns the reason.
const defaultBusyTimeout = 8 * time.Second

// minReaders is the least number of connections that read at once: more than one processor needs, for a reader may wait
// for the disk.
const minReaders = 4

// Synchronous says when a commit is on the disk. The package comment says what survives what.
type Synchronous string

const (
	// Full waits for the disk at every commit. The default.
	Full Synchronous = "FULL"
	// Normal leaves commits to the operating system, which writes them within seconds.
	Normal Synchronous = "NORMAL"
)

// An Option changes how a [Store] works.
type Option interface{ apply(*config) }

type config struct {
	synchronous Synchronous
	busyTimeout time.Duration
	retention   time.Duration
	logger      *slog.Logger
	tracers     trace.TracerProvider
}

type optionFunc func(*config)

func (f optionFunc) apply(c *config) { f(c) }

// WithSynchronous sets when a commit is on the disk. Default [Full].
func WithSynchronous(s Synchronous) Option {
	return optionFunc(func(c *config) { c.synchronous = s })
}

// WithBusyTimeout sets how long a call waits while others hold the database, before it fails with [store.ErrBusy].
// Default 8 seconds.
func WithBusyTimeout(d time.Duration) Option {
	return optionFunc(func(c *config) { c.busyTimeout = d })
}

// WithRetention sets how long requests stay recorded. Default [once.DefaultRetention].
func WithRetention(d time.Duration) Option {
	return optionFunc(func(c *config) { c.retention = d })
}

// WithLogger sets where the store's own work is logged. Default [slog.Default].
func WithLogger(l *slog.Logger) Option {
	return optionFunc(func(c *config) { c.logger = l })
}

// WithTracerProvider makes the spans of statements that [dbtrace] describes; nil makes none. Default none.
func WithTracerProvider(provider trace.TracerProvider) Option {
	return optionFunc(func(c *config) { c.tracers = provider })
}

func (c *config) validate() error {
	switch {
	case c.synchronous != Full && c.synchronous != Normal:
		return fmt.Errorf("sqlite: synchronous is %q, neither %s nor %s", c.synchronous, Full, Normal)
	case c.busyTimeout < time.Millisecond:
		return fmt.Errorf("sqlite: busy timeout is %v, less than a millisecond", c.busyTimeout)
	case c.retention <= 0:
		return fmt.Errorf("sqlite: retention is %v, not positive", c.retention)
	case c.logger == nil:
		return errors.New("sqlite: logger is nil")
	}
	return nil
}

// Open opens the database in a file, which it creates if need be, with the schema of this version; the folder must exist.
// The file is a path or a file: URL without query. Any number of processes may open the same file at once, on a local
// disk of one machine.
//
// The store deletes old records of requests from time to time until it is closed.
//
// Errors are one sentence that names the file and what is wrong with it; [ErrNewerSchema] and [store.ErrBusy] (another
// process holds the file locked) are among them.
func Open(ctx context.Context, file string, opts ...Option) (*Store, error) {
	cfg := config{
		synchronous: Full,
		busyTimeout: defaultBusyTimeout,
		retention:   once.DefaultRetention,
		logger:      slog.Default(),
	}
	for _, opt := range opts {
		opt.apply(&cfg)
	}
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	path, err := filePath(file)
	if err != nil {
		return nil, err
	}
	s, err := open(ctx, path, &cfg)
	if err != nil {
		return nil, explain(ctx, path, err)
	}
	s.sweeper = store.StartSweeper(s, cfg.retention, cfg.logger)
	return s, nil
}

func open(ctx context.Context, path string, cfg *config) (*Store, error) {
	if err := migrateFile(ctx, path, cfg); err != nil {
		return nil, err
	}
	// The writer's waits are the loop in writer.begin, not SQLite's.
	write, err := sql.Open("sqlite", dsn(path, 0,
		"synchronous("+string(cfg.synchronous)+")",
		"foreign_keys(1)",
		fmt.Sprintf("journal_size_limit(%d)", walLimit),
	))
	if err != nil {
		return nil, err
	}
	write.SetMaxOpenConns(1)
	read, err := sql.Open("sqlite", dsn(path, cfg.busyTimeout, "query_only(1)"))
	if err != nil {
		return nil, errors.Join(err, write.Close())
	}
	readers := max(minReaders, runtime.GOMAXPROCS(0))
	read.SetMaxOpenConns(readers)
	read.SetMaxIdleConns(readers)

	s := &Store{read: read, writer: writer{db: write, busyTimeout: cfg.busyTimeout, tracer: newTracer(cfg.tracers)}}
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, s.closeDatabases())
	}
	return s, nil
}

// start prepares the statements. Then it begins to write: a file that was migrated already has only been read until now,
// and one that cannot be written shall be noticed.
func (s *Store) start(ctx context.Context) (err error) {
	for begun := time.Now(); ; {
		s.writer.prepared, err = prepare(ctx, s.writer.db)
		if !isBusy(err) || time.Since(begun) >= s.writer.busyTimeout {
			break
		}
		if err := wait(ctx, beginInterval); err != nil {
			return err
		}
	}
	if err != nil {
		return err
	}
	readers, err := prepare(ctx, s.read)
	if err != nil {
		return err
	}
	s.reader = reader{pool{readers, s.writer.tracer}}
	return s.writer.do(ctx, func(transaction) error { return nil })
}

// walLimit is the size in bytes to which the write-ahead log is cut back after a burst of writes.
const walLimit = 64 << 20

// dsn returns the driver's name for connections to a file. Their transactions take the right to write when they begin,
// because one that reads first and then writes fails when another has written between.
func dsn(path string, busyTimeout time.Duration, pragmas ...string) string {
	query := url.Values{"_txlock": {"immediate"}, "_dqs": {"0"}}
	query.Add("_pragma", fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds()))
	for _, pragma := range pragmas {
		query.Add("_pragma", pragma)
	}
	return (&url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: query.Encode()}).String()
}

// filePath returns the absolute path of a database that is given as a path or as a file: URL.
func filePath(file string) (string, error) {
	path := file
	if scheme, _, ok := strings.Cut(file, ":"); ok && !strings.ContainsAny(scheme, `/\.`) {
		u, err := url.Parse(file)
		switch {
		case err != nil || u.Scheme != "file":
			return "", fmt.Errorf("database %q is neither a path nor a file: URL", file)
		case u.Host != "" && u.Host != "localhost" || u.RawQuery != "" || u.Fragment != "":
			return "", fmt.Errorf("database %q: a file: URL may only have a path", file)
		case u.Opaque != "":
			if path, err = url.PathUnescape(u.Opaque); err != nil {
				return "", fmt.Errorf("database %q: %w", file, err)
			}
		default:
			path = u.Path
		}
	}
	if path == "" {
		return "", fmt.Errorf("database %q has no path", file)
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("database %q: %w", file, err)
	}
	return filepath.ToSlash(abs), nil
}
