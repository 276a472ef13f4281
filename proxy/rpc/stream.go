package rpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"

	"connectrpc.com/connect"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// stream is a stream of either kind: what connects a client with a stream of the handler's connection.
type stream struct {
	method   *method
	call     *call
	client   connect.StreamingHandlerConn
	upstream grpc.ClientStream

	ctx    context.Context // of upstream
	cancel context.CancelCauseFunc
	stop   context.CancelFunc

	received  chan struct{} // closed when the client has sent everything
	forwarded chan struct{} // closed when no more requests are forwarded, nil if none ever were
	panicked  any           // of forwarding; set before forwarded is closed
}

// open opens the stream to which a client's is connected. It must be closed.
func (m *method) open(ctx context.Context, client connect.StreamingHandlerConn) (*stream, error) {
	c, options := callOf(ctx), &m.handler.options
	outgoing, err := options.outgoing(client.RequestHeader())
	if err != nil {
		return nil, malformed(err)
	}
	s := &stream{method: m, call: c, client: client, stop: func() {}}
	s.ctx, s.cancel = context.WithCancelCause(metadata.NewOutgoingContext(ctx, outgoing))
	if options.streamTimeout > 0 {
		s.ctx, s.stop = context.WithTimeout(s.ctx, options.streamTimeout)
	}
	c.response.untilEnd(s.ctx, options.streamIdle, options.trailerGrace)
	s.upstream, err = m.handler.conn.NewStream(s.ctx, &m.stream, m.path, c.options...)
	if err != nil {
		err = m.fail(c, err)
		s.close()
		return nil, err
	}
	return s, nil
}

// close ends the stream at both ends and waits until nothing of it runs.
func (s *stream) close() {
	s.cancel(nil)
	s.stop()
	if s.forwarded == nil {
		return
	}
	select {
	case <-s.received:
	default: // forwarding may be waiting for the client, and net/http would do so before it answers over HTTP/1.1
		s.call.stopReading()
	}
	<-s.forwarded
	if s.panicked != nil {
		panic(s.panicked)
	}
}

func (m *method) serveServerStream(ctx context.Context, request *connect.Request[message], client *connect.ServerStream[message]) error {
	if request.Msg.fault != nil {
		return malformed(request.Msg.fault)
	}
	s, err := m.open(ctx, client.Conn())
	if err != nil {
		return err
	}
	defer s.close()
	// io.EOF means that the stream has ended already, and receiving tells how.
	if err := s.upstream.SendMsg(request.Msg.wire); err != nil && !errors.Is(err, io.EOF) {
		return s.fail(err)
	}
	if err := s.upstream.CloseSend(); err != nil {
		return s.fail(err)
	}
	return s.respond()
}

func (m *method) serveClientStream(ctx context.Context, client *connect.ClientStream[message]) (*connect.Response[message], error) {
	s, err := m.open(ctx, client.Conn())
	if err != nil {
		return nil, err
	}
	defer s.close()
	s.forward()
	if err := s.respondHeader(); err != nil {
		return nil, err
	}
	s.call.answer = &message{}
	if err := s.upstream.RecvMsg(&s.call.answer.wire); err != nil {
		return nil, s.fail(err)
	}
	s.respondTrailer()
	return connect.NewResponse(s.call.answer), nil
}

func (m *method) serveBidi(ctx context.Context, client *connect.BidiStream[message, message]) error {
	s, err := m.open(ctx, client.Conn())
	if err != nil {
		return err
	}
	defer s.close()
	s.forward()
	return s.respond()
}

// respond gives the client what upstream sends, one message at a time.
func (s *stream) respond() error {
	if err := s.respondHeader(); err != nil {
		return err
	}
	for {
		response := &message{}
		err := s.upstream.RecvMsg(&response.wire)
		if errors.Is(err, io.EOF) {
			s.respondTrailer()
			return nil
		}
		if err != nil {
			return s.fail(err)
		}
		if err := s.client.Send(response); err != nil {
			if response.fault != nil {
				return s.method.fail(s.call, status.Error(codes.Internal, response.fault.Error()))
			}
			return err // the client has left
		}
	}
}

// respondHeader gives the client the header as soon as it is there: a client may wait for it before it sends more.
func (s *stream) respondHeader() error {
	header, err := s.upstream.Header()
	if err != nil {
		return s.fail(err)
	}
	if header == nil {
		return nil // the stream has ended without one, and receiving tells how
	}
	s.method.handler.options.incoming(s.client.ResponseHeader(), header)
	if s.call.halfDuplex {
		return nil
	}
	return s.client.Send(nil)
}

func (s *stream) respondTrailer() {
	s.method.handler.options.incoming(s.client.ResponseTrailer(), s.upstream.Trailer())
}

// fail returns what the client gets to know when upstream has ended with an error.
func (s *stream) fail(err error) error {
	var fault *connect.Error
	if errors.As(context.Cause(s.ctx), &fault) {
		return fault // forwarding has ended it
	}
	s.respondTrailer()
	return s.method.fail(s.call, err)
}

// forward begins to give upstream what the client sends. An error in that cancels the stream and is its cause.
func (s *stream) forward() {
	s.received, s.forwarded = make(chan struct{}), make(chan struct{})
	go func() {
		defer close(s.forwarded)
		defer func() {
			// A panic here would end the process; close repeats it where the server recovers it.
			if cause := recover(); cause != nil {
				s.panicked = fmt.Sprintf("%v\n\n%s", cause, debug.Stack())
				s.cancel(nil)
			}
		}()
		if err := s.forwardRequests(); err != nil {
			s.cancel(err)
		}
	}()
}

// forwardRequests returns at the client's half-close and when upstream has ended. An error is one of connect's.
func (s *stream) forwardRequests() error {
	for {
		request := &message{}
		err := s.client.Receive(request)
		if errors.Is(err, io.EOF) {
			close(s.received)
			return s.sent(s.upstream.CloseSend())
		}
		if err != nil {
			return err
		}
		if request.fault != nil {
			return malformed(request.fault)
		}
		if err := s.upstream.SendMsg(request.wire); err != nil {
			return s.sent(err)
		}
	}
}

// sent returns an error of sending. io.EOF is none: upstream has ended, and receiving tells how.
func (s *stream) sent(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return nil
	}
	return connectError(s.method.handler.options.public(statusOf(err)))
}
