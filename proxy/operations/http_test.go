package operations_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
	"github.com/codingflow/rating/proxy/auth"
	"github.com/codingflow/rating/proxy/server"
)

// users is a user service of which CreateUser does what the test wants.
type users struct {
	ratingv1.UnimplementedUserServiceServer
	create func(*ratingv1.User) (*ratingv1.User, error)
}

func (u *users) CreateUser(_ context.Context, r *ratingv1.CreateUserRequest) (*ratingv1.User, error) {
	return u.create(r.GetUser())
}

// serveUsers serves users until the test ends.
func (l *lab) serveUsers(create func(*ratingv1.User) (*ratingv1.User, error)) {
	l.t.Helper()
	srv, err := natsgrpc.NewServer(natsgrpctest.Connect(l.t, l.ns), natsgrpc.WithLogger(slog.New(slog.DiscardHandler)))
	require.NoError(l.t, err)
	ratingv1.RegisterUserServiceServer(srv, &users{create: create})
	natsgrpctest.Serve(l.t, srv)
}

// server returns the HTTP server of a proxy of its own.
func (l *lab) server(a *auth.Authenticator) *server.Server {
	l.t.Helper()
	return l.configured(server.Config{Auth: a})
}

// configured returns the HTTP server of a proxy of its own, with a config to which operations are added.
func (l *lab) configured(config server.Config) *server.Server {
	l.t.Helper()
	p := l.proxy()
	config.Operations, config.IdempotencyKey = p.service, natsgrpc.IdempotencyKey
	srv, err := server.New(p.service.Conn(p.conn), config)
	require.NoError(l.t, err)
	return srv
}

// do serves a request with a body in JSON and headers, "Name: value" each.
func do(handler http.Handler, method, target, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w
}

func (l *lab) token(subject string) string {
	return "Authorization: Bearer " + l.provider.Token(map[string]any{"sub": subject})
}

const ada = `{"displayName":"Ada"}`

// An answer that one proxy has promised is fetched from another, in REST and the other protocols.
func TestAnAnswerIsFetchedFromAnotherProxy(t *testing.T) {
	l := newLab(t)
	release := make(chan struct{})
	l.serveUsers(func(user *ratingv1.User) (*ratingv1.User, error) {
		<-release
		user.Name = "users/1"
		return user, nil
	})
	first, second := l.server(l.auth), l.server(l.auth)
	w := do(first, "POST", "/api/users", ada, l.token("ada"), "Prefer: respond-async", "Idempotency-Key: key")
	require.Equal(t, 202, w.Code, w.Body)
	require.Equal(t, "respond-async", w.Header().Get("Preference-Applied"))
	require.Equal(t, "1", w.Header().Get("Retry-After"))
	location, pending := w.Header().Get("Location"), w.Body.String()
	require.Regexp(t, "^/api/operations/[A-Z2-7]{52}$", location)
	require.Contains(t, pending, `"metadata":{"@type":"type.googleapis.com/operations.v1.OperationMetadata","method":"rating.v1.UserService.CreateUser","createTime":"`)

	got := do(second, "GET", location, "", l.token("ada"))
	require.Equal(t, 200, got.Code)
	require.JSONEq(t, pending, got.Body.String())
	got = do(second, "POST", location+":wait", `{"timeout":"0.01s"}`, l.token("ada"))
	require.Equal(t, 200, got.Code)
	require.JSONEq(t, pending, got.Body.String())
	require.Equal(t, 404, do(second, "GET", location, "", l.token("bob")).Code)
	require.Equal(t, 401, do(second, "GET", location, "").Code)
	require.JSONEq(t, `{"operations":[],"nextPageToken":""}`, do(second, "GET", "/api/operations", "", l.token("bob")).Body.String())

	close(release)
	got = do(second, "POST", location+":wait", `{}`, l.token("ada"))
	require.Equal(t, 200, got.Code)
	require.Contains(t, got.Body.String(), `"done":true,"response":{"@type":"type.googleapis.com/rating.v1.User","name":"users/1","displayName":"Ada"`)
	name := strings.TrimPrefix(location, "/api/")
	rpc := do(second, "POST", "/operations.v1.OperationService/GetOperation", `{"name":"`+name+`"}`, l.token("ada"))
	require.Equal(t, 200, rpc.Code, rpc.Body)
	require.Contains(t, rpc.Body.String(), `"response":{"@type":"type.googleapis.com/rating.v1.User","name":"users/1"`)
	listed := do(second, "GET", "/api/operations", "", l.token("ada"))
	require.Contains(t, listed.Body.String(), `"name":"`+name+`"`)

	// The same key is the same call, asked for in the ordinary way too.
	call := do(second, "POST", "/api/users", ada, l.token("ada"), `Idempotency-Key: "key"`)
	require.Equal(t, 200, call.Code)
	require.Contains(t, call.Body.String(), `{"name":"users/1","displayName":"Ada"`)
	again := do(second, "POST", "/api/users", ada, l.token("ada"), "Prefer: respond-async, wait=10", "Idempotency-Key: key")
	require.Equal(t, 200, again.Code)
	require.Equal(t, call.Body.String(), again.Body.String())
	require.Equal(t, "wait=10", again.Header().Get("Preference-Applied"))

	require.Equal(t, 400, do(second, "GET", "/api/operations?pageSize=-1", "", l.token("ada")).Code)
	require.Equal(t, 400, do(second, "GET", "/api/operations?pageToken=x", "", l.token("ada")).Code)
}

