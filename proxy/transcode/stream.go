package transcode

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

const (
	// flushSize is how many bytes of an answer are gathered, while messages follow each other without a pause, before
	// they are sent: enough to make a system call per message unnecessary.
	flushSize = 32 << 10
	// keepSize bounds the buffer, in bytes, that a stream keeps after a large message.
	keepSize = 4 * flushSize
	// lingerTime is how long an HTTP/1.1 connection is read from on behalf of a client that is still sending when its
	// answer is complete. Closed at once, TCP would reset it and take the answer away from the client. net/http waits as
	// long when it closes a connection.
	lingerTime = 500 * time.Millisecond
	// grpcStatus is the trailer of a stream: its code, in decimal.
	grpcStatus = "Grpc-Status"
)

// streamCall is a call of a streaming method over HTTP. Of the messages to the client it holds three at most: one that is
// received, one that waits to be written, and those below flushSize that are. So a client that does not read stops the
// receiving, and with it, by the flow control of gRPC, the handler.
type streamCall struct {
	handler   *Handler
	route     *route
	w         http.ResponseWriter
	r         *http.Request
	deadlines deadlines
	cancel    context.CancelCauseFunc
	ctx       context.Context
	stream    grpc.ClientStream
	upload    *upload   // nil if the request is one message
	messages  *receiver // nil if the answer is one message
	framing   framing
	heartbeat *time.Timer // nil if the format has none
	buffer    []byte
	begun     bool // the headers of the answer are written
	running   sync.WaitGroup
}

// serveStream answers a request of a streaming method.
func (h *Handler) serveStream(w http.ResponseWriter, r *http.Request, call Call, found *route, segments []string) {
	s := &streamCall{
		handler: h, route: found, w: w, r: r,
		deadlines: deadlines{control: http.NewResponseController(w), idle: h.options.streamIdle},
	}
	ctx := r.Context()
	if h.options.streamTimeout > 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, h.options.streamTimeout)
		defer stop()
	}
	s.ctx, s.cancel = context.WithCancelCause(ctx)
	defer s.close()
	err := s.open(segments)
	switch {
	case err != nil:
	case found.desc.ServerStreams:
		err = s.answerAll()
	default:
		err = s.answerOne()
	}
	s.finish(call, err)
}

// open begins the call and sends the request, or begins to.
func (s *streamCall) open(segments []string) error {
	opts, err := s.handler.callOptions(s.r, s.route.binding)
	if err != nil {
		return err
	}
	params, err := s.route.params(s.r, segments)
	if err != nil {
		return err
	}
	if s.route.desc.ServerStreams {
		s.framing = s.route.newFraming(s.r)
	}
	if sse, ok := s.framing.(*sseFraming); ok && sse.resume != nil {
		params = sse.resume.apply(s.r, params)
	}
	var request []byte
	if s.route.desc.ClientStreams {
		s.upload, err = newUpload(s, params)
	} else {
		request, err = s.handler.request(s.w, s.r, s.route, params)
	}
	if err != nil {
		return err
	}
	s.deadlines.none()
	ctx, err := s.handler.outgoing(s.ctx, s.r)
	if err != nil {
		return err
	}
	s.stream, err = s.handler.conn.NewStream(ctx, &s.route.desc, s.route.rpc, opts...)
	if err != nil {
		return err
	}
	if s.upload != nil {
		s.running.Go(s.upload.run)
		return nil
	}
	// io.EOF means that the call has ended already; receiving tells how.
	if err := s.stream.SendMsg(request); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return s.stream.CloseSend()
}

// close ends what the call has begun, if that has not ended.
func (s *streamCall) close() {
	s.cancel(nil)
	if s.upload != nil {
		s.upload.body.stop(0)
	}
	s.running.Wait()
}

