package server

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"

	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
	"github.com/codingflow/rating/proxy/auth"
	"github.com/codingflow/rating/proxy/auth/authtest"
)

// guarded returns a server that takes a provider's tokens, what it logs, and the metadata of the last call.
func guarded(t *testing.T, provider *authtest.Provider, config Config, opts ...auth.Option) (*Server, *logBuffer, *metadata.MD) {
	t.Helper()
	logged := &logBuffer{}
	config.Logger = slog.New(slog.NewJSONHandler(logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
	a, err := auth.New(provider.Issuer, []string{authtest.Audience}, append(opts, auth.WithLogger(config.Logger))...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, a.Close()) })
	config.Auth = a
	var got metadata.MD
	service := &users{get: func(ctx context.Context, r *ratingv1.GetUserRequest) (*ratingv1.User, error) {
		got, _ = metadata.FromIncomingContext(ctx)
		return &ratingv1.User{Name: r.GetName()}, nil
	}}
	return newServer(t, service, config), logged, &got
}

func (b *logBuffer) text() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.data.String()
}

// Every wrong token, on the way that a client's takes: the status and the header are right, and neither the answer nor the
// logs, at level debug, nor the traces and the metrics have any part of it.
func TestWrongTokensAreRefusedAndNotLogged(t *testing.T) {
	provider := authtest.NewProvider(t)
	tests := authtest.WrongTokens(t, provider)
	tracers, spans := traced(t)
	meters, collect := measured(t)
	server, logged, _ := guarded(t, provider, Config{TracerProvider: tracers, MeterProvider: meters})
	told := func() string { return fmt.Sprintf("%s %+v %v", logged.text(), spans(), collect()) }
	require.Equal(t, 200, do(server, "GET", "/api/users/ada", "Authorization: Bearer "+provider.Token(nil)).Code)
	statuses := map[codes.Code]int{codes.Unauthenticated: 401, codes.InvalidArgument: 400}
	names := map[codes.Code]string{codes.Unauthenticated: "UNAUTHENTICATED", codes.InvalidArgument: "INVALID_ARGUMENT"}
	for _, test := range tests {
		t.Run(test.Name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/api/users/ada", nil)
			r.Header["Authorization"] = test.Authorization
			w := httptest.NewRecorder()
			server.ServeHTTP(w, r)
			require.Equal(t, statuses[test.Code], w.Code)
			require.Equal(t, test.Challenge, w.Header().Get("WWW-Authenticate"))
			require.JSONEq(t, fmt.Sprintf(`{"error": {"code": %d, "message": %q, "status": %q, "details": [
				{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": %q, "domain": "auth.v1"}]}}`,
				w.Code, test.Message, names[test.Code], test.Reason), w.Body.String())
			connect := httptest.NewRequest(http.MethodPost, "/rating.v1.UserService/GetUser", strings.NewReader("{}"))
			connect.Header = http.Header{"Content-Type": {"application/json"}, "Authorization": test.Authorization}
			answered := httptest.NewRecorder()
			server.ServeHTTP(answered, connect)
			require.Equal(t, w.Code, answered.Code)
			for _, value := range test.Authorization {
				requireNoPart(t, value, w.Body.String())
				requireNoPart(t, value, answered.Body.String())
			}
		})
	}
	all := told()
	require.Contains(t, logged.text(), `"error":"auth: the token has expired"`)
	require.Len(t, spans(), 1+2*len(tests))
	for _, test := range tests {
		for _, value := range test.Authorization {
			requireNoPart(t, value, all)
		}
	}
	requireNoPart(t, provider.Token(nil), all)
}

// requireNoPart requires that a text has no part of a header's value, 10 bytes or more.
func requireNoPart(t *testing.T, value, text string) {
	t.Helper()
	value = strings.TrimPrefix(value, "Bearer ")
	for i := 0; i+10 <= len(value); i++ {
		if strings.Contains(text, value[i:i+10]) {
			t.Fatalf("%q is in %s", value[i:i+10], text)
		}
	}
}

