// Package signintest has a small OpenID provider that runs in the test's process and lets everybody in at once: discovery,
// authorization codes with PKCE, refresh tokens that are good for one use, revocation and logout. It checks what a client
// must do, and refuses it otherwise.
package signintest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"
)

const (
	// ClientID is the one client.
	ClientID = "web"
	// ClientSecret is the client's.
	ClientSecret = "a secret: with & and +"
	// Audience is whom the access tokens are for.
	Audience = "https://api.example"
	// Subject is who signs in.
	Subject = "ada"
)

// Issuer is the provider. Its fields may be changed while no request runs.
type Issuer struct {
	// URL is its issuer.
	URL string
	// Lifetime is how long access tokens live: an hour at first.
	Lifetime time.Duration
	// NoRefresh leaves refresh tokens out.
	NoRefresh bool
	// Claims changes the claims of ID tokens, AccessClaims those of access tokens.
	Claims, AccessClaims map[string]any
	// Now is its clock.
	Now func() time.Time

	t   testing.TB
	key jose.JSONWebKey

	mu       sync.Mutex
	codes    map[string]url.Values // the authorization requests, by their codes
	refresh  map[string]bool       // whether a refresh token is still good
	issued   []string
	requests map[string]int
	down     bool
}

// New returns a provider that listens on 127.0.0.1 until the test ends.
func New(t testing.TB) *Issuer {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	i := &Issuer{
		Lifetime: time.Hour, Now: time.Now, t: t,
		key:   jose.JSONWebKey{Key: private, KeyID: "1", Algorithm: string(jose.ES256), Use: "sig"},
		codes: map[string]url.Values{}, refresh: map[string]bool{}, requests: map[string]int{},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", i.discovery)
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		write(w, 200, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{i.key.Public()}})
	})
	mux.HandleFunc("GET /authorize", i.authorize)
	mux.HandleFunc("POST /token", i.token)
	mux.HandleFunc("POST /revoke", i.revoke)
	mux.HandleFunc("GET /logout", func(w http.ResponseWriter, r *http.Request) {
		redirect(w, r.FormValue("post_logout_redirect_uri"))
	})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.mu.Lock()
		i.requests[r.URL.Path]++
		down := i.down
		i.mu.Unlock()
		if down {
			panic(http.ErrAbortHandler)
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	i.URL = server.URL
	return i
}

// SetClaims changes Claims and AccessClaims, also where a request of another process may be the next to see them: the race detector
// knows nothing of what such a process waits for.
func (i *Issuer) SetClaims(id, access map[string]any) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.Claims, i.AccessClaims = id, access
}

// SetDown has the provider cut all connections, or serve again.
func (i *Issuer) SetDown(down bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.down = down
}

// Requests returns how many requests a path has got.
func (i *Issuer) Requests(path string) int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.requests[path]
}

// Issued returns every token that was issued, of any kind, and every code.
func (i *Issuer) Issued() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return append([]string(nil), i.issued...)
}

func (i *Issuer) discovery(w http.ResponseWriter, _ *http.Request) {
	write(w, 200, map[string]any{
		"issuer": i.URL, "authorization_endpoint": i.URL + "/authorize", "token_endpoint": i.URL + "/token",
		"jwks_uri": i.URL + "/keys", "revocation_endpoint": i.URL + "/revoke", "end_session_endpoint": i.URL + "/logout",
		"id_token_signing_alg_values_supported": []string{"ES256"}, "code_challenge_methods_supported": []string{"S256"},
		"token_endpoint_auth_methods_supported":          []string{"client_secret_basic"},
		"authorization_response_iss_parameter_supported": true,
	})
}

