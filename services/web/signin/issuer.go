package signin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

var (
	// errRefused says that the issuer has refused a code or a refresh token: another try does not help.
	errRefused = errors.New("the issuer has refused it")
	// errUnavailable says that the issuer could not be asked.
	errUnavailable = errors.New("the issuer cannot be reached")
)

// rediscoverAfter is for how long an issuer that was not there is not asked again.
const rediscoverAfter = 2 * time.Second

// A provider is what the issuer's discovery document says.
type provider struct {
	oauth    oauth2.Config
	verifier *oidc.IDTokenVerifier
	// endSession and revocation may be empty.
	endSession, revocation string
	sendsIssuer            bool // RFC 9207
}

// An issuer finds its provider at first need, so that it need not be there when the program starts, and keeps it.
type issuer struct {
	config   *Config
	redirect string
	turn     chan struct{} // has room for the one that asks
	found    *provider
	failed   time.Time
	err      error
}

func newIssuer(config *Config, redirect string) *issuer {
	return &issuer{config: config, redirect: redirect, turn: make(chan struct{}, 1)}
}

// provider returns the provider. Its error wraps errUnavailable, or is the context's.
func (i *issuer) provider(ctx context.Context) (*provider, error) {
	select {
	case i.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-i.turn }()
	if i.found != nil {
		return i.found, nil
	}
	if i.err != nil && time.Since(i.failed) < rediscoverAfter {
		return nil, i.err
	}
	found, err := i.discover(context.WithoutCancel(ctx)) // others wait for it too; the client has a timeout
	if err != nil {
		i.failed, i.err = time.Now(), fmt.Errorf("%w: discovery: %w", errUnavailable, err)
		return nil, i.err
	}
	i.found = found
	return found, nil
}

func (i *issuer) discover(ctx context.Context) (*provider, error) {
	discovered, err := oidc.NewProvider(oidc.ClientContext(ctx, i.config.Client), i.config.Issuer)
	if err != nil {
		return nil, err
	}
	var document struct {
		EndSession  string   `json:"end_session_endpoint"`
		Revocation  string   `json:"revocation_endpoint"`
		AuthMethods []string `json:"token_endpoint_auth_methods_supported"`
		SendsIssuer bool     `json:"authorization_response_iss_parameter_supported"`
	}
	if err := discovered.Claims(&document); err != nil {
		return nil, err
	}
	endpoint := discovered.Endpoint()
	for _, location := range []string{endpoint.AuthURL, endpoint.TokenURL, document.EndSession, document.Revocation} {
		if location == "" {
			continue
		}
		if _, err := parseURL(strings.SplitN(location, "?", 2)[0]); err != nil {
			return nil, err
		}
	}
	// The library would try both, and send a code twice, which an issuer takes for theft.
	endpoint.AuthStyle = oauth2.AuthStyleInHeader
	public := i.config.ClientSecret == ""
	if public || len(document.AuthMethods) > 0 && !slices.Contains(document.AuthMethods, "client_secret_basic") {
		endpoint.AuthStyle = oauth2.AuthStyleInParams
	}
	return &provider{
		oauth: oauth2.Config{
			ClientID: i.config.ClientID, ClientSecret: i.config.ClientSecret, Endpoint: endpoint,
			RedirectURL: i.redirect, Scopes: i.config.Scopes,
		},
		verifier:    discovered.Verifier(&oidc.Config{ClientID: i.config.ClientID, Now: i.config.now}),
		endSession:  document.EndSession,
		revocation:  document.Revocation,
		sendsIssuer: document.SendsIssuer,
	}, nil
}

// tokens are what the token endpoint gives.
type tokens struct {
	access, refresh string
	expires         time.Time
	id              *oidc.IDToken // nil if a renewal gives none
	claims          idClaims
}

type idClaims struct {
	Name      string `json:"name"`
	Preferred string `json:"preferred_username"`
	Email     string `json:"email"`
}

// exchange gets tokens for a code.
func (i *issuer) exchange(ctx context.Context, p *provider, code, verifier, nonce string) (*tokens, error) {
	ctx = oidc.ClientContext(ctx, i.config.Client)
	token, err := p.oauth.Exchange(ctx, code, oauth2.VerifierOption(verifier))
	if err != nil {
		return nil, explain(err)
	}
	got, err := i.verify(ctx, p, token)
	switch {
	case err != nil:
		return nil, err
	case got.id == nil:
		return nil, errors.New("the issuer has given no ID token")
	case got.id.Nonce != nonce:
		return nil, errors.New("the ID token has another nonce")
	}
	return got, nil
}

