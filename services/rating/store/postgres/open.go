package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	neturl "net/url"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.opentelemetry.io/otel/trace"

	"github.com/codingflow/rating/natsgrpc/once"
	"github.com/codingflow/rating/services/rating/store"
)

const (
	// defaultBusyTimeout is how long a call waits for the database: within the ten seconds that a call takes by default, so
	// that its caller learns the reason.
	defaultBusyTimeout = 8 * time.Second
	// defaultConnections is the default number of connections of each kind, as many as a service has slots by default.
	defaultConnections = 16
	// connectTimeout bounds one attempt to connect: several fit into the busy timeout.
	connectTimeout = 3 * time.Second
	// statementTimeout is as long as the longest of the API's calls may take.
	statementTimeout = 30 * time.Second
	// idleTimeout is how long a transaction may stand still: its process hangs, or cannot be reached, and holds up others.
	idleTimeout = 10 * time.Second
)

// An Option changes how a [Store] works.
type Option interface{ apply(*config) }

type config struct {
	queries, commands int
	busyTimeout       time.Duration
	retention         time.Duration
	logger            *slog.Logger
	tracers           trace.TracerProvider
}

type optionFunc func(*config)

func (f optionFunc) apply(c *config) { f(c) }

// WithConnections sets how many connections there are at most for queries and for commands: as many as the service runs
// of each at once. Queries have their own, so that commands that wait for each other do not hold them up. They are opened
// when they are needed, and closed after half an hour without use. Default 16 each.
func WithConnections(queries, commands int) Option {
	return optionFunc(func(c *config) { c.queries, c.commands = queries, commands })
}

// WithBusyTimeout sets how long a call waits for a connection, for a lock, and for a database that is away, before it fails
// with [store.ErrBusy] or [store.ErrUnavailable]. Default 8 seconds.
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
	case c.queries < 1 || c.commands < 1:
		return fmt.Errorf("postgres: %d connections for queries and %d for commands, not at least 1 each", c.queries, c.commands)
	case c.busyTimeout < time.Millisecond:
		return fmt.Errorf("postgres: busy timeout is %v, less than a millisecond", c.busyTimeout)
	case c.retention <= 0:
		return fmt.Errorf("postgres: retention is %v, not positive", c.retention)
	case c.logger == nil:
		return errors.New("postgres: logger is nil")
	}
	return nil
}

// IsURL reports whether a database is named as [Open] wants it: postgres://… or postgresql://….
func IsURL(database string) bool {
	return strings.HasPrefix(database, "postgres://") || strings.HasPrefix(database, "postgresql://")
}

// Describe returns a URL without its password and its parameters, for messages to people.
func Describe(url string) string {
	config, err := parse(url)
	if err != nil {
		return "an unknown PostgreSQL database"
	}
	return describe(config.ConnConfig)
}

// Open opens the database that a URL names, as libpq has it: postgres://user@host:port/database?parameter=value. What it
// leaves out comes from libpq's environment variables, such as PGPASSWORD, PGPASSFILE and PGSSLMODE. The database has the
// schema of this version already, or a newer one: see [Migrate].
//
// The store deletes old records of requests from time to time until it is closed.
//
// Errors are one sentence that names the database, without its password, and what is wrong with it; [ErrOldSchema] is among
// them.
func Open(ctx context.Context, url string, opts ...Option) (*Store, error) {
	cfg := config{
		queries:     defaultConnections,
		commands:    defaultConnections,
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
	parsed, err := parse(url)
	if err != nil {
		return nil, err
	}
	setDefault(parsed.ConnConfig, "lock_timeout", milliseconds(cfg.busyTimeout))
	if err := check(ctx, parsed.ConnConfig); err != nil {
		return nil, err
	}
	// Only from here on: the check above is nobody's call.
	tracer := newTracer(cfg.tracers, parsed.ConnConfig)
	if tracer != nil {
		parsed.ConnConfig.Tracer = statementTracer{tracer}
	}
	s, outage := &Store{}, &outage{}
	if s.read.pool, err = newPool(ctx, parsed, cfg.queries); err != nil {
		return nil, err
	}
	if s.write.pool, err = newPool(ctx, parsed, cfg.commands); err != nil {
		s.read.pool.Close()
		return nil, err
	}
	for _, p := range []*pool{&s.read, &s.write} {
		p.busyTimeout, p.outage, p.tracer = cfg.busyTimeout, outage, tracer
	}
	s.sweeper = store.StartSweeper(s, cfg.retention, cfg.logger)
	return s, nil
}

// newPool returns a pool that connects when it is used.
func newPool(ctx context.Context, parsed *pgxpool.Config, connections int) (*pgxpool.Pool, error) {
	config := parsed.Copy()
	config.MaxConns = int32(connections)
	p, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("cannot use %s: %w", describe(config.ConnConfig), err)
	}
	return p, nil
}

// check connects once, so that what is wrong is said at the start, and checks the schema.
func check(ctx context.Context, config *pgx.ConnConfig) error {
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return fmt.Errorf("cannot open %s: %s", describe(config), reason(err))
	}
	defer conn.Close(ctx)
	if err := checkSchema(ctx, conn); err != nil {
		return fmt.Errorf("cannot use %s: %w", describe(config), err)
	}
	return nil
}

// parse parses a URL and sets what it leaves open. Its error does not quote the URL, since it may have a password.
func parse(url string) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil || !IsURL(url) {
		return nil, errors.New("the database is not a PostgreSQL URL, postgres://user@host:port/database; " +
			"special characters in a user or a password must be percent-encoded")
	}
	conn := config.ConnConfig
	if !strings.Contains(url, "connect_timeout=") {
		conn.ConnectTimeout = connectTimeout
	}
	setDefault(conn, "application_name", "rating")
	setDefault(conn, "statement_timeout", milliseconds(statementTimeout))
	setDefault(conn, "idle_in_transaction_session_timeout", milliseconds(idleTimeout))
	// Without statistics the planner may read a user's ratings from the index of the unique key and sort them, all for one page.
	setDefault(conn, "enable_incremental_sort", "off")
	return config, nil
}

func setDefault(config *pgx.ConnConfig, parameter, value string) {
	if _, set := config.RuntimeParams[parameter]; !set {
		config.RuntimeParams[parameter] = value
	}
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// describe returns the URL of the server that is tried first, without a password.
func describe(config *pgx.ConnConfig) string {
	u := neturl.URL{Scheme: "postgres", User: neturl.User(config.User), Path: "/" + config.Database}
	if strings.HasPrefix(config.Host, "/") { // the folder of a socket
		u.RawQuery = "host=" + config.Host
	} else {
		u.Host = net.JoinHostPort(config.Host, strconv.Itoa(int(config.Port)))
	}
	return u.String()
}
