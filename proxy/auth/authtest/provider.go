// Package authtest has what tests of tokens need: an OpenID provider that runs in the test's process, and a table of wrong
// tokens that every front must refuse.
package authtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"
)

// Audience is whom the provider's tokens are for.
const Audience = "https://api.example"

// Subject is whose the provider's tokens are.
const Subject = "ada"

// Provider issues tokens and publishes its keys. It is safe for concurrent use.
type Provider struct {
	// Issuer is its URL.
	Issuer string
	t      testing.TB

	mu        sync.Mutex
	published []jose.JSONWebKey // private; the public halves are served
	fetches   int
	handler   http.HandlerFunc // nil for its own documents
	down      bool
}

// NewProvider returns a provider that listens on 127.0.0.1 until the test ends, and has one ES256 key.
func NewProvider(t testing.TB) *Provider {
	t.Helper()
	p := &Provider{t: t}
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	p.Issuer = server.URL
	p.Publish(NewKey(t, jose.ES256))
	return p
}

// NewOffline returns a provider that can be reached by its Client alone, so that it lives in a bubble of synctest. It has one
// ES256 key.
func NewOffline(t testing.TB) *Provider {
	t.Helper()
	p := &Provider{t: t, Issuer: "https://issuer.example"}
	p.Publish(NewKey(t, jose.ES256))
	return p
}

// Client returns a client that asks the provider, whatever the URL, without a network.
func (p *Provider) Client() *http.Client { return &http.Client{Transport: roundTripper{p}} }

type roundTripper struct{ provider *Provider }

func (r roundTripper) RoundTrip(request *http.Request) (response *http.Response, err error) {
	defer func() {
		if recover() != nil { // http.ErrAbortHandler
			err = errors.New("connection refused")
		}
	}()
	recorder := httptest.NewRecorder()
	r.provider.ServeHTTP(recorder, request)
	if err := request.Context().Err(); err != nil {
		return nil, err
	}
	return recorder.Result(), nil
}

// ServeHTTP serves the discovery document and, at /keys, the key set.
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.fetches++
	handler, down := p.handler, p.down
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	for _, key := range p.published {
		if public := key.Public(); public.Key != nil {
			key = public
		}
		set.Keys = append(set.Keys, key)
	}
	p.mu.Unlock()
	switch {
	case down:
		panic(http.ErrAbortHandler) // closes the connection without an answer
	case handler != nil:
		handler(w, r)
	case r.URL.Path == "/.well-known/openid-configuration":
		p.write(w, map[string]string{"issuer": p.Issuer, "jwks_uri": p.Issuer + "/keys"})
	case r.URL.Path == "/keys":
		p.write(w, set)
	default:
		http.NotFound(w, r)
	}
}

func (p *Provider) write(w http.ResponseWriter, document any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(document) // the client has left
}

// Fetches returns how many requests the provider has got.
func (p *Provider) Fetches() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fetches
}

// SetDown has the provider cut all connections, or serve again.
func (p *Provider) SetDown(down bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = down
}

// Handle has a handler answer in the provider's place, or the provider again if it is nil.
func (p *Provider) Handle(handler http.HandlerFunc) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.handler = handler
}

// Publish adds keys to the key set. The first one is the one that Token signs with.
func (p *Provider) Publish(keys ...jose.JSONWebKey) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.published = append(p.published, keys...)
}

// Withdraw removes a key from the key set.
func (p *Provider) Withdraw(key jose.JSONWebKey) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.published = slices.DeleteFunc(slices.Clone(p.published), func(k jose.JSONWebKey) bool { return k.KeyID == key.KeyID })
}

// Key returns the first key of the key set.
func (p *Provider) Key() jose.JSONWebKey {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.published[0]
}

// NewKey makes a key for an algorithm, under an id of its own.
func NewKey(t testing.TB, algorithm jose.SignatureAlgorithm) jose.JSONWebKey {
	t.Helper()
	var (
		key crypto.PrivateKey
		err error
	)
	switch algorithm {
	case jose.ES256:
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case jose.ES384:
		key, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case jose.ES512:
		key, err = ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	case jose.EdDSA:
		_, key, err = ed25519.GenerateKey(rand.Reader)
	default:
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	}
	require.NoError(t, err)
	return jose.JSONWebKey{Key: key, KeyID: rand.Text(), Algorithm: string(algorithm), Use: "sig"}
}

// Claims returns the claims of a right token that is valid for an hour, with changes; a value of nil removes the claim.
func (p *Provider) Claims(changes map[string]any) map[string]any {
	claims := map[string]any{
		"iss": p.Issuer, "sub": Subject, "aud": Audience,
		"iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
	}
	maps.Copy(claims, changes)
	maps.DeleteFunc(claims, func(_ string, value any) bool { return value == nil })
	return claims
}

// Token returns a token by the first key, with changed claims as in Claims.
func (p *Provider) Token(changes map[string]any) string {
	return Sign(p.t, p.Key(), nil, p.Claims(changes))
}
