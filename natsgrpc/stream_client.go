package natsgrpc

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

// claimTimeout is how long a stream waits for a server with a free slot; as long as a unary call does by default.
const claimTimeout = defaultTimeout

// ReasonStreamNotClaimed goes with UNAVAILABLE: no server had a free slot for a stream.
const ReasonStreamNotClaimed = "STREAM_NOT_CLAIMED"

// The versions of the wire: the values of headerVersion, where it is not absent, and headerStream.
const (
	wireVersion   = "1"
	streamVersion = "1"
)

// NewStream opens a stream. It returns when the opening is sent; a queue that refuses it, as Invoke would report it,
// shows in RecvMsg. A server with a free slot has to claim the stream within 10 seconds. Until then messages are kept
// at this end, and SendMsg blocks when they reach the credit of 256 KiB. The stream has no timeout but that of ctx, and the
// one that the method's delivery option sets.
//
// What the stream does is what grpc.ClientStream says, and as there the caller must receive until an error, cancel ctx,
// or close the Conn. Errors beside Invoke's: UNAVAILABLE (STREAM_NOT_CLAIMED; STREAM_BROKEN when frames were lost or
// nothing was heard of the server for 5 seconds). The call options are those of Invoke. A method that is not streaming is
// refused.
func (c *Conn) NewStream(ctx context.Context, desc *grpc.StreamDesc, fullName string, options ...grpc.CallOption) (grpc.ClientStream, error) {
	return c.stream(ctx, desc, nil, fullName, options...)
}

// open is NewStream within the interceptors.
func (c *Conn) open(ctx context.Context, desc *grpc.StreamDesc, _ *grpc.ClientConn, fullName string, options ...grpc.CallOption) (_ grpc.ClientStream, err error) {
	settings := newCallSettings(options)
	ctx = c.telemetry.begin(ctx, fullName, &c.methods, settings)
	defer func() {
		if err != nil {
			settings.finish(err)
		}
	}()
	if settings.refused != nil {
		return nil, settings.refused
	}
	m, err := c.methods.find(fullName)
	if err != nil {
		return nil, status.Error(codes.Unimplemented, err.Error())
	}
	if !m.streaming || !desc.ClientStreams && !desc.ServerStreams {
		return nil, status.Errorf(codes.Internal, "natsgrpc: %s is not a streaming method: it takes Invoke", fullName)
	}
	if settings.key != nil && m.kind == command {
		return nil, status.Errorf(codes.InvalidArgument, "natsgrpc: %s is a stream, which takes no idempotency key", fullName)
	}
	codec := settings.codec()
	var cancel context.CancelFunc
	if m.timeout > 0 {
		ctx, cancel = context.WithTimeout(ctx, m.timeout)
	} else {
		ctx, cancel = context.WithCancel(ctx)
	}
	defer func() {
		if err != nil {
			cancel()
		}
	}()
	if err := ctx.Err(); err != nil {
		return nil, status.FromContextError(err).Err()
	}
	if err := c.waitConnected(ctx, settings.waitForReady); err != nil {
		return nil, err
	}
	s := &clientStream{
		conn: c, method: m, desc: desc, codec: codec, settings: settings, cancel: cancel,
		ctx:     peer.NewContext(ctx, &peer.Peer{Addr: natsAddr{}}),
		claimed: make(chan struct{}), ended: make(chan struct{}), headerDone: make(chan struct{}),
	}
	if err := s.register(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			s.unregister()
			c.streams.Done()
		}
	}()
	opening, err := s.opening()
	if err != nil {
		return nil, err
	}
	if _, err := tooLarge("request", opening, c.nc.MaxPayload()); err != nil {
		return nil, err
	}
	c.calls.sent(s.call, opening, false)
	c.writer.publish(opening)
	go s.run() // c.streams waits for it
	return s, nil
}

