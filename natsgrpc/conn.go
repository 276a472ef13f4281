package natsgrpc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/proto" // registers the codec of generated messages
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// Compile-time proof that generated clients work on a Conn.
var _ grpc.ClientConnInterface = (*Conn)(nil)

// defaultMaxReceiveSize is grpc-go's limit for a received message.
const defaultMaxReceiveSize = 4 << 20

// republishAfter is the first wait for a PubAck before the request is published again under the same id. Each further
// wait is twice as long.
const republishAfter = time.Second

// errClosed is the error of calls on a closed Conn; grpc-go's text and code.
var errClosed = status.Error(codes.Canceled, "grpc: the client connection is closing")

// Conn calls services whose servers pull from JetStream queues. Generated gRPC clients take it as their connection. It
// is safe for concurrent use and is meant to be shared: all calls and streams use the same three subscriptions.
type Conn struct {
	nc      *nats.Conn
	methods methods
	logger  *slog.Logger

	id    string // names this connection in subjects
	inbox string // "<inbox>.": PubAcks come here
	subs  []*nats.Subscription

	mu       sync.Mutex
	closed   bool
	closing  chan struct{}
	next     uint64
	byNumber map[uint64]*call
	byID     map[string]*call

	heart   heart          // of the streams
	streams sync.WaitGroup // their goroutines
}

// ConnOption changes what NewConn makes.
type ConnOption interface{ applyConn(*Conn) }

// NewConn returns a Conn over nc, which stays the caller's: Close leaves it open.
//
// Errors: nc is closed, or an option is wrong.
func NewConn(nc *nats.Conn, options ...ConnOption) (*Conn, error) {
	c := &Conn{
		nc:       nc,
		methods:  methods{descriptors: protoregistry.GlobalFiles},
		logger:   slog.Default(),
		id:       nuid.Next(),
		inbox:    nc.NewInbox() + ".",
		closing:  make(chan struct{}),
		byNumber: map[uint64]*call{},
		byID:     map[string]*call{},
	}
	for _, option := range options {
		option.applyConn(c)
	}
	for subject, handler := range map[string]nats.MsgHandler{
		"rsp.*.*." + c.id:      c.onResponse,
		"rep.*." + c.id + ".*": c.onReply,
		c.inbox + "*":          c.onPubAck,
	} {
		sub, err := nc.Subscribe(subject, handler)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("natsgrpc: subscribe to answers: %w", err), c.Close())
		}
		// Answers must not be dropped by a count; bytes stay bounded by nats.go's default of 64 MiB.
		if err := sub.SetPendingLimits(-1, nats.DefaultSubPendingBytesLimit); err != nil {
			return nil, errors.Join(fmt.Errorf("natsgrpc: subscribe to answers: %w", err), c.Close())
		}
		c.subs = append(c.subs, sub)
	}
	return c, nil
}

