package natsgrpc

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// ReasonIdempotencyKeyReused goes with INVALID_ARGUMENT: the key was used for a request with another body.
const ReasonIdempotencyKeyReused = "IDEMPOTENCY_KEY_REUSED"

// maxIdempotencyKey bounds a key and its principal, in bytes.
const maxIdempotencyKey = 255

const (
	// attachInterval is the first wait of a call that has found its command in the queue already, before it looks again
	// whether the command is still there. Each further wait is twice as long, up to maxAttachInterval.
	attachInterval    = time.Second
	maxAttachInterval = 10 * time.Second
	// replicaLag is the wait before kept answers are looked at again when they should have one: a replica that has
	// answered may be behind.
	replicaLag = 50 * time.Millisecond
)

// IdempotencyKey makes a command act once however often it is called, from whichever process: calls with the same
// principal, method and key are one command. The first one is executed; those that come while it is pending wait for its
// answer, and those that come later get the answer that was kept. The id of the command is made of the three.
//
// A key is the principal's own: two principals may use the same. A caller without an identity needs a stated policy, such
// as its address as the principal, or is refused: an empty principal is INVALID_ARGUMENT, and so is a key or a principal
// of more than 255 bytes. So is another body under the same key, reason IDEMPOTENCY_KEY_REUSED. A body is told by its
// SHA-256, so the same message has to be encoded in the same way.
//
// CANCELED, DEADLINE_EXCEEDED and UNAVAILABLE are not kept as the answer to a key: a later call executes the command again,
// under the same id. So does a call after the answer has expired. That the command acts once even then is for the service to
// see to, with the id and package once.
//
// Queries have no effects, so a key means nothing to them.
func IdempotencyKey(principal, key string) grpc.CallOption {
	return keyOption{principal: principal, key: key}
}

type keyOption struct {
	grpc.EmptyCallOption
	principal, key string
}

// CallID tells a call's id, which its service sees as [RequestInfo].ID and by which [Conn.Await] finds the answer to a
// command. It is set before the call is sent.
func CallID(to *string) grpc.CallOption { return idOption{to: to} }

type idOption struct {
	grpc.EmptyCallOption
	to *string
}

// requestKey is the id that a caller's key makes, and the hash of the body that belongs to it.
type requestKey struct {
	id     string // "" without a key
	digest string
}

// newKey makes the id of a command with a key.
func (s *callSettings) newKey(m *method, body []byte) (requestKey, error) {
	if s.key == nil || m.kind == query {
		return requestKey{}, nil
	}
	for what, value := range map[string]string{"idempotency key": s.key.key, "idempotency key's principal": s.key.principal} {
		if value == "" || len(value) > maxIdempotencyKey {
			return requestKey{}, status.Errorf(codes.InvalidArgument, "natsgrpc: the %s has %d bytes; it needs 1 to %d", what, len(value), maxIdempotencyKey)
		}
	}
	hash := sha256.New()
	for _, part := range []string{s.key.principal, m.fullName, s.key.key} {
		hash.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		hash.Write([]byte(part))
	}
	return requestKey{
		id:     base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(hash.Sum(nil)),
		digest: digestOf(body),
	}, nil
}

// digestOf is a body's SHA-256 as it stands in headers.
func digestOf(body []byte) string {
	sum := sha256.Sum256(body)
	return base64.RawStdEncoding.EncodeToString(sum[:])
}

// check refuses the answer to another body.
func (k requestKey) check(answer *nats.Msg) (*nats.Msg, error) {
	if got := answer.Header.Get(headerDigest); got != "" && got != k.digest {
		return nil, errorWithReason(codes.InvalidArgument, ReasonIdempotencyKeyReused,
			"natsgrpc: the idempotency key was used for a request with another body")
	}
	return answer, nil
}

// takenError is what a queue says of a request whose id it knows: it holds one, or has held one lately.
type takenError struct {
	duplicate bool // it has held one, which is acknowledged
}

func (e *takenError) Error() string {
	return fmt.Sprintf("natsgrpc: the queue has this request (duplicate %t)", e.duplicate)
}