// clientStream is the caller's end of a stream.
type clientStream struct {
	conn     *Conn
	method   *method
	desc     *grpc.StreamDesc
	codec    encoding.CodecV2
	settings *callSettings
	ctx      context.Context
	cancel   context.CancelFunc
	call     *call
	link     *link

	claimed    chan struct{} // a server has it
	ended      chan struct{} // no frame is sent or taken any more
	headerDone chan struct{} // header is set, or never will be

	sentLast bool // of the application's sending goroutine
	received bool // of its receiving goroutine

	mu              sync.Mutex
	header, trailer metadata.MD
	compressor      encoding.Compressor // of the messages that come; known before the first
	over            bool                // ended is closed
	end             error               // then: how the stream ended, io.EOF for OK
	finished        bool                // the application knows
}

// register adds the stream to the calls that wait for an answer.
func (s *clientStream) register() error {
	c := s.conn
	p, err := c.calls.begin(s.method, "", s)
	if err != nil {
		return err
	}
	s.call = p
	for _, to := range s.settings.ids {
		*to = p.id
	}
	s.link = newLink(c.nc, "", replySubject(s.method.service, c.id, p.token), s.fail)
	c.streams.Add(1)
	return nil
}

// unregister removes it; pings that still come for it are answered with a reset.
func (s *clientStream) unregister() {
	s.conn.calls.end(s.call)
}

// opening makes the message that asks for a server.
func (s *clientStream) opening() (*nats.Msg, error) {
	m := s.method
	header := nats.Header{
		nats.MsgIdHdr: {s.call.id},
		headerStream:  {streamVersion},
		headerReplyTo: {s.link.out.reply},
	}
	wait := claimTimeout
	if deadline, limited := s.ctx.Deadline(); limited {
		header[headerDeadline] = []string{formatDeadline(deadline)}
		wait = min(wait, time.Until(deadline))
	}
	if m.kind == query {
		header[headerTTL] = []string{wholeSeconds(wait)}
	}
	if s.settings.compressor != nil {
		header[headerEncoding] = []string{s.settings.compressor.Name()}
	}
	md, _ := metadata.FromOutgoingContext(s.ctx)
	if err := putMetadata(header, prefixMetadata, md); err != nil {
		return nil, status.Error(codes.Internal, err.Error())
	}
	s.conn.telemetry.inject(s.ctx, header)
	return &nats.Msg{Subject: requestSubject(m, s.call.id), Reply: s.conn.inbox + s.call.token, Header: header}, nil
}

// run sees the stream claimed, and ends it with its context or its Conn.
func (s *clientStream) run() {
	defer s.conn.streams.Done()
	s.awaitClaim()
	select {
	case <-s.ctx.Done(): // finish ends it too
		s.finish(status.FromContextError(s.ctx.Err()).Err())
	case <-s.conn.closing:
		s.finish(errClosed)
	}
}

// awaitClaim returns when a server has claimed the stream or it has ended. It repeats the opening while there is no
// PubAck.
func (s *clientStream) awaitClaim() {
	c := s.conn
	wait := republishAfter
	republish := time.NewTimer(wait)
	defer republish.Stop()
	probe := time.NewTicker(probeInterval)
	defer probe.Stop()
	claim := time.NewTimer(claimTimeout)
	defer claim.Stop()
	for {
		select {
		case <-s.claimed:
			return
		case <-s.ended:
			return
		case <-s.ctx.Done():
			return
		case <-s.conn.closing:
			return
		case err := <-s.call.refused:
			_, err = c.refusal(s.call, err)
			s.fail(err)
			return
		case <-probe.C:
			c.probe(s.method)
		case <-republish.C:
			wait *= 2
			republish.Reset(wait)
			if again := c.calls.repeat(s.call); again != nil {
				c.writer.publish(again)
			}
		case <-claim.C:
			s.fail(errorWithReason(codes.Unavailable, ReasonStreamNotClaimed, "natsgrpc: no server had a free slot for the stream for "+claimTimeout.String()))
			return
		}
	}
}

