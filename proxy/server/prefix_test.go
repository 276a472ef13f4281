package server

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// gateway serves a handler below a path, which it strips, until the test ends, and returns its URL.
func gateway(t *testing.T, path string, handler http.Handler) string {
	t.Helper()
	inner := httptest.NewServer(handler)
	t.Cleanup(inner.Close)
	target, err := url.Parse(inner.URL)
	require.NoError(t, err)
	outer := httptest.NewServer(http.StripPrefix(path, &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.SetXForwarded()
		// Neither what a client says nor what a trusted gateway says of paths counts.
		r.Out.Header.Set("X-Forwarded-Prefix", "/elsewhere")
	}}))
	t.Cleanup(outer.Close)
	return outer.URL
}

// An arrival is what a client ends up with that follows redirects.
type arrival struct {
	url    *url.URL
	status int
	body   string
}

// arrive sends a request, with a body in JSON if there is one.
func arrive(t *testing.T, method, url, body string) arrival {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	response, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer response.Body.Close()
	got, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return arrival{response.Request.URL, response.StatusCode, string(got)}
}

// resolve returns the URL of a reference in the body.
func (a arrival) resolve(t *testing.T, reference string) string {
	t.Helper()
	u, err := a.url.Parse(reference)
	require.NoError(t, err)
	return u.String()
}

// What the server says of its own addresses leads clients through the gateway to the server.
func TestBehindAGatewayThatStripsItsPrefix(t *testing.T) {
	url := gateway(t, "/api", newServer(t, &users{}, Config{
		Prefix: "/", PublicPrefix: "/api", TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
	}))

	page := arrive(t, "GET", url+"/api/docs", "")
	require.Equal(t, 200, page.status)
	links := regexp.MustCompile(`href="([^"#:]*)"`).FindAllStringSubmatch(page.body, -1)
	require.Len(t, links, 3) // that to a data: URL is none
	for _, link := range links {
		require.Equal(t, url+"/api/openapi.json", page.resolve(t, link[1]))
	}
	// The page's program asks for the same.
	document := arrive(t, "GET", url+"/api/openapi.json", "")
	require.Equal(t, 200, document.status)
	var decoded struct{ Servers []struct{ URL string } }
	require.NoError(t, json.Unmarshal([]byte(document.body), &decoded))
	require.Equal(t, "/api", decoded.Servers[0].URL)
	require.JSONEq(t, `{"users":[],"nextPageToken":""}`, arrive(t, "GET", document.resolve(t, decoded.Servers[0].URL)+"/users", "").body)

	require.JSONEq(t, `{"name":"users/a%2Fb","displayName":"","email":"","etag":""}`, arrive(t, "GET", url+"/api/users/a%2Fb", "").body)
	require.JSONEq(t, `{"name":"users/1"}`, arrive(t, "POST", url+"/api/rating.v1.UserService/GetUser", `{"name":"users/1"}`).body)

	for _, root := range []string{"/api", "/api/"} {
		page = arrive(t, "GET", url+root, "")
		require.Equal(t, url+"/api/ui/", page.url.String())
		require.Equal(t, 200, page.status)
		var found []string
		for _, link := range regexp.MustCompile(`href="([^"]*)"`).FindAllStringSubmatch(page.body, -1) {
			found = append(found, page.resolve(t, link[1]))
		}
		require.Equal(t, []string{url + "/api/ratings", url + "/api/services", url + "/api/users", url + "/api/docs"}, found)
	}
}

func TestPublicPrefix(t *testing.T) {
	for _, test := range []struct{ prefix, public, wantPrefix, wantRoot string }{
		{"", "", "/api", ""},
		{"/", "", "", ""},
		{"/v1/rest/", "", "/v1/rest", ""},
		{"/", "/api/", "/api", "/api"},
		{"/", "/docs", "/docs", "/docs"},
		{"/api", "/shop/api", "/shop/api", "/shop"},
		{"/api", "/shop", "/shop", ""}, // the gateway puts the one for the other
		{"/api", "/", "", ""},          // likewise
		{"/api", "/shopapi", "/shopapi", ""},
	} {
		config, err := Config{Prefix: test.prefix, PublicPrefix: test.public}.withDefaults()
		require.NoError(t, err)
		require.Equal(t, []string{test.wantPrefix, test.wantRoot}, []string{config.PublicPrefix, config.publicRoot()}, "%+v", test)
	}
}
