package transcode

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"github.com/stretchr/testify/require"
)

// newTrie returns a trie of routes, each an HTTP method and a template.
func newTrie(t testing.TB, routes ...string) *trie[string] {
	t.Helper()
	found := &trie[string]{}
	for _, route := range routes {
		method, text, _ := strings.Cut(route, " ")
		tmpl, err := parseTemplate(text)
		require.NoError(t, err)
		_, ok := found.insert(method, tmpl, route)
		require.True(t, ok, route)
	}
	return found
}

// lookup returns the route that a request takes and what its variables capture, "" if there is none.
func lookup(t testing.TB, routes *trie[string], method, path string) string {
	t.Helper()
	route, segments, ok := routes.find(nil, method, path)
	if !ok {
		return ""
	}
	_, text, _ := strings.Cut(route, " ")
	tmpl, err := parseTemplate(text)
	require.NoError(t, err)
	for _, v := range tmpl.variables {
		route += fmt.Sprintf(" %s=%q", strings.Join(v.fieldPath, "."), v.value(segments))
	}
	return route
}

func TestTrieFind(t *testing.T) {
	rating := []string{
		"GET /users", "POST /users", "GET /{name=users/*}", "PATCH /{user.name=users/*}", "DELETE /{name=users/*}",
		"POST /ratings:batchCreate", "POST /ratings", "GET /{name=services/*/ratingSummary}", "GET /{name=services/*}",
	}
	precedence := []string{"GET /a/b", "GET /a/{x}", "GET /a/{x=**}", "GET /{x}/b", "GET /{x=**}"}
	backtracking := []string{"GET /a/b/c", "GET /a/*/d", "GET /{x}/b/e", "GET /a/{x=**}", "POST /{x}/b/c", "PUT /a/b/{x}"}
	verbs := []string{
		"POST /{name=users/*}:undelete", "GET /{name=users/*}", "GET /{name=files/**}:peek", "GET /{name=files/**}",
		"GET /x:a", "POST /x:b", "PUT /x", "GET /odd/a:b:c",
	}
	root := []string{"GET /", "GET /{all=**}"}
	deep := []string{"GET /files/{path=**}"}
	literal := []string{"GET /a%20b", "GET /a%2Fb", "GET /%2A", "GET /%C3%A9"}
	kinds := []string{"GET /x", "* /x", "* /any", "LIST /x", "HEAD /head", "GET /head", "GET /options", "OPTIONS /options"}
	tests := []struct {
		routes       []string
		method, path string
		want         string
	}{
		{rating, "GET", "/users", "GET /users"},
		{rating, "POST", "/users", "POST /users"},
		{rating, "GET", "/users/1", `GET /{name=users/*} name="users/1"`},
		{rating, "PATCH", "/users/1", `PATCH /{user.name=users/*} user.name="users/1"`},
		{rating, "DELETE", "/users/1", `DELETE /{name=users/*} name="users/1"`},
		{rating, "POST", "/ratings:batchCreate", "POST /ratings:batchCreate"},
		{rating, "POST", "/ratings", "POST /ratings"},
		{rating, "GET", "/services/1/ratingSummary", `GET /{name=services/*/ratingSummary} name="services/1/ratingSummary"`},
		{rating, "GET", "/services/ratingSummary", `GET /{name=services/*} name="services/ratingSummary"`},
		{rating, "GET", "/users/1:x", `GET /{name=users/*} name="users/1:x"`},
		{rating, "DELETE", "/users", ""},
		{rating, "GET", "/", ""},
		{rating, "GET", "", ""},
		{rating, "GET", "users", ""},
		{rating, "GET", "/nothing", ""},
		{rating, "GET", "/users/", ""},
		{rating, "GET", "//users", ""},
		{rating, "GET", "/users/1/2", ""},
		{rating, "GET", "/Users", ""},
		{rating, "get", "/users", ""},
		{rating, "POST", "/ratings:", ""},
		{rating, "POST", "/ratings:batchcreate", ""},
		{rating, "POST", "/ratings%3AbatchCreate", ""},
		{rating, "POST", "/%72atings:batch%43reate", "POST /ratings:batchCreate"},

		// A single-segment variable is unescaped completely, a multi-segment one except for %2F.
		{rating, "GET", "/users/a%2Fb", `GET /{name=users/*} name="users/a%2Fb"`},
		{rating, "GET", "/users/a%2fb", `GET /{name=users/*} name="users/a%2fb"`},
		{rating, "GET", "/users/100%25", `GET /{name=users/*} name="users/100%"`},
		{rating, "GET", "/users/%252F", `GET /{name=users/*} name="users/%2F"`},
		{rating, "GET", "/users/a%20b%3Fc%23d", `GET /{name=users/*} name="users/a b?c#d"`},
		{rating, "GET", "/users/a+b", `GET /{name=users/*} name="users/a+b"`},
		{rating, "GET", "/users/%C3%A9", `GET /{name=users/*} name="users/é"`},
		{precedence, "GET", "/a/x%2Fy", `GET /a/{x} x="x/y"`},
		{precedence, "GET", "/a/%25", `GET /a/{x} x="%"`},
		{precedence, "GET", "/a/%3A:b", `GET /a/{x} x="::b"`},
		{rating, "GET", "/users/%", `GET /{name=users/*} name="users/%"`},
		{rating, "GET", "/users/%zz%4", `GET /{name=users/*} name="users/%zz%4"`},

		// Dot segments match nothing.
		{precedence, "GET", "/a/.", ""},
		{precedence, "GET", "/a/../b", ""},
		{precedence, "GET", "/a/%2e%2E", ""},
		{precedence, "GET", "/a/...", `GET /a/{x} x="..."`},
		{precedence, "GET", "/a/.b", `GET /a/{x} x=".b"`},
		{verbs, "POST", "/users/..:undelete", ""},

		// A literal goes before `*`, and that before `**`.
		{precedence, "GET", "/a/b", "GET /a/b"},
		{precedence, "GET", "/a/c", `GET /a/{x} x="c"`},
		{precedence, "GET", "/a/c/d", `GET /a/{x=**} x="c/d"`},
		{precedence, "GET", "/a", `GET /a/{x=**} x=""`},
		{precedence, "GET", "/a/", `GET /a/{x=**} x=""`},
		{precedence, "GET", "/c/b", `GET /{x}/b x="c"`},
		{precedence, "GET", "/c/d", `GET /{x=**} x="c/d"`},
		{precedence, "GET", "/", `GET /{x=**} x=""`},

		// The next best is tried where the best leads nowhere, also because of the HTTP method.
		{backtracking, "GET", "/a/b/c", "GET /a/b/c"},
		{backtracking, "GET", "/a/b/d", "GET /a/*/d"},
		{backtracking, "GET", "/a/b/e", `GET /a/{x=**} x="b/e"`},
		{backtracking, "GET", "/z/b/e", `GET /{x}/b/e x="z"`},
		{backtracking, "POST", "/a/b/c", `POST /{x}/b/c x="a"`},
		{backtracking, "PUT", "/a/b/c", `PUT /a/b/{x} x="c"`},
		{backtracking, "PUT", "/a/x/c", ""},

		{verbs, "POST", "/users/1:undelete", `POST /{name=users/*}:undelete name="users/1"`},
		{verbs, "POST", "/users/a:b:undelete", `POST /{name=users/*}:undelete name="users/a:b"`},
		{verbs, "POST", "/users/1%3Aundelete", ""},
		{verbs, "POST", "/users/:undelete", ""},
		{verbs, "GET", "/users/1:undelete", `GET /{name=users/*} name="users/1:undelete"`},
		{verbs, "GET", "/users/1:other", `GET /{name=users/*} name="users/1:other"`},
		{verbs, "GET", "/files/a/b:peek", `GET /{name=files/**}:peek name="files/a/b"`},
		{verbs, "GET", "/files:peek", `GET /{name=files/**}:peek name="files"`},
		{verbs, "GET", "/files/a:peek/b", `GET /{name=files/**} name="files/a:peek/b"`},
		{verbs, "GET", "/files/a%2Fb%25:poke", `GET /{name=files/**} name="files/a%2Fb%:poke"`},
		{verbs, "GET", "/x:a", "GET /x:a"},
		{verbs, "POST", "/x:a", ""},
		{verbs, "PUT", "/x", "PUT /x"},
		{verbs, "GET", "/odd/a:b:c", "GET /odd/a:b:c"},

		{root, "GET", "/", "GET /"},
		{root, "GET", "/x", `GET /{all=**} all="x"`},
		{root, "GET", "//", `GET /{all=**} all="/"`},
		{deep, "GET", "/files", `GET /files/{path=**} path=""`},
		{deep, "GET", "/files/a//b/", `GET /files/{path=**} path="a//b/"`},
		{deep, "GET", "/files/a%2Fb/c%25d", `GET /files/{path=**} path="a%2Fb/c%d"`},
		{deep, "GET", "/file", ""},

		{literal, "GET", "/a%20b", "GET /a%20b"},
		{literal, "GET", "/%61%20b", "GET /a%20b"},
		{literal, "GET", "/a%2fb", "GET /a%2Fb"},
		{literal, "GET", "/a/b", ""},
		{literal, "GET", "/*", "GET /%2A"},
		{literal, "GET", "/x", ""},
		{literal, "GET", "/%c3%a9", "GET /%C3%A9"},

		{kinds, "GET", "/x", "GET /x"},
		{kinds, "HEAD", "/x", "GET /x"},
		{kinds, "LIST", "/x", "LIST /x"},
		{kinds, "PURGE", "/x", "* /x"},
		{kinds, "OPTIONS", "/any", "* /any"},
		{kinds, "HEAD", "/head", "HEAD /head"},
		{kinds, "OPTIONS", "/options", "OPTIONS /options"},
	}
	for _, test := range tests {
		t.Run(test.method+" "+test.path, func(t *testing.T) {
			require.Equal(t, test.want, lookup(t, newTrie(t, test.routes...), test.method, test.path))
		})
	}
}

