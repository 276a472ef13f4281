package natsgrpc

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const (
	// lookUpTimeout bounds a look at a stream, where the caller sets no deadline.
	lookUpTimeout = 5 * time.Second
	// lookUpRetry is how long a look waits before it is repeated: a NATS server that is lost takes it along.
	lookUpRetry = time.Second
)

// storedHeader is where a look-up tells when the stream got the message.
const storedHeader = "Nats-Time-Stamp"

// lookUp returns a stream's last message on a subject, nil if there is none. The subject is part of the request's own, so
// that a user's permissions can bound what it may look at.
func lookUp(ctx context.Context, nc *nats.Conn, api, stream, subject string) (*nats.Msg, error) {
	if _, limited := ctx.Deadline(); !limited {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, lookUpTimeout)
		defer cancel()
	}
	var msg *nats.Msg
	for msg == nil {
		try, cancel := context.WithTimeout(ctx, lookUpRetry)
		found, err := nc.RequestWithContext(try, api+"DIRECT.GET."+stream+"."+subject, nil)
		lost := try.Err() != nil
		cancel()
		switch {
		case err == nil:
			msg = found
		case errors.Is(err, nats.ErrNoResponders):
			return nil, errNoQueue // what the stream holds is not known: it may be there again later
		case ctx.Err() != nil:
			return nil, status.FromContextError(ctx.Err()).Err()
		case !lost:
			return nil, errNotConnected
		}
	}
	switch code := msg.Header.Get(statusHeader); code {
	case "":
		return msg, nil
	case notFound:
		return nil, nil
	default:
		return nil, status.Error(codes.Internal, fmt.Sprintf("natsgrpc: look up: status %s", code))
	}
}

// hasAnswer reports whether the stream of answers has one to this request already: the worker that made it was lost before
// the request was acknowledged. An answer that is older than the request is of one that was replayed.
func (t *task) hasAnswer() (bool, error) {
	server := t.worker.run.server
	ctx, cancel := context.WithTimeout(t.worker.run.handlers, lookUpTimeout)
	defer cancel()
	kept, err := lookUp(ctx, server.nc, server.api, responsesStream, responseSubject(t.worker.queue.service, t.id, "*"))
	if err != nil {
		server.logger.Warn("natsgrpc: look for an answer", "method", t.method, "request", t.id, "error", err)
		return false, err
	}
	if kept == nil {
		return false, nil
	}
	at, err := time.Parse(time.RFC3339Nano, kept.Header.Get(storedHeader))
	return err == nil && !at.Before(t.stored), nil
}
