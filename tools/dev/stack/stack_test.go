package stack_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/natsgrpc/natsdial"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	"github.com/codingflow/rating/tools/dev/stack"
	"github.com/codingflow/rating/tools/dev/stack/stacktest"
)

// startTimeout bounds the start of a process.
const startTimeout = 20 * time.Second

// up runs a stack on a free port until the returned function is called. It returns the API's URL.
func up(t *testing.T, config stack.Config) (api string, down func()) {
	t.Helper()
	s, down := stacktest.Start(t, config)
	return "http://" + s.Addr().String() + "/api", down
}

// answer is what an HTTP request got.
type answer struct {
	code   int
	header http.Header
	body   string
}

// field returns a value of the JSON answer by its path, such as "error.status".
func (a answer) field(t *testing.T, path string) any {
	t.Helper()
	var value any
	require.NoError(t, json.Unmarshal([]byte(a.body), &value), a.body)
	for _, name := range strings.Split(path, ".") {
		object, ok := value.(map[string]any)
		require.True(t, ok, "%s in %s", path, a.body)
		value = object[name]
	}
	return value
}

// request makes one HTTP request with headers, "Name: value" each; a body is sent as JSON.
func request(t *testing.T, method, url, body string, headers ...string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { require.NoError(t, resp.Body.Close()) }()
	got, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return answer{resp.StatusCode, resp.Header, string(got)}
}

func TestANewcomersFirstRequests(t *testing.T) {
	api, _ := up(t, stack.Config{Data: t.TempDir()})

	empty := request(t, "GET", api+"/users", "")
	require.Equal(t, 200, empty.code)
	require.JSONEq(t, `{"users": [], "nextPageToken": ""}`, empty.body)

	user := request(t, "POST", api+"/users", `{"displayName": "Ada", "email": "ada@example.com"}`)
	require.Equal(t, 200, user.code, user.body)
	require.Equal(t, "Ada", user.field(t, "displayName"))
	name := user.field(t, "name").(string)
	listed := request(t, "GET", api+"/users", "")
	require.JSONEq(t, fmt.Sprintf(`{"users": [%s], "nextPageToken": ""}`, user.body), listed.body)

	service := request(t, "POST", api+"/services", `{"displayName": "Café"}`).field(t, "name").(string)
	rating := request(t, "POST", api+"/ratings", fmt.Sprintf(`{"user": %q, "service": %q, "score": 4}`, name, service))
	require.Equal(t, 200, rating.code, rating.body)
	require.InDelta(t, 4.0, request(t, "GET", api+"/"+service, "").field(t, "averageScore"), 0)
	summary := request(t, "GET", api+"/"+service+"/ratingSummary", "")
	require.Equal(t, "1", summary.field(t, "ratingCount"))

	// A resource can be sent back as it was got.
	patched := request(t, "PATCH", api+"/"+rating.field(t, "name").(string), strings.Replace(rating.body, `"score":4`, `"score":2`, 1))
	require.Equal(t, 200, patched.code, patched.body)
	require.InDelta(t, 2.0, patched.field(t, "score"), 0)

	for _, c := range []struct {
		name, method, path, body string
		code                     int
		status, contains         string
	}{
		{"a missing resource", "GET", "/users/nobody", "", 404, "NOT_FOUND", "users/nobody"},
		{"a score out of range", "POST", "/ratings", fmt.Sprintf(`{"user": %q, "service": %q, "score": 9}`, name, service), 400, "INVALID_ARGUMENT", `"field":"rating.score"`},
		{"half a body", "POST", "/users", "{", 400, "INVALID_ARGUMENT", "not valid JSON"},
		{"an unknown field", "POST", "/users", `{"nickname": "x"}`, 400, "INVALID_ARGUMENT", "nickname"},
		{"another method", "DELETE", "/users", "", 405, "UNIMPLEMENTED", "DELETE"},
		{"a body of 5 MB", "POST", "/users", `{"displayName": "` + strings.Repeat("x", 5_000_000) + `"}`, 413, "RESOURCE_EXHAUSTED", "larger than"},
		{"an unknown path", "GET", "/nothing", "", 404, "NOT_FOUND", ""},
		{"a second rating", "POST", "/ratings", fmt.Sprintf(`{"user": %q, "service": %q, "score": 1}`, name, service), 409, "ALREADY_EXISTS", ""},
		{"the deletion of a user with ratings", "DELETE", "/" + name, "", 400, "FAILED_PRECONDITION", "HAS_RATINGS"},
	} {
		t.Run(strings.ReplaceAll(c.name, " ", "_"), func(t *testing.T) {
			got := request(t, c.method, api+c.path, c.body)
			require.Equal(t, c.code, got.code, got.body)
			require.InDelta(t, float64(c.code), got.field(t, "error.code"), 0)
			require.Equal(t, c.status, got.field(t, "error.status"))
			require.Contains(t, got.body, c.contains)
			if c.code == 405 {
				require.Equal(t, "GET, HEAD, OPTIONS, POST", got.header.Get("Allow"))
			}
		})
	}
	require.Equal(t, 200, request(t, "DELETE", api+"/"+name+"?force=true", "").code)
	require.Equal(t, 404, request(t, "GET", api+"/"+rating.field(t, "name").(string), "").code)

	root := strings.TrimSuffix(api, "/api")
	for path, text := range map[string]string{"/healthz": "", "/readyz": "", "/ui/": "/api/users"} {
		got := request(t, "GET", root+path, "")
		require.Equal(t, 200, got.code, path)
		require.Contains(t, got.body, text)
	}
}

