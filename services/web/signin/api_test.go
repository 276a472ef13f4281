package signin_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/services/web/signin"
)

// Where the API says that something is, the browser finds it with the session's token.
func TestALocationOfTheAPIIsBelowTheFrontEnd(t *testing.T) {
	for _, test := range []struct{ upstream, public, location, want string }{
		{"/api", "/api", "/api/operations/A", "/ui/api/operations/A"},
		{"/api", "", "/api/operations/A?b=%2F#c", "/ui/api/operations/A?b=%2F#c"},
		{"/v1", "/api", "/v1/operations/A", "/ui/api/operations/A"}, // nobody has said --api
		{"/api", "https://api.example/v1/", "/v1/operations/A", "/ui/api/operations/A"},
		// The gateway strips what the proxy is told of: its prefix is /, its public prefix /api.
		{"", "/api", "/api/operations/A", "/ui/api/operations/A"},
		{"/", "/api", "/api/ui/", "/ui/api/ui/"},
		// The gateway adds it.
		{"/api", "https://api.example", "/operations/A", "/ui/api/operations/A"},
		{"/api", "/api", "/apis/operations/A", "/apis/operations/A"},
		{"/api", "/api", "https://elsewhere.example/api/A", "https://elsewhere.example/api/A"},
	} {
		a := newApp(t, func(c *signin.Config) {
			api, err := url.Parse(c.API)
			require.NoError(t, err)
			c.API, c.PublicAPI = "http://"+api.Host+test.upstream, test.public
		})
		a.handle(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", test.location)
			w.WriteHeader(http.StatusAccepted)
		})
		got := a.do("POST", "/ui/api/users", "{}")
		require.Equal(t, []any{202, test.want}, []any{got.status, got.header.Get("Location")}, "%+v", test)
	}
}
