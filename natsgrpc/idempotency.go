package natsgrpc

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
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
	attachInterval    = 50 * time.Millisecond
	maxAttachInterval = 10 * time.Second
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
	for _, part := range []struct{ what, value string }{{"idempotency key's principal", s.key.principal}, {"idempotency key", s.key.key}} {
		if n := len(part.value); n < 1 || n > maxIdempotencyKey {
			return requestKey{}, status.Errorf(codes.InvalidArgument, "natsgrpc: the %s has %d bytes; it needs 1 to %d", part.what, n, maxIdempotencyKey)
		}
	}
	return requestKey{id: CommandID(s.key.principal, m.fullName, s.key.key), digest: digestOf(body)}, nil
}

// CommandID returns the id that an [IdempotencyKey] gives to a command of a method, such as "/pkg.Service/Method": 52 characters
// of A-Z and 2-7.
func CommandID(principal, fullName, key string) string {
	hash := sha256.New()
	for _, part := range []string{principal, fullName, key} {
		hash.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		hash.Write([]byte(part))
	}
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(hash.Sum(nil))
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
	sequence uint64 // of the one that it has held, 0 where it only says that it holds one
}

func (e *takenError) Error() string { return "natsgrpc: the queue has this request" }

// once performs a command with a caller's key. The id of a command is in the queue or in the stream of answers at every
// instant, so whoever finds it first not in the queue and then not in the stream may publish it.
func (c *Conn) once(ctx context.Context, p *call, deadline time.Time, body []byte, settings *callSettings, key requestKey) (*nats.Msg, error) {
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	settled, a, err := c.attach(ctx, p, deadline, body, settings, key)
	if err != nil || settled != nil {
		return settled, err
	}
	answer, err := c.exchange(ctx, p, a.request, deadline)
	var taken *takenError
	if errors.As(err, &taken) {
		if answer, err = a.answer(ctx, deadline, taken); err == nil { // it is another's, or there is nothing to do any more
			c.freeParts(p.method.service, a.request.Header)
		}
	}
	if err != nil {
		return nil, err
	}
	return key.check(answer)
}

// attach returns the kept answer that settles a command, if there is one, and else the command that is to be published. One
// without a key has no answer yet.
func (c *Conn) attach(ctx context.Context, p *call, deadline time.Time, body []byte, settings *callSettings, key requestKey) (settled *nats.Msg, _ *attachment, err error) {
	var kept *nats.Msg
	if key.id != "" {
		if kept, err = c.kept(ctx, p.method.service, p.id); err != nil {
			return nil, nil, err
		}
	}
	if kept != nil {
		if _, err := key.check(kept); err != nil {
			return nil, nil, err
		}
		if decided(kept) {
			return kept, nil, nil
		}
	}
	if err := c.admit(p, deadline); err != nil {
		return nil, nil, err
	}
	request, err := c.request(ctx, p, deadline, body, settings, key)
	if err != nil {
		return nil, nil, err
	}
	a := &attachment{conn: c, call: p, seen: sequenceOf(kept), request: request}
	a.rename(kept, 0)
	return nil, a, nil
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

// attachment is a call that finds its command in the queue, or finds that the queue has had it.
type attachment struct {
	conn    *Conn
	call    *call
	seen    string    // the sequence of the answer that was kept when the call began, "" for none
	request *nats.Msg // as it was published last
}

// answer returns the answer to the command. One that is neither in the queue nor answered any more it publishes again.
func (a *attachment) answer(ctx context.Context, deadline time.Time, taken *takenError) (*nats.Msg, error) {
	c, p := a.conn, a.call
	stop, err := c.follow(p)
	if err != nil {
		return nil, err
	}
	defer stop()
	absent := 0
	probe := time.Now().Add(probeAfter)
	for wait := attachInterval; ; wait = min(2*wait, maxAttachInterval) {
		request, err := c.queued(ctx, p.method, p.id) // before the look at the answers: what leaves the queue has one
		if err != nil {
			return nil, err
		}
		kept, err := c.kept(ctx, p.method.service, p.id)
		if err != nil || decided(kept) || kept != nil && sequenceOf(kept) != a.seen && !expired(kept) {
			return kept, err
		}
		if request != nil {
			absent = 0
		} else if absent++; absent > 1 { // the first time the replica that was asked may be behind
			a.rename(kept, taken.sequence)
			answer, err := c.exchange(ctx, p, a.request, deadline)
			if !errors.As(err, &taken) {
				return answer, err
			}
			absent = 0
		}
		if !time.Now().Before(probe) {
			c.probe(p.method)
		}
		answer, err := c.next(ctx, p, wait)
		if errors.As(err, &taken) { // said of a request that was repeated
			continue
		}
		if err != nil || answer != nil && !expired(answer) {
			return answer, err
		}
	}
}

// rename gives the request the Nats-Msg-Id that it is published under. Its own may be in the window of duplicates, so the
// name tells the answer that is not to be the last one, or else which message of the queue was acknowledged without leaving
// one. Calls that have seen the same make the same name, so that only one of their requests is stored.
func (a *attachment) rename(kept *nats.Msg, sequence uint64) {
	name := a.call.id
	if kept != nil {
		name += "-a" + sequenceOf(kept)
	}
	if last := a.request.Header.Get(nats.MsgIdHdr); sequence > 0 && (name == last || strings.HasPrefix(last, name+"-q")) {
		name += "-q" + strconv.FormatUint(sequence, 10)
	}
	again := *a.request // the writer may not have published the last one yet
	again.Header = maps.Clone(a.request.Header)
	again.Header[nats.MsgIdHdr] = []string{name}
	a.request = &again
}

// sequenceOf returns the sequence of an answer that was looked up, "" of none.
func sequenceOf(kept *nats.Msg) string {
	if kept == nil {
		return ""
	}
	return kept.Header.Get(sequenceHeader)
}

// expired reports whether a command was answered that its deadline has passed: another call's, where the command was its.
func expired(answer *nats.Msg) bool {
	st, err := takeStatus(answer.Header)
	return err == nil && st.Code() == codes.DeadlineExceeded
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

// next waits for the answer to a call, or for what else ends it, but not longer than wait.
func (c *Conn) next(ctx context.Context, p *call, wait time.Duration) (*nats.Msg, error) {
	p.timer.Reset(wait)
	select {
	case answer := <-p.answer:
		return answer, nil
	case err := <-p.refused:
		return c.refusal(p, err)
	case <-p.timer.C:
		return nil, nil
	case <-ctx.Done():
		return nil, status.FromContextError(ctx.Err()).Err()
	case <-c.closing:
		return nil, errClosed
	}
}