// Close ends the subscriptions and fails the calls in flight with CANCELED. Commands that a queue has accepted are
// still executed; their answers are lost to this Conn. The NATS connection stays open.
func (c *Conn) Close() error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil
	}
	c.closed = true
	close(c.closing)
	c.mu.Unlock()
	c.streams.Wait()
	c.heart.close()
	var errs []error
	for _, sub := range c.subs {
		if err := sub.Unsubscribe(); err != nil && !errors.Is(err, nats.ErrConnectionClosed) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// call is one call in flight.
type call struct {
	answer chan *nats.Msg // holds the first answer
	ack    chan error     // holds the outcome of the publish: nil when the queue has the request
	stream *clientStream  // takes the answers instead where the call is a stream
}

// Invoke performs a unary call. It returns after the answer, the end of ctx or of the method's timeout, whichever is
// first, or as soon as the queue refuses the request.
//
// Errors are status errors. Beside what the handler returns: RESOURCE_EXHAUSTED (QUEUE_FULL, MESSAGE_TOO_LARGE, or a
// call option's size limit), UNAVAILABLE (NO_QUEUE, NOT_CONNECTED), UNIMPLEMENTED (no such method), DEADLINE_EXCEEDED,
// CANCELED, INTERNAL (ATTEMPTS_EXHAUSTED, or metadata that gRPC forbids); the capitals in parentheses are the reason in
// an ErrorInfo detail.
//
// It honours the call options Header, Trailer, Peer, OnFinish, WaitForReady, MaxCallSendMsgSize, MaxCallRecvMsgSize,
// ForceCodec and ForceCodecV2 (whose codec makes the wire form of the request message). PerRPCCredentials, CallAuthority and
// another CallContentSubtype than "proto" are refused, since the caller relies on them; UseCompressor, MaxRetryRPCBufferSize and StaticMethod change nothing that is seen and are ignored.
func (c *Conn) Invoke(ctx context.Context, fullName string, args, reply any, options ...grpc.CallOption) (err error) {
	settings := newCallSettings(options)
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
	codec := settings.codec()
	body, err := encode(codec, args)
	if err != nil {
		return status.Errorf(codes.Internal, "grpc: error while marshaling: %v", err)
	}
	if len(body) > settings.maxSend {
		return status.Errorf(codes.ResourceExhausted, "trying to send message larger than max (%d vs. %d)", len(body), settings.maxSend)
	}
	ctx, cancel := context.WithTimeout(ctx, m.timeout)
	defer cancel()
	if err := ctx.Err(); err != nil {
		return status.FromContextError(err).Err()
	}
	if err := c.waitConnected(ctx, settings.waitForReady); err != nil {
		return err
	}
	answer, err := c.roundTrip(ctx, m, body)
	if err != nil {
		return err
	}
	return settings.decode(codec, answer, reply)
}

// encode returns the wire form of a request.
func encode(codec encoding.CodecV2, args any) ([]byte, error) {
	if args == nil { // as in grpc-go
		return nil, nil
	}
	buffers, err := codec.Marshal(args)
	if err != nil {
		return nil, err
	}
	defer buffers.Free()
	return buffers.Materialize(), nil
}

// waitConnected fails while there is no connection to NATS, or waits for it until ctx ends.
func (c *Conn) waitConnected(ctx context.Context, wait bool) error {
	if c.nc.IsConnected() {
		return nil
	}
	notConnected := errorWithReason(codes.Unavailable, ReasonNotConnected, "natsgrpc: not connected to NATS")
	if !wait || c.nc.IsClosed() {
		return notConnected
	}
	changes := c.nc.StatusChanged(nats.CONNECTED, nats.CLOSED)
	defer c.nc.RemoveStatusListener(changes)
	for !c.nc.IsConnected() {
		select {
		case <-changes:
			if c.nc.IsClosed() {
				return notConnected
			}
		case <-c.closing:
			return errClosed
		case <-ctx.Done():
			return status.FromContextError(ctx.Err()).Err()
		}
	}
	return nil
}

// roundTrip publishes a request and waits for its answer.
func (c *Conn) roundTrip(ctx context.Context, m *method, body []byte) (*nats.Msg, error) {
	id := nuid.Next()
	pending, number, err := c.register(m, id)
	if err != nil {
		return nil, err
	}
	defer c.forget(number, id)
	msg, err := c.request(ctx, m, id, number, body)
	if err != nil {
		return nil, err
	}
	if err := tooLarge("request", msg, c.nc.MaxPayload()); err != nil {
		return nil, err
	}
	wait := republishAfter
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for first := true; ; first = false {
		if err := c.publish(msg); err != nil {
			return nil, err
		}
		for republish := false; !republish; {
			select {
			case answer := <-pending.answer:
				return answer, nil
			case err := <-pending.ack:
				if err != nil && first {
					return c.refused(pending, err)
				}
				// A queue on disk has it for good; one in memory may be lost. And a refusal of a repeated publish says
				// nothing of the first one.
				if err == nil && m.kind == command {
					timer.Stop()
				}
			case <-timer.C:
				wait *= 2
				timer.Reset(wait)
				republish = true
			case <-c.closing:
				return nil, errClosed
			case <-ctx.Done():
				return nil, status.FromContextError(ctx.Err()).Err()
			}
		}
	}
}

// refused returns the answer that may have come with a refusal, or the refusal.
func (c *Conn) refused(pending *call, err error) (*nats.Msg, error) {
	select {
	case answer := <-pending.answer:
		return answer, nil
	default:
		return nil, err
	}
}

// register adds a call to those that wait for an answer.
func (c *Conn) register(m *method, id string) (*call, uint64, error) {
	pending := &call{answer: make(chan *nats.Msg, 1), ack: make(chan error, 1)}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, 0, errClosed
	}
	c.next++
	c.byNumber[c.next] = pending
	if m.kind == command {
		c.byID[id] = pending
	}
	return pending, c.next, nil
}

