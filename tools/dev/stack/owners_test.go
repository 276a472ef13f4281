package stack_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/proxy/auth"
	"github.com/codingflow/rating/proxy/auth/authtest"
	"github.com/codingflow/rating/tools/dev/stack"
)

// What the proxy says of a token's owner is what the rating service goes by, and clients cannot say it.
func TestPeopleChangeTheirOwnRatingsOnly(t *testing.T) {
	provider := authtest.NewProvider(t)
	api, _ := up(t, stack.Config{
		Data:        t.TempDir(),
		OIDC:        auth.Config{Issuer: provider.Issuer, Audiences: []string{authtest.Audience}, Claims: []string{"realm_roles=roles"}},
		AdminClaims: []string{"roles=rating admin"},
	})
	as := func(subject string, roles ...string) func(method, path, body string) answer {
		token := provider.Token(map[string]any{"sub": subject, "realm_roles": roles})
		return func(method, path, body string) answer { return authorized(t, token, method, api+path, body) }
	}
	ada, eve, root := as("Ada Müller|1"), as("eve"), as("root", "reader", "rating admin")

	require.Equal(t, 404, ada("GET", "/users/me", "").code)
	user := ada("POST", "/users", `{"displayName": "Ada"}`)
	require.Equal(t, 200, user.code, user.body)
	require.JSONEq(t, user.body, ada("GET", "/users/me", "").body)
	again := ada("POST", "/users", `{"displayName": "Ada again"}`)
	require.Equal(t, 409, again.code)
	require.NotContains(t, user.body+again.body, "ller", "nobody is shown whose a user is")

	cafe := eve("POST", "/services", `{"displayName": "Café"}`).field(t, "name").(string)
	body := fmt.Sprintf(`{"user": %q, "service": %q, "score": 4}`, user.field(t, "name"), cafe)
	require.Equal(t, 403, eve("POST", "/ratings", body).code)
	rating := ada("POST", "/ratings", body)
	require.Equal(t, 200, rating.code, rating.body)
	name := "/" + rating.field(t, "name").(string)

	refused := eve("PATCH", name, `{"score": 0}`)
	require.Equal(t, 403, refused.code)
	require.Contains(t, refused.body, `"reason":"NOT_OWNER"`)
	require.Equal(t, name[1:]+" is not the caller's", refused.field(t, "error.message"))
	require.Equal(t, 401, request(t, "DELETE", api+name, "").code)
	require.Equal(t, 403, eve("DELETE", name, "").code)
	require.Equal(t, 200, ada("PATCH", name, `{"score": 5}`).code)
	require.Equal(t, 200, root("PATCH", name, `{"comment": "moderated"}`).code)
	require.Equal(t, 403, eve("DELETE", "/"+cafe+"?force=true", "").code)
	require.Equal(t, 200, ada("DELETE", name, "").code)
}

// authorized makes one HTTP request with a token, and with headers that claim to be the administrator's.
func authorized(t *testing.T, token, method, url, body string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Authorization", "Bearer "+token)
	for name, value := range map[string]string{"X-Auth-Subject": "root", "X-Auth-Claim-Roles": "rating admin"} {
		req.Header.Set(name, value)
		req.Header.Set("Grpc-Metadata-"+name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { require.NoError(t, resp.Body.Close()) }()
	got, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return answer{resp.StatusCode, resp.Header, string(got)}
}
