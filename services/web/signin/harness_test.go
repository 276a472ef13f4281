package signin_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/codingflow/rating/services/web/signin"
	"github.com/codingflow/rating/services/web/signin/signintest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A clock tells the time and is put forward by tests.
type clock struct {
	mu    sync.Mutex
	ahead time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
}

// A log is what was logged.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// An app is a front end with sign-in: its issuer, an API that tells what it was sent, and a browser.
type app struct {
	t      *testing.T
	issuer *signintest.Issuer
	url    string // of the front end
	page   string // all of its pages; by default each tells its URL
	clock  *clock
	log    *log
	config signin.Config
	*browser

	mu      sync.Mutex
	api     http.HandlerFunc
	handler *signin.Handler
}

// newApp starts an app. The configuration is complete but for what change does to it.
func newApp(t *testing.T, change func(*signin.Config)) *app {
	t.Helper()
	a := &app{t: t, issuer: signintest.New(t), clock: &clock{}, log: &log{}}
	a.issuer.Now = a.clock.now
	a.api = func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Set-Cookie", "session=stolen")
		_ = json.NewEncoder(w).Encode(map[string]any{
			"method": r.Method, "uri": r.RequestURI, "body": string(body), "cookies": len(r.Cookies()),
			"token": issuedAs(a.issuer, r.Header.Get("Authorization")), "for": r.Header.Get("X-Forwarded-For"),
		})
	}
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		serve := a.api
		a.mu.Unlock()
		serve(w, r)
	}))
	t.Cleanup(api.Close)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		handler := a.handler
		a.mu.Unlock()
		if strings.HasPrefix(r.URL.Path, "/ui/auth/") || strings.HasPrefix(r.URL.Path, "/ui/api") {
			handler.ServeHTTP(w, r)
			return
		}
		if a.page != "" {
			_, _ = io.WriteString(w, a.page)
			return
		}
		_, _ = io.WriteString(w, "page "+r.RequestURI)
	}))
	t.Cleanup(front.Close)
	a.url = front.URL
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	a.config = signin.Config{
		Issuer: a.issuer.URL, ClientID: signintest.ClientID, ClientSecret: signintest.ClientSecret, PublicURL: front.URL,
		Keys: []string{signin.NewKey()}, API: api.URL + "/api", Transport: transport,
		Client: &http.Client{Transport: transport, Timeout: 5 * time.Second},
		Logger: slog.New(slog.NewTextHandler(a.log, nil)),
	}.WithNow(a.clock.now)
	if change != nil {
		change(&a.config)
	}
	a.configure(a.config)
	a.browser = a.newBrowser()
	return a
}

// configure has another instance of the handler serve, as after a restart.
func (a *app) configure(config signin.Config) {
	a.t.Helper()
	handler, err := signin.New(config)
	require.NoError(a.t, err)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.handler = handler
}

// handle has a handler answer in the API's place.
func (a *app) handle(api http.HandlerFunc) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.api = api
}

// issuedAs says which of the issuer's access tokens an Authorization header has: "none", or "token 1" for the first, since
// tokens must not be in the answer.
func issuedAs(issuer *signintest.Issuer, header string) string {
	if header == "" {
		return "none"
	}
	number := 0
	for _, token := range issuer.Issued() {
		if strings.Count(token, ".") == 2 {
			number++
		}
		if header == "Bearer "+token {
			return fmt.Sprintf("token %d", (number+1)/2) // each with an ID token
		}
	}
	return "another"
}

// A browser has cookies, follows redirects, and keeps all that it was sent.
type browser struct {
	app    *app
	client *http.Client

	mu   sync.Mutex
	seen bytes.Buffer // status lines, headers but for cookies, and bodies of all answers
}

func (a *app) newBrowser() *browser {
	jar, err := cookiejar.New(nil)
	require.NoError(a.t, err)
	transport := &http.Transport{}
	a.t.Cleanup(transport.CloseIdleConnections)
	b := &browser{app: a}
	b.client = &http.Client{Jar: jar, Transport: recorder{transport, b}, Timeout: 20 * time.Second}
	return b
}

// recorder keeps what a browser gets from the app.
type recorder struct {
	http.RoundTripper
	browser *browser
}

func (r recorder) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := r.RoundTripper.RoundTrip(request)
	if err != nil || !strings.HasPrefix(request.URL.String(), r.browser.app.url) {
		return response, err
	}
	header := response.Header.Clone()
	header.Del("Set-Cookie") // encrypted; a test of its own looks at it
	body, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	response.Body = io.NopCloser(bytes.NewReader(body))
	r.browser.mu.Lock()
	defer r.browser.mu.Unlock()
	r.browser.seen.WriteString(response.Status + "\n")
	_ = header.Write(&r.browser.seen)
	r.browser.seen.Write(body)
	return response, err
}

// An answer is what a browser ends up with.
type answer struct {
	status int
	url    string // the last one, without the app's host
	header http.Header
	body   string
}

// do sends a request and follows redirects. Headers are name, value, name, ….
func (b *browser) do(method, path, body string, headers ...string) answer {
	b.app.t.Helper()
	target := path
	if strings.HasPrefix(path, "/") {
		target = b.app.url + path
	}
	request, err := http.NewRequestWithContext(b.app.t.Context(), method, target, strings.NewReader(body))
	require.NoError(b.app.t, err)
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := b.client.Do(request)
	require.NoError(b.app.t, err)
	defer response.Body.Close()
	got, err := io.ReadAll(response.Body)
	require.NoError(b.app.t, err)
	return answer{
		status: response.StatusCode, url: strings.TrimPrefix(response.Request.URL.String(), b.app.url), header: response.Header, body: string(got),
	}
}

func (b *browser) get(path string) answer { b.app.t.Helper(); return b.do("GET", path, "") }

// signIn signs in and requires that it worked.
func (b *browser) signIn() {
	b.app.t.Helper()
	got := b.get("/ui/auth/login")
	require.Equal(b.app.t, 200, got.status, got.body)
	require.Equal(b.app.t, "page /ui/", got.body)
}

// stop has the browser not follow a redirect to a URL that begins with prefix.
func (b *browser) stop(prefix string) {
	b.client.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), prefix) {
			return http.ErrUseLastResponse
		}
		return nil
	}
}

// session returns what the app says of who is signed in.
func (b *browser) session() map[string]any {
	b.app.t.Helper()
	got := b.get("/ui/auth/session")
	require.Equal(b.app.t, 200, got.status, got.body)
	require.Equal(b.app.t, "no-store", got.header.Get("Cache-Control"))
	require.Equal(b.app.t, "application/json", got.header.Get("Content-Type"))
	return decode(b.app.t, got.body)
}

func decode(t *testing.T, text string) map[string]any {
	t.Helper()
	var got map[string]any
	require.NoError(t, json.Unmarshal([]byte(text), &got), text)
	return got
}

// cookies returns the app's cookies.
func (b *browser) cookies() []*http.Cookie {
	u, err := url.Parse(b.app.url)
	require.NoError(b.app.t, err)
	return b.client.Jar.Cookies(u)
}

// setCookie replaces the value of one of the app's cookies.
func (b *browser) setCookie(name, value string) {
	u, err := url.Parse(b.app.url)
	require.NoError(b.app.t, err)
	b.client.Jar.SetCookies(u, []*http.Cookie{{Name: name, Value: value, Path: "/"}})
}

// signedOut is the session of nobody.
var signedOut = map[string]any{"signIn": true, "signedIn": false, "api": "/ui/api"}
