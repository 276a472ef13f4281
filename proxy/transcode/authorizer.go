package transcode

import (
	"context"
	"errors"
	"net/http"

	"google.golang.org/grpc/metadata"
)

// Authorizer decides whether a request may call the method of the binding that it has matched, before its body is read. It
// returns the context for the call, which is one below ctx, and metadata to send with it. Metadata replaces that of the same
// name which [WithRequestHeaders] gives; a name without a value removes it.
//
// An error is answered as one of the call is, by its gRPC status. If it has a method Header() http.Header, the answer has
// these headers too, such as WWW-Authenticate.
type Authorizer func(ctx context.Context, b *Binding, r *http.Request) (context.Context, metadata.MD, error)

// WithAuthorizer has each request that matches a binding pass an authorizer. By default all pass.
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
func (h *Handler) authorized(w http.ResponseWriter, r *http.Request, b *Binding) (*http.Request, error) {
	if h.options.authorize == nil {
		return r, nil
	}
	ctx, granted, err := h.options.authorize(r.Context(), b, r)
	return Granted(ctx, r, granted, w.Header(), err)
}
