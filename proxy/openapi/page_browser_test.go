//go:build integration

package openapi

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"

	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
	"github.com/codingflow/rating/proxy/grpctest"
	"github.com/codingflow/rating/proxy/transcode"
)

// users knows no user, and creates those that it is asked to.
type users struct {
	ratingv1.UnimplementedUserServiceServer
	metadata chan metadata.MD // of the last creation
}

func (u *users) GetUser(_ context.Context, r *ratingv1.GetUserRequest) (*ratingv1.User, error) {
	return nil, status.Errorf(codes.NotFound, "no user %s", r.GetName())
}

func (u *users) CreateUser(ctx context.Context, r *ratingv1.CreateUserRequest) (*ratingv1.User, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	u.metadata <- md
	r.User.Name = "users/1"
	return r.GetUser(), nil
}

// serve serves the page and the document of an API, and the API itself below its prefix, until the test ends.
func serve(t *testing.T, api *API, prefix string, handler http.Handler) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("/docs", api.Page())
	mux.Handle("/openapi.json", api.Document())
	mux.Handle(prefix+"/", http.StripPrefix(prefix, handler))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

// newUsersHandler serves the user service, over gRPC.
func newUsersHandler(t *testing.T, service *users) http.Handler {
	t.Helper()
	conn := grpctest.Serve(t, func(server grpc.ServiceRegistrar) { ratingv1.RegisterUserServiceServer(server, service) })
	handler, err := transcode.New(conn, []protoreflect.ServiceDescriptor{ratingv1.File_rating_v1_user_proto.Services().Get(0)},
		transcode.WithRequestHeaders("Authorization", "Idempotency-Key"))
	require.NoError(t, err)
	return handler
}