func TestTrieRefusesTheSamePattern(t *testing.T) {
	tests := []struct {
		first, second string
		taken         bool
	}{
		{"/{name=users/*}", "/users/{id}", true},
		{"/{a=**}", "/**", true},
		{"/a%20b", "/%61%20b", true},
		{"/x:v", "/{n=x}:v", true},
		{"/users/*", "/users/**", false},
		{"/x:v", "/x:w", false},
		{"/*", "/%2A", false},
	}
	for _, test := range tests {
		t.Run(test.first+" "+test.second, func(t *testing.T) {
			routes := newTrie(t, "GET "+test.first)
			tmpl, err := parseTemplate(test.second)
			require.NoError(t, err)
			old, ok := routes.insert("GET", tmpl, "second")
			require.Equal(t, test.taken, !ok)
			if test.taken {
				require.Equal(t, "GET "+test.first, old)
			}
			_, ok = routes.insert("POST", tmpl, "third")
			require.True(t, ok)
		})
	}
}

func TestTrieAllowedIsTheUnionOfAllMatches(t *testing.T) {
	routes := newTrie(t, "GET /a/b", "POST /a/*", "PUT /{x=**}", "PATCH /a/b:v", "DELETE /a/c", "LIST /{x}/b")
	tests := []struct {
		path string
		want []string
	}{
		{"/a/b", []string{"GET", "LIST", "POST", "PUT"}},
		{"/a/b:v", []string{"PATCH", "POST", "PUT"}},
		{"/a/c", []string{"DELETE", "POST", "PUT"}},
		{"/z", []string{"PUT"}},
		{"/a/..", nil},
	}
	for _, test := range tests {
		set := map[string]struct{}{}
		routes.allowed(test.path, set)
		require.Equal(t, test.want, slices.Sorted(maps.Keys(set)), test.path)
	}
}

