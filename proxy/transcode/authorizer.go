package transcode

import (
	"context"
	"errors"
	"maps"
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

type grantedKey struct{}

// authorized returns the request with the context that the authorizer has given it.
func (h *Handler) authorized(w http.ResponseWriter, r *http.Request, b *Binding) (*http.Request, error) {
	if h.options.authorize == nil {
		return r, nil
	}
	ctx, granted, err := h.options.authorize(r.Context(), b, r)
	var explained interface{ Header() http.Header }
	if errors.As(err, &explained) {
		maps.Copy(w.Header(), explained.Header())
	}
	if err != nil {
		return r, err
	}
	return r.WithContext(context.WithValue(ctx, grantedKey{}, granted)), nil
}

// withGranted returns the metadata that a request's headers give together with what the authorizer has given.
func withGranted(ctx context.Context, md metadata.MD) metadata.MD {
	granted, _ := ctx.Value(grantedKey{}).(metadata.MD)
	if len(granted) == 0 {
		return md
	}
	if md == nil {
		return granted
	}
	maps.Copy(md, granted)
	return md
}
