package natsgrpc

import (
	"context"
	"errors"
	"math"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// republishAfter is the first wait for an answer before the request is published again under the same id, if no queue
// is known to have it. Each further wait is twice as long.
const republishAfter = time.Second

// leaderlessRetry is how often a call is published again that no queue took, though the queue was there a moment ago:
// its stream is about to elect a leader.
const leaderlessRetry = 100 * time.Millisecond

// Invoke performs a unary call. It returns after the answer, the end of ctx or of the method's timeout, whichever is
// first, or as soon as it is known that there will be none.
//
// Errors are status errors. Beside what the handler returns: RESOURCE_EXHAUSTED (QUEUE_FULL, BACKLOG, MESSAGE_TOO_LARGE, or
// a call option's size limit), UNAVAILABLE (NO_WORKERS, NO_QUEUE, NOT_CONNECTED, PARTS_LOST), UNIMPLEMENTED (no such
// method), INVALID_ARGUMENT (IDEMPOTENCY_KEY_REUSED, or a malformed [IdempotencyKey]), DEADLINE_EXCEEDED, CANCELED, INTERNAL
// (ATTEMPTS_EXHAUSTED, or metadata that gRPC forbids); the capitals in parentheses are the reason in an ErrorInfo detail.
//
// DEADLINE_EXCEEDED has the reason NOT_CONFIRMED where the queue never said that it has the request: NATS may be out of reach,
// have no leader for the queue, or no disk space.
//
// After CANCELED, DEADLINE_EXCEEDED, NO_WORKERS and NOT_CONNECTED a command may have been executed, or may still be, until its
// deadline. A caller who has to know uses an [IdempotencyKey] and calls again.
//
// It honours the call options Header, Trailer, Peer, OnFinish, WaitForReady, UseCompressor, MaxCallSendMsgSize,
// MaxCallRecvMsgSize, ForceCodec and ForceCodecV2 (whose codec makes the wire form of the request message), and this
// package's own. PerRPCCredentials, CallAuthority and another CallContentSubtype than "proto" are refused, since the
// caller relies on them; MaxRetryRPCBufferSize and StaticMethod change nothing that is seen and are ignored.
func (c *Conn) Invoke(ctx context.Context, fullName string, args, reply any, options ...grpc.CallOption) error {
	return c.unary(ctx, fullName, args, reply, nil, options...)
}

// invoke is Invoke within the interceptors.
func (c *Conn) invoke(ctx context.Context, fullName string, args, reply any, _ *grpc.ClientConn, options ...grpc.CallOption) (err error) {
	settings := newCallSettings(options)
	ctx = c.telemetry.begin(ctx, fullName, &c.methods, settings)
	defer func() { settings.finish(err) }()
	if settings.refused != nil {
		return settings.refused
	}
	m, err := c.methods.find(fullName)
	if err != nil {
		return status.Error(codes.Unimplemented, err.Error())
	}
	if m.streaming {
		return status.Errorf(codes.Internal, "natsgrpc: %s is a streaming method: it takes NewStream", fullName)
	}
	body, err := settings.encode(args)
	if err != nil {
		return err
	}
	key, err := settings.newKey(m, body)
	if err != nil {
		return err
	}
	if body, err = settings.sendable(body); err != nil {
		return err
	}
	deadline := time.Now().Add(m.timeout)
	if d, limited := ctx.Deadline(); limited && d.Before(deadline) {
		deadline = d
	}
	if err := ctx.Err(); err != nil {
		return status.FromContextError(err).Err()
	}
	if !c.nc.IsConnected() {
		waitCtx, cancel := context.WithDeadline(ctx, deadline)
		err := c.waitConnected(waitCtx, settings.waitForReady)
		cancel()
		if err != nil {
			return err
		}
	}
	if settings.start {
		return c.start(ctx, m, deadline, body, settings, key)
	}
	answer, err := c.roundTrip(ctx, m, deadline, body, settings, key)
	if err != nil {
		return err
	}
	settings.observed.taken()
	return c.decode(ctx, m, settings, answer, reply)
}

// roundTrip publishes a request and waits for its answer.
func (c *Conn) roundTrip(ctx context.Context, m *method, deadline time.Time, body []byte, settings *callSettings, key requestKey) (*nats.Msg, error) {
	p, err := c.begin(m, settings, key)
	if err != nil {
		return nil, err
	}
	defer c.calls.end(p)
	if key.id != "" {
		return c.once(ctx, p, deadline, body, settings, key)
	}
	if err := c.admit(p, deadline); err != nil {
		return nil, err
	}
	request, err := c.request(ctx, p, deadline, body, settings, key)
	if err != nil {
		return nil, err
	}
	return c.exchange(ctx, p, request, deadline)
}

// begin begins a call, and tells its id.
func (c *Conn) begin(m *method, settings *callSettings, key requestKey) (*call, error) {
	p, err := c.calls.begin(m, key.id, nil)
	if err != nil {
		return nil, err
	}
	for _, to := range settings.ids {
		*to = p.id
	}
	p.waits = settings.waitForReady
	return p, nil
}

// exchange publishes the request of a call and waits for its answer, or for what else ends the call.
func (c *Conn) exchange(ctx context.Context, p *call, request *nats.Msg, deadline time.Time) (*nats.Msg, error) {
	refused := false // while the caller waits for a queue and a server
	begun := time.Now()
	republish, wait := begun.Add(republishAfter), republishAfter
	probe := begun.Add(probeAfter)
	trusting := c.trusts(p, begun)
	c.calls.sent(p, request, trusting)
	first := request
	if trusting {
		republish, wait = begun.Add(confirmAfter), republishAfter/2
		first = unconfirmed(request)
	}
	c.writer.publish(first)
	for {
		p.timer.Reset(min(time.Until(deadline), time.Until(republish), time.Until(probe)))
		select {
		case answer := <-p.answer:
			now := time.Now()
			p.answered = now
			c.lives.answered(p.method.service, now)
			p.method.prompt.answered(now, now.Sub(begun))
			return answer, nil
		case err := <-p.refused:
			now := time.Now()
			if leaderless(err, p.counted.wasThere(now), begun, now) {
				refused, wait, republish = true, leaderlessRetry, now.Add(leaderlessRetry)
				continue
			}
			if !p.waits || status.Code(err) != codes.Unavailable || c.nc.IsClosed() {
				if errors.Is(err, errQueueFull) || errors.Is(err, errNoQueue) || errors.Is(err, errRefused) { // nobody will read it
					c.freeParts(p.method.service, request.Header)
				}
				return c.refusal(p, err)
			}
			refused = true // there may be a queue and a server later
		case <-ctx.Done():
			return nil, c.left(p, ctx.Err())
		case <-c.closing:
			return nil, errClosed
		case <-p.timer.C:
		}
		switch now := time.Now(); {
		case !now.Before(deadline):
			return nil, c.left(p, context.DeadlineExceeded)
		case !now.Before(republish):
			wait *= 2
			republish = now.Add(wait)
			if refused {
				refused = false
				c.calls.sent(p, request, false)
				c.writer.publish(request)
			} else if again := c.calls.repeat(p); again != nil {
				c.writer.publish(again)
			}
		default:
			probe = now.Add(probeInterval)
			c.probe(p.method)
		}
	}
}

// refusal returns the answer that may have come with a refusal, or the refusal as the caller is told it.
func (c *Conn) refusal(p *call, err error) (*nats.Msg, error) {
	select {
	case answer := <-p.answer:
		return answer, nil
	default:
	}
	if errors.Is(err, errQueueFull) {
		return nil, queueFull(c.queues.of(p.method, p.id).drainTime())
	}
	return nil, err
}

// left returns the error of a call whose caller does not wait any more. A query that nobody waits for is cancelled; its
// deadline the server knows itself.
func (c *Conn) left(p *call, cause error) error {
	if p.method.kind == query && errors.Is(cause, context.Canceled) {
		c.writer.publish(&nats.Msg{Subject: cancelSubject(p.method.service), Data: []byte(p.id)})
	}
	if errors.Is(cause, context.DeadlineExceeded) && !c.calls.confirmed(p) {
		return errorWithReason(codes.DeadlineExceeded, ReasonNotConfirmed, "natsgrpc: the deadline passed before the queue confirmed the request")
	}
	return status.FromContextError(cause).Err()
}

// request makes the message of a call, and before it, where the body is too large for one message, its parts.
func (c *Conn) request(ctx context.Context, p *call, deadline time.Time, body []byte, settings *callSettings, key requestKey) (*nats.Msg, error) {
	m := p.method
	values := &[3]string{formatDeadline(deadline)} // one allocation for what each call has
	header := nats.Header{headerDeadline: values[:1:1], headerReplyTo: values[1:2:2]}
	if m.kind == query {
		// Garbage collection only: JetStream counts whole seconds, so the exact deadline has its own header.
		values[1], values[2] = replySubject(m.service, c.id, p.token), wholeSeconds(time.Until(deadline))
		header[headerTTL] = values[2:]
	} else {
		values[1], values[2] = responseSubject(m.service, p.id, c.id), p.id
		header[nats.MsgIdHdr] = values[2:]
	}
	if key.digest != "" {
		header[headerDigest] = []string{key.digest}
	}
	if settings.compressor != nil {
		header[headerEncoding] = []string{settings.compressor.Name()}
	}
	md, _ := metadata.FromOutgoingContext(ctx)
	if err := putMetadata(header, prefixMetadata, md); err != nil {
		return nil, status.Error(codes.Internal, err.Error())
	}
	c.telemetry.inject(ctx, header)
	msg := &nats.Msg{Subject: requestSubject(m, p.id), Reply: c.inbox + p.token, Header: header, Data: body}
	if size, err := tooLarge("request", msg, c.nc.MaxPayload()); err != nil {
		if !size {
			return nil, err
		}
		ttl := ""
		if m.kind == query {
			ttl = wholeSeconds(time.Until(deadline))
		}
		switch err := putParts(ctx, c.nc, msg, m.service, ttl); {
		case errors.Is(err, errPartsFull):
			return nil, errorWithReason(codes.ResourceExhausted, ReasonQueueFull, errPartsFull.Error(), retryInfo(0))
		case err != nil:
			return nil, err
		}
	}
	return msg, nil
}

// freeParts removes the parts of a message that nobody will read again.
func (c *Conn) freeParts(service string, header nats.Header) {
	freeParts(c.writer.publish, service, header)
}

// wholeSeconds is a TTL that a message with so much time to live may have: rounded up, plus one second.
func wholeSeconds(d time.Duration) string {
	return strconv.FormatInt(max(1, int64(math.Ceil(d.Seconds()))+1), 10) + "s"
}
