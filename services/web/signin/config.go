package signin

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Config is a group of flags for kong, and what a program sets beside them. Without an issuer there is no sign-in.
type Config struct {
	// Issuer is the URL of the OpenID provider, exactly as in its tokens. It is the program's flag, since the API may share it.
	Issuer string `kong:"-"`

	ClientID     string            `name:"signin-client-id" env:"SIGNIN_CLIENT_ID" placeholder:"ID" help:"Client by which the issuer knows the app. Sign-in needs it."`
	ClientSecret string            `name:"signin-client-secret" env:"SIGNIN_CLIENT_SECRET" placeholder:"SECRET" help:"The client's secret; better in the environment than on the command line. Without it the client is public, and PKCE alone protects the code."`
	Scopes       []string          `name:"signin-scope" env:"SIGNIN_SCOPES" default:"openid,profile" placeholder:"SCOPE" help:"Scopes to ask for. Some issuers give a refresh token for offline_access only."`
	Parameters   map[string]string `name:"signin-parameter" env:"SIGNIN_PARAMETERS" placeholder:"NAME=VALUE" help:"Further parameters of the authorization request, such as audience=URL or resource=URL, where the issuer asks for whom the access token is."`
	PublicURL    string            `name:"signin-public-url" env:"SIGNIN_PUBLIC_URL" placeholder:"URL" help:"Scheme and host at which browsers see the app, such as https://rating.example. It must be https, but for localhost."`
	Keys         []string          `name:"signin-key" env:"SIGNIN_KEYS" placeholder:"KEY" help:"Keys of session cookies, 32 bytes in base64 each. The first encrypts, all decrypt."`
	KeysFile     string            `name:"signin-keys-file" env:"SIGNIN_KEYS_FILE" placeholder:"FILE" type:"path" help:"File with such keys, one a line, instead."`
	Idle         time.Duration     `name:"signin-idle" env:"SIGNIN_IDLE" default:"1h" help:"How long a session lasts that nobody uses."`
	Lifetime     time.Duration     `name:"signin-lifetime" env:"SIGNIN_LIFETIME" default:"12h" help:"How long a session lasts at most."`

	// Base is the front end's path. Default /ui.
	Base string `kong:"-"`
	// API is where this program reaches the API: http://proxy:8080/api.
	API string `kong:"-"`
	// PublicAPI is where others call the API, and a front end without sign-in does: a path, or a URL. The Location of an answer of
	// the API that is below it is sent on as one below the front end's. Default /api.
	PublicAPI string `kong:"-"`
	// Transport sends the requests to the API. Default: one of its own, with timeouts.
	Transport http.RoundTripper `kong:"-"`
	// Client asks the issuer. Default: one of its own, with a timeout.
	Client *http.Client `kong:"-"`
	// Logger gets what goes wrong. Default slog.Default().
	Logger *slog.Logger `kong:"-"`

	now func() time.Time // the clock of tests
}

const (
	defaultBase      = "/ui"
	defaultPublicAPI = "/api"
	defaultIdle      = time.Hour
	defaultLifetime  = 12 * time.Hour
	// minIdle is long beside the minute in which tokens are renewed before they expire.
	minIdle = 5 * time.Minute
	// issuerTimeout bounds one request to the issuer: people wait for it.
	issuerTimeout = 5 * time.Second
)

// withDefaults returns the configuration with its defaults.
func (c Config) withDefaults() Config {
	c.Base = strings.TrimSuffix(c.Base, "/")
	if c.Base == "" {
		c.Base = defaultBase
	}
	if c.PublicAPI == "" {
		c.PublicAPI = defaultPublicAPI
	}
	if c.Idle == 0 {
		c.Idle = defaultIdle
	}
	if c.Lifetime == 0 {
		c.Lifetime = defaultLifetime
	}
	if len(c.Scopes) == 0 {
		c.Scopes = []string{"openid", "profile"}
	}
	if c.Transport == nil {
		c.Transport = newTransport()
	}
	if c.Client == nil {
		c.Client = &http.Client{Timeout: issuerTimeout, CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		}}
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.now == nil {
		c.now = time.Now
	}
	return c
}

// reservedParameters are those that the flow is made of.
var reservedParameters = []string{
	"client_id", "code_challenge", "code_challenge_method", "nonce", "redirect_uri", "response_mode", "response_type", "scope", "state",
}

// validate checks a configuration with its defaults. Its errors name the flags.
func (c Config) validate() error {
	if !strings.HasPrefix(c.Base, "/") || c.Base != (&url.URL{Path: c.Base}).EscapedPath() {
		return fmt.Errorf("base path %q is not a path of plain characters", c.Base)
	}
	if c.Issuer == "" {
		if c.ClientID != "" || c.ClientSecret != "" || c.PublicURL != "" || len(c.Keys) > 0 || c.KeysFile != "" || len(c.Parameters) > 0 {
			return errors.New("the --signin flags need --oidc-issuer")
		}
		return nil
	}
	switch {
	case c.ClientID == "":
		return errors.New("--oidc-issuer needs --signin-client-id")
	case c.PublicURL == "":
		return errors.New("--oidc-issuer needs --signin-public-url: the issuer sends browsers back there")
	case len(c.Keys) == 0 && c.KeysFile == "":
		return errors.New("--oidc-issuer needs --signin-keys-file or --signin-key: every instance must know the keys of session cookies")
	case len(c.Keys) > 0 && c.KeysFile != "":
		return errors.New("--signin-key and --signin-keys-file: give one of them")
	case !slices.Contains(c.Scopes, "openid"):
		return errors.New("--signin-scope: openid is not among the scopes")
	case c.Idle < minIdle:
		return fmt.Errorf("--signin-idle: %v is less than %v", c.Idle, minIdle)
	case c.Lifetime < c.Idle:
		return fmt.Errorf("--signin-lifetime: %v is less than --signin-idle, %v", c.Lifetime, c.Idle)
	}
	for _, name := range reservedParameters {
		if _, given := c.Parameters[name]; given {
			return fmt.Errorf("--signin-parameter: %s is the flow's own", name)
		}
	}
	if _, err := parseURL(c.Issuer); err != nil {
		return fmt.Errorf("--oidc-issuer: %w", err)
	}
	public, err := parseURL(c.PublicURL)
	if err != nil {
		return fmt.Errorf("--signin-public-url: %w", err)
	}
	if strings.Trim(public.Path, "/") != "" {
		return fmt.Errorf("--signin-public-url: %q has a path; the cookies are the whole host's", c.PublicURL)
	}
	api, err := url.Parse(c.API)
	if err != nil || api.Host == "" || api.Scheme != "http" && api.Scheme != "https" || api.RawQuery != "" || api.User != nil {
		return fmt.Errorf("the API's URL %q is not http://HOST/PATH", c.API)
	}
	return nil
}

// parseURL reads a URL to which secrets go: https, or http on this machine.
func parseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("%q is not https://HOST", text)
	}
	local := u.Hostname() == "localhost"
	if ip := net.ParseIP(u.Hostname()); ip != nil {
		local = ip.IsLoopback()
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !local) {
		return nil, fmt.Errorf("%q is not https, which only localhost need not be", text)
	}
	return u, nil
}
