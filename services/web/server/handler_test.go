package server_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/services/web/server"
)

const indexHTML = `<!doctype html><script type="module" src="/ui/assets/app-1a2b.js"></script>`

var script = strings.Repeat("console.log('rating');\n", 500)

// app is what a build of the app has.
func app() fstest.MapFS {
	return fstest.MapFS{
		".gitkeep":           {},
		"index.html":         {Data: []byte(indexHTML)},
		"icon.svg":           {Data: []byte("<svg/>")},
		"assets/app-1a2b.js": {Data: []byte(script)},
	}
}

func newHandler(t *testing.T, config server.Config) *server.Handler {
	t.Helper()
	handler, err := server.New(config)
	require.NoError(t, err)
	return handler
}

func do(handler http.Handler, method, target string, header ...string) *httptest.ResponseRecorder {
	request := httptest.NewRequest(method, target, nil)
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, request)
	return recorder
}

func TestPathsLeadToFilesAndPages(t *testing.T) {
	handler := newHandler(t, server.Config{Assets: app()})
	const (
		text    = "text/plain; charset=utf-8"
		kept    = "public, max-age=31536000, immutable"
		asked   = "no-cache"
		noStore = "no-store"

		noSignIn = `{"error":{"code":404,"details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo",` +
			`"domain":"signin.codingflow.com","reason":"NO_SIGN_IN"}],"message":"There is no issuer at which to sign in.","status":"NOT_FOUND"}}` + "\n"
	)
	for _, c := range []struct {
		method, path      string
		code              int
		contentType, keep string
		body              string
	}{
		{"GET", "/ui/", 200, "text/html; charset=utf-8", asked, indexHTML},
		{"GET", "/ui/services", 200, "text/html; charset=utf-8", asked, indexHTML},
		{"GET", "/ui/services/a%2Fb", 200, "text/html; charset=utf-8", asked, indexHTML},
		{"GET", "/ui/index.html", 200, "text/html; charset=utf-8", asked, indexHTML},
		{"GET", "/ui/assets/app-1a2b.js", 200, "text/javascript; charset=utf-8", kept, script},
		{"GET", "/ui/icon.svg", 200, "image/svg+xml", asked, "<svg/>"},
		{"HEAD", "/ui/icon.svg", 200, "image/svg+xml", asked, ""},
		{"HEAD", "/ui/x", 200, "text/html; charset=utf-8", asked, ""},
		{"GET", "/ui/assets/app-9f9f.js", 404, text, noStore, "there is no such file\n"},
		{"GET", "/ui/assets/app", 404, text, noStore, "there is no such file\n"},
		{"GET", "/ui/old.css", 404, text, noStore, "there is no such file\n"},
		{"GET", "/ui/.gitkeep", 404, text, noStore, "there is no such file\n"},
		{"GET", "/ui/../../etc/passwd.txt", 404, text, noStore, "there is no such file\n"},
		{"GET", "/elsewhere", 404, text, noStore, "there is nothing at this path; the app is at /ui/\n"},
		{"POST", "/ui/", 405, text, noStore, "there are files and pages here: GET and HEAD only\n"},
		{"GET", "/ui/auth/session", 200, "application/json", noStore, `{"signIn":false,"signedIn":false,"api":"/api"}` + "\n"},
		{"DELETE", "/ui/auth/session", 405, text, noStore, "Method Not Allowed\n"},
		{"GET", "/ui/auth/login", 404, "application/json", noStore, noSignIn},
		{"GET", "/ui/api/users", 404, "application/json", noStore, noSignIn},
	} {
		t.Run(c.method+" "+strings.ReplaceAll(c.path, "/", "_"), func(t *testing.T) {
			got := do(handler, c.method, c.path)
			require.Equal(t, c.code, got.Code)
			require.Equal(t, c.contentType, got.Header().Get("Content-Type"))
			require.Equal(t, c.keep, got.Header().Get("Cache-Control"))
			require.Equal(t, c.body, got.Body.String())
			require.Equal(t, "nosniff", got.Header().Get("X-Content-Type-Options"))
			if c.code == 405 {
				require.Equal(t, "GET, HEAD", got.Header().Get("Allow"))
			}
		})
	}
	redirect := do(handler, "GET", "/ui")
	require.Equal(t, []any{302, "/ui/"}, []any{redirect.Code, redirect.Header().Get("Location")})
}

func TestPagesAreGuarded(t *testing.T) {
	got := do(newHandler(t, server.Config{Assets: app()}), "GET", "/ui/services").Header()
	require.Equal(t, "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; "+
		"form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'", got.Get("Content-Security-Policy"))
	require.Equal(t, "no-referrer", got.Get("Referrer-Policy"))
	require.Equal(t, "same-origin", got.Get("Cross-Origin-Opener-Policy"))
	require.Equal(t, "same-origin", got.Get("Cross-Origin-Resource-Policy"))
}