// Ratings and services may be read by everybody; all else needs a token.
func TestTheRatingAPINeedsTokensToWrite(t *testing.T) {
	provider := authtest.NewProvider(t)
	server, _, _ := guarded(t, provider, Config{})
	open := []string{"GET /ratings", "GET /ratings/1", "GET /services", "GET /services/1", "GET /services/1/ratingSummary"}
	closed := []string{
		"POST /ratings", "POST /ratings:batchCreate", "PATCH /ratings/1", "DELETE /ratings/1", "POST /services", "PATCH /services/1",
		"DELETE /services/1", "GET /users", "GET /users/1", "POST /users", "PATCH /users/1", "DELETE /users/1",
	}
	require.Len(t, server.API().Bindings(), len(open)+len(closed))
	for _, request := range open {
		method, path, _ := strings.Cut(request, " ")
		require.Equal(t, 501, do(server, method, "/api"+path).Code, "%s: the test's server has no such service", request)
		require.Equal(t, 401, do(server, method, "/api"+path, "Authorization: Bearer wrong").Code, request)
	}
	for _, request := range closed {
		method, path, _ := strings.Cut(request, " ")
		require.Equal(t, 401, do(server, method, "/api"+path).Code, request)
	}
	for _, path := range []string{"/healthz", "/readyz", "/ui/", "/"} {
		require.Less(t, do(server, "GET", path).Code, 400, path)
	}
	require.Equal(t, 204, do(server, "OPTIONS", "/api/users/1").Code)
}

// The document says of each operation what a call needs.
func TestTheDocumentSaysWhatNeedsATokenAndWhereItComesFrom(t *testing.T) {
	provider := authtest.NewProvider(t)
	server, _, _ := guarded(t, provider, Config{})
	var document struct {
		Paths      map[string]map[string]struct{ Security any }
		Components struct{ SecuritySchemes map[string]map[string]string }
	}
	require.NoError(t, json.Unmarshal(do(server, "GET", "/openapi.json").Body.Bytes(), &document))
	require.Equal(t, "http", document.Components.SecuritySchemes["bearer"]["type"])
	require.Equal(t, provider.Issuer+"/.well-known/openid-configuration", document.Components.SecuritySchemes["openId"]["openIdConnectUrl"])
	token := []any{map[string]any{"bearer": []any{}}, map[string]any{"openId": []any{}}}
	require.Equal(t, token, document.Paths["/users"]["post"].Security)
	require.Equal(t, append([]any{map[string]any{}}, token...), document.Paths["/ratings"]["get"].Security)

	document.Paths, document.Components.SecuritySchemes = nil, nil
	require.NoError(t, json.Unmarshal(do(newServer(t, &users{}, Config{}), "GET", "/openapi.json").Body.Bytes(), &document))
	require.Nil(t, document.Components.SecuritySchemes)
	require.Nil(t, document.Paths["/users"]["post"].Security)
}

func TestServicesGetTheCallersClaimsAndNoneOfItsOwn(t *testing.T) {
	provider := authtest.NewProvider(t)
	// A forwarded header may be spelled like a claim's only where the config refuses it, see TestNewRefuses.
	server, _, got := guarded(t, provider, Config{RequestHeaders: []string{"X-Tenant"}}, auth.WithClaims("email", "groups"))
	token := provider.Token(map[string]any{"groups": []string{"a", "b"}})
	w := do(server, "GET", "/api/users/ada", "Authorization: Bearer "+token, "X-Tenant: t",
		"X-Auth-Subject: root", "X-Auth-Issuer: https://evil.example", "X-Auth-Claim-Email: root@example.com", "X-Auth-Claim-Groups: root",
		"X-Auth-Anything: 1", "Grpc-Metadata-X-Auth-Subject: root", "x_auth_subject: root")
	require.Equal(t, 200, w.Code)
	require.Equal(t, []string{authtest.Subject}, got.Get(auth.MetadataSubject))
	require.Equal(t, []string{provider.Issuer}, got.Get(auth.MetadataIssuer))
	require.Equal(t, []string{"a", "b"}, got.Get("x-auth-claim-groups"))
	require.Equal(t, []string{"t"}, got.Get("x-tenant"))
	for name, values := range *got {
		require.NotEqual(t, "x-auth-anything", name)
		require.NotEqual(t, "x-auth-claim-email", name)
		require.NotEqual(t, "authorization", name)
		for _, value := range values {
			require.NotContains(t, value, "root")
			requireNoPart(t, token, value)
		}
	}
}

// Without an issuer all calls are those of the development principal, whoever they say that they are.
func TestWithoutAnIssuerNothingIsChecked(t *testing.T) {
	var got metadata.MD
	server := newServer(t, &users{get: func(ctx context.Context, _ *ratingv1.GetUserRequest) (*ratingv1.User, error) {
		got, _ = metadata.FromIncomingContext(ctx)
		return &ratingv1.User{}, nil
	}}, Config{})
	require.Equal(t, 200, do(server, "GET", "/api/users/ada", "Authorization: Bearer what.ever.this", "X-Auth-Subject: root").Code)
	require.Equal(t, []string{"developer"}, got.Get(auth.MetadataSubject))
	require.Equal(t, []string{"development"}, got.Get(auth.MetadataIssuer))
}

