package signin_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/services/web/signin"
)

// token returns which token the API gets.
func (b *browser) token() any {
	b.app.t.Helper()
	got := b.get("/ui/api/services")
	require.Equal(b.app.t, 200, got.status, got.body)
	return decode(b.app.t, got.body)["token"]
}

func TestTokensAreRenewedBeforeTheyExpire(t *testing.T) {
	a := newApp(t, nil)
	a.issuer.Lifetime = 5 * time.Minute
	a.signIn()
	require.Equal(t, "token 1", a.token())
	a.clock.advance(3*time.Minute + 50*time.Second)
	require.Equal(t, "token 1", a.token())
	a.clock.advance(20 * time.Second)
	require.Equal(t, "token 2", a.token())
	require.Equal(t, "token 2", a.token())
	// Long after it has expired too, as long as the session lasts.
	a.clock.advance(50 * time.Minute)
	require.Equal(t, "token 3", a.token())
	require.Equal(t, 1, a.issuer.Live())
	requireNoTokens(t, a)
}

// The sliding end moves with use, also when tokens live longer; the absolute one does not.
func TestASessionEnds(t *testing.T) {
	a := newApp(t, nil)
	a.issuer.Lifetime = 24 * time.Hour
	a.signIn()
	for i := range 23 {
		a.clock.advance(31 * time.Minute)
		require.Equal(t, fmt.Sprintf("token %d", i+2), a.token())
	}
	a.clock.advance(6 * time.Minute)
	require.Equal(t, true, a.session()["signedIn"])
	a.clock.advance(2 * time.Minute)
	require.Equal(t, "none", a.token(), "12 hours after sign-in")
	require.Equal(t, signedOut, a.session())
	require.Empty(t, a.cookies())

	a.signIn()
	a.clock.advance(59 * time.Minute)
	require.Equal(t, true, a.session()["signedIn"])
	a.clock.advance(61 * time.Minute)
	require.Equal(t, signedOut, a.session(), "an hour without use")
}

func TestWithoutRefreshTokenASessionEndsWithTheAccessToken(t *testing.T) {
	a := newApp(t, nil)
	a.issuer.NoRefresh, a.issuer.Lifetime = true, 2*time.Hour
	a.signIn()
	a.clock.advance(2*time.Hour - 5*time.Second)
	require.Equal(t, "token 1", a.token())
	a.clock.advance(10 * time.Second)
	require.Equal(t, "none", a.token())
	require.Equal(t, 1, a.issuer.Requests("/token"))
}

func TestARenewalThatIsRefusedEndsTheSession(t *testing.T) {
	for name, change := range map[string]func(*app){
		"revoked": func(a *app) {
			thief := a.newBrowser()
			thief.setCookie("session", a.cookies()[0].Value)
			thief.stop(a.issuer.URL)
			require.Equal(t, 303, thief.do("POST", "/ui/auth/logout", "").status)
		},
		"another's tokens": func(a *app) { a.issuer.Claims = map[string]any{"sub": "eve"} },
	} {
		t.Run(name, func(t *testing.T) {
			a := newApp(t, nil)
			a.issuer.Lifetime = 5 * time.Minute
			a.signIn()
			change(a)
			a.clock.advance(4*time.Minute + 30*time.Second)
			require.Equal(t, "token 1", a.token(), "as long as it is valid: another instance may have renewed it")
			a.clock.advance(time.Minute)
			require.Eventually(t, func() bool { return a.token() == "none" }, 10*time.Second, 50*time.Millisecond)
			require.Equal(t, signedOut, a.session())
			require.Empty(t, a.cookies())
			requireNoTokens(t, a)
		})
	}
}