// forget removes a call; what still comes for it is dropped.
func (c *Conn) forget(number uint64, id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.byNumber, number)
	delete(c.byID, id)
}

// request makes the message of a call.
func (c *Conn) request(ctx context.Context, m *method, id string, number uint64, body []byte) (*nats.Msg, error) {
	n := strconv.FormatUint(number, 36)
	header := nats.Header{nats.MsgIdHdr: {id}}
	deadline, _ := ctx.Deadline()
	putDeadline(header, deadline)
	if m.kind == query {
		header[headerReplyTo] = []string{replySubject(m.service, c.id, n)}
		// Garbage collection only: JetStream counts whole seconds, so the exact deadline has its own header.
		ttl := max(1, int64(math.Ceil(time.Until(deadline).Seconds()))+1)
		header["Nats-TTL"] = []string{strconv.FormatInt(ttl, 10) + "s"}
	} else {
		header[headerReplyTo] = []string{responseSubject(m.service, id, c.id)}
	}
	md, _ := metadata.FromOutgoingContext(ctx)
	if err := putMetadata(header, prefixMetadata, md); err != nil {
		return nil, status.Error(codes.Internal, err.Error())
	}
	return &nats.Msg{Subject: requestSubject(m.kind, m.service, m.name, id), Reply: c.inbox + n, Header: header, Data: body}, nil
}

// publish sends a request without waiting for its PubAck.
func (c *Conn) publish(msg *nats.Msg) error {
	err := c.nc.PublishMsg(msg)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, nats.ErrMaxPayload):
		return messageTooLarge("request", int64(msg.Size()), c.nc.MaxPayload())
	default:
		c.logger.Error("natsgrpc: publish a request", "subject", msg.Subject, "error", err)
		return errorWithReason(codes.Unavailable, ReasonNotConnected, "natsgrpc: not connected to NATS")
	}
}

// onResponse takes the answer to a command, from "rsp.<svc>.<id>.<conn>".
func (c *Conn) onResponse(msg *nats.Msg) {
	c.mu.Lock()
	pending := c.byID[tokenAt(msg.Subject, 2)]
	c.mu.Unlock()
	pending.deliver(msg)
}

// onReply takes the answer to a query, or a frame of a stream, from "rep.<svc>.<conn>.<n>".
func (c *Conn) onReply(msg *nats.Msg) {
	pending := c.numbered(msg.Subject)
	switch {
	case pending == nil:
		c.refuseStream(msg)
	case pending.stream != nil:
		pending.stream.onFrame(msg)
	default:
		pending.deliver(msg)
	}
}

// onPubAck takes the queue's acknowledgement of a request.
func (c *Conn) onPubAck(msg *nats.Msg) {
	if pending := c.numbered(msg.Subject); pending != nil {
		err := pubAckError(msg)
		if code := status.Code(err); code != codes.OK && code != codes.ResourceExhausted {
			c.logger.Error("natsgrpc: a queue refused a request", "error", err, "puback", string(msg.Data))
		}
		select {
		case pending.ack <- err:
		default: // of a publish that was repeated
		}
	}
}

// numbered returns the call whose number is the subject's last token, nil if it has ended.
func (c *Conn) numbered(subject string) *call {
	n, err := strconv.ParseUint(lastToken(subject), 36, 64)
	if err != nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.byNumber[n]
}

// deliver hands the first answer to the caller and drops later ones. A nil call has ended.
func (p *call) deliver(msg *nats.Msg) {
	if p == nil {
		return
	}
	select {
	case p.answer <- msg:
	default:
	}
}

// RedactURLs returns a list of NATS URLs, as nats.Connect takes it, without their passwords, for messages to people.
func RedactURLs(urls string) string {
	list := strings.Split(urls, ",")
	for i := range list {
		if u, err := url.Parse(strings.TrimSpace(list[i])); err == nil {
			list[i] = u.Redacted()
		}
	}
	return strings.Join(list, ",")
}
