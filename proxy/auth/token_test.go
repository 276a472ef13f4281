package auth_test

import (
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/prototext"

	"github.com/codingflow/rating/proxy/auth"
	"github.com/codingflow/rating/proxy/auth/authtest"
)

// Each is refused as it should be, none costs a fetch, and nothing that is logged or answered has a part of any.
func TestWrongTokensAreRefused(t *testing.T) {
	provider := authtest.NewProvider(t)
	tests := authtest.WrongTokens(t, provider)
	a, l := authenticator(t, provider)
	require.NoError(t, authorize(t, a, bearer(provider.Token(nil))).err)
	fetched := provider.Fetches()
	require.Equal(t, 2, fetched, "discovery and keys")
	for _, test := range tests {
		t.Run(test.Name, func(t *testing.T) {
			c := authorize(t, a, http.Header{"Authorization": test.Authorization})
			require.Error(t, c.err)
			require.Equal(t, refused{test.Code, test.Reason, test.Message, test.Challenge}, refusedOf(t, c.err))
			for _, value := range test.Authorization {
				token := strings.TrimPrefix(value, "Bearer ")
				requireNoPart(t, token, c.err.Error(), "the error")
				requireNoPart(t, token, prototext.Format(status.Convert(c.err).Proto()), "the status")
				requireNoPart(t, token, test.Challenge, "the challenge")
				requireNoPart(t, token, l.String(), "the log")
			}
		})
	}
	require.Equal(t, fetched, provider.Fetches())
	require.Contains(t, l.String(), "the issuer's keys")
	require.NoError(t, authorize(t, a, bearer(provider.Token(nil))).err)
}

func TestRightTokensAreTaken(t *testing.T) {
	provider := authtest.NewProvider(t)
	key := provider.Key()
	more := map[string]string{}
	for _, algorithm := range []jose.SignatureAlgorithm{
		jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512, jose.ES384, jose.ES512, jose.EdDSA,
	} {
		added := authtest.NewKey(t, algorithm)
		if algorithm == jose.PS384 { // a key that does not say what it is for
			bare := added
			bare.Algorithm, bare.Use = "", ""
			provider.Publish(bare)
		} else {
			provider.Publish(added)
		}
		more[string(algorithm)] = authtest.Sign(t, added, nil, provider.Claims(nil))
	}
	twin := authtest.NewKey(t, jose.EdDSA)
	twin.KeyID = key.KeyID
	provider.Publish(twin)
	nameless := authtest.NewKey(t, jose.ES256)
	nameless.KeyID = ""
	provider.Publish(nameless)
	a, _ := authenticator(t, provider)

	token := func(claims map[string]any) string { return provider.Token(claims) }
	typed := func(typ any) string {
		return authtest.Sign(t, key, map[string]any{"typ": typ}, provider.Claims(nil))
	}
	tests := map[string]string{
		"at+jwt":                        token(nil),
		"application/at+jwt":            typed("application/at+jwt"),
		"AT+JWT":                        typed("AT+JWT"),
		"JWT":                           typed("JWT"),
		"no type":                       typed(nil),
		"a list of audiences":           token(map[string]any{"aud": []string{"https://other.example", authtest.Audience}}),
		"the other audience":            token(map[string]any{"aud": "https://another.example"}),
		"expired within the leeway":     token(map[string]any{"exp": time.Now().Add(-10 * time.Second).Unix()}),
		"not yet valid, but for leeway": token(map[string]any{"nbf": time.Now().Add(10 * time.Second).Unix()}),
		"fractions of seconds":          token(map[string]any{"exp": float64(time.Now().Add(time.Hour).UnixMilli()) / 1000}),
		"no iat":                        token(map[string]any{"iat": nil}),
		"no id of the key":              authtest.Sign(t, key, map[string]any{"kid": nil}, provider.Claims(nil)),
		"a key without an id":           authtest.Sign(t, nameless, map[string]any{"kid": nil}, provider.Claims(nil)),
		"two keys under one id":         authtest.Sign(t, twin, nil, provider.Claims(nil)),
		"jku, jwk and x5u of nobody": authtest.Sign(t, key, map[string]any{
			"jku": "https://evil.example", "x5u": "https://evil.example", "jwk": twin.Public(),
		}, provider.Claims(nil)),
	}
	maps.Copy(tests, more)
	for name, token := range tests {
		t.Run(name, func(t *testing.T) {
			c := authorize(t, a, bearer(token))
			require.NoError(t, c.err)
			require.Equal(t, auth.Principal{Issuer: provider.Issuer, Subject: authtest.Subject}, c.principal)
		})
	}
	for _, scheme := range []string{"Bearer ", "bearer ", "BEARER ", "Bearer   "} {
		t.Run(scheme, func(t *testing.T) {
			require.NoError(t, authorize(t, a, http.Header{"Authorization": {scheme + token(nil)}}).err)
		})
	}
}

func TestOptionsNarrowWhatIsTaken(t *testing.T) {
	provider := authtest.NewProvider(t)
	rs256 := authtest.NewKey(t, jose.RS256)
	provider.Publish(rs256)
	typed := func(typ any) string {
		return authtest.Sign(t, provider.Key(), map[string]any{"typ": typ}, provider.Claims(nil))
	}
	tests := []struct {
		name   string
		option auth.Option
		token  string
		want   string
	}{
		{"an algorithm", auth.WithAlgorithms("RS256"), authtest.Sign(t, rs256, nil, provider.Claims(nil)), ""},
		{"another algorithm", auth.WithAlgorithms("RS256"), provider.Token(nil), "the token's algorithm is not accepted"},
		{"an access token", auth.WithAccessTokensOnly(), typed("at+jwt"), ""},
		{"JWT", auth.WithAccessTokensOnly(), typed("JWT"), "the token's type is not that of an access token"},
		{"no type", auth.WithAccessTokensOnly(), typed(nil), "the token's type is not that of an access token"},
		{"no leeway", auth.WithLeeway(0), provider.Token(map[string]any{"exp": time.Now().Add(-5 * time.Second).Unix()}), "the token has expired"},
		{"much leeway", auth.WithLeeway(5 * time.Minute), provider.Token(map[string]any{"exp": time.Now().Add(-4 * time.Minute).Unix()}), ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a, _ := authenticator(t, provider, test.option)
			err := authorize(t, a, bearer(test.token)).err
			if test.want == "" {
				require.NoError(t, err)
				return
			}
			require.EqualError(t, err, "auth: "+test.want)
		})
	}
}
