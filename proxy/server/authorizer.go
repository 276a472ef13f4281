package server

import (
	"context"
	"net/http"

	"google.golang.org/grpc/metadata"

	"github.com/codingflow/rating/proxy/auth"
	"github.com/codingflow/rating/proxy/transcode"
)

// authorizer asks an authenticator for the transcoder.
func authorizer(a *auth.Authenticator) transcode.Authorizer {
	return func(ctx context.Context, b *transcode.Binding, r *http.Request) (context.Context, metadata.MD, error) {
		return a.Authorize(ctx, b.Method, r.Header)
	}
}
