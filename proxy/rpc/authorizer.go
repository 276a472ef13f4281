package rpc

import (
	"context"
	"errors"
	"net/http"

	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/codingflow/rating/proxy/transcode"
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

// authorized returns the request with the context that the authorizer has given it.
func (h *Handler) authorized(c *call, r *http.Request, found *route) (*http.Request, error) {
	if h.options.authorize == nil || found.method == nil {
		return r, nil
	}
	ctx, granted, err := h.options.authorize(r.Context(), found.method, r.Header)
	return transcode.Granted(ctx, r, granted, c.response.Header(), err)
}

// refuse answers a request that is refused before it is read.
func (h *Handler) refuse(c *call, r *http.Request, err error) {
	c.Err = err
	public := connectError(h.options.public(statusOf(err)))
	// A failed write means that the client has left.
	_ = h.errors.Write(c.response, r, public)
	c.end(public)
	h.options.observe(r.Context(), c.Call)
}
