package natsgrpc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// Compile-time proof that generated clients work on a Conn.
var _ grpc.ClientConnInterface = (*Conn)(nil)

// defaultMaxReceiveSize is grpc-go's limit for a received message.
const defaultMaxReceiveSize = 4 << 20

// lookToken begins the last token of the subjects on which kept answers come; the number of the call follows.
const lookToken = "="

// errClosed is the error of calls on a closed Conn; grpc-go's text and code.
var errClosed = status.Error(codes.Canceled, "grpc: the client connection is closing")

// Conn calls services whose servers pull from JetStream queues. Generated gRPC clients take it as their connection. It
// is safe for concurrent use and is meant to be shared: all calls and streams use the same three subscriptions.
type Conn struct {
	nc      *nats.Conn
	methods methods
	logger  *slog.Logger
	domain  string // JetStream's, "" for the connection's own
	api     string // the prefix of JetStream's API

	id       string // names this connection in subjects
	inbox    string // "<inbox>.": PubAcks and the answers to probes come here
	subs     []*nats.Subscription
	writer   *writer
	calls    calls
	queues   backlogs
	presence presence
	lives    liveness
	lost     atomic.Int64 // when a call has first missed the connection to NATS, in nanoseconds since 1970; 0 since there is one again

	unaryInterceptors  []grpc.UnaryClientInterceptor
	streamInterceptors []grpc.StreamClientInterceptor
	unary              grpc.UnaryInvoker
	stream             grpc.Streamer

	providers providers
	telemetry *clientTelemetry // nil where there are no providers

	closing chan struct{}
	closed  sync.Once
	watcher sync.WaitGroup

	heart   heart          // of the streams
	streams sync.WaitGroup // their goroutines
}

// ConnOption changes what NewConn makes.
type ConnOption interface{ applyConn(*Conn) error }

// NewConn returns a Conn over nc, which stays the caller's: Close leaves it open.
//
// Errors: nc is closed, or an option is wrong.
func NewConn(nc *nats.Conn, options ...ConnOption) (*Conn, error) {
	id := nuid.Next()
	c := &Conn{
		nc:      nc,
		methods: methods{descriptors: protoregistry.GlobalFiles},
		logger:  slog.Default(),
		api:     jetstream.DefaultAPIPrefix,
		id:      id,
		inbox:   nc.NewInbox() + ".",
		calls:   calls{conn: id, byNumber: map[uint64]*call{}, byID: map[string][]*call{}},
		closing: make(chan struct{}),
	}
	for _, option := range options {
		if err := option.applyConn(c); err != nil {
			return nil, err
		}
	}
	c.unary = chainInvoker(c.unaryInterceptors, c.invoke)
	c.stream = chainStreamer(c.streamInterceptors, c.open)
	var err error
	if c.telemetry, err = newClientTelemetry(c.providers); err != nil {
		return nil, err
	}
	c.calls.look = c.look
	c.writer = newWriter(nc, c.onPublishFailed)
	for subject, handler := range map[string]nats.MsgHandler{
		"rsp.*.*." + c.id:      c.onResponse,
		"rep.*." + c.id + ".*": c.onReply,
		c.inbox + "*":          c.onInbox,
	} {
		if err := c.subscribe(subject, handler); err != nil {
			return nil, errors.Join(err, c.Close())
		}
	}
	c.watcher.Go(c.watch)
	return c, nil
}

func (c *Conn) subscribe(subject string, handler nats.MsgHandler) error {
	sub, err := c.nc.Subscribe(subject, handler)
	if err != nil {
		return fmt.Errorf("natsgrpc: subscribe to answers: %w", err)
	}
	c.subs = append(c.subs, sub)
	// Answers must not be dropped by a count; bytes stay bounded by nats.go's default of 64 MiB.
	if err := sub.SetPendingLimits(-1, nats.DefaultSubPendingBytesLimit); err != nil {
		return fmt.Errorf("natsgrpc: subscribe to answers: %w", err)
	}
	return nil
}

// Close ends the subscriptions and fails the calls in flight with CANCELED. Commands that a queue has accepted are
// still executed; their answers are lost to this Conn. The NATS connection stays open.
func (c *Conn) Close() error {
	var err error
	c.closed.Do(func() { err = c.close() })
	return err
}

func (c *Conn) close() error {
	c.calls.close()
	close(c.closing)
	c.streams.Wait()
	c.watcher.Wait()
	c.heart.close()
	c.writer.close()
	var errs []error
	for _, sub := range c.subs {
		errs = append(errs, unsubscribe(sub))
	}
	return errors.Join(errs...)
}

