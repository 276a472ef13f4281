package natsgrpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"sync"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/codingflow/rating/proto/descriptors"
)

// errCallerLeft is why a handler is cancelled whose caller has ended the stream.
var errCallerLeft = errors.New("natsgrpc: the caller has ended the stream")

// errHeaderSent is grpc-go's error for a header that comes too late.
var errHeaderSent = status.Error(codes.Internal, "transport: SendHeader called multiple times")

// serverStreams holds the streams that a server has claimed.
type serverStreams struct {
	nc    *nats.Conn
	id    string // names this server in subjects
	heart heart
	subs  []*nats.Subscription

	mu       sync.Mutex
	next     uint64
	byNumber map[string]*serverStream
}

func newServerStreams(nc *nats.Conn) *serverStreams {
	return &serverStreams{nc: nc, id: nuid.Next(), byNumber: map[string]*serverStream{}}
}

// serve subscribes to the frames of a service's streams, if it has any.
func (ss *serverStreams) serve(s *service) error {
	if len(s.streams) == 0 {
		return nil
	}
	sub, err := ss.nc.Subscribe(streamSubject(descriptors.Token(s.descriptor.FullName()), ss.id, "*"), ss.onFrame)
	if err != nil {
		return fmt.Errorf("natsgrpc: subscribe to streams: %w", err)
	}
	ss.subs = append(ss.subs, sub)
	// Each stream is bounded by its window; the callback only files the frames.
	if err := sub.SetPendingLimits(-1, nats.DefaultSubPendingBytesLimit); err != nil {
		return fmt.Errorf("natsgrpc: subscribe to streams: %w", err)
	}
	return nil
}

// close ends the heartbeats.
func (ss *serverStreams) close() error {
	ss.heart.close()
	var errs []error
	for _, sub := range ss.subs {
		errs = append(errs, unsubscribe(sub))
	}
	return errors.Join(errs...)
}

func (ss *serverStreams) len() int {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	return len(ss.byNumber)
}

// add gives a stream its number and with it the subject of its frames.
func (ss *serverStreams) add(s *serverStream) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	ss.next++
	s.number = strconv.FormatUint(ss.next, 36)
	subject := streamSubject(s.task.worker.queue.service, ss.id, s.number)
	s.link = newLink(ss.nc, s.task.msg.Header.Get(headerReplyTo), subject, s.broken)
	ss.byNumber[s.number] = s
}

func (ss *serverStreams) remove(s *serverStream) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	delete(ss.byNumber, s.number)
}

// onFrame takes what callers send to "str.<svc>.<server>.<n>".
func (ss *serverStreams) onFrame(msg *nats.Msg) {
	ss.mu.Lock()
	s := ss.byNumber[lastToken(msg.Subject)]
	ss.mu.Unlock()
	if s != nil {
		s.onFrame(msg)
		return
	}
	f, err := parseFrame(msg.Data)
	if err == nil && f.kind == framePing && isReplySubject(tokenAt(msg.Subject, 1), msg.Reply) {
		_ = ss.nc.PublishMsg(resetMessage(msg.Reply, msg.Subject, nil)) // a lost one is repeated at the next ping
	}
}

// isReplySubject reports whether a subject has the form of a caller's for this service.
func isReplySubject(service, subject string) bool {
	conn, n := tokenAt(subject, 2), lastToken(subject)
	return validToken(conn) && validToken(n) && subject == replySubject(service, conn, n)
}

