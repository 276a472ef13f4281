package stack_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/codingflow/rating/proxy/auth"
	"github.com/codingflow/rating/proxy/auth/authtest"
	"github.com/codingflow/rating/tools/dev/stack"
	"github.com/stretchr/testify/require"
)

// With an issuer the API of the whole stack is read by everybody, and written with a token.
func TestTheStackTakesTokens(t *testing.T) {
	provider := authtest.NewProvider(t)
	api, _ := up(t, stack.Config{Data: t.TempDir(), OIDC: auth.Config{Issuer: provider.Issuer, Audiences: []string{authtest.Audience}}})

	require.Equal(t, 200, request(t, "GET", api+"/services", "").code)
	refused := request(t, "POST", api+"/services", `{"displayName": "Café"}`)
	require.Equal(t, 401, refused.code)
	require.Equal(t, `Bearer realm="api"`, refused.header.Get("WWW-Authenticate"))

	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, api+"/services", strings.NewReader(`{"displayName": "Café"}`))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+provider.Token(nil))
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, 200, resp.StatusCode, string(body))

	_, err = stack.Start(t.Context(), stack.Config{Listen: "127.0.0.1:0", Data: t.TempDir(), OIDC: auth.Config{Issuer: provider.Issuer}})
	require.EqualError(t, err, "--oidc-issuer needs --oidc-audience: tokens that are meant for others must be refused")
}