func TestTheIssuerIsAwayWhenTokensAreDue(t *testing.T) {
	a := newApp(t, nil)
	a.issuer.Lifetime = 5 * time.Minute
	a.signIn()
	a.issuer.SetDown(true)
	a.clock.advance(4*time.Minute + 30*time.Second)
	require.Equal(t, "token 1", a.token())
	a.clock.advance(time.Minute)
	for _, path := range []string{"/ui/api/services", "/ui/auth/session"} {
		got := a.get(path)
		require.Equal(t, 503, got.status)
		require.Equal(t, "5", got.header.Get("Retry-After"))
		require.Contains(t, got.body, `"reason":"ISSUER_UNAVAILABLE"`)
	}
	require.Len(t, a.cookies(), 1, "nobody is signed out by that")
	a.issuer.SetDown(false)
	require.Eventually(t, func() bool { return a.get("/ui/auth/session").status == 200 }, 10*time.Second, 50*time.Millisecond)
	require.Equal(t, "token 2", a.token())
}

// A session of two cookies shrinks to one, and what is left of the second does no harm.
func TestALargeSessionTakesTwoCookies(t *testing.T) {
	a := newApp(t, nil)
	a.issuer.Lifetime = 5 * time.Minute
	a.issuer.AccessClaims = map[string]any{"groups": strings.Repeat("a", 3000)}
	a.signIn()
	require.Len(t, a.cookies(), 2)
	for _, cookie := range a.cookies() {
		require.LessOrEqual(t, len(cookie.Name)+len(cookie.Value), 3900)
	}
	require.Equal(t, "token 1", a.token())
	a.issuer.AccessClaims = nil
	a.clock.advance(5 * time.Minute)
	require.Equal(t, "token 2", a.token())
	require.Equal(t, "token 2", a.token())
	a.stop(a.issuer.URL)
	a.do("POST", "/ui/auth/logout", "")
	require.Empty(t, a.cookies())
}

func TestASessionThatHasGrownTooLargeEnds(t *testing.T) {
	a := newApp(t, nil)
	a.issuer.Lifetime = 5 * time.Minute
	a.signIn()
	a.issuer.AccessClaims = map[string]any{"groups": strings.Repeat("a", signin.MaxSealed)}
	a.clock.advance(5 * time.Minute)
	require.Equal(t, "none", a.token())
	require.Equal(t, signedOut, a.session())
	require.Regexp(t, `a renewed session is lost.* more than 7600"`, a.log.String())
}

// What the API streams is there at once, and the API hears when the browser leaves.
func TestStreamsGoThrough(t *testing.T) {
	a := newApp(t, nil)
	left := make(chan struct{})
	a.handle(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/x-ndjson")
		_, _ = io.WriteString(w, "{\"a\":1}\n")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		close(left)
	})
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, a.url+"/ui/api/things:watch", nil)
	require.NoError(t, err)
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	response, err := transport.RoundTrip(request)
	require.NoError(t, err)
	line := make([]byte, 8)
	_, err = io.ReadFull(response.Body, line)
	require.NoError(t, err)
	require.Equal(t, "{\"a\":1}\n", string(line))
	require.NoError(t, response.Body.Close())
	select {
	case <-left:
	case <-time.After(10 * time.Second):
		t.Fatal("the API was not told that the browser has left")
	}
}

func TestTheAPIIsAway(t *testing.T) {
	const nobody = "127.0.0.1:1"
	a := newApp(t, func(c *signin.Config) { c.API = "http://" + nobody + "/api" })
	got := a.get("/ui/api/services")
	require.Equal(t, 502, got.status)
	require.Contains(t, got.body, `"reason":"API_UNREACHABLE"`)
	require.NotContains(t, got.body, nobody)

	a = newApp(t, func(c *signin.Config) { c.Transport = &http.Transport{ResponseHeaderTimeout: 10 * time.Millisecond} })
	a.handle(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	})
	got = a.get("/ui/api/services")
	require.Equal(t, 504, got.status)
	require.Contains(t, got.body, `"reason":"API_TIMEOUT"`)
}

