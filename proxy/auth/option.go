package auth

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Option changes how an [Authenticator] works.
type Option interface {
	apply(*options) error
}

type optionFunc func(*options) error

func (f optionFunc) apply(o *options) error { return f(o) }

type options struct {
	keys             string
	algorithms       []jose.SignatureAlgorithm
	claims           []passedClaim
	leeway           time.Duration
	accessTokensOnly bool
	resource         string
	client           *http.Client
	logger           *slog.Logger
	timing           timing
}

const (
	// DefaultLeeway is by how much the clocks of the issuer and of this machine may differ when WithLeeway does not say.
	DefaultLeeway = 30 * time.Second
	// MaxLeeway bounds it: it lengthens the life of each token.
	MaxLeeway = 5 * time.Minute
)

// WithKeys sets where the issuer's keys are, as a JWK set: a URL, or the path of a file, which is read again as often as a
// URL. Default: the jwks_uri of the issuer's discovery document.
func WithKeys(location string) Option {
	return optionFunc(func(o *options) error { o.keys = location; return nil })
}

// WithAlgorithms allows these algorithms only, by their names in RFC 7518 and RFC 8037. Default, and all that there are:
// RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512 and EdDSA.
func WithAlgorithms(names ...string) Option {
	return optionFunc(func(o *options) (err error) { o.algorithms, err = allowed(names); return err })
}

// WithLeeway sets by how much the clocks of the issuer and of this machine may differ, up to [MaxLeeway].
func WithLeeway(leeway time.Duration) Option {
	return optionFunc(func(o *options) error {
		if leeway < 0 || leeway > MaxLeeway {
			return fmt.Errorf("leeway %v is not between 0 and %v", leeway, MaxLeeway)
		}
		o.leeway = leeway
		return nil
	})
}

// WithClaims passes these claims on, each written as `CLAIM` or `CLAIM=NAME`: they become the metadata x-auth-claim-NAME,
// where NAME is by default the claim's own name in lower case. It must be of a-z, 0-9, -, _ and .
func WithClaims(claims ...string) Option {
	return optionFunc(func(o *options) error {
		for _, text := range claims {
			added, err := parseClaim(text)
			if err != nil {
				return err
			}
			if slices.ContainsFunc(o.claims, func(c passedClaim) bool { return c.metadata == added.metadata }) {
				return fmt.Errorf("claim %q: the metadata %s is taken", text, added.metadata)
			}
			o.claims = append(o.claims, added)
		}
		return nil
	})
}

// WithAccessTokensOnly takes tokens of the type at+jwt only, as RFC 9068 asks for. Without it JWT and no type at all will do,
// which most issuers write, and the audience alone tells an ID token, which is for a client, from an access token.
func WithAccessTokensOnly() Option {
	return optionFunc(func(o *options) error { o.accessTokensOnly = true; return nil })
}

// WithResource sets the URL by which clients know the API, such as https://api.example/api, and says in each challenge where
// its metadata is (RFC 9728), see [Authenticator.ResourceMetadata].
func WithResource(url string) Option {
	return optionFunc(func(o *options) error { o.resource = url; return checkResource(url) })
}

// WithHTTPClient sets the client that the issuer is asked with: for an authority or a proxy of one's own. Default: one that
// trusts the system's authorities, uses the environment's proxy and follows no redirects.
func WithHTTPClient(client *http.Client) Option {
	return optionFunc(func(o *options) error {
		if client == nil {
			return errors.New("HTTP client is nil")
		}
		o.client = client
		return nil
	})
}

// WithLogger has changes of the keys logged, and why they could not be got. Default none.
func WithLogger(logger *slog.Logger) Option {
	return optionFunc(func(o *options) error {
		if logger == nil {
			return errors.New("logger is nil")
		}
		o.logger = logger
		return nil
	})
}