// onFrame takes what servers send. It is called by one goroutine.
func (s *clientStream) onFrame(msg *nats.Msg) {
	f, err := parseFrame(msg.Data)
	if err != nil {
		s.fail(streamBroken(err.Error()))
		return
	}
	switch f.kind {
	case frameReset:
		if pinned := s.link.out.pinned(); pinned == "" || pinned == msg.Reply {
			s.onReset(msg)
		}
		return
	case framePing:
		if !s.claim(msg) {
			return
		}
	default: // what the application sees
	}
	if err := s.link.take(f); err != nil {
		s.fail(err)
		return
	}
	switch f.kind {
	case frameHeader:
		s.onHeader(msg.Header)
	case frameEnd:
		s.onEnd(msg.Header)
	default: // the link has taken it
	}
}

// claim pins the server of the first ping, and reports whether the ping is of the pinned one. Another is sent away.
func (s *clientStream) claim(msg *nats.Msg) bool {
	s.mu.Lock()
	over := s.over
	s.mu.Unlock()
	if over || !s.mayStreamTo(msg.Reply) {
		s.conn.refuseStream(msg)
		return false
	}
	same, now := s.link.out.pin(msg.Reply)
	if !same {
		s.conn.refuseStream(msg)
		return false
	}
	s.conn.lives.answered(s.method.service, time.Now())
	if now {
		s.settings.observed.taken()
		s.link.out.ping(s.link.in.granted())
		close(s.claimed)
		s.mu.Lock()
		if !s.over {
			s.conn.heart.add(s.link)
		}
		s.mu.Unlock()
	}
	return true
}

// mayStreamTo reports whether subject is one that servers of this service name in a claim.
func (s *clientStream) mayStreamTo(subject string) bool {
	server, n := tokenAt(subject, 2), lastToken(subject)
	return validToken(server) && validToken(n) && subject == streamSubject(s.method.service, server, n)
}

// refuseStream answers a ping for a stream that this Conn does not have, or has with another server.
func (c *Conn) refuseStream(msg *nats.Msg) {
	service, server, n := tokenAt(msg.Reply, 1), tokenAt(msg.Reply, 2), lastToken(msg.Reply)
	f, err := parseFrame(msg.Data)
	if err != nil || f.kind != framePing || service == "" || !validToken(server) || !validToken(n) || msg.Reply != streamSubject(service, server, n) {
		return
	}
	_ = c.nc.PublishMsg(resetMessage(msg.Reply, "", nil)) // a lost one is repeated at the next ping
}

