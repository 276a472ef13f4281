package main

import (
	"context"
	"errors"
	"log/slog"

	"github.com/codingflow/rating/natsgrpc/natsdial"
	"github.com/codingflow/rating/proxy/natsproxy"
	"github.com/codingflow/rating/proxy/server"
)

// serveProxy is this project's proxy: what its main does with the defaults of its flags.
func serveProxy(ctx context.Context, c *serveCommand, ready func(string)) error {
	quiet := slog.New(slog.DiscardHandler)
	logger, closeLog, err := c.accessLog()
	if err != nil {
		return err
	}
	if logger == nil {
		logger = quiet
	}
	defer func() { _ = closeLog() }()
	listener, err := listen(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = listener.Close() }() // if Serve is not reached
	nc, err := natsdial.Config{URL: c.NATS}.Connect("proxy", quiet)
	if err != nil {
		return err
	}
	defer nc.Close()
	srv, closeConn, err := natsproxy.New(ctx, nc, natsproxy.Config{Server: server.Config{Logger: logger, MaxConnections: c.MaxConnections}})
	if err != nil {
		return err
	}
	ready("http://" + listener.Addr().String() + "/api")
	return errors.Join(srv.Serve(ctx, listener), closeConn())
}
