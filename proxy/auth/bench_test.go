package auth_test

import (
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/proxy/auth"
	"github.com/codingflow/rating/proxy/auth/authtest"
)

func BenchmarkAuthorize(b *testing.B) {
	provider := authtest.NewProvider(b)
	run := func(name string, a *auth.Authenticator, token string) {
		b.Run(name, func(b *testing.B) {
			header := bearer(token)
			b.ReportAllocs()
			for b.Loop() {
				_, _, err := a.Authorize(b.Context(), closed, header)
				require.NoError(b, err)
			}
		})
	}
	run("unchecked", auth.NewUnchecked(), "")
	a, _ := authenticator(b, provider, auth.WithTiming(1e12, 1)) // new keys at once
	for _, algorithm := range []jose.SignatureAlgorithm{jose.RS256, jose.PS256, jose.ES256, jose.EdDSA} {
		key := authtest.NewKey(b, algorithm)
		provider.Publish(key)
		run(string(algorithm), a, authtest.Sign(b, key, nil, provider.Claims(nil)))
	}
}
