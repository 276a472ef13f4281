package signin_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/services/web/signin"
	"github.com/codingflow/rating/services/web/signin/signintest"
)

func TestAPersonSignsInCallsTheAPIAndSignsOut(t *testing.T) {
	a := newApp(t, nil)
	require.Equal(t, signedOut, a.session())
	require.Equal(t, "none", decode(t, a.get("/ui/api/services").body)["token"])

	got := a.get("/ui/auth/login?return=" + url.QueryEscape("/ui/services/1?tab=a%20b#top"))
	require.Equal(t, 200, got.status, got.body)
	require.Equal(t, "page /ui/services/1?tab=a%20b", got.body)

	session := a.session()
	expires, err := time.Parse(time.RFC3339, session["expires"].(string))
	require.NoError(t, err)
	require.WithinDuration(t, time.Now().Add(time.Hour), expires, 10*time.Second)
	delete(session, "expires")
	require.Equal(t, map[string]any{
		"signIn": true, "signedIn": true, "subject": "ada", "name": "Ada Lovelace", "api": "/ui/api",
	}, session)

	got = a.do("PATCH", "/ui/api/ratings/a%2Fb%20c//d?x=1;y&updateMask=score", `{"score":1}`,
		"Authorization", "Bearer mine", "X-Forwarded-For", "192.0.2.1", "Sec-Fetch-Site", "same-origin")
	require.Equal(t, 200, got.status, got.body)
	require.Equal(t, map[string]any{
		"method": "PATCH", "uri": "/api/ratings/a%2Fb%20c//d?x=1;y&updateMask=score", "body": `{"score":1}`,
		"token": "token 1", "cookies": 0.0, "for": "192.0.2.1, 127.0.0.1",
	}, decode(t, got.body))
	require.Equal(t, "no-store", got.header.Get("Cache-Control"))
	require.Empty(t, got.header.Values("Set-Cookie"), "the API's cookies stay with it")

	require.Equal(t, 1, a.issuer.Live())
	a.stop(a.issuer.URL)
	got = a.do("POST", "/ui/auth/logout", "", "Sec-Fetch-Site", "same-origin")
	require.Equal(t, 303, got.status)
	require.Equal(t, a.issuer.URL+"/logout?client_id=web&post_logout_redirect_uri="+url.QueryEscape(a.url+"/ui/"), got.header.Get("Location"))
	require.Equal(t, signedOut, a.session())
	require.Empty(t, a.cookies())
	require.Zero(t, a.issuer.Live(), "the refresh token is revoked")
	requireNoTokens(t, a)
}

// requireNoTokens requires that no code and no token was in an answer to the browser, but in cookies, or in the log.
func requireNoTokens(t *testing.T, a *app) {
	t.Helper()
	issued := a.issuer.Issued()
	require.NotEmpty(t, issued)
	for _, secret := range issued {
		require.NotContains(t, a.seen.String(), secret)
		require.NotContains(t, a.log.String(), secret)
		for _, cookie := range a.cookies() {
			require.NotContains(t, cookie.Value, secret)
		}
	}
	require.NotContains(t, a.log.String(), signintest.ClientSecret)
}

func TestASignedOutPersonIsToldWhereToGo(t *testing.T) {
	a := newApp(t, nil)
	a.signIn()
	got := a.do("POST", "/ui/auth/logout", "", "Accept", "application/json")
	require.Equal(t, 200, got.status)
	require.Equal(t, map[string]any{
		"location": a.issuer.URL + "/logout?client_id=web&post_logout_redirect_uri=" + url.QueryEscape(a.url+"/ui/"),
	}, decode(t, got.body))
	// Who is signed out already goes to the app; so does who signs out while the issuer is away.
	require.Equal(t, map[string]any{"location": "/ui/"}, decode(t, a.do("POST", "/ui/auth/logout", "", "Accept", "application/json").body))
}

