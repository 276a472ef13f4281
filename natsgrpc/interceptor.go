package natsgrpc

import (
	"context"

	"google.golang.org/grpc"
)

// WithUnaryClientInterceptors adds interceptors around the unary calls of a Conn, the first one outermost. There is no
// *grpc.ClientConn: that argument is nil.
func WithUnaryClientInterceptors(interceptors ...grpc.UnaryClientInterceptor) ConnOption {
	return connOption(func(c *Conn) error {
		c.unaryInterceptors = append(c.unaryInterceptors, interceptors...)
		return nil
	})
}

// WithStreamClientInterceptors is WithUnaryClientInterceptors for streams.
func WithStreamClientInterceptors(interceptors ...grpc.StreamClientInterceptor) ConnOption {
	return connOption(func(c *Conn) error {
		c.streamInterceptors = append(c.streamInterceptors, interceptors...)
		return nil
	})
}

type connOption func(*Conn) error

func (o connOption) applyConn(c *Conn) error { return o(c) }

// chainInvoker puts interceptors around what makes a unary call, the first one outermost.
func chainInvoker(interceptors []grpc.UnaryClientInterceptor, invoke grpc.UnaryInvoker) grpc.UnaryInvoker {
	if len(interceptors) == 0 {
		return invoke
	}
	next := chainInvoker(interceptors[1:], invoke)
	return func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, options ...grpc.CallOption) error {
		return interceptors[0](ctx, method, req, reply, cc, next, options...)
	}
}

// chainStreamer is chainInvoker for streams.
func chainStreamer(interceptors []grpc.StreamClientInterceptor, open grpc.Streamer) grpc.Streamer {
	if len(interceptors) == 0 {
		return open
	}
	next := chainStreamer(interceptors[1:], open)
	return func(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, options ...grpc.CallOption) (grpc.ClientStream, error) {
		return interceptors[0](ctx, desc, cc, method, next, options...)
	}
}
