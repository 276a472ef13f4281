package stack_test

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/proxy/auth"
	"github.com/codingflow/rating/services/web/signin"
	"github.com/codingflow/rating/services/web/signin/signintest"
	"github.com/codingflow/rating/tools/dev/stack"
	"github.com/codingflow/rating/tools/dev/webapp"
)

// Who signs in at the front end is who the API knows them to be.
func TestAPersonWhoSignsInHasAUser(t *testing.T) {
	issuer := signintest.New(t)
	api, _ := up(t, stack.Config{
		Data: t.TempDir(), OIDC: auth.Config{Issuer: issuer.URL, Audiences: []string{signintest.Audience}, AccessTokensOnly: true},
		UI: webapp.UI(webapp.UIConfig{
			Assets: fstest.MapFS{"index.html": {Data: []byte("the app")}},
			Issuer: issuer.URL,
			SignIn: signin.Config{ClientID: signintest.ClientID, ClientSecret: signintest.ClientSecret},
		}),
	})
	front := strings.Replace(strings.TrimSuffix(api, "/api"), "127.0.0.1", "localhost", 1)

	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	browser := &http.Client{Jar: jar, Timeout: 20 * time.Second}
	send := func(method, path, body string, headers ...string) answer { // headers are name, value, name, …
		req, err := http.NewRequestWithContext(t.Context(), method, front+path, strings.NewReader(body))
		require.NoError(t, err)
		if body != "" {
			req.Header.Set("Content-Type", "application/json")
		}
		for i := 0; i < len(headers); i += 2 {
			req.Header.Set(headers[i], headers[i+1])
		}
		resp, err := browser.Do(req)
		require.NoError(t, err)
		defer func() { require.NoError(t, resp.Body.Close()) }()
		got, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return answer{resp.StatusCode, resp.Header, string(got)}
	}
	require.Equal(t, 200, send("GET", "/ui/api/services", "").code)
	refused := send("POST", "/ui/api/users", `{"displayName": "Ada"}`)
	require.Equal(t, 401, refused.code)
	require.Contains(t, refused.body, `"reason":"TOKEN_MISSING"`)

	require.Equal(t, "the app", send("GET", "/ui/auth/login", "").body)
	require.Equal(t, 404, send("GET", "/ui/api/users/me", "").code)
	user := send("POST", "/ui/api/users", `{"displayName": "Ada"}`)
	require.Equal(t, 200, user.code, user.body)
	require.JSONEq(t, user.body, send("GET", "/ui/api/users/me", "").body)

	// What is fetched later is fetched in the same way.
	accepted := send("POST", "/ui/api/services", `{"displayName": "Café"}`, "Prefer", "respond-async")
	require.Equal(t, 202, accepted.code, accepted.body)
	require.Regexp(t, "^/ui/api/operations/[A-Z2-7]+$", accepted.header.Get("Location"))
	done := send("POST", accepted.header.Get("Location")+":wait", "{}")
	require.Equal(t, 200, done.code, done.body)
	require.Contains(t, done.body, `"done":true,"response":{"@type":"type.googleapis.com/rating.v1.Service"`)
}
