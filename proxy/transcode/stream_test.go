package transcode

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// subA and subB are the JSON of a Sub with the display names a and b, and notFound that of an error.
const (
	subA     = `{"displayName":"a","count":0,"output":"","name":"","tags":[],"subs":[],"id":""}`
	subB     = `{"displayName":"b","count":0,"output":"","name":"","tags":[],"subs":[],"id":""}`
	notFound = `{"error":{"code":404,"message":"no b","status":"NOT_FOUND"}}`
)

func TestServerStreamingFormats(t *testing.T) {
	backend := newStreamBackend(t)
	const array, ndjson, events = "application/json", "application/x-ndjson", "text/event-stream"
	tests := []struct {
		name     string
		accept   string
		messages []string
		err      error

		httpStatus  int
		contentType string
		body        string
		trailer     string
	}{
		{"no messages", array, nil, nil, 200, array, "[]", "0"},
		{"one message", array, []string{"a"}, nil, 200, array, "[" + subA + "]", "0"},
		{"two messages", array, []string{"a", "b"}, nil, 200, array, "[" + subA + ",\n" + subB + "]", "0"},
		{"an error", array, nil, status.Error(codes.NotFound, "no b"), 404, array, notFound, ""},
		{"an error after a message", array, []string{"a"}, status.Error(codes.NotFound, "no b"), 200, array, "[" + subA + ",\n" + notFound, "5"},
		{"an error that is nobody's business", array, []string{"a"}, errors.New("secret"), 200, array,
			"[" + subA + ",\n" + `{"error":{"code":500,"message":"internal error","status":"UNKNOWN"}}`, "2"},

		{"no messages", ndjson, nil, nil, 200, ndjson, "", "0"},
		{"two messages", ndjson, []string{"a", "b"}, nil, 200, ndjson, subA + "\n" + subB + "\n", "0"},
		{"an error", ndjson, nil, status.Error(codes.NotFound, "no b"), 404, array, notFound, ""},
		{"an error after a message", ndjson, []string{"a"}, status.Error(codes.NotFound, "no b"), 200, ndjson, subA + "\n" + notFound + "\n", "5"},
		{"two messages", "application/jsonl", []string{"a", "b"}, nil, 200, "application/jsonl", subA + "\n" + subB + "\n", "0"},

		{"no messages", events, nil, nil, 200, events, "event: end\ndata: {}\n\n", "0"},
		{"two messages", events, []string{"a", "b"}, nil, 200, events, "data: " + subA + "\n\ndata: " + subB + "\n\nevent: end\ndata: {}\n\n", "0"},
		{"an error", events, nil, status.Error(codes.NotFound, "no b"), 404, array, notFound, ""},
		{"an error after a message", events, []string{"a"}, status.Error(codes.NotFound, "no b"), 200, events,
			"data: " + subA + "\n\nevent: error\ndata: " + notFound + "\n\n", "5"},
	}
	overHTTP(t, backend.handler(t), func(t *testing.T, server *httptest.Server) {
		for _, test := range tests {
			t.Run(test.accept+" "+test.name, func(t *testing.T) {
				backend.answer(func(s *serverStream) error {
					for _, message := range test.messages {
						if err := s.send(`sub { display_name: "` + message + `" }`); err != nil {
							return err
						}
					}
					return test.err
				})
				got := request(t, server, "POST", "/down/x", nil, "Accept: "+test.accept)
				require.NoError(t, got.err)
				require.Equal(t, test.body, got.body)
				require.Equal(t, test.httpStatus, got.StatusCode)
				require.Equal(t, test.contentType, got.Header.Get("Content-Type"))
				require.Equal(t, test.trailer, got.Trailer.Get("Grpc-Status"))
				require.Equal(t, "nosniff", got.Header.Get("X-Content-Type-Options"))
				require.Equal(t, []string{"Accept"}, got.Header.Values("Vary"))
				if test.httpStatus == 200 {
					require.Equal(t, "no", got.Header.Get("X-Accel-Buffering"))
				}
			})
		}
	})
}

