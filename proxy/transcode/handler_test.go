package transcode

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"
)

func TestUnroutedRequests(t *testing.T) {
	handler := newHandler(t, nil,
		`get: "/x"`, `post: "/x" body: "*"`, `delete: "/x/{name}"`, `custom { kind: "LIST" path: "/x/*" }`,
		`custom { kind: "*" path: "/any" }`, `custom { kind: "OPTIONS" path: "/options" }`)
	notFound := `{"error":{"code":404,"message":"there is nothing at this path","status":"NOT_FOUND"}}`
	notAllowed := func(method, allow string) string {
		return `{"error":{"code":405,"message":"method ` + method + ` is not allowed here; allowed are ` + allow + `","status":"UNIMPLEMENTED"}}`
	}
	tests := []struct {
		method, target string
		code           int
		allow, want    string
	}{
		{"GET", "/nothing", 404, "", notFound},
		{"OPTIONS", "/nothing", 404, "", notFound},
		{"HEAD", "/nothing", 404, "", ""},
		{"GET", "/x/", 404, "", notFound},
		{"GET", "/x/%2e%2e/x", 404, "", notFound},
		{"DELETE", "/x", 405, "GET, HEAD, OPTIONS, POST", notAllowed("DELETE", "GET, HEAD, OPTIONS, POST")},
		{"get", "/x", 405, "GET, HEAD, OPTIONS, POST", notAllowed("get", "GET, HEAD, OPTIONS, POST")},
		{"GET", "/x/1", 405, "DELETE, LIST, OPTIONS", notAllowed("GET", "DELETE, LIST, OPTIONS")},
		{"HEAD", "/x/1", 405, "DELETE, LIST, OPTIONS", ""},
		{"OPTIONS", "/x", 204, "GET, HEAD, OPTIONS, POST", ""},
		{"OPTIONS", "/x/1", 204, "DELETE, LIST, OPTIONS", ""},
		{"OPTIONS", "/options", 200, "", "*"},
		{"OPTIONS", "/any", 200, "", "*"},
		{"PURGE", "/any", 200, "", "*"},
		{"LIST", "/x/1", 200, "", "*"},
		{"HEAD", "/x", 200, "", ""},
	}
	for _, test := range tests {
		t.Run(test.method+" "+test.target, func(t *testing.T) {
			w := do(handler, test.method, test.target, "")
			require.Equal(t, test.code, w.Code)
			require.Equal(t, test.allow, w.Header().Get("Allow"))
			if test.want != "*" {
				require.Equal(t, test.want, w.Body.String())
			}
		})
	}
}

func TestHeadHasTheHeadersOfGet(t *testing.T) {
	handler := newHandler(t, nil, `get: "/x"`)
	get, head := do(handler, "GET", "/x", ""), do(handler, "HEAD", "/x", "")
	require.Equal(t, get.Header(), head.Header())
	require.NotEmpty(t, get.Body.String())
	require.Empty(t, head.Body.String())
}

func TestContentType(t *testing.T) {
	handler := newHandler(t, nil, `post: "/x" body: "*"`, `post: "/none"`)
	const (
		wrongType  = `{"error":{"code":415,"message":"the content type must be application/json","status":"INVALID_ARGUMENT"}}`
		compressed = `{"error":{"code":415,"message":"the body must not be compressed","status":"INVALID_ARGUMENT"}}`
	)
	tests := []struct {
		target, body, header string
		want                 string // "" is 200
	}{
		{"/x", "{}", "Content-Type: application/json", ""},
		{"/x", "{}", "Content-Type: Application/JSON; Charset=UTF-8", ""},
		{"/x", "{}", `Content-Type: application/json;charset="utf-8"`, ""},
		{"/x", "{}", "Content-Type: application/json; odata=verbose", ""},
		{"/x", "", "Content-Type: text/plain", ""},
		{"/x", "", "Content-Type: ", ""},
		{"/none", "{}", "Content-Type: text/plain", ""},
		{"/x", "{}", "Content-Type: ", wrongType},
		{"/x", "{}", "Content-Type: text/plain", wrongType},
		{"/x", "{}", "Content-Type: application/x-www-form-urlencoded", wrongType},
		{"/x", "{}", "Content-Type: application/json; charset=latin1", wrongType},
		{"/x", "{}", "Content-Type: application/json;;;=", wrongType},
		{"/x", "{}", "Content-Type: application/jsonp", wrongType},
		{"/x", "{}", "Content-Encoding: identity", ""},
		{"/x", "{}", "Content-Encoding: gzip", compressed},
	}
	for _, test := range tests {
		t.Run(test.target+" "+test.body+" "+test.header, func(t *testing.T) {
			w := do(handler, "POST", test.target, test.body, test.header)
			if test.want == "" {
				require.Equal(t, 200, w.Code, w.Body)
				return
			}
			require.Equal(t, test.want, w.Body.String())
			require.Equal(t, 415, w.Code)
		})
	}

	t.Run("chunked", func(t *testing.T) {
		for body, code := range map[string]int{"": 200, "{}": 415} {
			r := httptest.NewRequest(http.MethodPost, "/x", io.NopCloser(strings.NewReader(body)))
			r.ContentLength = -1
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			require.Equal(t, code, w.Code, body)
		}
	})

	t.Run("two types", func(t *testing.T) {
		r := httptest.NewRequest(http.MethodPost, "/x", strings.NewReader("{}"))
		r.Header["Content-Type"] = []string{"application/json", "text/plain"}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		require.Equal(t, 415, w.Code)
	})
}

