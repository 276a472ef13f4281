package auth_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/codingflow/rating/proxy/auth"
	"github.com/codingflow/rating/proxy/auth/authtest"
)

// challenges is the form of every WWW-Authenticate.
var challenges = regexp.MustCompile(`^Bearer realm="api"(, error="(invalid_token|invalid_request)", error_description="[a-zA-Z0-9', ]+")?$`)

// Whatever the header, the call is refused with one of the errors that there are, or it has the one token that is right.
func FuzzAuthorization(f *testing.F) {
	provider := authtest.NewProvider(f)
	for _, wrong := range authtest.WrongTokens(f, provider) {
		if len(wrong.Authorization) == 1 { // of several each may be right by itself
			f.Add(wrong.Authorization[0])
		}
	}
	a, _ := authenticator(f, provider)
	right := provider.Token(nil)
	f.Add("Bearer " + right)
	// base64 has room for bits that mean nothing, so a few texts mean the same signature.
	signed, _, _ := strings.Cut(right[strings.IndexByte(right, '.')+1:], ".")
	f.Fuzz(func(t *testing.T, value string) {
		c := authorize(t, a, http.Header{"Authorization": {value}})
		if c.err == nil {
			if !strings.Contains(value, signed) || c.principal != (auth.Principal{Issuer: provider.Issuer, Subject: authtest.Subject}) {
				t.Fatalf("%q is taken", value)
			}
			return
		}
		switch got := refusedOf(t, c.err); got.reason {
		case "TOKEN_MISSING", "TOKEN_MALFORMED", "TOKEN_EXPIRED", "TOKEN_INVALID":
			if !challenges.MatchString(got.challenge) {
				t.Fatalf("%q", got.challenge)
			}
		default:
			t.Fatal(got)
		}
	})
}