func TestStreamFormatByAccept(t *testing.T) {
	backend := newStreamBackend(t)
	backend.answer(func(*serverStream) error { return nil })
	handler := backend.handler(t)
	tests := []struct{ accept, want string }{
		{"", "application/json"},
		{"*/*", "application/json"},
		{"application/*", "application/json"},
		{"text/html", "application/json"},
		{"application/json;q=0, image/png", "application/json"},
		{"application/json;q=0, */*", "application/x-ndjson"},
		{"application/json;q=0.5, text/*;q=0.6", "text/event-stream"},
		{"text/event-stream, application/json", "application/json"},
		{"text/event-stream, */*;q=0.1", "text/event-stream"},
		{"application/ndjson", "application/ndjson"},
		{"Application/JSONL", "application/jsonl"},
		{"application/problem+json, application/x-ndjson", "application/x-ndjson"},
	}
	for _, test := range tests {
		w := do(handler, "GET", "/down", "", "Accept: "+test.accept)
		require.Equal(t, test.want, w.Header().Get("Content-Type"), test.accept)
	}
}

func TestUnaryMethodsAnswerJSONWhateverIsAccepted(t *testing.T) {
	w := do(newHandler(t, nil, `get: "/x"`), "GET", "/x", "", "Accept: text/event-stream")
	require.Equal(t, 200, w.Code)
	require.Equal(t, "application/json", w.Header().Get("Content-Type"))
}

// A message is sent when it comes, not with the next one.
func TestMessagesAreFlushed(t *testing.T) {
	backend := newStreamBackend(t)
	overHTTP(t, backend.handler(t), func(t *testing.T, server *httptest.Server) {
		for _, accept := range []string{"application/x-ndjson", "application/json", "text/event-stream"} {
			read := make(chan struct{})
			backend.answer(func(s *serverStream) error {
				for range 3 {
					if err := s.send(`tags: "x"`); err != nil {
						return err
					}
					select {
					case <-read:
					case <-time.After(soon):
						return errors.New("the message was not read")
					}
				}
				return nil
			})
			response := begin(t, server, "GET", "/down", nil, "Accept: "+accept)
			got := ""
			for i := range 3 {
				for strings.Count(got, `"tags":["x"]`) <= i {
					buffer := make([]byte, 4096)
					n, err := response.Body.Read(buffer)
					require.NoError(t, err)
					got += string(buffer[:n])
				}
				read <- struct{}{}
			}
			rest, err := io.ReadAll(response.Body)
			require.NoError(t, err)
			require.Equal(t, 3, strings.Count(got+string(rest), `"tags":["x"]`))
		}
	})
}

func TestHeadOfAStreamIsItsHeaders(t *testing.T) {
	backend := newStreamBackend(t)
	ended := make(chan struct{})
	backend.answer(func(s *serverStream) error {
		defer close(ended)
		for {
			if err := s.send(`name: "a"`); err != nil {
				return err
			}
		}
	})
	w := do(backend.handler(t), "HEAD", "/down", "", "Accept: application/x-ndjson")
	require.Equal(t, 200, w.Code)
	require.Equal(t, "application/x-ndjson", w.Header().Get("Content-Type"))
	require.Empty(t, w.Body.String())
	<-ended
}

// A codec's error is the service's fault, and the call is cancelled.
func TestUnreadableMessages(t *testing.T) {
	backend := newStreamBackend(t)
	handler := backend.handler(t)
	const internal = `{"error":{"code":500,"message":"internal error","status":"INTERNAL"}}`
	for messages, want := range map[int]string{
		0: internal,
		1: `[{"nextPageToken":"a"},` + "\n" + internal,
	} {
		cancelled := make(chan struct{})
		backend.answer(func(s *serverStream) error {
			for range messages {
				if err := s.send(`next_page_token: "a"`); err != nil {
					return err
				}
			}
			if err := s.SendMsg([]byte{0xff}); err != nil {
				return err
			}
			<-s.Context().Done()
			close(cancelled)
			return nil
		})
		require.Equal(t, want, do(handler, "GET", "/pages", "").Body.String())
		<-cancelled
	}
}

