package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/codingflow/rating/natsgrpc/natsdial"
)

// natsTimeout bounds what a command asks of NATS.
const natsTimeout = time.Minute

// withNATS connects under a name and calls use.
func withNATS(ctx context.Context, config natsdial.Config, name string, use func(context.Context, *nats.Conn) error) error {
	nc, err := config.Connect(name, slog.Default())
	if err != nil {
		return err
	}
	defer nc.Close()
	ctx, cancel := context.WithTimeout(ctx, natsTimeout)
	defer cancel()
	return use(ctx, nc)
}