// refresh gets tokens for a refresh token, and that or another one for the next time.
func (i *issuer) refresh(ctx context.Context, refresh string) (*tokens, error) {
	p, err := i.provider(ctx)
	if err != nil {
		return nil, err
	}
	ctx = oidc.ClientContext(ctx, i.config.Client)
	token, err := p.oauth.TokenSource(ctx, &oauth2.Token{RefreshToken: refresh}).Token()
	if err != nil {
		return nil, explain(err)
	}
	return i.verify(ctx, p, token)
}

// verify checks what the token endpoint has given.
func (i *issuer) verify(ctx context.Context, p *provider, token *oauth2.Token) (*tokens, error) {
	if !strings.EqualFold(token.Type(), "Bearer") {
		return nil, errors.New("the issuer has given an access token of another type than Bearer")
	}
	got := &tokens{access: token.AccessToken, refresh: token.RefreshToken}
	if raw, ok := token.Extra("id_token").(string); ok && raw != "" {
		id, err := p.verifier.Verify(ctx, raw)
		if err != nil {
			return nil, fmt.Errorf("ID token: %w", err)
		}
		if id.AccessTokenHash != "" {
			if err := id.VerifyAccessToken(token.AccessToken); err != nil {
				return nil, fmt.Errorf("ID token: %w", err)
			}
		}
		if err := id.Claims(&got.claims); err != nil {
			return nil, fmt.Errorf("ID token: %w", err)
		}
		got.id = id
	}
	switch {
	case token.ExpiresIn > 0:
		got.expires = i.config.now().Add(time.Duration(token.ExpiresIn) * time.Second)
	case got.id != nil: // an issuer that says nothing of the access token
		got.expires = got.id.Expiry
	default:
		got.expires = i.config.now().Add(unknownLifetime)
	}
	return got, nil
}

// unknownLifetime is how long an access token is used of which the issuer does not say how long it lives.
const unknownLifetime = 5 * time.Minute

// explain tells errors of the token endpoint apart, and leaves out its answer, which may have anything in it.
func explain(err error) error {
	var answer *oauth2.RetrieveError
	switch {
	case !errors.As(err, &answer):
		if failed, ok := errors.AsType[*url.Error](err); ok {
			return fmt.Errorf("%w: %w", errUnavailable, failed.Err)
		}
		return errors.New("the token endpoint's answer is none of OAuth's")
	case answer.ErrorCode == "invalid_grant":
		return fmt.Errorf("%w: invalid_grant", errRefused)
	case answer.Response.StatusCode >= http.StatusInternalServerError, answer.Response.StatusCode == http.StatusTooManyRequests:
		return fmt.Errorf("%w: the token endpoint answers %d", errUnavailable, answer.Response.StatusCode)
	}
	return fmt.Errorf("the token endpoint answers %d %.50q", answer.Response.StatusCode, answer.ErrorCode)
}

// renew returns a session with new tokens.
func (h *Handler) renew(ctx context.Context, old *session) (*session, error) {
	got, err := h.issuer.refresh(ctx, old.Refresh)
	switch {
	case err != nil:
		h.config.Logger.WarnContext(ctx, "sign-in: cannot renew a session", "error", err)
		return nil, err
	case got.id != nil && got.id.Subject != old.Subject:
		h.config.Logger.ErrorContext(ctx, "sign-in: the issuer has renewed a session with another subject's tokens")
		return nil, errRefused
	}
	renewed := *old
	renewed.Access, renewed.Refresh = got.access, got.refresh
	renewed.Expires, renewed.Renewed = got.expires.Unix(), h.config.now().Unix()
	return &renewed, nil
}

// revoke has the issuer forget a refresh token (RFC 7009).
func (i *issuer) revoke(ctx context.Context, p *provider, refresh string) {
	form := url.Values{"token": {refresh}, "token_type_hint": {"refresh_token"}}
	if p.oauth.Endpoint.AuthStyle == oauth2.AuthStyleInParams {
		form.Set("client_id", i.config.ClientID)
		if i.config.ClientSecret != "" {
			form.Set("client_secret", i.config.ClientSecret)
		}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.revocation, strings.NewReader(form.Encode()))
	if err != nil {
		return // a URL that discovery has checked
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if p.oauth.Endpoint.AuthStyle == oauth2.AuthStyleInHeader {
		request.SetBasicAuth(url.QueryEscape(i.config.ClientID), url.QueryEscape(i.config.ClientSecret)) // RFC 6749, section 2.3.1
	}
	response, err := i.config.Client.Do(request)
	if err != nil {
		i.config.Logger.WarnContext(ctx, "sign-in: cannot revoke a refresh token", "error", err)
		return
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		i.config.Logger.WarnContext(ctx, "sign-in: cannot revoke a refresh token", slog.Int("status", response.StatusCode))
	}
}
