package transcode

import (
	"context"
	"errors"
	"net/http"

	"google.golang.org/grpc"
)

// CallOptions returns options for the call of a request that has matched a binding: what its headers mean to the connection.
// It is asked after the authorizer, with the context that this has given, and before the body is read. An error is answered
// as one of the call is.
type CallOptions func(ctx context.Context, b *Binding, r *http.Request) ([]grpc.CallOption, error)

// WithCallOptions adds options to each call. By default there are none.
func WithCallOptions(callOptions CallOptions) Option {
	return optionFunc(func(o *options) error {
		if callOptions == nil {
			return errors.New("call options are nil")
		}
		o.callOptions = callOptions
		return nil
	})
}

// callOptions returns what a request adds to the options of its call, and those that each call has.
func (h *Handler) callOptions(r *http.Request, b *Binding) ([]grpc.CallOption, error) {
	raw := []grpc.CallOption{grpc.ForceCodecV2(rawCodec{})}
	if h.options.callOptions == nil {
		return raw, nil
	}
	added, err := h.options.callOptions(r.Context(), b, r)
	return append(raw, added...), err
}
