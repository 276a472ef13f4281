//go:build integration

package webapp_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/proxy/auth"
	"github.com/codingflow/rating/services/web/signin"
	"github.com/codingflow/rating/services/web/signin/signintest"
	"github.com/codingflow/rating/tools/dev/stack"
	"github.com/codingflow/rating/tools/dev/stack/stacktest"
	"github.com/codingflow/rating/tools/dev/webapp"
)

// Nothing about the session is a stub: the app is that of `dev up` on a whole stack, and the issuer an OpenID provider, on
// 127.0.0.1, which is another site than the app's localhost. Grace has been there before.
func TestAPersonSignsInInChromium(t *testing.T) {
	root := built(t)
	issuer := signintest.New(t)
	logger := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	origin := serve(t, stack.Config{
		Data: t.TempDir(),
		OIDC: auth.Config{Issuer: issuer.URL, Audiences: []string{signintest.Audience}, AccessTokensOnly: true},
		UI: webapp.UI(webapp.UIConfig{
			Assets: os.DirFS(webapp.Output(root)),
			Issuer: issuer.URL,
			SignIn: signin.Config{ClientID: signintest.ClientID, ClientSecret: signintest.ClientSecret},
			Logger: logger,
		}),
	})

	grace := map[string]any{"sub": "grace"}
	issuer.SetClaims(grace, grace)
	post := signedIn(t, origin)
	user := post("/users", `{"displayName": "Grace Hopper"}`)
	service := post("/services", `{"displayName": "Café Central"}`)
	post("/ratings", fmt.Sprintf(`{"user": %q, "service": %q, "score": 3, "comment": "Loud."}`, user, service))
	issuer.SetClaims(nil, nil)

	issued := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(issuer.Issued()) // the client has left
	}))
	t.Cleanup(issued.Close)
	browse(t, root, "signin", "WEB_ORIGIN="+origin, "WEB_ISSUER="+issuer.URL, "WEB_ISSUED="+issued.URL)
	require.Equal(t, 1, issuer.Live(), "only Grace's session is still good")
}

// serve runs a stack until the test ends, and returns its origin.
func serve(t *testing.T, config stack.Config) string {
	t.Helper()
	s, _ := stacktest.Start(t, config)
	_, port, err := net.SplitHostPort(s.Addr().String())
	require.NoError(t, err)
	return "http://localhost:" + port
}

// signedIn signs the issuer's subject in, and returns what creates resources of theirs and tells their names.
func signedIn(t *testing.T, origin string) func(path, body string) string {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	client := &http.Client{Jar: jar, Timeout: startTimeout}
	response, err := client.Get(origin + "/ui/auth/login")
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusOK, response.StatusCode)
	return func(path, body string) string {
		response, err := client.Post(origin+"/ui/api"+path, "application/json", strings.NewReader(body))
		require.NoError(t, err)
		defer response.Body.Close()
		answer, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, response.StatusCode, "%s", answer)
		var created struct{ Name string }
		require.NoError(t, json.Unmarshal(answer, &created))
		return created.Name
	}
}
