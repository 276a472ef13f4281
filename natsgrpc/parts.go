package natsgrpc

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// ReasonPartsLost goes with UNAVAILABLE: a large message's parts are not all there any more, or cannot be stored.
const ReasonPartsLost = "PARTS_LOST"

const (
	// maxParts bounds the parts of one message.
	maxParts = 4096
	// partHead is what a part's subject, reply subject and headers may take of a message.
	partHead = 1 << 10
	// putTimeout bounds the storing of a message's parts.
	putTimeout = 10 * time.Second
)

// parts says where the body of a message is that is too large for one: in a header "<token> <count> <bytes>".
type parts struct {
	token string
	count int
	bytes int
}

func (p parts) String() string { return fmt.Sprintf("%s %d %d", p.token, p.count, p.bytes) }

// takeParts returns the parts of a message, and false if its body is in it.
func takeParts(header nats.Header) (parts, bool, error) {
	value := header.Get(headerParts)
	if value == "" {
		return parts{}, false, nil
	}
	malformed := fmt.Errorf("header %s: %q", headerParts, value)
	token, rest, _ := strings.Cut(value, " ")
	first, second, _ := strings.Cut(rest, " ")
	count, err := strconv.ParseUint(first, 10, 32)
	if err != nil {
		return parts{}, false, malformed
	}
	size, err := strconv.ParseUint(second, 10, 32)
	if err != nil || !validToken(token) || count < 1 || count > maxParts || size > math.MaxInt32 {
		return parts{}, false, malformed
	}
	return parts{token: token, count: int(count), bytes: int(size)}, true, nil
}

// putParts stores the body of a message in parts, and leaves in the message where they are. It returns when the stream
// has them. They expire after ttl, or with the stream's age if that is empty.
//
// Errors: errPartsFull, and status errors.
func putParts(ctx context.Context, nc *nats.Conn, msg *nats.Msg, service, ttl string) error {
	ctx, cancel := context.WithTimeout(ctx, putTimeout)
	defer cancel()
	size := max(1, int(nc.MaxPayload())-partHead)
	body := msg.Data
	p := parts{token: nuid.Next(), count: (len(body) + size - 1) / size, bytes: len(body)}
	if p.count > maxParts {
		return messageTooLarge("message", int64(len(body)), int64(size)*maxParts)
	}
	for i := range p.count {
		part := &nats.Msg{
			Subject: partSubject(service, p.token, i),
			Data:    body[i*size : min((i+1)*size, len(body))],
		}
		if ttl != "" {
			part.Header = nats.Header{headerTTL: {ttl}}
		}
		answer, err := nc.RequestMsgWithContext(ctx, part)
		if err == nil {
			err = readPubAck(answer).err
		} else if ctx.Err() != nil {
			err = status.FromContextError(ctx.Err()).Err()
		}
		if err != nil {
			freeParts(func(free *nats.Msg) { _ = nc.PublishMsg(free) }, service, nats.Header{headerParts: {p.String()}})
			if errors.Is(err, errQueueFull) {
				return errPartsFull
			}
			return partsLost("a part could not be stored", err)
		}
	}
	msg.Header[headerParts] = []string{p.String()}
	msg.Data = nil
	return nil
}

// getParts reads a body that is in parts, if it has no more than limit bytes.
func getParts(ctx context.Context, nc *nats.Conn, api, service string, p parts, limit int) ([]byte, error) {
	if p.bytes > limit {
		return nil, status.Errorf(codes.ResourceExhausted, "grpc: received message larger than max (%d vs. %d)", p.bytes, limit)
	}
	ctx, cancel := context.WithTimeout(ctx, lookUpTimeout)
	defer cancel()
	body := make([]byte, 0, p.bytes)
	for i := range p.count {
		part, err := lookUp(ctx, nc, api, partsStream, partSubject(service, p.token, i))
		switch {
		case err != nil:
			return nil, partsLost("a part could not be read", err)
		case part == nil || len(part.Data) == 0 || len(body)+len(part.Data) > p.bytes:
			return nil, partsLost("a part is not there any more", nil)
		}
		body = append(body, part.Data...)
	}
	if len(body) != p.bytes {
		return nil, partsLost(fmt.Sprintf("there are %d of %d bytes", len(body), p.bytes), nil)
	}
	return body, nil
}

// freeParts removes the parts of a message that nobody will read again, by an empty message in the place of each: that is
// what a user may do who can publish, but not delete. A part that is not freed expires.
func freeParts(publish func(*nats.Msg), service string, header nats.Header) {
	p, _, _ := takeParts(header) // none where there is no such header
	for i := range p.count {
		publish(&nats.Msg{Subject: partSubject(service, p.token, i), Header: nats.Header{headerTTL: {"1s"}}})
	}
}

// errPartsFull is the error of a message whose parts their stream has no room for.
var errPartsFull = errors.New("natsgrpc: the stream of the parts of large messages is full")

// partsLost is the error of a large message.
func partsLost(what string, cause error) error {
	if code := status.Code(cause); cause != nil && (code == codes.DeadlineExceeded || code == codes.Canceled) {
		return cause
	}
	return errorWithReason(codes.Unavailable, ReasonPartsLost, "natsgrpc: a large message: "+what)
}

// takeBody returns the message that a request or an answer, which what says, carries: joined from its parts and
// decompressed.
func takeBody(ctx context.Context, nc *nats.Conn, api, service, what string, msg *nats.Msg, limit int) ([]byte, error) {
	p, divided, err := takeParts(msg.Header)
	if err != nil {
		return nil, status.Errorf(codes.Internal, "natsgrpc: malformed %s: %v", what, err)
	}
	body := msg.Data
	if divided {
		if body, err = getParts(ctx, nc, api, service, p, limit); err != nil {
			return nil, err
		}
	}
	if len(body) > limit {
		return nil, status.Errorf(codes.ResourceExhausted, "grpc: received message larger than max (%d vs. %d)", len(body), limit)
	}
	compressor, err := compressorOf(msg.Header.Get(headerEncoding))
	if err != nil {
		return nil, err
	}
	return decompress(compressor, body, limit)
}