// answerOne answers with the only response of a method with client streaming.
func (s *streamCall) answerOne() error {
	var response []byte
	err := s.stream.RecvMsg(&response)
	header, _ := s.stream.Header() // RecvMsg has told the error
	s.handler.setHeaders(s.w.Header(), header, s.stream.Trailer())
	if err != nil {
		return s.cause(err)
	}
	contentType, body, err := s.route.answer(response)
	if err != nil {
		return err
	}
	s.prepare()
	writeBody(s.w, s.r, http.StatusOK, contentType, body)
	s.begun = true
	return nil
}

// answerAll answers with the responses of a method with server streaming.
func (s *streamCall) answerAll() error {
	if _, ok := s.framing.(*sseFraming); ok {
		s.heartbeat = time.NewTimer(s.handler.options.heartbeat)
		defer s.heartbeat.Stop()
	}
	s.messages = &receiver{stream: s.stream, messages: make(chan []byte)}
	s.running.Go(func() { s.messages.run(s.ctx) })
	for {
		message, err := s.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if s.buffer, err = s.framing.appendMessage(s.buffer, message); err != nil {
			return codecError("response", s.route, err)
		}
		s.begin(message)
		if s.r.Method == http.MethodHead {
			return nil // these are the headers
		}
		if len(s.buffer) >= flushSize {
			if err := s.flush(); err != nil {
				return err
			}
		}
	}
	s.begin(nil)
	s.buffer = s.framing.appendEnd(s.buffer)
	if err := s.flush(); err != nil {
		return err
	}
	s.setTrailers(codes.OK)
	return nil
}

// next returns the next message, or how the call has ended: io.EOF for well. While there is none, what is gathered is sent.
func (s *streamCall) next() ([]byte, error) {
	select {
	case message, ok := <-s.messages.messages:
		return s.received(message, ok)
	default:
	}
	if err := s.flush(); err != nil {
		return nil, err
	}
	var silence <-chan time.Time
	if s.heartbeat != nil {
		s.heartbeat.Reset(s.handler.options.heartbeat)
		silence = s.heartbeat.C
	}
	for {
		select {
		case message, ok := <-s.messages.messages:
			return s.received(message, ok)
		case <-silence:
			s.begin(nil)
			s.buffer = append(s.buffer, heartbeat...)
			if err := s.flush(); err != nil {
				return nil, err
			}
			s.heartbeat.Reset(s.handler.options.heartbeat)
		}
	}
}

func (s *streamCall) received(message []byte, ok bool) ([]byte, error) {
	var trailer metadata.MD
	if !ok {
		trailer = s.messages.trailer
	}
	if !s.begun {
		s.handler.setHeaders(s.w.Header(), s.messages.header, trailer)
	}
	if ok {
		return message, nil
	}
	if errors.Is(s.messages.err, io.EOF) {
		return nil, io.EOF
	}
	return nil, s.cause(s.messages.err)
}

// begin writes the headers of the answer, unless they are written. first is the first message, if there is one.
func (s *streamCall) begin(first []byte) {
	if s.begun {
		return
	}
	s.begun = true
	header := s.w.Header()
	contentType := s.framing.contentType(first)
	header.Set("Content-Type", contentType)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("X-Accel-Buffering", "no") // nginx would hold messages back
	header.Set("Trailer", grpcStatus)
	if s.route.answerBody == nil {
		header.Add("Vary", "Accept")
		if contentType == contentTypeEvents {
			header.Set("Cache-Control", "no-cache")
		}
	}
	s.prepare()
	s.w.WriteHeader(http.StatusOK)
}

// prepare is called before the headers of an answer are written.
func (s *streamCall) prepare() {
	s.deadlines.beginWrite()
	// What is left of a body would be taken for the next request.
	if s.upload != nil && s.r.ProtoMajor == 1 && !s.upload.body.atEnd() {
		s.w.Header().Set("Connection", "close")
	}
}

// flush sends what is gathered.
func (s *streamCall) flush() error {
	if len(s.buffer) == 0 || s.r.Method == http.MethodHead {
		return nil
	}
	s.deadlines.beginWrite()
	_, err := s.w.Write(s.buffer)
	if err == nil {
		err = s.deadlines.control.Flush()
	}
	if err != nil && !errors.Is(err, http.ErrNotSupported) {
		return &writeError{err}
	}
	s.deadlines.endWrite()
	if s.buffer = s.buffer[:0]; cap(s.buffer) > keepSize {
		s.buffer = nil
	}
	return nil
}

