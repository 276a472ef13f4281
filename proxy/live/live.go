// Package live keeps the routes of a proxy as the services publish them: it is what is between package registry, which
// knows NATS, and package server, which does not.
package live

import (
	"context"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/codingflow/rating/natsgrpc/registry"
	"github.com/codingflow/rating/proxy/server"
)

// Follow updates a server with what services publish, until the returned function is called. It returns when the server
// has what is published now, when nothing is, at the end of ctx, or after the timeout, which is logged: then the server
// begins with what it has, and gets the rest when it can be read.
//
// Errors: an option is wrong.
func Follow(ctx context.Context, nc *nats.Conn, srv *server.Server, timeout time.Duration, logger *slog.Logger, options ...registry.Option) (stop func(), err error) {
	apply := func(snapshot registry.Snapshot) { srv.Update(Published(snapshot)) }
	watcher, err := registry.Watch(nc, apply, append([]registry.Option{registry.WithLogger(logger)}, options...)...)
	if err != nil {
		return nil, err
	}
	bounded, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	select {
	case <-watcher.Synced():
	case <-bounded.Done():
		if ctx.Err() == nil {
			logger.Warn("the routes that services have published are not known yet", "waited", timeout)
		}
	}
	return watcher.Close, nil
}

// Published returns what a snapshot has for an update of a server.
func Published(snapshot registry.Snapshot) []server.Published {
	published := make([]server.Published, len(snapshot.Services))
	for i, service := range snapshot.Services {
		published[i].Name = service.Name
		for _, version := range service.Versions {
			published[i].Versions = append(published[i].Versions, server.Version{
				ID:      version.ID,
				Service: version.Descriptor,
				Err:     version.Err,
				Order:   version.Revision,
				Standby: !version.Served,
			})
		}
	}
	return published
}
