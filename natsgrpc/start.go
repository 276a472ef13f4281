package natsgrpc

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// DefaultLifetime is the lifetime of a command that [Conn.Start] sends without a [Lifetime].
const DefaultLifetime = 15 * time.Minute

// Start sends a command and returns when its queue has it, or it is known that the queue will not have it. It does not wait
// for the answer: [Conn.Answer] and [Conn.Await] get that, in any process, by the id that Start returns. From then on
// nothing depends on this process any more.
//
// The end of ctx or of the method's timeout, whichever is first, bounds Start. The command's own deadline is its [Lifetime].
//
// With an [IdempotencyKey] a command that is pending or answered already is not sent again: the id is the same, and there is
// no error. An answer that is not kept as the one of a key (CANCELED, DEADLINE_EXCEEDED, UNAVAILABLE) is none here either.
// While the command that follows it is pending, [Conn.Answer] says so.
//
// Errors are those of Invoke, but for what the handler returns and NO_WORKERS: a queue takes commands while nobody
// pulls. DEADLINE_EXCEEDED and CANCELED mean that the command may be in the queue, and its id is returned. Only commands that
// are no streams can be started; others are INTERNAL. The call options that concern the answer change nothing. Interceptors
// see a call with a nil reply.
func (c *Conn) Start(ctx context.Context, fullName string, args any, options ...grpc.CallOption) (id string, err error) {
	options = append(slices.Clip(options), startOption{}, CallID(&id))
	err = c.unary(ctx, fullName, args, nil, nil, options...)
	return id, err
}

// Lifetime sets how long a command that [Conn.Start] sends may take, with its time in the queue: its deadline is so long
// after its start. Default [DefaultLifetime]. It is not longer than the queue keeps a request (max_age). Elsewhere it means
// nothing.
func Lifetime(lifetime time.Duration) grpc.CallOption { return lifetimeOption{lifetime: lifetime} }

type lifetimeOption struct {
	grpc.EmptyCallOption
	lifetime time.Duration
}

// startOption makes a call one that does not wait for its answer.
type startOption struct{ grpc.EmptyCallOption }

// lifetimeOf is how long a started command may take.
func (s *callSettings) lifetimeOf(m *method) time.Duration { return min(s.lifetime, m.maxAge) }

// start publishes a command until its queue has confirmed it, ctx ends or the time until is there.
func (c *Conn) start(ctx context.Context, m *method, until time.Time, body []byte, settings *callSettings, key requestKey) error {
	if m.kind == query {
		return status.Errorf(codes.Internal, "natsgrpc: %s is a query, which cannot be started: its answer is not kept", m.fullName)
	}
	p, err := c.begin(m, settings, key)
	if err != nil {
		return err
	}
	defer c.calls.end(p)
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	settled, a, err := c.attach(ctx, p, time.Now().Add(settings.lifetimeOf(m)), body, settings, key)
	if err != nil || settled != nil {
		return err
	}
	return (&starting{attachment: a, key: key}).run(ctx)
}

// starting is a command on its way into its queue.
type starting struct {
	*attachment
	key requestKey
}

// errNotHeard is what is known of a publish whose PubAck does not come.
var errNotHeard = errors.New("natsgrpc: the queue has not answered")

// run publishes the command and makes sure that the queue has it.
func (s *starting) run(ctx context.Context) error {
	unsure := false // whether the queue has got it from here
	for {
		ack, err := s.publish(ctx)
		again := err != nil && s.call.waits && status.Code(err) == codes.Unavailable && !s.conn.nc.IsClosed()
		switch {
		case errors.Is(err, errNotHeard):
			unsure = true
		case again:
			if err := s.pause(ctx, republishAfter); err != nil {
				return err
			}
			continue
		case err != nil:
			if status.Code(err) == codes.DeadlineExceeded || status.Code(err) == codes.Canceled {
				return err // the queue may have it
			}
			if !unsure { // nobody will read it
				s.conn.freeParts(s.call.method.service, s.request.Header)
			}
			if errors.Is(err, errQueueFull) {
				return queueFull(s.conn.queues.of(s.call.method, s.call.id).drainTime())
			}
			return err
		case !ack.taken && !ack.duplicate, s.key.id == "": // stored; an id of its own can be taken by itself alone
			return nil
		}
		there, kept, err := s.look(ctx)
		if err != nil && ctx.Err() != nil {
			err = s.conn.left(s.call, ctx.Err())
		}
		if there || err != nil {
			return err
		}
		if ack.duplicate && unsure {
			return nil // it was there, and its answer was kept for less than the time that this took
		}
		s.rename(kept, ack.sequence)
	}
}

// publish publishes the request and waits for its PubAck; again while the queue elects a leader.
//
// Errors: errNotHeard, those of a PubAck, and status errors.
func (s *starting) publish(ctx context.Context) (pubAck, error) {
	m, presence := s.call.method, &s.conn.presence
	queue := streamName(m.kind, m.service, m.shard(s.call.id))
	for begun := time.Now(); ; {
		ack, err := s.publishOnce(ctx)
		now := time.Now()
		if err == nil {
			presence.note(queue, now)
		}
		there := presence.wasThere(queue, now) || s.call.counted.wasThere(now)
		if !leaderless(err, there, begun, now) {
			return ack, err
		}
		if err := s.pause(ctx, leaderlessRetry); err != nil {
			return pubAck{}, err
		}
	}
}

// publishOnce is publish without a repeat.
func (s *starting) publishOnce(ctx context.Context) (pubAck, error) {
	try, cancel := context.WithTimeout(ctx, republishAfter)
	defer cancel()
	answer, err := s.conn.nc.RequestMsgWithContext(try, s.request)
	switch {
	case err == nil:
		ack := s.conn.readPubAck(answer)
		return ack, ack.err
	case errors.Is(err, nats.ErrNoResponders):
		return pubAck{}, errNoQueue
	case ctx.Err() != nil:
		return pubAck{}, s.conn.left(s.call, ctx.Err())
	case try.Err() != nil:
		return pubAck{}, errNotHeard
	}
	return pubAck{}, errNotConnected
}

// look reports whether the command is in the queue, or answered since it was started, and returns the answer that is kept. It
// looks twice, since the replica that is asked may be behind.
//
// Errors: what is there has another body; status errors.
func (s *starting) look(ctx context.Context) (there bool, kept *nats.Msg, err error) {
	c, m := s.conn, s.call.method
	for range 2 {
		// The queue goes first: what leaves it has an answer.
		request, err := c.queued(ctx, m, s.call.id)
		if err != nil {
			return false, nil, err
		}
		if kept, err = c.kept(ctx, m.service, s.call.id); err != nil {
			return false, nil, err
		}
		found := request
		if kept != nil && (decided(kept) || sequenceOf(kept) != s.seen) {
			found = kept
		}
		if found != nil {
			if parts := s.request.Header.Get(headerParts); request == nil || request.Header.Get(headerParts) != parts {
				c.freeParts(m.service, s.request.Header) // it is another's
			}
			_, err := s.key.check(found)
			return true, kept, err
		}
		if err := s.pause(ctx, attachInterval); err != nil {
			return false, nil, err
		}
	}
	return false, kept, nil
}

// pause waits for a time.
func (s *starting) pause(ctx context.Context, wait time.Duration) error {
	s.call.timer.Reset(wait)
	select {
	case <-s.call.timer.C:
		return nil
	case <-ctx.Done():
		return s.conn.left(s.call, ctx.Err())
	case <-s.conn.closing:
		return errClosed
	}
}