func TestWhatIsUnchangedIsNotSentAgain(t *testing.T) {
	handler := newHandler(t, server.Config{Assets: app()})
	etag := do(handler, "GET", "/ui/").Header().Get("ETag")
	require.Regexp(t, `^W/"[\w-]{22}"$`, etag)
	for _, header := range [][]string{{"If-None-Match", etag}, {"If-None-Match", etag, "Accept-Encoding", "gzip"}} {
		got := do(handler, "GET", "/ui/services", header...)
		require.Equal(t, http.StatusNotModified, got.Code)
		require.Empty(t, got.Body.String())
		require.Equal(t, etag, got.Header().Get("ETag"))
	}
	changed := app()
	changed["index.html"].Data = append(changed["index.html"].Data, ' ')
	require.Equal(t, 200, do(newHandler(t, server.Config{Assets: changed}), "GET", "/ui/", "If-None-Match", etag).Code)
}

func TestFilesAreCompressed(t *testing.T) {
	handler := newHandler(t, server.Config{Assets: app()})
	for _, c := range []struct{ accept, coding string }{
		{"", ""}, {"br", ""}, {"gzip", "gzip"}, {"gzip, deflate, br, zstd", "zstd"}, {"gzip;q=0", ""},
	} {
		got := do(handler, "GET", "/ui/assets/app-1a2b.js", "Accept-Encoding", c.accept)
		require.Equal(t, c.coding, got.Header().Get("Content-Encoding"), c.accept)
		require.Equal(t, "Accept-Encoding", got.Header().Get("Vary"))
		var body io.Reader = got.Body
		var err error
		switch c.coding {
		case "gzip":
			body, err = gzip.NewReader(body)
		case "zstd":
			body, err = zstd.NewReader(body)
		}
		require.NoError(t, err)
		content, err := io.ReadAll(body)
		require.NoError(t, err)
		require.Equal(t, script, string(content))
	}
}

func TestTheAppIsToldWhereTheAPIIs(t *testing.T) {
	handler := newHandler(t, server.Config{Assets: app(), API: "https://api.example:8443/v1"})
	require.Contains(t, do(handler, "GET", "/ui/").Header().Get("Content-Security-Policy"), "; connect-src 'self' https://api.example:8443; ")
	require.JSONEq(t, `{"signIn": false, "signedIn": false, "api": "https://api.example:8443/v1"}`, do(handler, "GET", "/ui/auth/session").Body.String())
	for api, want := range map[string]string{
		"api":                       `web: the API's address "api" is neither a path, such as /api, nor an http or https URL`,
		"ftp://api.example/":        `web: the API's address "ftp://api.example/" is neither a path, such as /api, nor an http or https URL`,
		"//api.example/":            `web: the API's address "//api.example/" is neither a path, such as /api, nor an http or https URL`,
		"/api?x=1":                  `web: the API's address "/api?x=1" has more than a path`,
		"https://u:p@api.example/":  `web: the API's address "https://u:xxxxx@api.example/" has more than a path`,
		"https://a;script-src/":     `web: the API's address "https://a;script-src/" has no plain host`,
		"https://api.example/%zz":   `web: the API's address: parse "https://api.example/%zz": invalid URL escape "%zz"`,
		"https://*.example/api/all": `web: the API's address "https://*.example/api/all" has no plain host`,
	} {
		_, err := server.New(server.Config{Assets: app(), API: api})
		require.EqualError(t, err, want)
	}
}

func TestWithoutAnAppItSaysWhatToDo(t *testing.T) {
	handler := newHandler(t, server.Config{Assets: fstest.MapFS{".gitkeep": {}}})
	require.False(t, handler.Built())
	for _, path := range []string{"/ui/", "/ui/services", "/ui/assets/app-1a2b.js"} {
		got := do(handler, "GET", path)
		require.Equal(t, http.StatusServiceUnavailable, got.Code)
		require.Equal(t, "The web app is not built: go run ./tools/dev web build\n", got.Body.String())
	}
}

func TestSignInIsSomebodyElses(t *testing.T) {
	signIn := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Method+" "+r.URL.EscapedPath())
	})
	handler := newHandler(t, server.Config{Assets: app(), SignIn: signIn})
	require.Equal(t, "POST /ui/auth/logout", do(handler, "POST", "/ui/auth/logout").Body.String())
	require.Equal(t, "PATCH /ui/api/users/a%2Fb", do(handler, "PATCH", "/ui/api/users/a%2Fb").Body.String())
}

// Bazel embeds the app; go embeds it if it has been built.
func TestTheEmbeddedAppIsServed(t *testing.T) {
	handler := newHandler(t, server.Config{})
	if os.Getenv("TEST_TARGET") != "" {
		require.True(t, handler.Built())
	}
	want := map[bool]int{true: 200, false: 503}[handler.Built()]
	require.Equal(t, want, do(handler, "GET", "/ui/").Code)
}