func TestBodyLimit(t *testing.T) {
	handler, err := New(newBackend(t).conn, []protoreflect.ServiceDescriptor{thingsService(t, `post: "/x" body: "*"`, `delete: "/x"`)},
		WithMaxBody(20))
	require.NoError(t, err)
	exact, large := `{"name":"123456789"}`, `{"name":"1234567890"}`
	require.Len(t, exact, 20)
	const want = `{"error":{"code":413,"message":"the body is larger than 20 bytes","status":"RESOURCE_EXHAUSTED"}}`
	require.Equal(t, 200, do(handler, "POST", "/x", exact).Code)
	w := do(handler, "POST", "/x", large)
	require.Equal(t, want, w.Body.String())
	require.Equal(t, 413, w.Code)
	require.Equal(t, 413, do(handler, "DELETE", "/x", large).Code)

	r := httptest.NewRequest(http.MethodPost, "/x", strings.NewReader(large))
	r.Header.Set("Content-Type", "application/json")
	r.ContentLength = -1
	w = httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	require.Equal(t, want, w.Body.String())
}

func TestDefaultBodyLimit(t *testing.T) {
	handler := newHandler(t, nil, `post: "/x" body: "*"`)
	// Over a real connection, where the client is still sending when the answer comes.
	server := httptest.NewServer(handler)
	defer server.Close()
	response, err := http.Post(server.URL+"/x", "application/json", bytes.NewReader(make([]byte, 5_000_000)))
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, 413, response.StatusCode)
}

func TestUnreadableBody(t *testing.T) {
	handler := newHandler(t, nil, `post: "/x" body: "*"`)
	r := httptest.NewRequest(http.MethodPost, "/x", io.MultiReader(strings.NewReader("{"), errReader{errors.New("secret")}))
	r.ContentLength = -1
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	require.Equal(t, `{"error":{"code":400,"message":"the body cannot be read","status":"INVALID_ARGUMENT"}}`, w.Body.String())
}

func TestSlowBody(t *testing.T) {
	handler := newHandler(t, nil, `post: "/x" body: "*"`)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// What http.Server.ReadTimeout does, but only once the headers are here.
		if err := http.NewResponseController(w).SetReadDeadline(time.Now().Add(10 * time.Millisecond)); err != nil {
			panic(err)
		}
		handler.ServeHTTP(w, r)
	}))
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "POST /x HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{")
	require.NoError(t, err)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Equal(t, `{"error":{"code":408,"message":"the body took too long","status":"DEADLINE_EXCEEDED"}}`, string(body))
	require.Equal(t, 408, response.StatusCode)
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

func TestMetadataByAllowList(t *testing.T) {
	backend := newBackend(t)
	services := []protoreflect.ServiceDescriptor{thingsService(t, `get: "/x"`)}
	handler, err := New(backend.conn, services, WithRequestHeaders("x-request-id", "X-Two"), WithResponseHeaders("etag", "x-trailer", "x-both"))
	require.NoError(t, err)
	fails := false
	backend.answer(func(ctx context.Context, _ []byte) ([]byte, error) {
		if err := grpc.SetHeader(ctx, metadata.Pairs("etag", "1", "x-both", "header", "x-secret", "s")); err != nil {
			return nil, err
		}
		if err := grpc.SetTrailer(ctx, metadata.Pairs("x-trailer", "a", "x-trailer", "b", "x-both", "trailer")); err != nil {
			return nil, err
		}
		if fails {
			return nil, status.Error(codes.NotFound, "none")
		}
		return nil, nil
	})
	for _, fails = range []bool{false, true} {
		w := do(handler, "GET", "/x", "", "X-Request-Id: id", "X-Two: 2", "X-Three: 3", "Authorization: secret")
		require.Equal(t, []string{"id"}, backend.gotMetadata().Get("x-request-id"))
		require.Equal(t, []string{"2"}, backend.gotMetadata().Get("x-two"))
		require.Empty(t, backend.gotMetadata().Get("x-three"))
		require.Empty(t, backend.gotMetadata().Get("authorization"))
		require.Equal(t, []string{"1"}, w.Header().Values("Etag"))
		require.Equal(t, []string{"a", "b"}, w.Header().Values("X-Trailer"))
		require.Equal(t, []string{"header"}, w.Header().Values("X-Both"))
		require.Empty(t, w.Header().Values("X-Secret"))
	}

	requireFault(t, do(handler, "GET", "/x", "", "X-Two: é"), "", "header X-Two has characters other than printable ASCII")
}