func TestMetadataOfStreams(t *testing.T) {
	backend := newStreamBackend(t)
	handler := backend.handler(t, WithRequestHeaders("x-in"), WithResponseHeaders("x-head", "x-tail", "x-both"))
	var got []string
	messages := 0
	backend.answer(func(s *serverStream) error {
		md, _ := metadata.FromIncomingContext(s.Context())
		got = md.Get("x-in")
		if err := s.SetHeader(metadata.Pairs("x-head", "h", "x-both", "h")); err != nil {
			return err
		}
		s.SetTrailer(metadata.Pairs("x-tail", "t", "x-both", "t", "x-secret", "s"))
		for range messages {
			if err := s.send(``); err != nil {
				return err
			}
		}
		return nil
	})
	overHTTP(t, handler, func(t *testing.T, server *httptest.Server) {
		messages = 1
		answer := request(t, server, "GET", "/pages", nil, "X-In: 1", "X-Other: 2")
		require.Equal(t, []string{"1"}, got)
		require.Equal(t, []string{"h"}, answer.Header.Values("X-Head"))
		require.Equal(t, []string{"h"}, answer.Header.Values("X-Both"))
		require.Empty(t, answer.Header.Values("X-Tail"))
		require.Equal(t, http.Header{"Grpc-Status": {"0"}, "X-Tail": {"t"}}, answer.Trailer)

		messages = 0 // then all are known with the first byte
		answer = request(t, server, "GET", "/pages", nil)
		require.Equal(t, []string{"t"}, answer.Header.Values("X-Tail"))
		require.Equal(t, http.Header{"Grpc-Status": {"0"}}, answer.Trailer)
	})
	requireFault(t, do(handler, "GET", "/pages", "", "X-In: é"), "", "header X-In has characters other than printable ASCII")
}

// The read and write timeouts of a server are for the requests that are not streams.
func TestStreamsOutliveTheServersTimeouts(t *testing.T) {
	const timeout = 500 * time.Millisecond
	backend := newStreamBackend(t)
	backend.answer(func(s *serverStream) error {
		if _, err := s.receive(); err != nil {
			return err
		}
		time.Sleep(timeout * 3 / 2) // is what is tested
		return s.send(`tags: "x"`)
	})
	overHTTP(t, backend.handler(t), func(t *testing.T, server *httptest.Server) {
		reader, writer := io.Pipe()
		go func() { _, _ = io.WriteString(writer, "{}\n") }()
		for _, response := range []begun{
			begin(t, server, "GET", "/down", nil),
			begin(t, server, "POST", "/up", reader, isNDJSON),
		} {
			body, err := io.ReadAll(response.Body)
			require.NoError(t, err)
			require.Contains(t, string(body), `"tags":["x"]`)
		}
		require.NoError(t, writer.Close())
	}, func(server *http.Server) {
		server.ReadTimeout, server.WriteTimeout, server.IdleTimeout = timeout, timeout, soon
	})
}

func TestStreamTimeout(t *testing.T) {
	backend := newStreamBackend(t)
	handler := backend.handler(t, WithTimeout(time.Nanosecond), WithStreamTimeout(500*time.Millisecond)) // time to send a message
	backend.answer(func(s *serverStream) error {
		if err := s.send(`next_page_token: "a"`); err != nil {
			return err
		}
		<-s.Context().Done()
		return s.Context().Err()
	})
	overHTTP(t, handler, func(t *testing.T, server *httptest.Server) {
		require.Equal(t, `[{"nextPageToken":"a"},`+"\n"+`{"error":{"code":504,"message":"the call took too long","status":"DEADLINE_EXCEEDED"}}`,
			request(t, server, "GET", "/pages", nil).body)
	})
}

// observeEnds returns an observer and what it is told.
func observeEnds() (Option, <-chan Call) {
	ends := make(chan Call, 16)
	return WithObserver(func(_ context.Context, call Call) { ends <- call }), ends
}

func TestAReaderThatLeavesEndsTheHandler(t *testing.T) {
	backend := newStreamBackend(t)
	observer, ends := observeEnds()
	overHTTP(t, backend.handler(t, observer), func(t *testing.T, server *httptest.Server) {
		for name, busy := range map[string]bool{"while messages come": true, "while none come": false} {
			t.Run(name, func(t *testing.T) {
				ended := make(chan error, 1)
				backend.answer(func(s *serverStream) error {
					for busy {
						if err := s.send(`next_page_token: "a"`); err != nil {
							<-s.Context().Done() // which may end a moment later
							ended <- s.Context().Err()
							return err
						}
					}
					if err := s.send(`next_page_token: "a"`); err != nil {
						return err
					}
					<-s.Context().Done()
					ended <- s.Context().Err()
					return nil
				})
				response := begin(t, server, "GET", "/pages", nil, "Accept: application/x-ndjson")
				readLine(t, bufio.NewReader(response.Body))
				require.NoError(t, response.Body.Close())
				require.Equal(t, context.Canceled, receiveSoon(t, ended))
				call := receiveSoon(t, ends)
				require.Equal(t, 499, call.HTTPStatus)
				require.Equal(t, codes.Canceled, call.Code)
				require.Error(t, call.Err)
			})
		}
	})
}

