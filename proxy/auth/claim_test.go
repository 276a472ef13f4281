package auth_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/metadata"

	"github.com/codingflow/rating/proxy/auth"
	"github.com/codingflow/rating/proxy/auth/authtest"
)

func TestClaimsBecomeMetadata(t *testing.T) {
	provider := authtest.NewProvider(t)
	a, _ := authenticator(t, provider, auth.WithClaims("email", "Groups", "https://example.com/roles=roles"), auth.WithClaims("address", "n=n", "absent", "a=b=c"))
	c := authorize(t, a, bearer(provider.Token(map[string]any{
		"sub":                       "Åsa 100%\n",
		"email":                     "ada@example.com",
		"Groups":                    []any{"readers", "writers and more", 7, nil, true},
		"https://example.com/roles": "admin",
		"address":                   map[string]any{"city": "Köln am Rhein"},
		"n":                         9007199254740993,
		"a=b":                       "",
		"nothing":                   nil,
		"secret":                    "not listed",
		"x-auth-subject":            "root",
	})))
	require.NoError(t, c.err)
	require.Equal(t, metadata.MD{
		"x-auth-subject":       {"%C3%85sa%20100%25%0A"},
		"x-auth-issuer":        {provider.Issuer},
		"x-auth-claim-email":   {"ada@example.com"},
		"x-auth-claim-groups":  {"readers", "writers%20and%20more", "7", "true"},
		"x-auth-claim-roles":   {"admin"},
		"x-auth-claim-address": {`{"city":"K%C3%B6ln%20am%20Rhein"}`},
		"x-auth-claim-n":       {"9007199254740993"},
		"x-auth-claim-absent":  nil,
		"x-auth-claim-c":       {""},
	}, c.metadata)
	require.Equal(t, "Åsa 100%\n", c.principal.Subject, "in the process it is as it stands")
	subject, err := url.PathUnescape(c.metadata["x-auth-subject"][0])
	require.NoError(t, err)
	require.Equal(t, c.principal.Subject, subject)
}

// Whoever merges the metadata with a client's removes what the client says of itself.
func TestCallersWithoutATokenHaveEachNameWithoutAValue(t *testing.T) {
	provider := authtest.NewProvider(t)
	a, _ := authenticator(t, provider, auth.WithClaims("email"))
	c := authorizeMethod(t, a, method(t, "", "allow_unauthenticated: true"), nil)
	require.Equal(t, call{metadata: metadata.MD{"x-auth-subject": nil, "x-auth-issuer": nil, "x-auth-claim-email": nil}}, c)
}

func TestNothingIsCheckedWithoutAnIssuer(t *testing.T) {
	a := auth.NewUnchecked()
	for _, header := range []string{"", "Bearer what.ever.this", "Basic YTpi"} {
		c := authorizeMethod(t, a, method(t, "", `required_scopes: "write"`), map[string][]string{"Authorization": {header}})
		require.Equal(t, call{principal: auth.Development, metadata: metadata.MD{
			"x-auth-subject": {"developer"}, "x-auth-issuer": {"development"},
		}}, c)
	}
	require.NoError(t, a.Close())
}

func TestPrincipalsHaveTheirOwnIDs(t *testing.T) {
	seen := map[string]auth.Principal{}
	for _, p := range []auth.Principal{
		{}, auth.Development, {"https://a.example", "1"}, {"https://a.example1", ""}, {"", "https://a.example1"},
		{"https://b.example", "1"}, {"1", "https://a.example"}, {strings.Repeat("i", 1000), strings.Repeat("s", 1000)},
	} {
		id := p.ID()
		require.Regexp(t, "^[A-Z2-7]{52}$", id)
		require.NotContains(t, seen, id)
		seen[id] = p
	}
	require.Equal(t, "ZMGWOBJC7X6MRD57ZYZZVYGEXUGGKO2WQ2DFYNLP3HBTZCBOIJXQ", auth.Development.ID(), "what keys are made of must not change")
	_, ok := auth.PrincipalFrom(t.Context())
	require.False(t, ok)
}
