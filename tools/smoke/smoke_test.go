package main

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/proxy/auth"
	"github.com/codingflow/rating/services/web/signin/signintest"
	"github.com/codingflow/rating/tools/dev/stack"
	"github.com/codingflow/rating/tools/dev/stack/stacktest"
	"github.com/codingflow/rating/tools/dev/webapp"
)

// assets are an app as Vite builds it.
var assets = fstest.MapFS{
	"index.html":    {Data: []byte(`<!doctype html><script type="module" src="/ui/assets/app.js"></script>`)},
	"assets/app.js": {Data: []byte(`"use strict";`)},
}

// start runs a stack and returns its address.
func start(t *testing.T, config stack.Config) string {
	t.Helper()
	config.Data = t.TempDir()
	s, _ := stacktest.Start(t, config)
	return "http://" + s.Addr().String()
}

// smoke runs the checks and returns their lines and the error.
func smoke(t *testing.T, c cli) (lines, message string) {
	t.Helper()
	if c.Timeout == 0 {
		c.Timeout = time.Nanosecond // one try
	}
	var out strings.Builder
	if err := c.run(t.Context(), &out); err != nil {
		message = err.Error()
	}
	return strings.ReplaceAll(out.String(), strings.TrimPrefix(c.Address, "http://"), "HOST"), message
}

func TestASystemThatWorksPasses(t *testing.T) {
	address := start(t, stack.Config{UI: webapp.UI(webapp.UIConfig{Assets: assets})})
	const app = "ok     app: the page and its script\n"
	lines, message := smoke(t, cli{Address: address, Timeout: time.Minute})
	require.Empty(t, message)
	require.Equal(t, "ok     services: there are none yet\nok     ratings: there are none yet\nok     users: there are none yet\n"+app, lines)

	response, err := http.Post(address+"/api/users", "application/json", strings.NewReader(`{"displayName": "Ada"}`))
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	lines, message = smoke(t, cli{Address: address + "/", Timeout: time.Minute})
	require.Empty(t, message)
	require.Equal(t, "ok     services: there are none yet\nok     ratings: there are none yet\nok     users: there are some\n"+app, lines)
}

func TestWhatTakesATokenIsClosedOrIsReadWithOne(t *testing.T) {
	issuer := signintest.New(t)
	address := start(t, stack.Config{
		OIDC: auth.Config{Issuer: issuer.URL, Audiences: []string{signintest.Audience}, AccessTokensOnly: true},
		UI:   webapp.UI(webapp.UIConfig{Assets: assets}),
	})
	lines, message := smoke(t, cli{Address: address, Timeout: time.Minute})
	require.Empty(t, message)
	require.Contains(t, lines, "ok     users: closed to callers without a token\n")

	lines, message = smoke(t, cli{Address: address, Token: "x"})
	require.Equal(t, "3 of 4 checks failed", message)
	require.Contains(t, lines, "FAILED users: /api/users?pageSize=1: the answer is 401 Unauthorized: {")
}

func TestWhatIsWrongIsSaid(t *testing.T) {
	serve := func(handler http.HandlerFunc) string {
		server := httptest.NewServer(handler)
		t.Cleanup(server.Close)
		return server.URL
	}
	page := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = w.Write([]byte(text))
		}
	}
	gone := httptest.NewServer(nil)
	gone.Close()
	for name, test := range map[string]struct{ address, line, message string }{
		"nothing there":    {gone.URL, "connect: connection refused\n", "4 of 4 checks failed"},
		"a page for all":   {serve(page("hello")), "FAILED services: /api/services?pageSize=1: the answer is 200 OK, and no JSON object\n", "4 of 4 checks failed"},
		"no script":        {serve(page("hello")), "FAILED app: /ui/: the page has no script\n", "4 of 4 checks failed"},
		"script elsewhere": {serve(page(`<script src="https://example.com/x.js"></script>`)), "FAILED app: /ui/: the script is elsewhere: https://example.com/x.js\n", "4 of 4 checks failed"},
		"script is a page": {serve(page(`<script src="/ui/app.js"></script>`)), "FAILED app: /ui/app.js: the answer is 200 OK, \"text/html\"; it must be 200 OK, \"text/javascript\"\n", "4 of 4 checks failed"},
		"another's error": {serve(func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, `{"error":"no healthy upstream"}`, http.StatusServiceUnavailable)
		}), "FAILED ratings: /api/ratings?pageSize=1: the answer is 503 Service Unavailable: \"no healthy upstream\"\n", "4 of 4 checks failed"},
		"not a list":        {serve(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"users": 1}`)) }), "FAILED users: /api/users?pageSize=1: users is no list\n", "2 of 4 checks failed"},
		"an answer too big": {serve(page(strings.Repeat("x", maxAnswer+1))), "FAILED app: /ui/: the answer has more than 4194304 bytes\n", "4 of 4 checks failed"},
		"no address":        {"rating.example.com", "", `address: "rating.example.com" is no URL such as https://rating.example.com`},
		"an address below":  {"https://rating.example.com/api", "", `address: "https://rating.example.com/api" is no URL such as https://rating.example.com`},
	} {
		t.Run(name, func(t *testing.T) {
			lines, message := smoke(t, cli{Address: test.address})
			require.Equal(t, test.message, message)
			require.Contains(t, lines, test.line)
		})
	}
	_, message := smoke(t, cli{Address: "http://localhost", Timeout: -1})
	require.Equal(t, "timeout: -1ns is not positive", message)
}

func TestACheckIsTriedAgain(t *testing.T) {
	address := start(t, stack.Config{UI: webapp.UI(webapp.UIConfig{Assets: assets})})
	target, err := url.Parse(address)
	require.NoError(t, err)
	requests := 0
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if requests++; requests == 1 {
			http.Error(w, "no route yet", http.StatusNotFound)
			return
		}
		httputil.NewSingleHostReverseProxy(target).ServeHTTP(w, r)
	}))
	t.Cleanup(gateway.Close)
	lines, message := smoke(t, cli{Address: gateway.URL, Timeout: time.Minute})
	require.Empty(t, message)
	require.NotContains(t, lines, "FAILED")
}

func TestHTTPMustLeadToHTTPS(t *testing.T) {
	for name, test := range map[string]struct {
		status         int
		location, want string
	}{
		"redirect":       {301, "https://rating.example.com/ui/", ""},
		"served by HTTP": {200, "", `the answer is 200 OK, Location ""; it must be a redirect to https://rating.example.com/ui/`},
		"to elsewhere":   {302, "https://example.com/", `the answer is 302 Found, Location "https://example.com/"; it must be a redirect to https://rating.example.com/ui/`},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				require.Equal(t, "rating.example.com", r.Host)
				w.Header().Set("Location", test.location)
				w.WriteHeader(test.status)
			}))
			t.Cleanup(server.Close)
			address, err := url.Parse(server.URL)
			require.NoError(t, err)
			s := &site{
				address: &url.URL{Scheme: "https", Host: "rating.example.com"},
				client: &http.Client{
					Transport:     &http.Transport{Proxy: http.ProxyURL(address)}, // to the test's server, whatever the host
					CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
				},
			}
			require.Equal(t, "HTTP leads to HTTPS", s.checks()[4].name)
			_, err = s.redirect(t.Context())
			if test.want == "" {
				require.NoError(t, err)
			} else {
				require.EqualError(t, err, test.want)
			}
		})
	}
}