// The Location of an operation leads clients through a gateway that strips a prefix.
func TestALocationIsThatOfClients(t *testing.T) {
	l := newLab(t)
	l.serveUsers(func(user *ratingv1.User) (*ratingv1.User, error) {
		user.Name = "users/1"
		return user, nil
	})
	inner := httptest.NewServer(l.configured(server.Config{Prefix: "/", PublicPrefix: "/api", Auth: l.auth}))
	t.Cleanup(inner.Close)
	target, err := url.Parse(inner.URL)
	require.NoError(t, err)
	gateway := http.StripPrefix("/api", httputil.NewSingleHostReverseProxy(target))

	accepted := do(gateway, "POST", "/api/users", ada, l.token("ada"), "Prefer: respond-async")
	require.Equal(t, 202, accepted.Code, accepted.Body)
	location := accepted.Header().Get("Location")
	require.Regexp(t, "^/api/operations/[A-Z2-7]{52}$", location)
	done := do(gateway, "POST", location+":wait", `{}`, l.token("ada"))
	require.Equal(t, 200, done.Code, done.Body)
	got := do(gateway, "GET", location, "", l.token("ada"))
	require.Equal(t, 200, got.Code, got.Body)
	require.Contains(t, got.Body.String(), `"done":true,"response":{"@type":"type.googleapis.com/rating.v1.User","name":"users/1"`)
}

// A key that was used for another body is 422, with its reason; other members of the same JSON, or the same in another order,
// are another body.
func TestAReusedKeyIsUnprocessable(t *testing.T) {
	l := newLab(t)
	l.serveUsers(func(user *ratingv1.User) (*ratingv1.User, error) { return user, nil })
	srv := l.server(auth.NewUnchecked())
	const body = `{"displayName":"Ada","email":"ada@example.com"}`
	require.Equal(t, 200, do(srv, "POST", "/api/users", body, "Idempotency-Key: key").Code)
	require.Equal(t, 200, do(srv, "POST", "/api/users", " {\n\"displayName\": \"Ada\", \"email\": \"ada@example.com\"}", "Idempotency-Key: key").Code)
	for _, other := range []string{ada, `{"email":"ada@example.com","displayName":"Ada"}`} {
		for _, prefer := range []string{"", "respond-async"} {
			w := do(srv, "POST", "/api/users", other, "Idempotency-Key: key", "Prefer: "+prefer)
			require.Equal(t, 422, w.Code, w.Body)
			require.JSONEq(t, `{"error":{"code":422,"message":"the idempotency key was used for a request with another body","status":"INVALID_ARGUMENT",
				"details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"IDEMPOTENCY_KEY_REUSED","domain":"natsgrpc"}]}}`, w.Body.String())
		}
	}
	w := do(srv, "POST", "/api/users", ada, "Idempotency-Key: a b", "Prefer: respond-async")
	require.Equal(t, 400, w.Code)
}

// What needs a token needs it here too; and an operation that fails is told of as a success of the request for it.
func TestAnOperationFailsOverHTTP(t *testing.T) {
	l := newLab(t)
	names := make(chan string, 10)
	l.serveUsers(func(user *ratingv1.User) (*ratingv1.User, error) {
		names <- user.GetDisplayName()
		return nil, status.Error(codes.FailedPrecondition, "no more users")
	})
	srv := l.server(l.auth)
	require.Equal(t, 401, do(srv, "POST", "/api/users", ada, "Prefer: respond-async").Code, "the method needs a token")
	require.Empty(t, names)
	w := do(srv, "POST", "/api/users", ada, l.token("ada"), "Prefer: respond-async")
	require.Equal(t, 202, w.Code)
	var operation struct{ Name string }
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &operation))
	got := do(srv, "POST", "/api/"+operation.Name+":wait", "{}", l.token("ada"))
	require.Equal(t, 200, got.Code, "the call for the operation is a success")
	require.Contains(t, got.Body.String(), `"done":true,"error":{"code":9,"message":"no more users","details":[]}`)
}

// The document tells of the operations and of the headers of commands.
func TestTheDocumentTellsOfOperations(t *testing.T) {
	document := do(newLab(t).server(auth.NewUnchecked()), "GET", "/openapi.json", "")
	var decoded struct {
		Paths map[string]map[string]struct {
			Summary    string
			Parameters []struct {
				Ref string `json:"$ref"`
			}
			Responses map[string]struct {
				Ref string `json:"$ref"`
			}
		}
	}
	require.NoError(t, json.Unmarshal(document.Body.Bytes(), &decoded))
	require.Equal(t, "Lists the caller's operations, pending and done, in the order in which they were started last", decoded.Paths["/operations"]["get"].Summary)
	refs := func(path, method string) (refs []string) {
		for _, p := range decoded.Paths[path][method].Parameters {
			if p.Ref != "" {
				refs = append(refs, p.Ref)
			}
		}
		return refs
	}
	const timeout = "#/components/parameters/Request-Timeout"
	require.Equal(t, []string{"#/components/parameters/Idempotency-Key", "#/components/parameters/Prefer", timeout}, refs("/users", "post"))
	require.Equal(t, []string{timeout}, refs("/users", "get"))
	require.Equal(t, []string{timeout}, refs("/operations/{operation}:wait", "post"))
	require.Equal(t, "#/components/responses/Accepted", decoded.Paths["/users"]["post"].Responses["202"].Ref)
	require.NotContains(t, decoded.Paths["/users"]["get"].Responses, "202")
	require.NotContains(t, decoded.Paths["/operations/{operation}:wait"]["post"].Responses, "202")
}
