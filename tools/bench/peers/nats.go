package main

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// serveNATS is the NATS server. Its address is a URL.
func serveNATS(ctx context.Context, c *serveCommand, ready func(string)) error {
	ns, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: c.Store, NoSigs: true, NoLog: true,
	})
	if err != nil {
		return err
	}
	ns.Start()
	defer func() { ns.Shutdown(); ns.WaitForShutdown() }()
	if !ns.ReadyForConnections(10 * time.Second) {
		return errors.New("the NATS server does not start")
	}
	ready(ns.ClientURL())
	<-ctx.Done()
	return nil
}