// A token in the query or the body is none, and is not logged either.
func TestTokensElsewhereAreNotTaken(t *testing.T) {
	provider := authtest.NewProvider(t)
	server, logged, _ := guarded(t, provider, Config{})
	token := provider.Token(nil)
	require.Equal(t, 401, do(server, "GET", "/api/users/ada?access_token="+token).Code)
	require.Equal(t, 401, do(server, "GET", "/api/users/ada", "Cookie: access_token="+token, "X-Access-Token: "+token, "Proxy-Authorization: Bearer "+token).Code)
	form := httptest.NewRequest(http.MethodPost, "/api/users", strings.NewReader("access_token="+token))
	form.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	server.ServeHTTP(w, form)
	require.Equal(t, 401, w.Code)
	requireNoPart(t, token, logged.text())
}

// The errors of tokens are problems where the client likes that better, and an outage has a Retry-After.
func TestRefusalsInTheShapesOfErrors(t *testing.T) {
	provider := authtest.NewProvider(t)
	server, _, _ := guarded(t, provider, Config{})
	w := do(server, "GET", "/api/users/ada", "Accept: application/problem+json")
	require.Equal(t, `Bearer realm="api"`, w.Header().Get("WWW-Authenticate"))
	require.JSONEq(t, `{"type": "about:blank", "title": "Unauthorized", "status": 401, "detail": "the method needs a bearer token",
		"code": "UNAUTHENTICATED", "reason": "TOKEN_MISSING", "domain": "auth.v1"}`, w.Body.String())

	provider.SetDown(true)
	server, _, _ = guarded(t, provider, Config{})
	w = do(server, "GET", "/api/users/ada", "Authorization: Bearer "+provider.Token(nil))
	require.Equal(t, 503, w.Code)
	require.Equal(t, "10", w.Header().Get("Retry-After"))
	require.Empty(t, w.Header().Get("WWW-Authenticate"))
	require.Contains(t, w.Body.String(), `"message":"tokens cannot be checked at the moment"`)
	require.Equal(t, 501, do(server, "GET", "/api/ratings").Code, "those that need no token go on")
}

func TestTheMetadataOfTheResourceIsServed(t *testing.T) {
	provider := authtest.NewProvider(t)
	const path = "/.well-known/oauth-protected-resource/api"
	for user, config := range map[string]Config{
		"/api/users/1": {},
		"/users/1":     {Prefix: "/", PublicPrefix: "/api"}, // behind a gateway that strips it: the resource is where clients see it
	} {
		server, _, _ := guarded(t, provider, config, auth.WithResource("https://api.example/api"))
		require.Equal(t, `Bearer realm="api", resource_metadata="https://api.example`+path+`"`, do(server, "GET", user).Header().Get("WWW-Authenticate"))
		require.JSONEq(t, `{"resource": "https://api.example/api", "authorization_servers": ["`+provider.Issuer+`"], "bearer_methods_supported": ["header"]}`,
			do(server, "GET", path).Body.String())
		require.Equal(t, 405, do(server, "POST", path).Code)
	}
	server, _, _ := guarded(t, provider, Config{})
	require.Equal(t, 404, do(server, "GET", path).Code)
}

// A header that is broken over lines never gets to the authenticator, nor to the log.
func TestABrokenHeaderOverTheNetwork(t *testing.T) {
	provider := authtest.NewProvider(t)
	server, logged, _ := guarded(t, provider, Config{})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx, listener) }()
	token := provider.Token(nil)
	for _, broken := range []string{token[:20] + "\n" + token[20:], token[:20] + "\r" + token[20:], token + "\x00"} {
		conn, err := net.Dial("tcp", listener.Addr().String())
		require.NoError(t, err)
		_, err = fmt.Fprintf(conn, "GET /api/users/ada HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer %s\r\n\r\n", broken)
		require.NoError(t, err)
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err)
		var body bytes.Buffer
		_, _ = body.ReadFrom(answer.Body)
		require.NoError(t, answer.Body.Close())
		require.NoError(t, conn.Close())
		require.Equal(t, 400, answer.StatusCode)
		requireNoPart(t, token, body.String())
	}
	stop()
	require.NoError(t, <-served)
	requireNoPart(t, token, logged.text())
}