func TestTimeout(t *testing.T) {
	backend := newBackend(t)
	handler, err := New(backend.conn, []protoreflect.ServiceDescriptor{thingsService(t, `get: "/x"`)}, WithTimeout(20*time.Millisecond))
	require.NoError(t, err)
	backend.answer(func(ctx context.Context, _ []byte) ([]byte, error) {
		<-ctx.Done()
		return nil, status.FromContextError(ctx.Err()).Err()
	})
	w := do(handler, "GET", "/x", "")
	require.Equal(t, 504, w.Code)
	require.Equal(t, `{"error":{"code":504,"message":"the call took too long","status":"DEADLINE_EXCEEDED"}}`, w.Body.String())
}

// TestClientGone has the client leave in the middle of a call: the call ends and nothing is written.
func TestClientGone(t *testing.T) {
	backend := newBackend(t)
	calls := make(chan Call, 1)
	handler, err := New(backend.conn, []protoreflect.ServiceDescriptor{thingsService(t, `get: "/x"`)},
		WithObserver(func(_ context.Context, call Call) { calls <- call }))
	require.NoError(t, err)
	ctx, leave := context.WithCancel(context.Background())
	ended := make(chan struct{})
	backend.answer(func(ctx context.Context, _ []byte) ([]byte, error) {
		leave()
		<-ctx.Done()
		close(ended)
		return nil, ctx.Err()
	})
	w := httptest.NewRecorder()
	require.PanicsWithValue(t, http.ErrAbortHandler, func() {
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/x", nil).WithContext(ctx))
	})
	<-ended
	require.Empty(t, w.Body.String())
	require.Empty(t, w.Header())
	call := <-calls
	require.Equal(t, 499, call.HTTPStatus)
	require.Equal(t, codes.Canceled, call.Code)
}

func TestObserver(t *testing.T) {
	backend := newBackend(t)
	var calls []Call
	handler, err := New(backend.conn, []protoreflect.ServiceDescriptor{thingsService(t, `get: "/x/{name}"`)},
		WithObserver(func(_ context.Context, call Call) { calls = append(calls, call) }))
	require.NoError(t, err)
	do(handler, "GET", "/x/1", "")
	do(handler, "GET", "/nothing", "")
	do(handler, "OPTIONS", "/x/1", "")
	do(handler, "GET", "/x/1?nope=1", "")
	backend.answer(func(context.Context, []byte) ([]byte, error) { return nil, errors.New("disk full") })
	do(handler, "GET", "/x/1", "")
	type summary struct {
		binding    string
		httpStatus int
		code       codes.Code
		err        string
	}
	var got []summary
	for _, call := range calls {
		s := summary{httpStatus: call.HTTPStatus, code: call.Code}
		if call.Binding != nil {
			s.binding = call.Binding.String()
		}
		if call.Err != nil {
			s.err = call.Err.Error()
		}
		got = append(got, s)
	}
	require.Equal(t, []summary{
		{"GET /x/{name}", 200, codes.OK, ""},
		{"", 404, codes.NotFound, "there is nothing at this path"},
		{"", 204, codes.OK, ""},
		{"GET /x/{name}", 400, codes.InvalidArgument, `nope: unknown query parameter "nope"`},
		{"GET /x/{name}", 500, codes.Unknown, "rpc error: code = Unknown desc = disk full"},
	}, got)
}

func TestCompressedBodyIsRefusedUnread(t *testing.T) {
	handler := newHandler(t, nil, `post: "/x" body: "*"`)
	var compressed bytes.Buffer
	writer := gzip.NewWriter(&compressed)
	_, err := writer.Write([]byte(`{}`))
	require.NoError(t, err)
	require.NoError(t, writer.Close())
	require.Equal(t, 415, do(handler, "POST", "/x", compressed.String(), "Content-Encoding: gzip").Code)
}