// writeError is a client that has left, or takes nothing any more.
type writeError struct{ err error }

func (e *writeError) Error() string { return fmt.Sprintf("write the answer: %v", e.err) }

func (e *writeError) Unwrap() error { return e.err }

// setTrailers sets the trailers of an answer that has begun.
func (s *streamCall) setTrailers(code codes.Code) {
	header := s.w.Header()
	header.Set(grpcStatus, strconv.Itoa(int(code)))
	for _, name := range s.handler.options.responseHeaders {
		if len(header.Values(name.http)) > 0 {
			continue
		}
		for _, value := range s.messages.trailer.Get(name.metadata) {
			header.Add(http.TrailerPrefix+name.http, value)
		}
	}
}

// cause returns why a call has failed, which is not always what the stream says: where the body is at fault, that has
// cancelled the call.
func (s *streamCall) cause(err error) error {
	if s.upload == nil || s.ctx.Err() == nil {
		return err
	}
	var fault *uploadError
	if errors.As(context.Cause(s.ctx), &fault) {
		return fault.err
	}
	if s.r.Context().Err() != nil {
		// net/http ends the context when the body cannot be read, before it tells who reads.
		s.upload.body.stop(0)
		<-s.upload.done
		if s.upload.err != nil {
			return s.upload.err
		}
	}
	return err
}

// finish ends the answer and tells the observer.
func (s *streamCall) finish(call Call, err error) {
	switch {
	case err == nil:
		s.handler.options.observe(s.r.Context(), call)
	case s.begun:
		s.breakOff(call, err)
	default:
		s.prepare()
		s.handler.fail(s.w, s.r, call, err)
	}
	s.deadlines.beginWrite() // of what net/http has in its buffers
	if s.upload == nil {
		return
	}
	s.cancel(nil)
	linger := time.Duration(0)
	if s.r.ProtoMajor == 1 {
		linger = lingerTime
		_ = s.deadlines.control.Flush() // the client has left, or the answer is not of the kind that can be sent early
	}
	s.upload.body.stop(linger)
	s.running.Wait()
}

// breakOff ends an answer that has begun with an error.
func (s *streamCall) breakOff(call Call, err error) {
	h := s.handler
	var unwritten *writeError
	if errors.As(err, &unwritten) || clientGone(s.r, err) {
		h.abandon(s.r, call, err)
	}
	httpStatus, st := h.outcome(err)
	call.Code, call.Err = st.Code(), err
	var ok bool
	s.buffer, ok = s.framing.appendError(s.buffer, errorJSON(newErrorBody(httpStatus, st, h.types)))
	if err := s.flush(); err != nil {
		h.abandon(s.r, call, errors.Join(call.Err, err))
	}
	h.options.observe(s.r.Context(), call)
	if !ok {
		panic(http.ErrAbortHandler) // the client sees that the answer is not complete
	}
	s.setTrailers(call.Code)
}

// receiver takes messages off a stream, one ahead of who writes them.
type receiver struct {
	stream   grpc.ClientStream
	messages chan []byte // closed when the call has ended
	header   metadata.MD // with the first message, or at the end
	trailer  metadata.MD // at the end
	err      error       // at the end: io.EOF for well
}

func (r *receiver) run(ctx context.Context) {
	defer close(r.messages)
	for first := true; ; first = false {
		var message []byte
		err := r.stream.RecvMsg(&message)
		if first {
			r.header, _ = r.stream.Header() // RecvMsg has told the error
		}
		if err != nil {
			r.trailer, r.err = r.stream.Trailer(), err
			return
		}
		select {
		case r.messages <- message:
		case <-ctx.Done():
			r.err = status.FromContextError(ctx.Err()).Err()
			return
		}
	}
}
