package auth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json"
	"github.com/go-jose/go-jose/v4/jwt"
)

// claims are what is read of a token, beside the claims that are passed on.
type claims struct {
	jwt.Claims
	Scope scopes `json:"scope"`
	SCP   scopes `json:"scp"` // as Microsoft and Okta have it
	raw   map[string]json.RawMessage
}

// lacks reports whether one of the required scopes is missing.
func (c *claims) lacks(required []string) bool {
	granted := c.Scope
	if granted == nil {
		granted = c.SCP
	}
	return slices.ContainsFunc(required, func(scope string) bool { return !slices.Contains(granted, scope) })
}

// scopes are a text with spaces between them, as in RFC 8693, section 4.2, or a list.
type scopes []string

func (s *scopes) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) == nil {
		*s = strings.Fields(text)
		return nil
	}
	return json.Unmarshal(data, (*[]string)(s))
}

// verify checks a token and returns its claims. Errors of jose quote the token, so none is passed on.
//
// All that needs no key is checked first: a token that is wrong anyway costs no cryptography, and does not make the issuer
// be asked for keys.
func (a *Authenticator) verify(ctx context.Context, token string) (*claims, error) {
	parsed, err := jwt.ParseSigned(token, a.options.algorithms)
	var algorithm *jose.ErrUnexpectedSignatureAlgorithm
	switch {
	case errors.As(err, &algorithm):
		return nil, invalid("the token's algorithm is not accepted")
	case err != nil:
		return nil, invalid("the token is not a signed JWT")
	}
	header := parsed.Headers[0] // the compact serialization has one
	if err := a.checkHeader(header); err != nil {
		return nil, err
	}
	c := &claims{}
	if parsed.UnsafeClaimsWithoutVerification(c, &c.raw) != nil {
		return nil, invalid("the token's claims are malformed")
	}
	if err := a.checkClaims(c); err != nil {
		return nil, err
	}
	if err := a.checkSignature(ctx, parsed, header); err != nil {
		return nil, err
	}
	return c, nil
}

func (a *Authenticator) checkHeader(header jose.Header) *Error {
	if header.ExtraHeaders["crit"] != nil { // RFC 7515, section 4.1.11: what is not understood must be refused
		return invalid("the token has critical header parameters")
	}
	kind := ""
	if value, there := header.ExtraHeaders[jose.HeaderType]; there {
		text, ok := value.(string)
		if !ok {
			return invalid("the token is not a signed JWT")
		}
		// A media type, whose prefix is left out for brevity: RFC 7515, section 4.1.9.
		kind = strings.TrimPrefix(strings.ToLower(text), "application/")
	}
	switch {
	case kind == "at+jwt":
		return nil
	case (kind == "" || kind == "jwt") && !a.options.accessTokensOnly:
		return nil
	}
	return invalid("the token's type is not that of an access token")
}

func (a *Authenticator) checkClaims(c *claims) *Error {
	switch {
	case c.Issuer == "" || c.Subject == "" || c.Expiry == nil || len(c.Audience) == 0:
		return invalid("the token lacks one of the claims iss, sub, aud and exp")
	}
	err := c.ValidateWithLeeway(jwt.Expected{Issuer: a.issuer, AnyAudience: a.audiences, Time: time.Now()}, a.options.leeway)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, jwt.ErrInvalidIssuer):
		return invalid("the token is of another issuer")
	case errors.Is(err, jwt.ErrInvalidAudience):
		return invalid("the token is for another audience")
	case errors.Is(err, jwt.ErrExpired):
		return expired()
	default: // nbf, and iat, which must not be in the future either
		return invalid("the token is not valid yet")
	}
}

// checkSignature checks the signature with the key that the header names, or with each if it names none. Only the keys of the
// issuer count: what the header says of keys (jwk, jku, x5c, x5u) is the sender's.
func (a *Authenticator) checkSignature(ctx context.Context, parsed *jwt.JSONWebToken, header jose.Header) error {
	set := a.keys.current()
	for {
		candidates := set.find(header.KeyID, time.Now())
		for _, key := range candidates {
			if (key.algorithm == "" || key.algorithm == header.Algorithm) && parsed.Claims(key.public) == nil {
				return nil
			}
		}
		if len(candidates) > 0 && header.KeyID != "" {
			return invalid("the token's signature is wrong")
		}
		newer, err := a.keys.newer(ctx, set)
		if err != nil {
			return err
		}
		if newer == set {
			return invalid("the token's key is not one of the issuer's")
		}
		set = newer
	}
}

// algorithms are those that can be allowed, by their names: signatures with a key that only the issuer has. Neither none nor
// the HMACs are among them. By default all are allowed, since a key works for one family only.
var algorithms = []jose.SignatureAlgorithm{
	jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512, jose.ES256, jose.ES384, jose.ES512, jose.EdDSA,
}

// allowed returns the algorithms with these names.
func allowed(names []string) ([]jose.SignatureAlgorithm, error) {
	var found []jose.SignatureAlgorithm
	for _, name := range names {
		if !slices.Contains(algorithms, jose.SignatureAlgorithm(name)) {
			return nil, fmt.Errorf("algorithm %q is not one of %v", name, algorithms)
		}
		found = append(found, jose.SignatureAlgorithm(name))
	}
	if len(found) == 0 {
		return nil, errors.New("no algorithm is allowed")
	}
	return found, nil
}