func TestCookies(t *testing.T) {
	for _, test := range []struct{ scheme, session, flow string }{
		{"http", "session=", "signin="},
		{"https", "__Host-session=", "__Host-signin="},
	} {
		a := newApp(t, func(c *signin.Config) { c.PublicURL = strings.Replace(c.PublicURL, "http", test.scheme, 1) })
		secure := ""
		if test.scheme == "https" {
			secure = " Secure;"
		}
		a.stop(a.issuer.URL)
		got := a.get("/ui/auth/login")
		require.Equal(t, 303, got.status)
		require.Regexp(t, `^`+test.flow+`1\.[\w.-]+; Path=/; Max-Age=600; HttpOnly;`+secure+` SameSite=Lax$`, got.header.Get("Set-Cookie"))
		require.Equal(t, "no-store", got.header.Get("Cache-Control"))
		require.Equal(t, "no-referrer", got.header.Get("Referrer-Policy"))

		// By hand, for the app is reached by http here, where a cookie jar keeps Secure cookies back.
		back := a.callback(got)
		for _, cookie := range got.header.Values("Set-Cookie") {
			back.Header.Set("Cookie", strings.Split(cookie, ";")[0])
		}
		a.client.Jar = nil
		a.stop(a.url)
		response, err := a.client.Do(back)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, 303, response.StatusCode)
		cookies := response.Header.Values("Set-Cookie")
		require.Len(t, cookies, 2)
		require.Equal(t, test.flow+`; Path=/; Max-Age=0; HttpOnly;`+secure+` SameSite=Lax`, cookies[0])
		require.Regexp(t, `^`+test.session+`1\.[\w.-]+; Path=/; Max-Age=3(600|599); HttpOnly;`+secure+` SameSite=Strict$`, cookies[1])
	}
}

// callback returns the request with which the issuer sends a browser back that was sent there.
func (b *browser) callback(login answer) *http.Request {
	b.app.t.Helper()
	response, err := (&http.Client{
		Transport:     b.client.Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}).Get(login.header.Get("Location"))
	require.NoError(b.app.t, err)
	require.NoError(b.app.t, response.Body.Close())
	location, err := response.Location()
	require.NoError(b.app.t, err)
	query := location.Query()
	request, err := http.NewRequestWithContext(b.app.t.Context(), http.MethodGet, b.app.url+"/ui/auth/callback?"+query.Encode(), nil)
	require.NoError(b.app.t, err)
	return request
}

func TestOnlyPathsOfTheAppAreReturnedTo(t *testing.T) {
	a := newApp(t, nil)
	a.stop(a.issuer.URL)
	for _, target := range []string{
		"https://evil.example/ui/", "//evil.example/ui/", "///evil.example", "/\\evil.example", "\\\\evil.example", "/ui/\\..\\x",
		"http:/ui/", "javascript:alert(1)", "ui/", "/", "/uix", "/api/users", "/ui/../api", "/ui/%2e%2e/api", "/ui/./x",
		"/ui/auth/login", "/ui/auth/logout", "/ui/%61uth/login", "/ui/api/users", "/ui/\tx", "/ui/\r\nSet-Cookie: a=b", "/ui/ x", "/ui/é",
		"@evil.example/ui/", "/ui@evil.example", "/ui/" + strings.Repeat("a", 1024), "/ui/%zz",
	} {
		got := a.get("/ui/auth/login?return=" + url.QueryEscape(target))
		require.Equal(t, 400, got.status, target)
		require.Equal(t, "return must be a path of this app, which begins with /ui/.", decode(t, got.body)["error"].(map[string]any)["message"])
		require.Empty(t, got.header.Values("Set-Cookie"))
	}
	for _, target := range []string{"", "/ui", "/ui/", "/ui/a/b?c=//d&e=https://f#g", "/ui/a%2Fb", "/ui//evil.example"} {
		require.Equal(t, 303, a.get("/ui/auth/login?return="+url.QueryEscape(target)).status, target)
	}
}

