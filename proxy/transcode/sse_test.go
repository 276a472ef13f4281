package transcode

import (
	"bufio"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

const endEvent = "event: end\ndata: {}\n\n"

func TestEventIDs(t *testing.T) {
	backend := newStreamBackend(t)
	handler := backend.handler(t)
	tests := []struct {
		name, method, target, message, want string
	}{
		{"resume_token", "GET", "/watch", `resume_token: "t1" count: 1`, "id: t1\n" + `data: {"resumeToken":"t1","count":1}` + "\n\n"},
		{"next_page_token", "GET", "/pages", `next_page_token: "p1"`, "id: p1\n" + `data: {"nextPageToken":"p1"}` + "\n\n"},
		{"outside of response_body", "POST", "/watch", `resume_token: "t1" thing { }`, "id: t1\ndata: " + emptyThing(t) + "\n\n"},
		{"no token", "GET", "/pages", ``, `data: {"nextPageToken":""}` + "\n\n"},
		{"a token of two lines", "GET", "/pages", `next_page_token: "a\nid: b"`, `data: {"nextPageToken":"a\nid: b"}` + "\n\n"},
		{"a token with a space", "GET", "/pages", `next_page_token: " a"`, `data: {"nextPageToken":" a"}` + "\n\n"},
		{"a token in the path", "GET", "/watch/t0", `resume_token: "t1"`, `data: {"resumeToken":"t1","count":0}` + "\n\n"},
		{"a method without", "GET", "/down", ``, "data: " + emptyThing(t) + "\n\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			backend.answer(func(s *serverStream) error { return s.send(test.message) })
			w := do(handler, test.method, test.target, "", "Accept: text/event-stream")
			require.Equal(t, test.want+endEvent, w.Body.String())
			require.Equal(t, "no-cache", w.Header().Get("Cache-Control"))
		})
	}
}

// emptyThing is the JSON of a test.v1.Thing.
func emptyThing(t testing.TB) string {
	t.Helper()
	backend := newBackend(t)
	return do(newHandler(t, backend, `get: "/x"`), "GET", "/x", "").Body.String()
}

func TestResumeByLastEventID(t *testing.T) {
	backend := newStreamBackend(t)
	handler := backend.handler(t)
	tests := []struct {
		name, method, target, body string
		headers                    []string
		message                    string
		want                       string
	}{
		{"by resume_token", "GET", "/watch?name=n", "", []string{"Last-Event-ID: t1"}, "WatchRequest", `resume_token: "t1" name: "n"`},
		{"by page_token", "GET", "/pages", "", []string{"Last-Event-ID: p1"}, "PageRequest", `page_token: "p1"`},
		{"before the query", "GET", "/pages?pageToken=p0&tags=a&tags=b", "", []string{"Last-Event-ID: p1"}, "PageRequest", `page_token: "p1" tags: "a" tags: "b"`},
		{"before the body", "POST", "/watch", `{"resumeToken":"t0","name":"n"}`, []string{"Last-Event-ID: t1"}, "WatchRequest", `resume_token: "t1" name: "n"`},
		{"not before the path", "GET", "/watch/t0", "", []string{"Last-Event-ID: t1"}, "WatchRequest", `resume_token: "t0"`},
		{"nothing seen", "GET", "/pages?page_token=p0", "", []string{"Last-Event-ID: "}, "PageRequest", `page_token: "p0"`},
		{"another format", "GET", "/pages?page_token=p0", "", []string{"Last-Event-ID: p1", "Accept: application/json"}, "PageRequest", `page_token: "p0"`},
		{"a method without", "GET", "/down?name=a", "", []string{"Last-Event-ID: t1"}, "Thing", `name: "a"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var got proto.Message
			backend.answer(func(s *serverStream) (err error) {
				got, err = s.receive()
				return err
			})
			headers := append([]string{"Accept: text/event-stream"}, test.headers...)
			require.Equal(t, 200, do(handler, test.method, test.target, test.body, headers...).Code)
			requireMessages(t, []proto.Message{got}, backend.message(protoreflect.Name(test.message)), test.want)
		})
	}

	t.Run("with an id that is no UTF-8", func(t *testing.T) {
		w := do(handler, "GET", "/pages", "", "Accept: text/event-stream", "Last-Event-ID: \xff")
		requireFault(t, w, "page_token", `"\xff" is not valid UTF-8`)
	})
}

// A client that lost its stream goes on where it was.
func TestABrokenStreamIsResumed(t *testing.T) {
	backend := newStreamBackend(t)
	pages := []string{"p1", "p2", "p3", ""}
	backend.answer(func(s *serverStream) error {
		request, err := s.receive()
		if err != nil {
			return err
		}
		from := 0
		for i, page := range pages {
			if page == request.ProtoReflect().Get(s.method.Input().Fields().ByName("page_token")).String() && page != "" {
				from = i + 1
			}
		}
		for _, page := range pages[from:] {
			if err := s.send(`next_page_token: "` + page + `"`); err != nil {
				return err
			}
			if page == "p2" {
				return status.Error(codes.Unavailable, "lost")
			}
		}
		return nil
	})
	overHTTP(t, backend.handler(t), func(t *testing.T, server *httptest.Server) {
		first := request(t, server, "GET", "/pages", nil, "Accept: text/event-stream")
		require.Equal(t, `id: p1
data: {"nextPageToken":"p1"}

id: p2
data: {"nextPageToken":"p2"}

event: error
data: {"error":{"code":503,"message":"the service is unavailable","status":"UNAVAILABLE"}}

`, first.body)
		second := request(t, server, "GET", "/pages", nil, "Accept: text/event-stream", "Last-Event-ID: p2")
		require.Equal(t, `id: p3
data: {"nextPageToken":"p3"}

data: {"nextPageToken":""}

`+endEvent, second.body)
	})
}

func TestHeartbeats(t *testing.T) {
	backend := newStreamBackend(t)
	goOn := make(chan struct{})
	overHTTP(t, backend.handler(t, WithHeartbeat(10*time.Millisecond), WithResponseHeaders("x-head")), func(t *testing.T, server *httptest.Server) {
		for _, end := range []error{nil, status.Error(codes.NotFound, "no b")} {
			backend.answer(func(s *serverStream) error {
				<-goOn
				if end != nil {
					return end
				}
				return s.send(`next_page_token: "a"`)
			})
			// Before the first message, too, and from then on an error is an event.
			response := begin(t, server, "GET", "/pages", nil, "Accept: text/event-stream")
			require.Equal(t, 200, response.StatusCode)
			reader := bufio.NewReader(response.Body)
			for range 3 {
				require.Equal(t, ":\n", readLine(t, reader))
				require.Equal(t, "\n", readLine(t, reader))
			}
			goOn <- struct{}{}
			line := ":\n"
			for line == ":\n" || line == "\n" {
				line = readLine(t, reader)
			}
			if end != nil {
				require.Equal(t, "event: error\n", line)
				require.Equal(t, "data: "+notFound+"\n", readLine(t, reader))
			} else {
				require.Equal(t, "id: a\n", line)
			}
		}
	})
}