// watch publishes again what may have been lost with a connection, when there is one again.
func (c *Conn) watch() {
	connected := c.nc.StatusChanged(nats.CONNECTED)
	defer c.nc.RemoveStatusListener(connected)
	for {
		select {
		case <-connected:
			c.lost.Store(0)
			for _, repeat := range c.calls.repeats() {
				c.writer.publish(repeat)
			}
		case <-c.closing:
			return
		}
	}
}

// onResponse takes the answer to a command, from "rsp.<svc>.<id>.<conn>".
func (c *Conn) onResponse(msg *nats.Msg) {
	c.observe(msg)
	c.calls.answeredID(tokenAt(msg.Subject, 2), msg)
}

// onReply takes the answer to a query, or a frame of a stream, from "rep.<svc>.<conn>.<n>".
func (c *Conn) onReply(msg *nats.Msg) {
	stream, found := c.calls.answered(lastToken(msg.Subject), msg)
	switch {
	case stream != nil:
		stream.onFrame(msg)
	case found:
		c.observe(msg)
	default:
		c.refuseStream(msg)
	}
}

// onInbox takes a queue's acknowledgement of a request, the answer to a probe, or a kept answer.
func (c *Conn) onInbox(msg *nats.Msg) {
	token := lastToken(msg.Subject)
	if service, probe := strings.CutPrefix(token, probeToken); probe {
		c.onProbe(service, msg)
		return
	}
	if call, looked := strings.CutPrefix(token, lookToken); looked {
		if request := c.calls.looked(call, msg); request != nil {
			c.writer.publish(request)
		}
		return
	}
	c.calls.acknowledged(token, c.readPubAck(msg))
}

// readPubAck reads what a queue said of a request. It logs what the caller is not told.
func (c *Conn) readPubAck(msg *nats.Msg) pubAck {
	ack := readPubAck(msg)
	if code := status.Code(ack.err); code != codes.OK && !errors.Is(ack.err, errQueueFull) && !errors.Is(ack.err, errNoQueue) {
		c.logger.Error("natsgrpc: a queue refused a request", "error", ack.err, "puback", string(msg.Data))
	}
	return ack
}

// look makes the request for the kept answer to a call.
func (c *Conn) look(p *call) *nats.Msg {
	return &nats.Msg{
		Subject: c.api + "DIRECT.GET." + responsesStream + "." + responseSubject(p.method.service, p.id, c.id),
		Reply:   c.inbox + lookToken + p.token,
	}
}

// onPublishFailed ends the call whose request could not be published. Other messages may be lost.
func (c *Conn) onPublishFailed(request *nats.Msg, err error) {
	c.logger.Error("natsgrpc: publish", "subject", request.Subject, "error", err)
	c.calls.acknowledged(lastToken(request.Reply), pubAck{err: errNotConnected})
}

// errNotConnected is the error of calls without a connection to NATS.
var errNotConnected = errorWithReason(codes.Unavailable, ReasonNotConnected, "natsgrpc: not connected to NATS")

// reconnectGrace is how long calls wait for a connection that was lost, before they are told so at once: where NATS has another
// server, or is back at once, none has to be repeated.
const reconnectGrace = time.Second

// waitConnected waits for the connection to NATS: until ctx ends, or only where it was lost less than reconnectGrace ago and
// until then.
func (c *Conn) waitConnected(ctx context.Context, wait bool) error {
	if c.nc.IsConnected() {
		return nil
	}
	var patience <-chan time.Time
	if !wait {
		timer := time.NewTimer(time.Until(c.lostAt().Add(reconnectGrace)))
		defer timer.Stop()
		patience = timer.C
	}
	changes := c.nc.StatusChanged(nats.CONNECTED, nats.CLOSED)
	defer c.nc.RemoveStatusListener(changes)
	for !c.nc.IsConnected() {
		if c.nc.IsClosed() {
			return errNotConnected
		}
		select {
		case <-changes:
		case <-patience:
			return errNotConnected
		case <-c.closing:
			return errClosed
		case <-ctx.Done():
			return status.FromContextError(ctx.Err()).Err()
		}
	}
	return nil
}

// lostAt returns when a call has first missed the connection.
func (c *Conn) lostAt() time.Time {
	now := time.Now()
	if c.lost.CompareAndSwap(0, now.UnixNano()) {
		return now
	}
	return time.Unix(0, c.lost.Load())
}