// handleStream claims a stream and runs its handler. A stream that was claimed has been told its outcome.
func (t *task) handleStream(ctx context.Context, desc grpc.StreamDesc) outcome {
	streams := t.worker.run.streams
	md, err := takeMetadata(t.msg.Header, prefixMetadata)
	switch {
	case err != nil:
		return failure(status.Errorf(codes.Internal, "natsgrpc: malformed request: %v", err))
	case !isReplySubject(t.worker.queue.service, t.msg.Header.Get(headerReplyTo)):
		return failure(status.Error(codes.Internal, "natsgrpc: malformed request: no valid reply subject")) // refuseStream logs it
	case md == nil:
		md = metadata.MD{}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	compressor, err := compressorOf(t.msg.Header.Get(headerEncoding))
	if err != nil {
		return failure(err)
	}
	s := &serverStream{task: t, desc: desc, compressor: compressor, codec: encoding.GetCodecV2("proto"), cancel: cancel, started: make(chan struct{})}
	ctx = metadata.NewIncomingContext(ctx, md)
	ctx = peer.NewContext(ctx, &peer.Peer{Addr: natsAddr{}, LocalAddr: natsAddr{}})
	s.ctx = grpc.NewContextWithServerTransportStream(ctx, streamTransport{s})
	streams.add(s)
	defer streams.remove(s)

	var cancelled sync.WaitGroup
	cancelled.Add(1)
	stop := context.AfterFunc(ctx, func() {
		defer cancelled.Done()
		s.onCancelled()
	})
	defer func() {
		if !stop() {
			cancelled.Wait()
		}
	}()

	streams.heart.add(s.link) // from the claim on, so that a lost one is repeated
	defer streams.heart.remove(s.link)
	if err := s.claim(); err != nil {
		s.link.out.reset(statusHeaderOf(s.status(err).Err()))
		level := slog.LevelWarn
		if ctx.Err() != nil { // the caller has left, or the server drains
			level = slog.LevelDebug
		}
		t.worker.run.server.logger.Log(ctx, level, "natsgrpc: claim a stream", "method", t.method, "request", t.id, "error", err)
		return outcome{status: s.status(err).Proto()}
	}
	s.finish(s.handle())
	return outcome{status: s.end.Proto()}
}

// refuseStream answers the opening of a stream that was not claimed, and acknowledges it.
func (t *task) refuseStream(result outcome) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.gone() { // it was claimed, or is another worker's
		return
	}
	nc, logger := t.worker.run.server.nc, t.worker.run.server.logger
	to := t.msg.Header.Get(headerReplyTo)
	if !isReplySubject(t.worker.queue.service, to) {
		logger.Error("natsgrpc: a request without a valid reply subject", "method", t.method, "request", t.id, "reply_to", to)
	} else if err := nc.PublishMsg(resetMessage(to, "", statusHeaderOf(status.ErrorProto(result.status)))); err != nil {
		logger.Error("natsgrpc: refuse a stream", "method", t.method, "request", t.id, "error", err)
	}
	t.acknowledge(t.settle)
}

// statusHeaderOf returns the headers of a status.
func statusHeaderOf(err error) nats.Header {
	header := nats.Header{}
	if putStatus(header, status.Convert(err).Proto()) != nil {
		delete(header, headerDetails)
	}
	return header
}

// serverStream is the handler's end of a stream.
type serverStream struct {
	task  *task
	desc  grpc.StreamDesc
	codec encoding.CodecV2
	ctx   context.Context

	compressor encoding.Compressor // of the messages of both directions, as the caller wants it; nil for none
	cancel     context.CancelCauseFunc
	number     string
	link       *link

	start   sync.Once
	started chan struct{} // the caller has answered the claim

	received bool // of the handler's receiving goroutine

	mu              sync.Mutex
	header, trailer metadata.MD
	headerSent      bool
	finished        bool
	end             *status.Status // then
}

// claim offers this server to the caller, and takes the opening out of its queue. When it returns without an error both
// have agreed: the opening is not delivered again, and the caller sends its frames here and nowhere else.
func (s *serverStream) claim() error {
	t := s.task
	t.mu.Lock()
	lost := t.gone()
	t.lost = true // from here on the ledger does nothing for it
	t.mu.Unlock()
	if lost {
		return errLost
	}
	t.worker.run.ledger.remove(t)
	s.link.out.ping(window)
	ctx, cancel := context.WithTimeoutCause(s.ctx, t.worker.queue.Consumer.AckWait*9/10, errLost)
	defer cancel()
	if _, err := t.worker.run.server.nc.RequestWithContext(ctx, t.msg.Reply, ackDone); err != nil {
		return streamBroken("the queue did not confirm that it was claimed: " + err.Error())
	}
	select {
	case <-s.started:
		return nil
	case <-ctx.Done():
		return streamBroken("the caller did not answer the claim: " + context.Cause(ctx).Error())
	}
}

