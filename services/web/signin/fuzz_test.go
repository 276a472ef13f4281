package signin

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Whatever the target of a return is, a browser stays at the app.
func FuzzReturn(f *testing.F) {
	for _, seed := range []string{"/ui/", "/ui/a?b#c", "//evil.example", "/ui/../x", "/\\evil.example", "https:/ui/", "/ui/%2e%2e/"} {
		f.Add(seed)
	}
	h := &Handler{config: Config{}.withDefaults()}
	base, err := url.Parse("https://app.example/ui/auth/callback")
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, target string) {
		if !h.isOwn(target) {
			return
		}
		at, err := base.Parse(target)
		require.NoError(t, err)
		require.Equal(t, "https://app.example", at.Scheme+"://"+at.Host)
		require.True(t, at.Path == "/ui" || strings.HasPrefix(at.Path, "/ui/"), at.Path)
		require.NotContains(t, target, `\`)
	})
}

// Whatever a browser sends for cookies is a session that was sealed, or none.
func FuzzCookie(f *testing.F) {
	keys, err := parseKeys("test", []string{NewKey()})
	require.NoError(f, err)
	h := &Handler{config: Config{}.withDefaults(), sealer: sealer{keys}, session: newCookie("session", true, http.SameSiteStrictMode)}
	f.Add("1.e30", "")
	f.Add("2.eyJhbGciOiJkaXIifQ..e30", ".e30.e30")
	f.Fuzz(func(t *testing.T, first, second string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.AddCookie(&http.Cookie{Name: "__Host-session", Value: first})
		r.AddCookie(&http.Cookie{Name: "__Host-session.1", Value: second})
		require.Nil(t, h.read(r))
	})
}
