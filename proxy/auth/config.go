package auth

import (
	"errors"
	"log/slog"
	"time"
)

// Config is a group of flags for kong: whose tokens a program takes. The zero value takes none and checks nothing.
type Config struct {
	Issuer           string        `name:"oidc-issuer" env:"OIDC_ISSUER" placeholder:"URL" help:"Issuer of the bearer tokens that calls need, where the API's options do not say otherwise. Without it nothing is checked."`
	Audiences        []string      `name:"oidc-audience" env:"OIDC_AUDIENCE" placeholder:"AUDIENCE" help:"Whom the tokens must be for: one of these. The issuer needs it."`
	Claims           []string      `name:"oidc-claims" env:"OIDC_CLAIMS" placeholder:"CLAIM[=NAME]" help:"Claims to pass to services, as the metadata x-auth-claim-NAME. The issuer and the subject are always passed."`
	Keys             string        `name:"oidc-keys" env:"OIDC_KEYS" placeholder:"URL|FILE" help:"JWK set with the issuer's keys. Default: the one that the issuer's discovery document names."`
	Algorithms       []string      `name:"oidc-algorithms" env:"OIDC_ALGORITHMS" placeholder:"NAME" help:"Algorithms that tokens may be signed with. Default: all of RS, PS and ES with 256, 384 and 512, and EdDSA."`
	Leeway           time.Duration `name:"oidc-leeway" env:"OIDC_LEEWAY" default:"30s" help:"By how much the issuer's clock may differ from this machine's; 5m at most."`
	AccessTokensOnly bool          `name:"oidc-access-tokens-only" env:"OIDC_ACCESS_TOKENS_ONLY" help:"Take tokens of the type at+jwt only (RFC 9068)."`
	Resource         string        `name:"oidc-resource" env:"OIDC_RESOURCE" placeholder:"URL" help:"URL by which clients know the API. With it the API tells them where they get tokens (RFC 9728)."`
}

// New returns an authenticator as the command line says: one that checks nothing where there is no issuer. Flags that mean
// nothing without one are then an error, for who gives them does not want an open door.
func (c Config) New(logger *slog.Logger) (*Authenticator, error) {
	if c.Issuer == "" {
		if len(c.Audiences) > 0 || len(c.Claims) > 0 || c.Keys != "" || len(c.Algorithms) > 0 || c.AccessTokensOnly || c.Resource != "" {
			return nil, errors.New("the --oidc flags need --oidc-issuer")
		}
		return NewUnchecked(), nil
	}
	if len(c.Audiences) == 0 {
		return nil, errors.New("--oidc-issuer needs --oidc-audience: tokens that are meant for others must be refused")
	}
	opts := []Option{WithKeys(c.Keys), WithLeeway(c.Leeway), WithClaims(c.Claims...), WithLogger(logger)}
	if len(c.Algorithms) > 0 {
		opts = append(opts, WithAlgorithms(c.Algorithms...))
	}
	if c.AccessTokensOnly {
		opts = append(opts, WithAccessTokensOnly())
	}
	if c.Resource != "" {
		opts = append(opts, WithResource(c.Resource))
	}
	return New(c.Issuer, c.Audiences, opts...)
}