func TestACallbackThatIsNotTheAnswerIsRefused(t *testing.T) {
	const interrupted = "This browser has begun no such sign-in, or more than 10 minutes ago, or another one since. Please sign in again."
	set := func(name, value string) func(*app, url.Values) {
		return func(_ *app, q url.Values) { q.Set(name, value) }
	}
	for _, test := range []struct {
		name    string
		change  func(*app, url.Values)
		status  int
		message string
		logged  string
	}{
		{"wrong state", set("state", "x"), 400, interrupted, ""},
		{"no state", set("state", ""), 400, interrupted, ""},
		{"no sign-in begun", func(a *app, _ url.Values) { a.client.Jar = a.newBrowser().client.Jar }, 400, interrupted, ""},
		{"another sign-in begun", func(a *app, _ url.Values) { a.get("/ui/auth/login") }, 400, interrupted, ""},
		{"too late", func(a *app, _ url.Values) { a.clock.advance(10 * time.Minute) }, 400, interrupted, ""},
		{"forged flow", func(a *app, _ url.Values) { a.setCookie("signin", "1.e30.e30.e30.e30.e30") }, 400, interrupted, ""},
		{"wrong code", set("code", "x"), 400, "The sign-in was used before, or took too long. Please sign in again.", "invalid_grant"},
		{"refused", func(_ *app, q url.Values) {
			q.Del("code")
			q.Set("error", "access_denied")
			q.Set("error_description", "<script>alert(1)</script>")
		}, 403, "The sign-in service has not let you in.", "no code"},
		{"another issuer", set("iss", "https://evil.example"), 400, "The answer is not that of the sign-in service.", "another issuer's"},
		{"no issuer", set("iss", ""), 400, "The answer is not that of the sign-in service.", "another issuer's"},
		{"wrong nonce", func(a *app, _ url.Values) { a.issuer.Claims = map[string]any{"nonce": "x"} }, 502, "The sign-in service's answer is wrong.", "another nonce"},
		{"ID token for another", func(a *app, _ url.Values) { a.issuer.Claims = map[string]any{"aud": "other"} }, 502, "The sign-in service's answer is wrong.", "expected audience"},
		{"ID token of another", func(a *app, _ url.Values) { a.issuer.Claims = map[string]any{"iss": "https://evil.example"} }, 502, "The sign-in service's answer is wrong.", "different provider"},
		{"ID token expired", func(a *app, _ url.Values) { a.issuer.Claims = map[string]any{"exp": 1} }, 502, "The sign-in service's answer is wrong.", "expired"},
		{"another access token", func(a *app, _ url.Values) { a.issuer.Claims = map[string]any{"at_hash": "x"} }, 502, "The sign-in service's answer is wrong.", "access token hash"},
		{"too large", func(a *app, _ url.Values) {
			a.issuer.AccessClaims = map[string]any{"groups": strings.Repeat("a", signin.MaxSealed)}
		}, 502, "The sign-in service's tokens are too large for this app.", fmt.Sprintf("more than %d", signin.MaxSealed)},
		{"issuer down", func(a *app, _ url.Values) { a.issuer.SetDown(true) }, 503, "The sign-in service cannot be reached. Try again in a moment.", "cannot be reached"},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := newApp(t, nil)
			a.stop(a.issuer.URL)
			callback := a.callback(a.get("/ui/auth/login"))
			query := callback.URL.Query()
			test.change(a, query)
			got := a.get("/ui/auth/callback?" + query.Encode())
			require.Equal(t, test.status, got.status, got.body)
			require.Equal(t, test.message, decode(t, got.body)["error"].(map[string]any)["message"])
			require.Contains(t, a.log.String(), test.logged)
			a.issuer.SetDown(false)
			require.Equal(t, signedOut, a.session())
			requireNoTokens(t, a)
		})
	}
}

