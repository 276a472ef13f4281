package server

import (
	"github.com/codingflow/rating/proxy/auth"
	"github.com/codingflow/rating/proxy/openapi"
	"github.com/codingflow/rating/proxy/transcode"
)

// security says for the OpenAPI document what an authenticator asks of callers, nil for nothing. Options that cannot be read
// refuse everybody, token or not.
func security(a *auth.Authenticator) *openapi.Security {
	if !a.Checks() {
		return nil
	}
	return &openapi.Security{Discovery: a.Discovery(), Access: func(b *transcode.Binding) openapi.Access {
		access, _ := a.Access(b.Method) // an error's zero value asks for a token
		return openapi.Access(access)
	}}
}