func (s *clientStream) onHeader(header nats.Header) {
	md, err := takeMetadata(header, prefixMetadata)
	if err != nil {
		s.fail(wrongAnswer(err))
		return
	}
	if md == nil {
		md = metadata.MD{}
	}
	compressor, err := compressorOf(header.Get(headerEncoding))
	if err != nil {
		s.fail(err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.header == nil && !s.over {
		s.header, s.compressor = md, compressor
		close(s.headerDone)
	}
}

// onEnd takes the trailer and the status.
func (s *clientStream) onEnd(header nats.Header) {
	trailer, err := takeMetadata(header, prefixTrailer)
	if err != nil {
		s.fail(wrongAnswer(err))
		return
	}
	st, err := takeStatus(header)
	switch {
	case err != nil:
		s.fail(wrongAnswer(err))
	case st != nil:
		s.terminate(st.Err(), trailer)
	default:
		s.terminate(io.EOF, trailer)
	}
}

// onReset takes a server's refusal of the opening, or the end of a stream that it does not have any more.
func (s *clientStream) onReset(msg *nats.Msg) {
	st, err := takeStatus(msg.Header)
	switch {
	case err != nil:
		s.terminate(wrongAnswer(err), nil)
	case st != nil:
		s.terminate(st.Err(), nil)
	default:
		s.terminate(streamBroken("the server does not have it any more"), nil)
	}
}

// fail ends the stream at this end and tells the server.
func (s *clientStream) fail(err error) {
	if s.terminate(err, nil) {
		s.link.out.reset(nil)
	}
}

// terminate ends the stream after what has come for the application. The first call counts. When the context has ended,
// that is how the stream ends, whatever a server says meanwhile: its answer may be to the cancelled half of a request.
func (s *clientStream) terminate(err error, trailer metadata.MD) bool {
	if left := s.ctx.Err(); left != nil {
		err, trailer = status.FromContextError(left).Err(), nil
	}
	s.mu.Lock()
	if s.over {
		s.mu.Unlock()
		return false
	}
	s.over, s.end, s.trailer = true, err, trailer
	if s.header == nil {
		close(s.headerDone)
	}
	close(s.ended)
	s.conn.heart.remove(s.link)
	s.mu.Unlock()
	s.link.out.close(io.EOF)
	s.link.in.finish(err)
	s.unregister()
	return true
}

// finish ends the stream for the application: call options learn how.
func (s *clientStream) finish(err error) {
	s.fail(err)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	s.mu.Lock()
	if s.finished {
		s.mu.Unlock()
		return
	}
	s.finished = true
	for _, to := range s.settings.headers {
		*to = s.header
	}
	for _, to := range s.settings.trailers {
		*to = s.trailer
	}
	s.mu.Unlock()
	s.settings.finish(err)
	s.cancel()
}

// Context returns the context of the stream. It ends with the stream.
func (s *clientStream) Context() context.Context { return s.ctx }

// Header waits for the header. It is nil when the stream has ended without; RecvMsg tells why.
func (s *clientStream) Header() (metadata.MD, error) {
	<-s.headerDone
	s.mu.Lock()
	header, end := s.header, s.end
	s.mu.Unlock()
	if header == nil {
		s.finish(end)
	}
	return header, nil
}

// Trailer returns the trailer once RecvMsg has returned an error.
func (s *clientStream) Trailer() metadata.MD {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.trailer
}

// CloseSend says that no further message will be sent.
func (s *clientStream) CloseSend() error {
	if !s.sentLast {
		s.sentLast = true
		_ = s.link.out.send(frame{kind: frameEnd}, nil) // a stream that has ended shows in RecvMsg
	}
	return nil
}

// SendMsg sends a message when there is credit for it. It returns io.EOF when the stream has ended; RecvMsg tells why.
func (s *clientStream) SendMsg(message any) error {
	if s.sentLast {
		return s.failed(status.Error(codes.Internal, "SendMsg called after CloseSend"))
	}
	body, err := marshal(s.codec, message)
	if err == nil {
		body, err = s.settings.sendable(body)
	}
	if err != nil {
		return s.failed(err)
	}
	err = s.link.out.message(body)
	if s.desc.ClientStreams {
		if err != nil {
			return io.EOF
		}
		return nil
	}
	return s.CloseSend() // RecvMsg tells what the generated code does not ask for here
}

// failed ends the stream with an error of this end.
func (s *clientStream) failed(err error) error {
	s.finish(err)
	return err
}

// RecvMsg receives the next message. It returns io.EOF when the stream has ended with OK, and else its status.
func (s *clientStream) RecvMsg(message any) error {
	err := s.receive(message)
	if err == nil && !s.desc.ServerStreams { // the status follows the only message
		switch err = s.receive(message); {
		case errors.Is(err, io.EOF):
			s.finish(nil)
			return nil
		case err == nil:
			err = status.Error(codes.Internal, "cardinality violation: expected <EOF> for non server-streaming RPCs, but received another message")
		}
	}
	if err != nil {
		s.finish(err)
	}
	return err
}

func (s *clientStream) receive(message any) error {
	body, err := s.link.in.message(s.settings.maxRecv)
	if err == nil {
		s.mu.Lock()
		compressor := s.compressor
		s.mu.Unlock()
		body, err = decompress(compressor, body, s.settings.maxRecv)
	}
	if err == nil {
		err = unmarshal(s.codec, body, message)
		if err == nil {
			s.received = true
			return nil
		}
	}
	switch {
	case errors.Is(err, io.EOF) && !s.desc.ServerStreams && !s.received:
		return status.Error(codes.Internal, "cardinality violation: received no response message from non-server-streaming RPC")
	case !errors.Is(err, io.EOF):
		s.link.in.abort(err) // nothing follows an error
	}
	return err
}