// A callback works once, also for who has kept the cookie.
func TestACodeIsForOneUse(t *testing.T) {
	a := newApp(t, nil)
	a.stop(a.issuer.URL)
	login := a.get("/ui/auth/login")
	callback := a.callback(login)
	kept := strings.TrimPrefix(strings.Split(login.header.Get("Set-Cookie"), ";")[0], "signin=")
	require.Equal(t, "page /ui/", a.get("/ui/auth/callback?"+callback.URL.RawQuery).body)

	other := a.newBrowser()
	require.Equal(t, 400, other.get("/ui/auth/callback?"+callback.URL.RawQuery).status)
	other.setCookie("signin", kept)
	got := other.get("/ui/auth/callback?" + callback.URL.RawQuery)
	require.Equal(t, 400, got.status)
	require.Contains(t, got.body, "The sign-in was used before")
	require.Equal(t, signedOut, other.session())
}

// The verifier of another sign-in does not fit the code, which somebody may have got hold of.
func TestACodeOfAnotherSignInIsRefused(t *testing.T) {
	a := newApp(t, nil)
	a.stop(a.issuer.URL)
	stolen := a.callback(a.get("/ui/auth/login")).URL.Query()
	thief := a.newBrowser()
	thief.stop(a.issuer.URL)
	query := thief.callback(thief.get("/ui/auth/login")).URL.Query()
	query.Set("code", stolen.Get("code"))
	got := thief.get("/ui/auth/callback?" + query.Encode())
	require.Equal(t, 400, got.status)
	require.Contains(t, a.log.String(), "invalid_grant")
	require.Equal(t, signedOut, thief.session())
}

func TestAChangedCookieIsNoSession(t *testing.T) {
	a := newApp(t, nil)
	a.stop(a.issuer.URL)
	flow := a.get("/ui/auth/login").header.Get("Set-Cookie")
	a.stop("none:")
	a.signIn()
	require.Len(t, a.cookies(), 1)
	right := a.cookies()[0].Value
	parts := strings.Split(right, ".")
	require.Len(t, parts, 6)
	edited := func(part int) string {
		changed := append([]string(nil), parts...)
		last := changed[part][len(changed[part])-2]
		flipped := byte('A')
		if last == 'A' {
			flipped = 'B'
		}
		changed[part] = changed[part][:len(changed[part])-2] + string(flipped) + changed[part][len(changed[part])-1:]
		return strings.Join(changed, ".")
	}
	none := "eyJhbGciOiJub25lIn0." // {"alg":"none"}
	for _, value := range []string{
		edited(1), edited(3), edited(4), edited(5), right[:len(right)-4], "2" + right[1:], "0" + right[1:], "x" + right[1:], right[2:],
		"1." + none + "e30.", "1." + none + ".e30.e30.e30", "1.", ".", "1." + strings.Repeat("a", 3000), strings.Split(strings.TrimPrefix(flow, "signin="), ";")[0],
	} {
		a.setCookie("session", value)
		got := a.get("/ui/auth/session")
		require.Equal(t, signedOut, decode(t, got.body), value)
		require.Equal(t, "session=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict", got.header.Get("Set-Cookie"), value)
		a.setCookie("session", value)
		require.Equal(t, "none", decode(t, a.get("/ui/api/services").body)["token"], value)
	}
	a.setCookie("session", right)
	require.Equal(t, true, a.session()["signedIn"])
}

func TestKeysAreRotated(t *testing.T) {
	first, second := signin.NewKey(), signin.NewKey()
	a := newApp(t, func(c *signin.Config) { c.Keys = []string{first} })
	a.signIn()
	with := func(keys ...string) {
		config := a.config
		config.Keys = keys
		a.configure(config)
	}
	with(first, second)
	require.Equal(t, true, a.session()["signedIn"])
	with(second, first)
	require.Equal(t, true, a.session()["signedIn"])
	other := a.newBrowser()
	other.signIn()
	with(second)
	require.Equal(t, signedOut, a.session())
	require.Equal(t, true, other.session()["signedIn"])
}