// onFrame takes what the caller sends. It is called by one goroutine.
func (s *serverStream) onFrame(msg *nats.Msg) {
	if len(msg.Data) == 0 && msg.Header.Get(statusHeader) == noResponders {
		// At the claim: the caller has gone. Later: it is away, and may come back before it is missed.
		s.start.Do(func() { s.cancel(errCallerLeft) })
		return
	}
	f, err := parseFrame(msg.Data)
	if err != nil {
		s.broken(streamBroken(err.Error()))
		return
	}
	if f.kind == frameReset {
		s.cancel(errCallerLeft)
		return
	}
	s.start.Do(func() { close(s.started) })
	if err := s.link.take(f); err != nil {
		s.broken(err)
		return
	}
	if f.kind == frameEnd {
		s.link.in.finish(io.EOF)
	}
}

// broken cancels the handler of a stream that cannot go on.
func (s *serverStream) broken(err error) { s.cancel(err) }

// onCancelled ends the handler's waiting.
func (s *serverStream) onCancelled() {
	err := s.contextError()
	s.link.out.close(err)
	s.link.in.abort(err)
}

func (s *serverStream) contextError() error { return status.FromContextError(s.ctx.Err()).Err() }

// handle runs the handler and returns the status of the stream.
func (s *serverStream) handle() (err error) {
	defer func() {
		if value := recover(); value != nil {
			_ = s.task.recovered(value)
			err = status.Error(codes.Internal, "natsgrpc: panic in the handler")
		}
	}()
	info := &grpc.StreamServerInfo{FullMethod: s.task.method, IsClientStream: s.desc.ClientStreams, IsServerStream: s.desc.ServerStreams}
	handler := s.desc.Handler
	if interceptor := chainStream(s.task.worker.run.server.streamInterceptors); interceptor != nil {
		return interceptor(s.task.worker.service.impl, s, info, handler)
	}
	return handler(s.task.worker.service.impl, s)
}

// status is what the caller is told of a stream that ended with err here.
func (s *serverStream) status(err error) *status.Status {
	switch cause := context.Cause(s.ctx); {
	case cause == nil, errors.Is(cause, context.Canceled), errors.Is(cause, errCallerLeft):
		if st, ok := status.FromError(err); ok {
			return st
		}
		return status.FromContextError(err) // as grpc-go does with an error that is no status
	case errors.Is(cause, context.DeadlineExceeded): // of the caller too: an OK could come first and hide what was not sent
		return status.Convert(s.contextError())
	case errors.Is(cause, errDrained):
		return status.Convert(streamBroken("the server has drained"))
	default: // what the handler says now may only be due to the break
		return status.Convert(cause)
	}
}

// finish sends the trailer with the status, once, and ends the stream.
func (s *serverStream) finish(err error) {
	st := s.status(err)
	s.mu.Lock()
	if s.finished {
		s.mu.Unlock()
		return
	}
	s.finished = true
	if len(s.header) > 0 && !s.headerSent {
		err := s.sendHeader()
		if err != nil && st.Code() == codes.OK {
			st = status.Convert(err)
		}
	}
	header := nats.Header{}
	if err := errors.Join(putStatus(header, st.Proto()), putMetadata(header, prefixTrailer, s.trailer)); err != nil {
		st = status.New(codes.Internal, err.Error())
		header = statusHeaderOf(st.Err())
	}
	s.end = st
	s.mu.Unlock()
	if err := s.fits("trailer", header); err != nil {
		header = statusHeaderOf(err)
	}
	over := status.FromContextError(context.Canceled).Err()
	if err := s.link.out.end(header, over); err != nil {
		s.task.worker.run.server.logger.Error("natsgrpc: end a stream", "method", s.task.method, "request", s.task.id, "error", err)
	}
	s.cancel(nil)
}

// Context returns the handler's context. It ends with the stream, at the caller's deadline, when the caller has left
// and when the stream is broken.
func (s *serverStream) Context() context.Context { return s.ctx }

