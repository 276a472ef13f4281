package natsgrpc

import (
	"context"
	"errors"
	"strconv"

	"github.com/nats-io/nats.go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// The errors of Answer and Await that are no answers.
var (
	// ErrPending: the command is in its queue or in work.
	ErrPending = errors.New("natsgrpc: the command is pending")
	// ErrNoAnswer: no queue has the command and no answer to it is kept. It was never sent, or its answer has expired.
	ErrNoAnswer = errors.New("natsgrpc: no such command, or its answer is not kept any more")
)

// Answered tells whether a call was answered: then its error is what the service, or the server in front of it, has answered,
// and calling again with the same [IdempotencyKey] or id gives the same. It is set when the call returns, and left alone where
// there was no answer.
func Answered(to *bool) grpc.CallOption { return answeredOption{to: to} }

type answeredOption struct {
	grpc.EmptyCallOption
	to *bool
}

// Answer reads the kept answer to a command into reply. Any process can do that, by the id that [CallID] told the caller and
// [RequestInfo] the service.
//
// Errors: the status that is the answer; [ErrPending]; [ErrNoAnswer]; UNAVAILABLE (NOT_CONNECTED). The call options are those
// of Invoke which concern the answer.
func (c *Conn) Answer(ctx context.Context, fullName, id string, reply any, options ...grpc.CallOption) error {
	settings := newCallSettings(options)
	m, err := c.command(ctx, fullName, id, settings)
	if err != nil {
		return err
	}
	answer, err := c.find(ctx, m, id)
	if err != nil {
		return err
	}
	return c.decode(ctx, m, settings, answer, reply)
}

// Await is Answer that waits while the command is pending, until ctx ends.
func (c *Conn) Await(ctx context.Context, fullName, id string, reply any, options ...grpc.CallOption) error {
	settings := newCallSettings(options)
	m, err := c.command(ctx, fullName, id, settings)
	if err != nil {
		return err
	}
	p, err := c.calls.begin(m, id, nil)
	if err != nil {
		return err
	}
	defer c.calls.end(p)
	stop, err := c.follow(p)
	if err != nil {
		return err
	}
	defer stop()
	for wait := attachInterval; ; wait = min(2*wait, maxAttachInterval) {
		answer, err := c.find(ctx, m, id)
		if errors.Is(err, ErrPending) {
			if answer, err = c.next(ctx, p, wait); errors.Is(err, errNoWorkers) { // there may be one before ctx ends
				answer, err = nil, nil
			}
		}
		if err != nil {
			return err
		}
		if answer != nil {
			return c.decode(ctx, m, settings, answer, reply)
		}
	}
}

// command returns a method whose answers are kept, when they can be looked up.
func (c *Conn) command(ctx context.Context, fullName, id string, settings *callSettings) (*method, error) {
	if settings.refused != nil {
		return nil, settings.refused
	}
	m, err := c.methods.find(fullName)
	if err != nil {
		return nil, status.Error(codes.Unimplemented, err.Error())
	}
	if m.kind == query || m.streaming || !validToken(id) {
		return nil, ErrNoAnswer
	}
	return m, c.waitConnected(ctx, settings.waitForReady)
}

// find finds the kept answer to a command, or where the command is. An answer after which the command may be executed again
// counts only while it is not.
func (c *Conn) find(ctx context.Context, m *method, id string) (answer *nats.Msg, err error) {
	for range 2 { // it may have moved in between
		if answer, err = c.kept(ctx, m.service, id); err != nil || decided(answer) {
			return answer, err
		}
		request, err := c.queued(ctx, m, id)
		if err != nil {
			return nil, err
		}
		if request != nil {
			return nil, ErrPending
		}
	}
	if m.shards > 1 {
		if err := c.pendingElsewhere(ctx, m, id); err != nil {
			return nil, err
		}
		if answer, err = c.kept(ctx, m.service, id); err != nil { // it may have been answered while one looked
			return nil, err
		}
	}
	if answer == nil {
		return nil, ErrNoAnswer
	}
	return answer, nil
}

// pendingElsewhere is ErrPending for a command that is in another shard than its own, since its caller knew another number
// of them.
func (c *Conn) pendingElsewhere(ctx context.Context, m *method, id string) error {
	own := m.shard(id)
	for i := range m.shards {
		shard := strconv.Itoa(i)
		if shard == own {
			continue
		}
		request, err := c.queuedIn(ctx, m, shard, id)
		if err != nil {
			return err
		}
		if request != nil {
			return ErrPending
		}
	}
	return nil
}

// queued returns the request of a command that its queue has, nil if it has none.
func (c *Conn) queued(ctx context.Context, m *method, id string) (*nats.Msg, error) {
	return c.queuedIn(ctx, m, m.shard(id), id)
}

// queuedIn is queued for one shard.
func (c *Conn) queuedIn(ctx context.Context, m *method, shard, id string) (*nats.Msg, error) {
	return c.lookUp(ctx, streamName(m.kind, m.service, shard), requestSubjectIn(m, shard, id))
}

// kept returns the newest kept answer to a command, nil if there is none.
func (c *Conn) kept(ctx context.Context, service, id string) (*nats.Msg, error) {
	return c.lookUp(ctx, responsesStream, responseSubject(service, id, "*"))
}