// receiveSoon receives from a channel.
func receiveSoon[T any](t testing.TB, from <-chan T) T {
	t.Helper()
	select {
	case value := <-from:
		return value
	case <-time.After(soon):
		t.Fatal("nothing came")
		panic("not reached")
	}
}

// A reader that takes nothing for the idle time is cut off.
func TestAReaderThatStopsIsCutOff(t *testing.T) {
	backend := newStreamBackend(t)
	observer, ends := observeEnds()
	ended := make(chan error, 1)
	backend.answer(func(s *serverStream) error {
		large := strings.Repeat("x", 64<<10)
		for {
			if err := s.send(`next_page_token: "` + large + `"`); err != nil {
				<-s.Context().Done() // which may end a moment later
				ended <- s.Context().Err()
				return err
			}
		}
	})
	overHTTP(t, backend.handler(t, observer, WithStreamIdle(200*time.Millisecond)), func(t *testing.T, server *httptest.Server) {
		begin(t, server, "GET", "/pages", nil)
		require.Equal(t, context.Canceled, receiveSoon(t, ended))
		call := receiveSoon(t, ends)
		require.Equal(t, 499, call.HTTPStatus)
		require.Error(t, call.Err)
	})
}

func TestObserverOfStreams(t *testing.T) {
	backend := newStreamBackend(t)
	observer, ends := observeEnds()
	handler := backend.handler(t, observer)
	tests := []struct {
		messages   int
		err        error
		httpStatus int
		code       codes.Code
	}{
		{0, nil, 200, codes.OK},
		{2, nil, 200, codes.OK},
		{0, status.Error(codes.NotFound, "none"), 404, codes.NotFound},
		{2, status.Error(codes.NotFound, "none"), 200, codes.NotFound},
	}
	for _, test := range tests {
		backend.answer(func(s *serverStream) error {
			for range test.messages {
				if err := s.send(``); err != nil {
					return err
				}
			}
			return test.err
		})
		do(handler, "GET", "/pages", "")
		call := <-ends
		require.Equal(t, "GET /pages", call.Binding.String())
		require.Equal(t, test.httpStatus, call.HTTPStatus)
		require.Equal(t, test.code, call.Code)
		require.Equal(t, test.err == nil, call.Err == nil)
	}
	require.Empty(t, ends)
}

func TestServerStreamingRequests(t *testing.T) {
	backend := newStreamBackend(t)
	handler := backend.handler(t)
	var got proto.Message
	backend.answer(func(s *serverStream) (err error) {
		got, err = s.receive()
		return err
	})
	thing := backend.message("Thing")
	require.Equal(t, "[]", do(handler, "POST", "/down/a?page_size=3", `{"count":1}`).Body.String())
	requireMessages(t, []proto.Message{got}, thing, `name: "a" page_size: 3 sub { count: 1 }`)

	requireFault(t, do(handler, "POST", "/down/a", `{"count":"x"}`), "sub.count", `invalid value for int32 field count: "x"`)
	requireFault(t, do(handler, "GET", "/down?nope=1", ""), "nope", `unknown query parameter "nope"`)
	require.Equal(t, 415, do(handler, "POST", "/down/a", `{}`, "Content-Type: text/plain").Code)
}

func TestStreamsWithoutRoute(t *testing.T) {
	handler := newStreamBackend(t).handler(t)
	require.Equal(t, []Skipped{{Method: "test.v1.Streams.Chat", Reason: "GET /chat has no body for the messages of the client"}}, handler.Skipped())
	require.Equal(t, 405, do(handler, "GET", "/chat", "").Code)
}

func TestStreamOptionsRefuse(t *testing.T) {
	backend := newStreamBackend(t)
	for _, test := range []struct {
		option Option
		want   string
	}{
		{WithStreamTimeout(-1), "transcode: stream timeout -1ns is negative"},
		{WithStreamIdle(-time.Second), "transcode: stream idle timeout -1s is not positive"},
		{WithHeartbeat(0), "transcode: heartbeat 0s is not positive"},
	} {
		_, err := New(backend.conn, []protoreflect.ServiceDescriptor{backend.service}, test.option)
		require.EqualError(t, err, test.want)
	}
}