// TestMatchesLikeGRPCGateway compares with grpc-gateway where the two agree. They differ on purpose for empty segments
// (grpc-gateway's `*` matches them), dot segments, escapes in literals, %2F in a variable such as `{name=users/*}` (which
// grpc-gateway unescapes, against http.proto), a `**` that matches nothing (there the slash before it stays), and the precedence of templates (there the last one registered goes
// first); each pattern is tried alone and no such path is used.
func TestMatchesLikeGRPCGateway(t *testing.T) {
	templates := []string{
		"/users", "/{name=users/*}", "/{name=users/*}:undelete", "/users/{id}/ratings/{rating}", "/{name=users/**}",
		"/{path=**}", "/ratings:batchCreate", "/*/x/{id}", "/{a.b=x/*/y}/{c}", "/x/{id}:v", "/{id}",
	}
	words := []string{"users", "ratings", "x", "y", "100%25", "%252F", "b%20c", "a+b", "%C3%A9", "1"}
	verbs := []string{"", "", "", ":undelete", ":batchCreate", ":v", ":a:v", ":other"}
	random := rand.New(rand.NewPCG(1, 2))
	matched := 0
	for _, text := range templates {
		routes := newTrie(t, "GET "+text)
		gateway := runtime.NewServeMux(runtime.WithUnescapingMode(runtime.UnescapingModeAllExceptSlash))
		var bound map[string]string
		require.NoError(t, gateway.HandlePath("GET", text, func(_ http.ResponseWriter, _ *http.Request, params map[string]string) {
			bound = params
			for name, value := range params {
				bound[name] = strings.TrimSuffix(value, "/")
			}
		}))
		for range 500 {
			path := ""
			for range 1 + random.IntN(4) {
				path += "/" + words[random.IntN(len(words))]
			}
			path += verbs[random.IntN(len(verbs))]
			bound = nil
			gateway.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, path, nil))
			var got map[string]string
			if _, segments, ok := routes.find(nil, "GET", path); ok {
				tmpl, err := parseTemplate(text)
				require.NoError(t, err)
				got = map[string]string{}
				for _, v := range tmpl.variables {
					got[strings.Join(v.fieldPath, ".")] = v.value(segments)
				}
				matched++
			}
			require.Equal(t, bound, got, "%s %s", text, path)
		}
	}
	require.Greater(t, matched, 300)
}

