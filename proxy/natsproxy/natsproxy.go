// Package natsproxy puts a proxy's server on NATS: its calls go to natsgrpc's queues, its operations are kept in a bucket, and
// its routes are those that services publish. The proxy's main, `dev up`, tests and benchmarks wire it here, so that all run
// the same.
package natsproxy

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsdial"
	"github.com/codingflow/rating/natsgrpc/registry"
	"github.com/codingflow/rating/proxy/live"
	"github.com/codingflow/rating/proxy/operations"
	"github.com/codingflow/rating/proxy/server"
)

// DefaultRoutesTimeout is how long New waits for what services have published where Config does not say.
const DefaultRoutesTimeout = 5 * time.Second

// Config says how a proxy is put on NATS. The zero value of each field but Server stands for its default.
type Config struct {
	// Server is the server's. New sets what depends on NATS: Descriptors, Operations, IdempotencyKey, ExpectedWait and Ready.
	Server server.Config
	// Domain is the JetStream domain of all streams. Default: the connection's own.
	Domain string
	// RoutesTimeout bounds how long New waits for what services have published, see live.Follow. Default
	// [DefaultRoutesTimeout].
	RoutesTimeout time.Duration
	// Logger is where the parts beside the server log. Default none.
	Logger *slog.Logger
	// Conn are further options of the connection that calls services.
	Conn []natsgrpc.ConnOption
}

// New returns a server over nc, which stays the caller's, and what ends its use of nc once it has served.
//
// Errors: an option or the server's config is wrong.
func New(ctx context.Context, nc *nats.Conn, config Config) (_ *server.Server, stop func() error, err error) {
	if config.Server.Files == nil {
		config.Server.Files = server.BuiltIn()
	}
	if config.RoutesTimeout == 0 {
		config.RoutesTimeout = DefaultRoutesTimeout
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	descriptors := server.NewDescriptors(config.Server.Files)
	conn, err := natsgrpc.NewConn(nc, append(slices.Clip(config.Conn),
		natsgrpc.WithDescriptors(descriptors), natsgrpc.WithLogger(config.Logger), natsgrpc.WithJetStreamDomain(config.Domain))...)
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, conn.Close())
		}
	}()
	started, err := operations.New(conn, nc,
		operations.WithTypes(descriptors), operations.WithJetStreamDomain(config.Domain), operations.WithLogger(config.Logger))
	if err != nil {
		return nil, nil, err
	}
	config.Server.Descriptors = descriptors
	config.Server.Operations = started
	config.Server.IdempotencyKey = natsgrpc.IdempotencyKey
	config.Server.ExpectedWait = conn.ExpectedWait
	config.Server.Ready = func(ctx context.Context) error { return natsdial.Ready(ctx, nc) }
	srv, err := server.New(started.Conn(conn), config.Server)
	if err != nil {
		return nil, nil, err
	}
	stopFollowing, err := live.Follow(ctx, nc, srv, config.RoutesTimeout, config.Logger, registry.WithJetStreamDomain(config.Domain))
	if err != nil {
		return nil, nil, err
	}
	return srv, func() error {
		stopFollowing()
		return conn.Close()
	}, nil
}
