package natsdial

import (
	"context"
	"errors"

	"github.com/nats-io/nats.go"
)

// Ready says in one sentence why NATS cannot be used now, nil if it can. It asks the server, because a connection whose
// network has gone silent is taken for one until pings have failed for minutes. ctx must have a deadline; its end is an
// answer that did not come.
func Ready(ctx context.Context, nc *nats.Conn) error {
	if !nc.IsConnected() {
		return errors.New("no connection to NATS")
	}
	if err := nc.FlushWithContext(ctx); err != nil {
		return errors.New("NATS does not answer")
	}
	return nil
}
