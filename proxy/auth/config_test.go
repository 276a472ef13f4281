package auth_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/proxy/auth"
	"github.com/codingflow/rating/proxy/auth/authtest"
)

func parse(t *testing.T, args ...string) auth.Config {
	t.Helper()
	var cfg struct {
		OIDC auth.Config `embed:""`
	}
	parser, err := kong.New(&cfg)
	require.NoError(t, err)
	_, err = parser.Parse(args)
	require.NoError(t, err)
	return cfg.OIDC
}

func TestFlagsMakeAnAuthenticator(t *testing.T) {
	provider := authtest.NewProvider(t)
	cfg := parse(t,
		"--oidc-issuer", provider.Issuer, "--oidc-audience", "https://other.example,"+authtest.Audience,
		"--oidc-claims", "email,https://example.com/roles=roles", "--oidc-keys", provider.Issuer+"/keys", "--oidc-algorithms", "ES256,RS256",
		"--oidc-leeway", "1m", "--oidc-access-tokens-only", "--oidc-resource", "https://api.example/api")
	require.Equal(t, auth.Config{
		Issuer: provider.Issuer, Audiences: []string{"https://other.example", authtest.Audience},
		Claims: []string{"email", "https://example.com/roles=roles"}, Keys: provider.Issuer + "/keys", Algorithms: []string{"ES256", "RS256"},
		Leeway: time.Minute, AccessTokensOnly: true, Resource: "https://api.example/api",
	}, cfg)
	a, err := cfg.New(slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	defer func() { require.NoError(t, a.Close()) }()
	c := authorize(t, a, bearer(provider.Token(map[string]any{"email": "ada@example.com"})))
	require.NoError(t, c.err)
	require.Equal(t, []string{"ada@example.com"}, c.metadata["x-auth-claim-email"])
}

func TestWithoutFlagsNothingIsChecked(t *testing.T) {
	a, err := parse(t).New(slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	require.Equal(t, auth.Development, authorize(t, a, nil).principal)
}

func TestMistakesInFlags(t *testing.T) {
	folder := t.TempDir()
	noKeys := filepath.Join(folder, "keys")
	require.NoError(t, os.WriteFile(noKeys, []byte("-----BEGIN PUBLIC KEY-----"), 0o600))
	with := func(args ...string) []string {
		return append([]string{"--oidc-issuer=https://issuer.example", "--oidc-audience=api"}, args...)
	}
	tests := []struct {
		args []string
		want string
	}{
		{[]string{"--oidc-audience=api"}, "the --oidc flags need --oidc-issuer"},
		{[]string{"--oidc-claims=email"}, "the --oidc flags need --oidc-issuer"},
		{[]string{"--oidc-keys=keys"}, "the --oidc flags need --oidc-issuer"},
		{[]string{"--oidc-algorithms=ES256"}, "the --oidc flags need --oidc-issuer"},
		{[]string{"--oidc-access-tokens-only"}, "the --oidc flags need --oidc-issuer"},
		{[]string{"--oidc-resource=https://api.example"}, "the --oidc flags need --oidc-issuer"},
		{[]string{"--oidc-issuer=https://issuer.example"}, "--oidc-issuer needs --oidc-audience: tokens that are meant for others must be refused"},
		{[]string{"--oidc-issuer=https://issuer.example", `--oidc-audience=api,,b`}, "auth: no audience, or an empty one"},
		{[]string{"--oidc-issuer=http://issuer.example", "--oidc-audience=api"}, "auth: issuer: the URL must be https, or http on this machine"},
		{[]string{"--oidc-issuer=issuer.example", "--oidc-audience=api"}, `auth: issuer: "issuer.example" is not a URL such as https://issuer.example`},
		{with("--oidc-keys=http://issuer.example/keys"), "auth: keys: the URL must be https, or http on this machine"},
		{with("--oidc-keys=https://me:secret@issuer.example/keys"), `auth: keys: the URL must have no user in it`},
		{with("--oidc-keys=" + folder + "/none"), "auth: read keys: open " + folder + "/none: no such file or directory"},
		{with("--oidc-keys=" + noKeys), "auth: read keys: " + noKeys + ": not a JWK set"},
		{with("--oidc-algorithms=HS256"), `auth: algorithm "HS256" is not one of [RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA]`},
		{with("--oidc-algorithms=none"), `auth: algorithm "none" is not one of [RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA]`},
		{with("--oidc-leeway=6m"), "auth: leeway 6m0s is not between 0 and 5m0s"},
		{with("--oidc-claims=email,EMAIL"), `auth: claim "EMAIL": the metadata x-auth-claim-email is taken`},
		{with("--oidc-claims=https://example.com/roles"), `auth: claim "https://example.com/roles": the name of its metadata must be of a-z, 0-9, -, _ and ., without -bin at the end; give one as CLAIM=NAME`},
		{with("--oidc-claims=photo=photo-bin"), `auth: claim "photo=photo-bin": the name of its metadata must be of a-z, 0-9, -, _ and ., without -bin at the end; give one as CLAIM=NAME`},
		{with("--oidc-claims==name"), `auth: claim "=name": the name of its metadata must be of a-z, 0-9, -, _ and ., without -bin at the end; give one as CLAIM=NAME`},
		{with("--oidc-resource=api"), `auth: resource "api" is not an https URL without query and fragment`},
		{with("--oidc-resource=https://api.example?x"), `auth: resource "https://api.example?x" is not an https URL without query and fragment`},
	}
	for _, test := range tests {
		t.Run(test.want, func(t *testing.T) {
			_, err := parse(t, test.args...).New(slog.New(slog.DiscardHandler))
			require.EqualError(t, err, test.want)
		})
	}
}

func TestMistakesInOptions(t *testing.T) {
	for want, opt := range map[string]auth.Option{
		"auth: HTTP client is nil":      auth.WithHTTPClient(nil),
		"auth: logger is nil":           auth.WithLogger(nil),
		"auth: no algorithm is allowed": auth.WithAlgorithms(),
	} {
		_, err := auth.New("https://issuer.example", []string{"api"}, opt)
		require.EqualError(t, err, want)
	}
	_, err := auth.New("", nil)
	require.EqualError(t, err, "auth: no issuer\nno audience, or an empty one\nissuer: \"\" is not a URL such as https://issuer.example")
}
