package rpc

import (
	"context"

	"connectrpc.com/connect"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/codingflow/rating/proxy/jsonwire"
)

// method serves the calls of one method.
type method struct {
	handler *Handler
	path    string // /package.Service/Method
	stream  grpc.StreamDesc
}

// add makes the method's route.
func (m *method) add(descriptor protoreflect.MethodDescriptor, codecs *jsonwire.Codecs) error {
	request, err := codecs.Message(descriptor.Input())
	if err != nil {
		return err
	}
	response, err := codecs.Message(descriptor.Output())
	if err != nil {
		return err
	}
	options := []connect.HandlerOption{
		connect.WithCodec(protoCodec{}),
		connect.WithReadMaxBytes(m.handler.options.maxMessage),
		withGzip(m.handler.options.maxMessage),
		connect.WithIdempotency(idempotency(descriptor)),
		connect.WithInterceptors(observeStreams{}),
	}
	for _, name := range []string{"json", "json; charset=utf-8"} { // connect's two names of it
		options = append(options, connect.WithCodec(&jsonCodec{name: name, request: request, response: response}))
	}
	m.stream = grpc.StreamDesc{
		StreamName:    string(descriptor.Name()),
		ClientStreams: descriptor.IsStreamingClient(),
		ServerStreams: descriptor.IsStreamingServer(),
	}
	var handler *connect.Handler
	switch {
	case m.stream.ClientStreams && m.stream.ServerStreams:
		handler = connect.NewBidiStreamHandler(m.path, m.serveBidi, options...)
	case m.stream.ClientStreams:
		handler = connect.NewClientStreamHandler(m.path, m.serveClientStream, options...)
	case m.stream.ServerStreams:
		handler = connect.NewServerStreamHandler(m.path, m.serveServerStream, options...)
	default:
		handler = connect.NewUnaryHandler(m.path, m.serveUnary, options...)
	}
	m.handler.routes[m.path] = &route{handler: handler, sends: m.stream.ClientStreams, method: descriptor}
	return nil
}

// idempotency returns what connect makes of the method's option: NO_SIDE_EFFECTS permits GET.
func idempotency(descriptor protoreflect.MethodDescriptor) connect.IdempotencyLevel {
	options, _ := descriptor.Options().(*descriptorpb.MethodOptions)
	return connect.IdempotencyLevel(options.GetIdempotencyLevel())
}

// serveUnary makes a unary call.
func (m *method) serveUnary(ctx context.Context, request *connect.Request[message]) (*connect.Response[message], error) {
	c := callOf(ctx)
	response, err := m.invoke(ctx, c, request)
	c.end(err)
	c.answer = response
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(response), nil
}

func (m *method) invoke(ctx context.Context, c *call, request *connect.Request[message]) (*message, error) {
	options := &m.handler.options
	if request.Msg.fault != nil {
		return nil, malformed(request.Msg.fault)
	}
	outgoing, err := options.outgoing(request.Header())
	if err != nil {
		return nil, malformed(err)
	}
	called, cancel := context.WithTimeout(metadata.NewOutgoingContext(ctx, outgoing), options.timeout)
	defer cancel()
	var (
		response        message
		header, trailer metadata.MD
	)
	err = m.handler.conn.Invoke(called, m.path, request.Msg.wire, &response.wire,
		append(c.options, grpc.Header(&header), grpc.Trailer(&trailer))...)
	if info, ok := connect.CallInfoForHandlerContext(ctx); ok {
		options.incoming(info.ResponseHeader(), header)
		options.incoming(info.ResponseTrailer(), trailer)
	}
	if err != nil {
		return nil, m.fail(c, err)
	}
	return &response, nil
}

// fail returns what clients may know of an error of a call, which the observer gets in full.
func (m *method) fail(c *call, err error) error {
	c.Err = err
	return connectError(m.handler.options.public(statusOf(err)))
}
