package transcode

import (
	"context"
	"errors"
	"maps"
	"net/http"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

type grantedKey struct{}

// Granted returns a request with the context that an authorizer has given it; the metadata goes with the calls that are
// made in it on a [GrantedConn]. If the authorizer's error is not nil, that is returned, and the answer has the headers
// that it explains itself with, see [Authorizer].
func Granted(ctx context.Context, r *http.Request, granted metadata.MD, answer http.Header, err error) (*http.Request, error) {
	var explained interface{ Header() http.Header }
	if errors.As(err, &explained) {
		maps.Copy(answer, explained.Header())
	}
	if err != nil {
		return r, err
	}
	return r.WithContext(context.WithValue(ctx, grantedKey{}, granted)), nil
}

// GrantedConn adds to each call the metadata that the authorizer has given its request, in place of that of the same name;
// a name without a value removes it.
type GrantedConn struct{ grpc.ClientConnInterface }

// Invoke makes a unary call.
func (c GrantedConn) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	return c.ClientConnInterface.Invoke(withGranted(ctx), method, args, reply, opts...)
}

// NewStream begins a streaming call.
func (c GrantedConn) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	return c.ClientConnInterface.NewStream(withGranted(ctx), desc, method, opts...)
}

// grantedIn returns what an authorizer has granted the request of a context. It must not be changed.
func grantedIn(ctx context.Context) metadata.MD {
	granted, _ := ctx.Value(grantedKey{}).(metadata.MD)
	return granted
}

func withGranted(ctx context.Context) context.Context {
	granted := grantedIn(ctx)
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