func TestThePageInChromium(t *testing.T) {
	service := &users{metadata: make(chan metadata.MD, 1)}
	api := newAPI(t, ratingBindings(t), Config{Title: "Rating", Prefix: "/api", Headers: []Header{{Name: "Idempotency-Key"}}})
	rating := serve(t, api, "/api", newUsersHandler(t, service))
	proceed := make(chan struct{})
	things := serve(t, newAPI(t, thingsBindings(t), Config{Prefix: "/api"}), "/api", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/things/a b:watch" { // a file, such as an HttpBody
			w.Header().Set("Content-Type", "application/octet-stream")
			_, _ = w.Write([]byte{0, 1, 2})
			return
		}
		w.Header().Set("Content-Type", r.Header.Get("Accept"))
		for _, line := range []string{`{"size":1}`, `{"size":2}`} {
			_, _ = w.Write([]byte(line + "\n"))
			_ = http.NewResponseController(w).Flush()
			select {
			case <-proceed:
			case <-r.Context().Done():
				return
			}
		}
	}))
	b := newBrowser(t)

	t.Run("lists what there is", func(t *testing.T) {
		b.t = t
		b.open(rating + "/docs")
		require.Equal(t, "17 of 17 operations", b.waitFor("#count", "operations"))
		require.Equal(t, "Rating v1", b.text("h1"))
		require.Equal(t, "Rating v1", b.run("return document.title"))
		require.Contains(t, b.text("main"), "The people who rate. A user owns any number of ratings.")
		require.Equal(t, "POST /users Creates a user under a name that the service chooses", b.text("#UserService_CreateUser > summary"))
		b.fill("#filter", "patch RATINGS")
		require.Equal(t, "1 of 17 operations", b.waitFor("#count", "1 of"))
		require.Equal(t, "PATCH /ratings/{rating} Updates the score or the comment of a rating", b.run(
			"return [...document.querySelectorAll('.operation:not([hidden])')].map(o => o.innerText).join()"))
		b.run("document.querySelector('#filter').value = ''; document.querySelector('#filter').dispatchEvent(new Event('input'))")
	})

	t.Run("calls an operation by the keyboard alone", func(t *testing.T) {
		b.t = t
		b.fill("#authorization", "Bearer secret")
		b.run("document.querySelector('#UserService_CreateUser > summary').focus()")
		b.press(enterKey)
		b.waitFor("#UserService_CreateUser", "Try it")
		require.Equal(t, "{\n  \"displayName\": \"\",\n  \"email\": \"\",\n  \"etag\": \"\"\n}", b.run("return document.querySelector('#UserService_CreateUser-body').value"))
		b.press(tabKey) // to the first field: the header
		b.press("key 1" + tabKey)
		b.run("document.activeElement.select()")
		b.press(`{"displayName": "Ada <b>'s"}`)
		require.Equal(t, `curl -X POST '`+rating+`/api/users' \
  -H 'Idempotency-Key: key 1' \
  -H 'Content-Type: application/json' \
  -H "Authorization: $AUTHORIZATION" \
  --data-binary '{"displayName": "Ada <b>'\''s"}'`, b.text("#UserService_CreateUser .command"))
		b.run("document.querySelector('#UserService_CreateUser [type=submit]').focus()")
		b.press(enterKey)
		b.waitFor("#UserService_CreateUser [role=status]", "200 OK, complete after")
		require.JSONEq(t, `{"name": "users/1", "displayName": "Ada <b>'s", "email": "", "etag": ""}`, b.text("#UserService_CreateUser .body"))
		require.Contains(t, b.text("#UserService_CreateUser .headers"), "content-type: application/json")
		md := <-service.metadata
		require.Equal(t, []string{"Bearer secret"}, md.Get("authorization"))
		require.Equal(t, []string{"key 1"}, md.Get("idempotency-key"))
		require.Empty(t, b.complaints())
	})

	t.Run("shows errors and schemas", func(t *testing.T) {
		b.t = t
		b.open(rating + "/docs#UserService_GetUser")
		b.waitFor("#UserService_GetUser", "Try it")
		b.click("#UserService_GetUser [type=submit]")
		require.Equal(t, "", b.text("#UserService_GetUser [role=status]"), "the name is required")
		b.fill("#UserService_GetUser-path-user", "a/b?")
		b.click("#UserService_GetUser [type=submit]")
		b.waitFor("#UserService_GetUser [role=status]", "404 Not Found, complete after")
		require.JSONEq(t, `{"error": {"code": 404, "message": "no user users/a%2Fb?", "status": "NOT_FOUND"}}`, b.text("#UserService_GetUser .body"))
		b.unfold("#UserService_GetUser", 4)
		shown := b.text("#UserService_GetUser")
		for _, text := range []string{
			"application/json: rating.v1.User", "displayName string required", "What other people see: 1 to 100 characters.",
			"characters, at least 1; characters, at most 100", "createTime string (date-time)", "RESOURCE_EXHAUSTED",
			"details array of google.rpc.BadRequest or google.rpc.ErrorInfo or google.rpc.RetryInfo or google.rpc.LocalizedMessage or google.rpc.Help or object", "application/problem+json: Problem",
		} {
			require.Contains(t, shown, text)
		}
		complaints := b.complaints() // Chromium's own, of the answer
		require.Len(t, complaints, 1)
		require.Contains(t, complaints[0], "the server responded with a status of 404")
	})

	t.Run("calls the API behind a gateway that strips a prefix", func(t *testing.T) {
		b.t = t
		mux := http.NewServeMux()
		mux.Handle("/docs", api.Page())
		mux.Handle("/openapi.json", api.Document())
		mux.Handle("/", newUsersHandler(t, service))
		gateway := httptest.NewServer(http.StripPrefix("/api", mux))
		t.Cleanup(gateway.Close)
		b.open(gateway.URL + "/api/docs#UserService_GetUser")
		b.waitFor("#UserService_GetUser", "Try it")
		require.Equal(t, gateway.URL+"/api/openapi.json", b.run("return document.querySelector('header a').href"))
		b.fill("#UserService_GetUser-path-user", "a")
		b.click("#UserService_GetUser [type=submit]")
		b.waitFor("#UserService_GetUser [role=status]", "404 Not Found, complete after")
		require.JSONEq(t, `{"error": {"code": 404, "message": "no user users/a", "status": "NOT_FOUND"}}`, b.text("#UserService_GetUser .body"))
		require.Len(t, b.complaints(), 1, "Chromium's own, of the answer")
	})

	t.Run("shows a stream as it comes", func(t *testing.T) {
		b.t = t
		b.open(things + "/docs#Things_Watch")
		const watch = "#test_v1_Things_Watch"
		b.waitFor("#count", "operations")
		b.run("location.hash = arguments[0]", watch)
		b.waitFor(watch, "Try it")
		b.fill(watch+"-path-thing", "a b")
		b.fill(watch+"-query-shelf", "s")
		b.run("const e = document.querySelector(arguments[0]); e.value = 'application/x-ndjson'; e.dispatchEvent(new Event('input', {bubbles: true}))", watch+"-accept")
		b.click(watch + " [type=submit]")
		require.Equal(t, "{\"size\":1}\n", b.waitFor(watch+" .body", `{"size":1}`))
		proceed <- struct{}{}
		require.Equal(t, "{\"size\":1}\n{\"size\":2}\n", b.waitFor(watch+" .body", `{"size":2}`))
		b.click(watch + " form button[type=button]")
		b.waitFor(watch+" [role=status]", "Cancelled after")
	})

	t.Run("offers files", func(t *testing.T) {
		b.t = t
		const upload = "#test_v1_Things_Upload"
		b.run("location.hash = arguments[0]", upload)
		b.waitFor(upload, "Try it")
		b.fill(upload+"-path-name", "x")
		b.fill(upload+"-query-shelf", "s")
		b.fill(upload+"-body", "text")
		b.click(upload + " [type=submit]")
		b.waitFor(upload+" .answer", "Save 3 bytes of application/octet-stream")
	})

	t.Run("is sound", func(t *testing.T) {
		b.t = t
		b.unfold("main", 5)
		require.Contains(t, b.text("main"), "What OpenAPI cannot say")
		require.Equal(t, []any{}, b.run("return [...document.querySelectorAll('input, select, textarea')].filter(e => e.labels.length !== 1 || !e.labels[0].innerText.trim()).map(e => e.outerHTML)"), "labels")
		require.Equal(t, []any{}, b.run("return [...document.querySelectorAll('[id]')].map(e => e.id).filter((id, i, all) => all.indexOf(id) !== i)"), "ids")
		require.Equal(t, []any{}, b.run("return [...document.querySelectorAll('[aria-describedby]')].map(e => e.getAttribute('aria-describedby')).filter(id => !document.getElementById(id))"), "hints")
		require.Equal(t, 0.0, b.run("return document.querySelectorAll('main b').length"), "texts are no HTML")
		require.Equal(t, []any{}, b.run("return performance.getEntriesByType('resource').map(e => e.name).filter(name => !name.startsWith(location.origin + '/'))"), "nothing from elsewhere")
		require.Equal(t, false, b.run("return document.documentElement.scrollWidth > innerWidth"), "nothing is cut off")
		require.Empty(t, b.complaints())
	})

	t.Run("follows the system's colours", func(t *testing.T) {
		b.t = t
		for scheme, ground := range map[string]string{"light": "rgb(255, 255, 255)", "dark": "rgb(20, 23, 27)"} {
			b.do("POST", "/goog/cdp/execute", map[string]any{"cmd": "Emulation.setEmulatedMedia", "params": map[string]any{
				"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}},
			}}, nil)
			require.Equal(t, ground, b.run("return getComputedStyle(document.body).backgroundColor"))
		}
	})

	t.Run("runs nothing but its own", func(t *testing.T) {
		b.t = t
		b.open(rating + "/docs")
		b.waitFor("#count", "operations")
		b.run("const s = document.createElement('style'); s.textContent = 'body { display: none }'; document.head.append(s)")
		require.NotEqual(t, "none", b.run("return getComputedStyle(document.body).display"))
		require.Contains(t, strings.Join(b.complaints(), "\n"), "Content Security Policy")
	})
}
