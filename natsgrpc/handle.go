package natsgrpc

import (
	"context"
	"errors"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

// What the context has that those of all handlers are made of. Nobody changes them: gRPC hands out copies of metadata.
var (
	noMetadata = metadata.MD{}
	natsPeer   = &peer.Peer{Addr: natsAddr{}, LocalAddr: natsAddr{}}
)

// handle calls the generated handler. An error means that the attempt failed and that there is no answer.
func (t *task) handle(ctx context.Context, handler grpc.MethodDesc) (result outcome, err error) {
	defer func() {
		if value := recover(); value != nil {
			err = t.recovered(value)
		}
	}()
	md, err := takeMetadata(t.msg.Header, prefixMetadata)
	if err != nil {
		return failure(status.Errorf(codes.Internal, "natsgrpc: malformed request: %v", err)), nil
	}
	stream := &transportStream{method: t.method}
	if md != nil {
		ctx = metadata.NewIncomingContext(ctx, md)
	}
	ctx = grpc.NewContextWithServerTransportStream(ctx, stream)
	decode := func(v any) error {
		body, err := t.body(ctx)
		if err != nil {
			return err
		}
		return unmarshal(protoCodec, body, v)
	}
	reply, handlerErr := handler.Handler(t.worker.service.impl, ctx, decode, chain(t.worker.run.server.interceptors))
	if _, retry := retryDelay(handlerErr); retry {
		return outcome{}, handlerErr
	}
	if cause := context.Cause(ctx); errors.Is(cause, errDrained) || errors.Is(cause, errLost) {
		return outcome{}, cause // what the handler says now may only be due to its cancelled context
	}
	result.header, result.trailer = stream.take()
	if handlerErr != nil {
		st, ok := status.FromError(handlerErr)
		if !ok { // as grpc-go does with an error that is no status
			st = status.FromContextError(handlerErr)
		}
		result.status = st.Proto()
		return result, nil
	}
	body, err := marshal(protoCodec, reply)
	if err == nil {
		result.body, err = t.compress(body)
	}
	if err != nil {
		return failure(err), nil
	}
	return result, nil
}

// body returns the encoded request message.
func (t *task) body(ctx context.Context) ([]byte, error) {
	server := t.worker.run.server
	body, err := takeBody(ctx, server.nc, server.api, t.worker.queue.service, "request", t.msg, server.maxReceiveSize)
	if err != nil {
		return nil, err
	}
	if digest := t.msg.Header.Get(headerDigest); digest != "" && digest != digestOf(body) {
		return nil, status.Error(codes.Internal, "natsgrpc: malformed request: the body is not the one of its digest")
	}
	return body, nil
}

// compress compresses an answer as its request was, as grpc-go does.
func (t *task) compress(body []byte) ([]byte, error) {
	compressor, err := compressorOf(t.msg.Header.Get(headerEncoding))
	if err != nil || compressor == nil {
		return body, err
	}
	t.encoding = compressor.Name()
	return compress(compressor, body)
}

// chain makes one interceptor of many, the first one outermost; nil of none.
func chain(interceptors []grpc.UnaryServerInterceptor) grpc.UnaryServerInterceptor {
	switch len(interceptors) {
	case 0:
		return nil
	case 1:
		return interceptors[0]
	}
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		next := chain(interceptors[1:])
		return interceptors[0](ctx, req, info, func(ctx context.Context, req any) (any, error) {
			return next(ctx, req, info, handler)
		})
	}
}

// chainStream makes one interceptor of many, the first one outermost; nil of none.
func chainStream(interceptors []grpc.StreamServerInterceptor) grpc.StreamServerInterceptor {
	switch len(interceptors) {
	case 0:
		return nil
	case 1:
		return interceptors[0]
	}
	return func(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		next := chainStream(interceptors[1:])
		return interceptors[0](srv, ss, info, func(srv any, ss grpc.ServerStream) error {
			return next(srv, ss, info, handler)
		})
	}
}

// transportStream collects the header and the trailer that a handler sets with grpc.SetHeader and the like. They travel
// with the answer, so SendHeader sends nothing earlier; it only ends the time in which a header can be set.
type transportStream struct {
	method string

	mu              sync.Mutex
	header, trailer metadata.MD
	sent            bool
}

// Method returns "/pkg.Service/Method".
func (s *transportStream) Method() string { return s.method }

// SetHeader adds to the header. It is an error after SendHeader.
func (s *transportStream) SetHeader(md metadata.MD) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sent {
		return status.Error(codes.Internal, "transport: SendHeader called multiple times")
	}
	s.header = metadata.Join(s.header, md)
	return nil
}

// SendHeader adds to the header for the last time.
func (s *transportStream) SendHeader(md metadata.MD) error {
	if err := s.SetHeader(md); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent = true
	return nil
}

// SetTrailer adds to the trailer.
func (s *transportStream) SetTrailer(md metadata.MD) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trailer = metadata.Join(s.trailer, md)
	return nil
}

func (s *transportStream) take() (header, trailer metadata.MD) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.header, s.trailer
}
