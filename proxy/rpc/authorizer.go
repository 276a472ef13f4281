package rpc

import (
	"context"
	"errors"
	"maps"
	"net/http"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Authorizer decides whether a request with a header may call a method, before its body is read. It returns the context for
// the call, which is one below ctx, and metadata to send with it. Metadata replaces that of the same name which
// [WithRequestHeaders] gives; a name without a value removes it.
//
// An error is answered as one of the call is, by its gRPC status. If it has a method Header() http.Header, the answer has
// these headers too, such as WWW-Authenticate.
type Authorizer func(ctx context.Context, method protoreflect.MethodDescriptor, header http.Header) (context.Context, metadata.MD, error)

// WithAuthorizer has each request for a method pass an authorizer. By default all pass.
func WithAuthorizer(authorize Authorizer) Option {
	return optionFunc(func(o *options) error {
		if authorize == nil {
			return errors.New("authorizer is nil")
		}
		o.authorize = authorize
		return nil
	})
}

type grantedKey struct{}

// authorized returns the request with the context that the authorizer has given it.
func (h *Handler) authorized(c *call, r *http.Request, found *route) (*http.Request, error) {
	if h.options.authorize == nil || found.method == nil {
		return r, nil
	}
	ctx, granted, err := h.options.authorize(r.Context(), found.method, r.Header)
	var explained interface{ Header() http.Header }
	if errors.As(err, &explained) {
		maps.Copy(c.response.Header(), explained.Header())
	}
	if err != nil {
		return r, err
	}
	return r.WithContext(context.WithValue(ctx, grantedKey{}, granted)), nil
}

// refuse answers a request that the authorizer has refused.
func (h *Handler) refuse(c *call, r *http.Request, err error) {
	c.Err = err
	public := connectError(h.options.public(statusOf(err)))
	// A failed write means that the client has left.
	_ = h.errors.Write(c.response, r, public)
	c.end(public)
	h.options.observe(r.Context(), c.Call)
}

// grantedConn adds to each call the metadata that the authorizer has given its request.
type grantedConn struct{ grpc.ClientConnInterface }

func (c grantedConn) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	return c.ClientConnInterface.Invoke(withGranted(ctx), method, args, reply, opts...)
}

func (c grantedConn) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	return c.ClientConnInterface.NewStream(withGranted(ctx), desc, method, opts...)
}

func withGranted(ctx context.Context) context.Context {
	granted, _ := ctx.Value(grantedKey{}).(metadata.MD)
	if len(granted) == 0 {
		return ctx
	}
	md, _ := metadata.FromOutgoingContext(ctx) // a copy
	if md == nil {
		md = metadata.MD{}
	}
	maps.Copy(md, granted)
	return metadata.NewOutgoingContext(ctx, md)
}