func TestAnAppIsServedBesideTheAPI(t *testing.T) {
	api, _ := up(t, stack.Config{Data: t.TempDir(), UI: func(api string) (http.Handler, error) {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "the app of "+api+" at "+r.URL.Path)
		}), nil
	}})
	address := strings.TrimSuffix(strings.Replace(api, "127.0.0.1", "localhost", 1), "/api")
	got := request(t, "GET", address+"/ui/services", "")
	require.Equal(t, []any{200, "the app of " + address + "/api at /ui/services"}, []any{got.code, got.body})
}

func TestTheDataIsThereAfterARestart(t *testing.T) {
	data := t.TempDir()
	api, down := up(t, stack.Config{Data: data})
	created := request(t, "POST", api+"/users", `{"displayName": "Ada"}`)
	require.Equal(t, 200, created.code, created.body)
	down()
	api, _ = up(t, stack.Config{Data: data})
	got := request(t, "GET", api+"/"+created.field(t, "name").(string), "")
	require.JSONEq(t, created.body, got.body)
}

func TestAnExternalNATSServesTheStack(t *testing.T) {
	public, file := natsgrpctest.NewUser(t)
	ns := natsgrpctest.NewServerWith(t, &server.Options{Nkeys: []*server.NkeyUser{{Nkey: public}}})
	api, _ := up(t, stack.Config{Data: t.TempDir(), NATS: natsdial.Config{URL: ns.ClientURL(), Security: natsdial.Security{NKey: file}}})
	require.Equal(t, 200, request(t, "POST", api+"/users", `{"displayName": "Ada"}`).code)
}

func TestOtherProgramsReachItsNATSWhereItListens(t *testing.T) {
	s, _ := stacktest.Start(t, stack.Config{Data: t.TempDir()})
	require.Empty(t, s.NATSURL())
	s, _ = stacktest.Start(t, stack.Config{Data: t.TempDir(), NATSListen: "127.0.0.1:0"})
	nc, err := nats.Connect(s.NATSURL())
	require.NoError(t, err)
	defer nc.Close()
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	_, err = js.Stream(t.Context(), "QRY_rating_v1_UserService_0")
	require.NoError(t, err)
	var text bytes.Buffer
	require.NoError(t, s.Welcome(&text))
	require.Contains(t, text.String(), "\n  NATS    in this process, for other programs at "+s.NATSURL()+"\n")
}

func TestWhatIsInTheWayIsSaidInOneSentence(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, taken.Close()) }()
	data := t.TempDir()
	up(t, stack.Config{Data: data})
	file := t.TempDir() + "/file"
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for _, c := range []struct {
		config stack.Config
		want   string
	}{
		{stack.Config{Listen: taken.Addr().String(), Data: t.TempDir()}, "the address " + taken.Addr().String() + " is in use by another program; choose one with --listen"},
		{stack.Config{Listen: "127.0.0.1:0", Data: data}, "the data folder " + data + " is in use by another `dev up`; stop that one, or choose another folder with --data"},
		{stack.Config{Listen: "127.0.0.1:0", Data: file}, "cannot use the data folder: mkdir " + file + ": not a directory"},
		{stack.Config{Listen: "127.0.0.1:0", Data: t.TempDir(), NATS: natsdial.Config{URL: "nats://u:secret@127.0.0.1:1"}}, "cannot reach NATS at nats://u:xxxxx@127.0.0.1:1: nats: no servers available for connection"},
		{stack.Config{Listen: "127.0.0.1:0", Data: t.TempDir(), NATSListen: taken.Addr().String()}, "the address " + taken.Addr().String() + " is in use by another program; choose one with --nats-listen"},
		{stack.Config{Listen: "nowhere", Data: t.TempDir()}, "cannot listen on nowhere: listen tcp: address nowhere: missing port in address"},
	} {
		_, err := stack.Start(t.Context(), c.config)
		require.EqualError(t, err, c.want)
	}
}

func TestTheWelcomeSaysWhatToTry(t *testing.T) {
	data := t.TempDir()
	s, err := stack.Start(t.Context(), stack.Config{Listen: "127.0.0.1:0", Data: data})
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	var text bytes.Buffer
	require.NoError(t, s.Welcome(&text))
	_, port, err := net.SplitHostPort(s.Addr().String())
	require.NoError(t, err)
	for _, want := range []string{"http://localhost:" + port + "/api/users", "http://localhost:" + port + "/ui", data, "in this process"} {
		require.Contains(t, text.String(), want)
	}
}