// SetHeader adds to the header. It is an error once the header is sent.
func (s *serverStream) SetHeader(md metadata.MD) error {
	if md.Len() == 0 {
		return nil
	}
	if err := putMetadata(nats.Header{}, prefixMetadata, md); err != nil {
		return status.Error(codes.Internal, err.Error())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.headerSent || s.finished {
		return errHeaderSent
	}
	s.header = metadata.Join(s.header, md)
	return nil
}

// SendHeader sends the header, with md added. It is an error the second time.
func (s *serverStream) SendHeader(md metadata.MD) error {
	if err := putMetadata(nats.Header{}, prefixMetadata, md); err != nil {
		return status.Error(codes.Internal, err.Error())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.finished:
		return status.FromContextError(context.Canceled).Err()
	case s.headerSent:
		return errHeaderSent
	}
	s.header = metadata.Join(s.header, md)
	return s.sendHeader()
}

// sendHeader is called with the lock held.
func (s *serverStream) sendHeader() error {
	s.headerSent = true
	header := nats.Header{}
	if err := putMetadata(header, prefixMetadata, s.header); err != nil {
		return status.Error(codes.Internal, err.Error())
	}
	if s.compressor != nil {
		header[headerEncoding] = []string{s.compressor.Name()}
	}
	if err := s.fits("header", header); err != nil {
		return err
	}
	return s.link.out.send(frame{kind: frameHeader}, header)
}

// fits reports metadata that is too large for one message: it is not divided.
func (s *serverStream) fits(what string, header nats.Header) error {
	nc := s.task.worker.run.server.nc
	msg := nats.Msg{Subject: s.link.out.pinned(), Header: header}
	if size, limit := int64(msg.Size()+frameHead), nc.MaxPayload(); size > limit {
		return messageTooLarge(what, size, limit)
	}
	return nil
}

// SetTrailer adds to the trailer.
func (s *serverStream) SetTrailer(md metadata.MD) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.finished {
		s.trailer = metadata.Join(s.trailer, md)
	}
}

// SendMsg sends a message when there is credit for it. An error ends the stream.
func (s *serverStream) SendMsg(message any) error {
	if err := s.send(message); err != nil {
		s.finish(err)
		return err
	}
	return nil
}

func (s *serverStream) send(message any) error {
	body, err := marshal(s.codec, message)
	if err == nil {
		body, err = compress(s.compressor, body)
	}
	if err != nil {
		return err
	}
	s.mu.Lock()
	if !s.headerSent && !s.finished {
		err = s.sendHeader()
	}
	s.mu.Unlock()
	if err != nil {
		return err
	}
	return s.link.out.message(body)
}

// RecvMsg receives the next message, io.EOF after the caller's last one. Another error ends the stream.
func (s *serverStream) RecvMsg(message any) error {
	err := s.receive(message)
	if err != nil && !errors.Is(err, io.EOF) {
		s.finish(err)
	}
	return err
}

func (s *serverStream) receive(message any) error {
	limit := s.task.worker.run.server.maxReceiveSize
	body, err := s.link.in.message(limit)
	if errors.Is(err, io.EOF) && !s.desc.ClientStreams && !s.received {
		return status.Error(codes.Internal, "cardinality violation: received no request message from non-client-streaming RPC")
	}
	if err != nil {
		return err
	}
	if body, err = decompress(s.compressor, body, limit); err != nil {
		return err
	}
	if err := unmarshal(s.codec, body, message); err != nil {
		return err
	}
	s.received = true
	if s.desc.ClientStreams {
		return nil
	}
	switch _, err := s.link.in.message(limit); {
	case errors.Is(err, io.EOF): // the half-close belongs to the only message
		return nil
	case err == nil:
		return status.Error(codes.Internal, "cardinality violation: received multiple request messages for non-client-streaming RPC")
	default:
		return err
	}
}

// streamTransport lets grpc.SetHeader and the like work in a stream's handler.
type streamTransport struct{ *serverStream }

// Method returns "/pkg.Service/Method".
func (s streamTransport) Method() string { return s.task.method }

// SetTrailer adds to the trailer.
func (s streamTransport) SetTrailer(md metadata.MD) error {
	s.serverStream.SetTrailer(md)
	return nil
}
