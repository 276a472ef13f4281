package server

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const corsExposed = "Accept-Patch, Accept-Post, Allow, Content-Encoding, Etag, Location, Preference-Applied, Retry-After, Www-Authenticate, X-Request-Id, " +
	"Connect-Content-Encoding, Grpc-Message, Grpc-Status, Grpc-Status-Details-Bin, X-Cost, Trailer-X-Cost"

func TestCORS(t *testing.T) {
	const (
		app       = "Origin: https://app.example.com"
		preflight = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
	)
	listed, all := []string{"https://app.example.com", "http://localhost:5173"}, []string{"*"}
	tests := []struct {
		name           string
		origins        []string
		method, target string
		headers        []string
		code           int
		want           http.Header // of CORS, and Vary and Allow
	}{
		{"none by default", nil, "GET", "/api/users", []string{app}, 200, http.Header{}},
		{"no preflight by default", nil, "OPTIONS", "/api/users", []string{app, "Access-Control-Request-Method: POST"}, 204, http.Header{
			"Allow": {"GET, HEAD, OPTIONS, POST"},
		}},
		{"a request", listed, "GET", "/api/users", []string{app}, 200, http.Header{
			"Access-Control-Allow-Origin": {"https://app.example.com"}, "Access-Control-Expose-Headers": {corsExposed}, "Vary": {"Origin"},
		}},
		{"an error, which a page may read too", listed, "GET", "/api/nothing", []string{app}, 404, http.Header{
			"Access-Control-Allow-Origin": {"https://app.example.com"}, "Access-Control-Expose-Headers": {corsExposed}, "Vary": {"Origin", "Accept"},
		}},
		{"without an origin", listed, "GET", "/api/users", nil, 200, http.Header{"Vary": {"Origin"}}},
		{"another origin", listed, "GET", "/api/users", []string{"Origin: https://app.example.com.evil.example"}, 200, http.Header{"Vary": {"Origin"}}},
		{"another scheme", listed, "GET", "/api/users", []string{"Origin: http://app.example.com"}, 200, http.Header{"Vary": {"Origin"}}},
		{"another port", listed, "GET", "/api/users", []string{"Origin: https://app.example.com:8443"}, 200, http.Header{"Vary": {"Origin"}}},
		{"no origin to speak of", listed, "GET", "/api/users", []string{"Origin: null"}, 200, http.Header{"Vary": {"Origin"}}},
		{"all origins", all, "GET", "/api/users", []string{app}, 200, http.Header{
			"Access-Control-Allow-Origin": {"*"}, "Access-Control-Expose-Headers": {corsExposed}, "Vary": {"Origin"},
		}},
		{"preflight", listed, "OPTIONS", "/api/users", []string{
			"Origin: http://localhost:5173", "Access-Control-Request-Method: POST",
			"Access-Control-Request-Headers: authorization,content-type,idempotency-key,prefer,request-timeout,x-tenant",
		}, 204, http.Header{
			"Access-Control-Allow-Origin": {"http://localhost:5173"}, "Access-Control-Allow-Methods": {"POST"},
			"Access-Control-Allow-Headers": {"authorization,content-type,idempotency-key,prefer,request-timeout,x-tenant"},
			"Access-Control-Max-Age":       {"7200"}, "Vary": {preflight},
		}},
		{"preflight of gRPC-Web and Connect", listed, "OPTIONS", "/rating.v1.UserService/GetUser", []string{
			app, "Access-Control-Request-Method: POST",
			"Access-Control-Request-Headers: connect-protocol-version,connect-timeout-ms,content-type,grpc-timeout,x-grpc-web,x-user-agent",
		}, 204, http.Header{
			"Access-Control-Allow-Origin": {"https://app.example.com"}, "Access-Control-Allow-Methods": {"POST"},
			"Access-Control-Allow-Headers": {"connect-protocol-version,connect-timeout-ms,content-type,grpc-timeout,x-grpc-web,x-user-agent"},
			"Access-Control-Max-Age":       {"7200"}, "Vary": {preflight},
		}},
		{"preflight of another origin", listed, "OPTIONS", "/api/users", []string{"Origin: https://evil.example", "Access-Control-Request-Method: POST"}, 204,
			http.Header{"Vary": {preflight}}},
		{"preflight of another header", listed, "OPTIONS", "/api/users", []string{
			app, "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: x-auth-subject",
		}, 204, http.Header{"Vary": {preflight}}},
		{"preflight of another method", listed, "OPTIONS", "/api/users", []string{app, "Access-Control-Request-Method: TRACE"}, 204,
			http.Header{"Vary": {preflight}}},
		{"OPTIONS that is none", listed, "OPTIONS", "/api/users", []string{app}, 204, http.Header{
			"Access-Control-Allow-Origin": {"https://app.example.com"}, "Access-Control-Expose-Headers": {corsExposed}, "Vary": {"Origin"},
			"Allow": {"GET, HEAD, OPTIONS, POST"},
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server := newServer(t, &users{}, Config{
				CORSOrigins: test.origins, RequestHeaders: []string{"X-Tenant"}, ResponseHeaders: []string{"X-Cost"},
			})
			w := do(server, test.method, test.target, test.headers...)
			require.Equal(t, test.code, w.Code)
			got := http.Header{}
			for name, values := range w.Header() {
				if name == "Vary" { // but for that of compression, which all of the API has
					values = slices.DeleteFunc(values, func(value string) bool { return value == "Accept-Encoding" })
				}
				if len(values) > 0 && (name == "Vary" || name == "Allow" || strings.HasPrefix(name, "Access-Control-")) {
					got[name] = values
				}
			}
			require.Equal(t, test.want, got)
			require.NotEmpty(t, w.Header().Get("X-Request-Id"))
		})
	}
}

func TestOriginsAreChecked(t *testing.T) {
	for _, origin := range []string{"*", "https://app.example.com", "http://localhost:5173", "https://[::1]:8443"} {
		require.NoError(t, checkOrigin(origin))
	}
	for _, origin := range []string{
		"", "null", "app.example.com", "https://", "https://app.example.com/", "https://app.example.com/a", "https://*.example.com", "https://a@b",
		"https://app.example.com?", "https://app.example.com#", "file:///a", "https://App.example.com", "HTTPS://app.example.com", "https://a,https://b",
	} {
		_, err := New(dial(t, &users{}), Config{CORSOrigins: []string{origin}})
		require.EqualError(t, err, `server: origin "`+origin+`" is neither * nor one such as https://app.example.com:8443, in lower case`)
	}
}