func TestOtherSitesCannotChangeAnything(t *testing.T) {
	a := newApp(t, nil)
	a.signIn()
	for _, headers := range [][]string{
		{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.example"}, {"Origin", "null"},
		{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"},
	} {
		for _, method := range []string{"POST", "PUT", "PATCH", "DELETE"} {
			got := a.do(method, "/ui/api/ratings/1", "{}", headers...)
			require.Equal(t, 403, got.status)
			require.Equal(t, map[string]any{"error": map[string]any{
				"code": 403.0, "message": "This request came from another site.", "status": "PERMISSION_DENIED",
				"details": []any{map[string]any{
					"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "CROSS_ORIGIN", "domain": "signin.codingflow.com",
				}},
			}}, decode(t, got.body))
		}
		require.Equal(t, 403, a.do("POST", "/ui/auth/logout", "", headers...).status)
	}
	require.Equal(t, true, a.session()["signedIn"])
	for _, headers := range [][]string{{"Sec-Fetch-Site", "same-origin"}, {"Sec-Fetch-Site", "none"}, {"Origin", a.url}, nil} {
		require.Equal(t, 200, a.do("POST", "/ui/api/ratings", "{}", headers...).status)
	}
	require.Equal(t, 405, a.get("/ui/auth/logout").status, "a link or an image signs nobody out")
}

func TestPathsWithDotsDoNotLeaveTheAPI(t *testing.T) {
	a := newApp(t, nil)
	for _, path := range []string{"/ui/api/%2e%2e/rating.v1.UserService/ListUsers", "/ui/api/a/%2E/b", "/ui/api/a%2F..%2Fb"} {
		require.Equal(t, 404, a.get(path).status, path)
	}
}

func TestTheIssuerIsAway(t *testing.T) {
	a := newApp(t, nil)
	a.issuer.SetDown(true)
	got := a.do("GET", "/ui/auth/login", "", "Accept", "text/html")
	require.Equal(t, 503, got.status)
	require.Equal(t, "5", got.header.Get("Retry-After"))
	require.Equal(t, "text/html; charset=utf-8", got.header.Get("Content-Type"))
	require.Equal(t, "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'", got.header.Get("Content-Security-Policy"))
	require.Contains(t, got.body, "<h1>Sign-in is not available</h1>\n<p>The sign-in service cannot be reached. Try again in a moment.</p>")
	require.Contains(t, got.body, `<a href="/ui/auth/login">Sign in</a> · <a href="/ui/">Back to the app</a>`)
	require.Contains(t, a.log.String(), "discovery: ")
	// Those who are not signed in can still read.
	require.Equal(t, signedOut, a.session())
	require.Equal(t, 200, a.get("/ui/api/services").status)

	a.issuer.SetDown(false)
	require.Eventually(t, func() bool { return a.get("/ui/auth/login").status == 200 }, 20*time.Second, 50*time.Millisecond)
	require.Equal(t, true, a.session()["signedIn"])
}

func TestWithoutIssuerThereIsNoSignIn(t *testing.T) {
	h, err := signin.New(signin.Config{})
	require.NoError(t, err)
	a := newApp(t, nil)
	a.mu.Lock()
	a.handler = h
	a.mu.Unlock()
	require.Equal(t, map[string]any{"signIn": false, "signedIn": false, "api": "/api"}, a.session())
	for _, path := range []string{"/ui/auth/login", "/ui/auth/callback", "/ui/auth/logout", "/ui/api/users"} {
		require.Equal(t, 404, a.get(path).status, path)
	}
}

func TestRequestsAtOnceRenewOnce(t *testing.T) {
	a := newApp(t, nil)
	a.issuer.Lifetime = 5 * time.Minute
	a.signIn()
	require.Equal(t, 1, a.issuer.Requests("/token"))
	a.clock.advance(4*time.Minute + 30*time.Second)
	old := a.cookies()[0].Value
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			b := a.newBrowser() // with the old cookie, whatever others have got
			b.setCookie("session", old)
			if got := b.get("/ui/api/services"); !strings.Contains(got.body, `"token":"token 2"`) {
				t.Error(got.body)
			}
			if b.cookies()[0].Value == old {
				t.Error("no new cookie")
			}
		})
	}
	group.Wait()
	require.Equal(t, 2, a.issuer.Requests("/token"))
	require.Equal(t, 1, a.issuer.Live())
}