// authorize sends the browser back with a code.
func (i *Issuer) authorize(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	if query.Get("client_id") != ClientID || query.Get("response_type") != "code" || query.Get("code_challenge_method") != "S256" ||
		query.Get("code_challenge") == "" || query.Get("nonce") == "" || query.Get("state") == "" {
		http.Error(w, "not an authorization request with PKCE, nonce and state", http.StatusBadRequest)
		return
	}
	code := rand.Text()
	i.mu.Lock()
	i.codes[code] = query
	i.issued = append(i.issued, code)
	i.mu.Unlock()
	back := url.Values{"code": {code}, "state": {query.Get("state")}, "iss": {i.URL}}
	redirect(w, query.Get("redirect_uri")+"?"+back.Encode())
}

// token gives tokens for a code or a refresh token, each of which is good for one use.
func (i *Issuer) token(w http.ResponseWriter, r *http.Request) {
	if !authenticated(r) {
		write(w, 401, map[string]string{"error": "invalid_client"})
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	var nonce string
	switch r.FormValue("grant_type") {
	case "authorization_code":
		request, known := i.codes[r.FormValue("code")]
		delete(i.codes, r.FormValue("code"))
		challenge := sha256.Sum256([]byte(r.FormValue("code_verifier")))
		if !known || request.Get("redirect_uri") != r.FormValue("redirect_uri") ||
			request.Get("code_challenge") != base64.RawURLEncoding.EncodeToString(challenge[:]) {
			write(w, 400, map[string]string{"error": "invalid_grant"})
			return
		}
		nonce = request.Get("nonce")
	case "refresh_token":
		if !i.refresh[r.FormValue("refresh_token")] {
			write(w, 400, map[string]string{"error": "invalid_grant"})
			return
		}
		i.refresh[r.FormValue("refresh_token")] = false
	default:
		write(w, 400, map[string]string{"error": "unsupported_grant_type"})
		return
	}
	now := i.Now()
	claims := map[string]any{
		"iss": i.URL, "sub": Subject, "aud": ClientID, "nonce": nonce, "name": "Ada Lovelace",
		"iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	}
	maps.Copy(claims, i.Claims)
	access := map[string]any{
		"iss": i.URL, "sub": Subject, "aud": Audience, "jti": rand.Text(), "iat": now.Unix(), "exp": now.Add(i.Lifetime).Unix(),
	}
	maps.Copy(access, i.AccessClaims)
	answer := map[string]any{
		"token_type": "Bearer", "expires_in": int(i.Lifetime / time.Second),
		"access_token": i.sign("at+jwt", access), "id_token": i.sign("JWT", claims),
	}
	if !i.NoRefresh {
		token := rand.Text()
		i.refresh[token], answer["refresh_token"] = true, token
		i.issued = append(i.issued, token)
	}
	write(w, 200, answer)
}

func (i *Issuer) revoke(w http.ResponseWriter, r *http.Request) {
	if !authenticated(r) {
		write(w, 401, map[string]string{"error": "invalid_client"})
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.refresh[r.FormValue("token")] = false
}

// Live returns how many refresh tokens are still good.
func (i *Issuer) Live() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	live := 0
	for _, good := range i.refresh {
		if good {
			live++
		}
	}
	return live
}

// sign signs a token, for which the lock must be held.
func (i *Issuer) sign(kind string, claims map[string]any) string {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: i.key}, (&jose.SignerOptions{}).WithType(jose.ContentType(kind)))
	require.NoError(i.t, err)
	payload, err := json.Marshal(claims)
	require.NoError(i.t, err)
	signed, err := signer.Sign(payload)
	require.NoError(i.t, err)
	token, err := signed.CompactSerialize()
	require.NoError(i.t, err)
	i.issued = append(i.issued, token)
	return token
}

// authenticated reports whether a request is the client's, by client_secret_basic.
func authenticated(r *http.Request) bool {
	id, secret, ok := r.BasicAuth()
	return ok && id == url.QueryEscape(ClientID) && secret == url.QueryEscape(ClientSecret)
}

// redirect sends the browser wherever the client wants it: this provider has no list of redirect URIs.
func redirect(w http.ResponseWriter, location string) {
	w.Header().Set("Location", location)
	w.WriteHeader(http.StatusFound)
}

func write(w http.ResponseWriter, status int, document any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(document) // the client has left
}