// matches is the template grammar's meaning, written without a trie: does a pattern match segments?
func matches(pattern []segment, segments []string) bool {
	if len(pattern) == 0 {
		return len(segments) == 0
	}
	if pattern[0].kind == deepSegment {
		return true
	}
	if len(segments) == 0 {
		return false
	}
	head := unescapeSegment(segments[0])
	if pattern[0].kind == starSegment && head == "" || pattern[0].kind == literalSegment && head != pattern[0].literal {
		return false
	}
	return matches(pattern[1:], segments[1:])
}

func FuzzTrieFind(f *testing.F) {
	texts := []string{
		"/", "/a", "/a/b", "/a/*", "/*/b", "/*/*/c", "/a/**", "/**", "/a/b:v", "/*:v", "/a/**:w", "/a%2Fb/*", "/x/{y=*/z/**}",
	}
	var (
		templates []*template
		routes    trie[int]
	)
	for i, text := range texts {
		tmpl, err := parseTemplate(text)
		require.NoError(f, err)
		templates = append(templates, tmpl)
		// Every other template is a POST, so that paths have templates of another method too.
		routes.insert([]string{"GET", "POST"}[i%2], tmpl, i)
	}
	for _, seed := range []string{"/", "/a/b:v", "/a/b/c", "/z/b", "//", "/a%2Fb/c", "/a/..", "/x/1/z/2%2F3", "/a:v:w", "/%", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, path string) {
		whole, ok := splitPath(nil, path)
		for m, method := range []string{"GET", "POST"} {
			any := false
			for i, tmpl := range templates {
				if !ok || i%2 != m {
					continue
				}
				segments, verb := slices.Clone(whole), ""
				if tmpl.verb != "" && len(segments) > 0 {
					last := segments[len(segments)-1]
					if colon := strings.LastIndexByte(last, ':'); colon >= 0 && !isDotSegment(unescapeSegment(last[:colon])) {
						segments[len(segments)-1], verb = last[:colon], unescapeSegment(last[colon+1:])
					}
				}
				any = any || verb == tmpl.verb && matches(tmpl.segments, segments)
			}
			found, segments, ok := routes.find(nil, method, path)
			require.Equal(t, any, ok, "a match is found where there is one")
			if ok {
				require.Equal(t, m, found%2)
				require.True(t, matches(templates[found].segments, segments))
				for _, v := range templates[found].variables {
					v.value(segments)
				}
			}
		}
	})
}

func TestEscapedPathIsTheClients(t *testing.T) {
	for raw, want := range map[string]string{
		"/a%2Fb":            "/a%2Fb",
		"/a%2Fb|c":          "/a%2Fb|c",
		"/a%2Fbé":           "/a%2Fbé",
		"/a%3Ab^":           "/a%3Ab^",
		"/plain":            "/plain",
		"/with%20space/é":   "/with%20space/é",
		"/percent%25/%7Bx}": "/percent%25/%7Bx}",
	} {
		u, err := url.ParseRequestURI(raw)
		require.NoError(t, err)
		got := EscapedPath(u)
		unescaped, err := url.PathUnescape(got)
		require.NoError(t, err)
		require.Equal(t, u.Path, unescaped)
		require.Equal(t, strings.Count(strings.ToUpper(want), "%2F"), strings.Count(strings.ToUpper(got), "%2F"), raw)
		require.Equal(t, strings.Count(strings.ToUpper(want), "%3A"), strings.Count(strings.ToUpper(got), "%3A"), raw)
	}
}
