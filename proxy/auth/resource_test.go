package auth_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/proxy/auth"
	"github.com/codingflow/rating/proxy/auth/authtest"
)

func TestChallengesSayWhereTheMetadataIs(t *testing.T) {
	provider := authtest.NewProvider(t)
	tests := []struct{ resource, path, url string }{
		{"https://api.example", "/.well-known/oauth-protected-resource", "https://api.example/.well-known/oauth-protected-resource"},
		{"https://api.example/", "/.well-known/oauth-protected-resource", "https://api.example/.well-known/oauth-protected-resource"},
		{"https://api.example:8443/v1/api", "/.well-known/oauth-protected-resource/v1/api", "https://api.example:8443/.well-known/oauth-protected-resource/v1/api"},
		{"http://localhost:8080/api", "/.well-known/oauth-protected-resource/api", "http://localhost:8080/.well-known/oauth-protected-resource/api"},
	}
	for _, test := range tests {
		t.Run(test.resource, func(t *testing.T) {
			a, _ := authenticator(t, provider, auth.WithResource(test.resource))
			require.Equal(t, `Bearer realm="api", resource_metadata="`+test.url+`"`, refusedOf(t, authorize(t, a, nil).err).challenge)
			require.Equal(t,
				`Bearer realm="api", error="invalid_token", error_description="the token has expired", resource_metadata="`+test.url+`"`,
				refusedOf(t, authorize(t, a, bearer(provider.Token(map[string]any{"exp": 1}))).err).challenge)

			path, document := a.ResourceMetadata()
			require.Equal(t, test.path, path)
			answer := httptest.NewRecorder()
			document.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, path, nil))
			require.Equal(t, "application/json", answer.Header().Get("Content-Type"))
			require.JSONEq(t, `{"resource": "`+test.resource+`", "authorization_servers": ["`+provider.Issuer+`"], "bearer_methods_supported": ["header"]}`,
				answer.Body.String())
		})
	}
	a, _ := authenticator(t, provider)
	path, document := a.ResourceMetadata()
	require.Empty(t, path)
	require.Nil(t, document)
}