// once performs a command with a caller's key. The id of a command is in the queue or in the stream of answers at every
// instant, so whoever finds it in neither may publish it.
func (c *Conn) once(ctx context.Context, p *call, deadline time.Time, body []byte, settings *callSettings, key requestKey) (*nats.Msg, error) {
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	kept, err := c.kept(ctx, p.method.service, p.id)
	switch {
	case err != nil:
		return nil, err
	case decided(kept):
		return key.check(kept)
	}
	if err := c.admit(p.method, p.id, deadline); err != nil {
		return nil, err
	}
	request, err := c.request(ctx, p, deadline, body, settings)
	if err != nil {
		return nil, err
	}
	request.Header[headerDigest] = []string{key.digest}
	if kept != nil { // its own may still be in the window of duplicates
		request.Header[nats.MsgIdHdr] = []string{nuid.Next()}
	}
	answer, err := c.exchange(ctx, p, request, deadline)
	var taken *takenError
	if errors.As(err, &taken) {
		answer, err = c.attach(ctx, p, request, deadline, taken.duplicate)
	}
	if err != nil {
		return nil, err
	}
	return key.check(answer)
}

// decided reports whether a kept answer settles its command. After the others the command may be executed again.
func decided(answer *nats.Msg) bool {
	if answer == nil {
		return false
	}
	st, err := takeStatus(answer.Header)
	if err != nil {
		return true
	}
	switch st.Code() {
	case codes.Canceled, codes.DeadlineExceeded, codes.Unavailable:
		return false
	default:
		return true
	}
}

// attach gets the answer to a command that the queue holds, or has held, from another call. A request that is neither in
// the queue nor answered any more it publishes again, under another Nats-Msg-Id.
func (c *Conn) attach(ctx context.Context, p *call, request *nats.Msg, deadline time.Time, duplicate bool) (*nats.Msg, error) {
	stop, err := c.follow(p)
	if err != nil {
		return nil, err
	}
	defer stop()
	for wait := attachInterval; ; wait = min(2*wait, maxAttachInterval) {
		answer, err := c.kept(ctx, p.method.service, p.id)
		if err == nil && !decided(answer) && duplicate {
			if answer, err = c.next(ctx, p, replicaLag); answer == nil && err == nil {
				answer, err = c.kept(ctx, p.method.service, p.id)
			}
		}
		if err != nil || decided(answer) {
			return answer, err
		}
		if duplicate {
			again := &nats.Msg{Subject: request.Subject, Reply: request.Reply, Header: nats.Header{}, Data: request.Data}
			for name, values := range request.Header {
				again.Header[name] = values
			}
			again.Header[nats.MsgIdHdr] = []string{nuid.Next()}
			answer, err := c.exchange(ctx, p, again, deadline)
			if taken := (*takenError)(nil); !errors.As(err, &taken) {
				return answer, err
			}
		}
		if answer, err = c.next(ctx, p, wait); err != nil || decided(answer) {
			return answer, err
		}
		duplicate = true // it may have left the queue
	}
}

// follow subscribes to the answer to a command whichever connection has sent it.
func (c *Conn) follow(p *call) (stop func(), err error) {
	id := p.id
	sub, err := c.nc.Subscribe(responseSubject(p.method.service, id, "*"), func(msg *nats.Msg) { c.calls.answeredID(id, msg) })
	if err != nil {
		c.logger.Error("natsgrpc: subscribe to an answer", "request", id, "error", err)
		return nil, errNotConnected
	}
	return func() { _ = sub.Unsubscribe() }, nil // it fails only on a closed connection
}

// next waits for the answer to a call, but not longer than wait.
func (c *Conn) next(ctx context.Context, p *call, wait time.Duration) (*nats.Msg, error) {
	p.timer.Reset(wait)
	select {
	case answer := <-p.answer:
		return answer, nil
	case <-p.timer.C:
		return nil, nil
	case <-ctx.Done():
		return nil, status.FromContextError(ctx.Err()).Err()
	case <-c.closing:
		return nil, errClosed
	}
}