func TestConfigurationsAreChecked(t *testing.T) {
	right := signin.Config{
		Issuer: "https://issuer.example", ClientID: "web", PublicURL: "https://app.example", Keys: []string{signin.NewKey()}, API: "http://proxy:8080/api",
	}
	_, err := signin.New(right)
	require.NoError(t, err)
	empty := filepath.Join(t.TempDir(), "keys")
	require.NoError(t, os.WriteFile(empty, []byte("# none\n\n"), 0o600))
	for _, test := range []struct {
		change func(*signin.Config)
		want   string
	}{
		{func(c *signin.Config) { c.Issuer = "" }, "the --signin flags need --oidc-issuer"},
		{func(c *signin.Config) { c.Issuer = "http://issuer.example" }, `--oidc-issuer: "http://issuer.example" is not https, which only localhost need not be`},
		{func(c *signin.Config) { c.ClientID = "" }, "--oidc-issuer needs --signin-client-id"},
		{func(c *signin.Config) { c.PublicURL = "" }, "--oidc-issuer needs --signin-public-url: the issuer sends browsers back there"},
		{func(c *signin.Config) { c.PublicURL = "http://app.example" }, `--signin-public-url: "http://app.example" is not https, which only localhost need not be`},
		{func(c *signin.Config) { c.PublicURL = "app.example" }, `--signin-public-url: "app.example" is not https://HOST`},
		{func(c *signin.Config) { c.PublicURL = "https://app.example/ui" }, `--signin-public-url: "https://app.example/ui" has a path; the cookies are the whole host's`},
		{func(c *signin.Config) { c.Keys = nil }, "--oidc-issuer needs --signin-keys-file or --signin-key: every instance must know the keys of session cookies"},
		{func(c *signin.Config) { c.KeysFile = empty }, "--signin-key and --signin-keys-file: give one of them"},
		{func(c *signin.Config) { c.Keys, c.KeysFile = nil, empty }, "--signin-keys-file: " + empty + " has no key"},
		{func(c *signin.Config) { c.Keys, c.KeysFile = nil, empty+".no" }, "--signin-keys-file: open " + empty + ".no: no such file or directory"},
		{func(c *signin.Config) { c.Keys = append(c.Keys, "c2VjcmV0") }, "--signin-key: key 2 is not 32 bytes in base64"},
		{func(c *signin.Config) { c.Keys = append(c.Keys, strings.TrimRight(c.Keys[0], "=")) }, "--signin-key: key 2 is key 1 again"},
		{func(c *signin.Config) { c.Scopes = []string{"profile"} }, "--signin-scope: openid is not among the scopes"},
		{func(c *signin.Config) { c.Parameters = map[string]string{"redirect_uri": "x"} }, "--signin-parameter: redirect_uri is the flow's own"},
		{func(c *signin.Config) { c.Idle = time.Minute }, "--signin-idle: 1m0s is less than 5m0s"},
		{func(c *signin.Config) { c.Lifetime = 30 * time.Minute }, "--signin-lifetime: 30m0s is less than --signin-idle, 1h0m0s"},
		{func(c *signin.Config) { c.Base = "ui" }, `base path "ui" is not a path of plain characters`},
		{func(c *signin.Config) { c.API = "proxy:8080" }, `the API's URL "proxy:8080" is not http://HOST/PATH`},
		{func(c *signin.Config) { c.PublicAPI = "https://[" }, `--api: parse "https://[": missing ']' in host`},
	} {
		config := right
		config.Keys = append([]string(nil), right.Keys...)
		test.change(&config)
		_, err := signin.New(config)
		require.EqualError(t, err, "sign-in: "+test.want)
	}
}

func TestKeysAreReadFromAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys")
	require.NoError(t, os.WriteFile(file, []byte("# new\n"+signin.NewKey()+"\r\n\n"+signin.NewKey()+"\n"), 0o600))
	a := newApp(t, func(c *signin.Config) { c.Keys, c.KeysFile = nil, file })
	a.signIn()
	require.Equal(t, true, a.session()["signedIn"])
}

// The parameters of the authorization request are the configuration's too.
func TestParametersAreSent(t *testing.T) {
	a := newApp(t, func(c *signin.Config) {
		c.Parameters = map[string]string{"audience": "https://api.example"}
		c.Scopes = []string{"openid", "offline_access"}
	})
	a.stop(a.issuer.URL)
	location := a.get("/ui/auth/login").header.Get("Location")
	require.Contains(t, location, "audience=https%3A%2F%2Fapi.example")
	require.Contains(t, location, "scope=openid+offline_access")
	require.Contains(t, location, "code_challenge_method=S256")
	require.Contains(t, location, "response_type=code")
}
