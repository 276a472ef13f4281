package transcode

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

func TestHTTPBodyRequests(t *testing.T) {
	backend := newStreamBackend(t)
	handler := backend.handler(t)
	tests := []struct {
		name, method, target, body, contentType string
		want                                    string
	}{
		{"the whole message", "POST", "/echo", "\x00\xff{", "image/png", `content_type: "image/png" data: "\000\377{"`},
		{"with parameters", "POST", "/echo", "a", "text/plain; charset=latin1", `content_type: "text/plain; charset=latin1" data: "a"`},
		{"without a type", "POST", "/echo", "a", "", `data: "a"`},
		{"a type that is none", "POST", "/echo", "a", "what?", `content_type: "what?" data: "a"`},
		{"JSON", "POST", "/echo", `{"data":""}`, "application/json", `content_type: "application/json" data: "{\"data\":\"\"}"`},
		{"empty", "POST", "/echo", "", "", ``},
		{"a field", "PUT", "/files/f?size=3", "abc", "text/csv", `name: "f" size: 3 content { content_type: "text/csv" data: "abc" }`},
		{"an empty field", "PUT", "/files/f", "", "", `name: "f" content { }`},
		{"a type in the path", "PUT", "/typed/text", "abc", "text/csv", `content { content_type: "text" data: "abc" }`},
		{"none in the body", "GET", "/files/f", "", "", `name: "f"`},
		{"in a JSON body", "PATCH", "/json/f", `{"content":{"contentType":"text/csv","data":"YWJj"}}`, "application/json",
			`name: "f" content { content_type: "text/csv" data: "abc" }`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var got proto.Message
			backend.answer(func(s *serverStream) (err error) {
				if got, err = s.receive(); err != nil {
					return err
				}
				return s.send(``)
			})
			w := do(handler, test.method, test.target, test.body, "Content-Type: "+test.contentType)
			require.Equal(t, 200, w.Code, w.Body)
			requireMessages(t, []proto.Message{got}, got.ProtoReflect().Descriptor(), test.want)
		})
	}

	t.Run("refused", func(t *testing.T) {
		require.Equal(t, 413, do(backend.handler(t, WithMaxBody(2)), "POST", "/echo", "abc").Code)
		require.Equal(t, 415, do(handler, "POST", "/echo", "abc", "Content-Encoding: gzip").Code)
		require.Equal(t, 415, do(handler, "POST", "/echo", "abc", "Content-Type: text/\xff").Code)
		require.Equal(t, 415, do(handler, "POST", "/upload/f", "abc", "Content-Type: text/\xff").Code)
		r := httptest.NewRequest(http.MethodPost, "/echo", strings.NewReader("a"))
		r.Header["Content-Type"] = []string{"text/plain", "text/html"}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		require.Equal(t, 415, w.Code)
	})
}

func TestHTTPBodyResponses(t *testing.T) {
	backend := newStreamBackend(t)
	handler := backend.handler(t)
	tests := []struct {
		name, method, target, message string
		contentType, body             string
	}{
		{"the whole message", "POST", "/echo", `content_type: "image/png" data: "\000\377"`, "image/png", "\x00\xff"},
		{"with parameters", "POST", "/echo", `content_type: "text/html; charset=\"utf-8\"" data: "a"`, `text/html; charset="utf-8"`, "a"},
		{"empty", "POST", "/echo", ``, "application/octet-stream", ""},
		{"without a type", "POST", "/echo", `data: "<html>"`, "application/octet-stream", "<html>"},
		{"a type that is none", "POST", "/echo", `content_type: "html" data: "a"`, "application/octet-stream", "a"},
		{"a second header", "POST", "/echo", `content_type: "text/html\r\nSet-Cookie: a=b" data: "a"`, "application/octet-stream", "a"},
		{"a malformed type", "POST", "/echo", `content_type: "text/html; ;" data: "a"`, "application/octet-stream", "a"},
		{"a type in another alphabet", "POST", "/echo", `content_type: "text/hté" data: "a"`, "application/octet-stream", "a"},
		{"a field", "GET", "/files/f", `name: "f" content { content_type: "text/csv" data: "a,b" }`, "text/csv", "a,b"},
		{"an unset field", "GET", "/files/f", `name: "f"`, "application/octet-stream", ""},
		{"in JSON", "PATCH", "/json/f", `name: "f" content { content_type: "text/csv" data: "a,b" }`, "application/json",
			`{"name":"f","content":{"contentType":"text/csv","data":"YSxi","extensions":[]},"size":0}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			backend.answer(func(s *serverStream) error { return s.send(test.message) })
			w := do(handler, test.method, test.target, "")
			require.Equal(t, 200, w.Code)
			require.Equal(t, test.body, w.Body.String())
			require.Equal(t, test.contentType, w.Header().Get("Content-Type"))
			require.Equal(t, "nosniff", w.Header().Get("X-Content-Type-Options"))
			require.Empty(t, w.Header().Get("Set-Cookie"))
		})
	}
}

// A field that is there twice is merged, as protobuf has it.
func TestHTTPBodyOfUnusualWire(t *testing.T) {
	field := &httpBody{field: 2}
	wire := field.appendWire(nil, "text/a", []byte("a"))
	wire = protowire.AppendTag(wire, 3, protowire.VarintType)
	wire = protowire.AppendVarint(wire, 300)
	wire = field.appendWire(wire, "", []byte("b"))
	contentType, data, err := field.read(wire)
	require.NoError(t, err)
	require.Equal(t, "text/a", contentType)
	require.Equal(t, "b", string(data))

	for _, malformed := range []string{"\xff", "\x12\x05a", "\x12\x01\xff", "\x18"} {
		_, _, err := field.read([]byte(malformed))
		require.ErrorContains(t, err, "decode google.api.HttpBody: ", "%q", malformed)
	}
}

func TestHTTPBodyDownload(t *testing.T) {
	backend := newStreamBackend(t)
	observer, ends := observeEnds()
	overHTTP(t, backend.handler(t, observer), func(t *testing.T, server *httptest.Server) {
		tests := []struct {
			name              string
			messages          []string
			contentType, body string
		}{
			{"no message", nil, "application/octet-stream", ""},
			{"the first message has the type", []string{
				`content { content_type: "text/csv" data: "a," }`, `content { content_type: "text/html" data: "b" }`, `name: "f"`, `content { data: ",c" }`,
			}, "text/csv", "a,b,c"},
		}
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				backend.answer(func(s *serverStream) error { return s.send(test.messages...) })
				got := request(t, server, "GET", "/download/f", nil, "Accept: text/event-stream")
				require.NoError(t, got.err)
				require.Equal(t, test.body, got.body)
				require.Equal(t, test.contentType, got.Header.Get("Content-Type"))
				require.Empty(t, got.Header.Get("Vary"))
				require.Equal(t, "0", got.Trailer.Get("Grpc-Status"))
				require.NoError(t, receiveSoon(t, ends).Err)
			})
		}

		t.Run("an error", func(t *testing.T) {
			backend.answer(func(*serverStream) error { return status.Error(codes.NotFound, "no b") })
			got := request(t, server, "GET", "/download/f", nil)
			require.Equal(t, 404, got.StatusCode)
			require.Equal(t, notFound, got.body)
			require.Equal(t, codes.NotFound, receiveSoon(t, ends).Code)
		})

		// There is no place for an error among the bytes, but the client must see that they are not all.
		t.Run("an error after a message", func(t *testing.T) {
			read := make(chan struct{})
			backend.answer(func(s *serverStream) error {
				if err := s.send(`content { data: "abc" }`); err != nil {
					return err
				}
				<-read
				return status.Error(codes.NotFound, "no b")
			})
			response := begin(t, server, "GET", "/download/f", nil)
			start := make([]byte, 3)
			_, err := io.ReadFull(response.Body, start)
			require.NoError(t, err)
			require.Equal(t, "abc", string(start))
			close(read)
			_, err = io.ReadAll(response.Body)
			require.Error(t, err)
			call := receiveSoon(t, ends)
			require.Equal(t, 200, call.HTTPStatus)
			require.Equal(t, codes.NotFound, call.Code)
		})
	})
}

func TestHTTPBodyUpload(t *testing.T) {
	backend := newStreamBackend(t)
	overHTTP(t, backend.handler(t, WithMaxBody(10)), func(t *testing.T, server *httptest.Server) {
		for _, size := range []int{0, 1, chunkSize, 10*chunkSize + 1} {
			sent := bytes.Repeat([]byte("0123456789"), size/10+1)[:size]
			var chunks []proto.Message
			backend.answer(func(s *serverStream) (err error) {
				if chunks, err = s.receiveAll(); err != nil {
					return err
				}
				return s.send(`name: "f"`)
			})
			got := request(t, server, "POST", "/upload/f?size=1", bytes.NewReader(sent), "Content-Type: image/png")
			require.Equal(t, 200, got.StatusCode, got.body)
			require.NotEmpty(t, chunks)
			var received []byte
			for _, chunk := range chunks {
				fields := chunk.ProtoReflect().Descriptor().Fields()
				content := chunk.ProtoReflect().Get(fields.ByName("content")).Message()
				data := content.Get(content.Descriptor().Fields().ByName("data")).Bytes()
				require.LessOrEqual(t, len(data), chunkSize)
				received = append(received, data...)
				content.Clear(content.Descriptor().Fields().ByName("data"))
				requireMessages(t, []proto.Message{chunk}, backend.message("File"), `name: "f" size: 1 content { content_type: "image/png" }`)
			}
			require.Equal(t, string(sent), string(received))
		}
	})
}

func TestHTTPBodyBothWays(t *testing.T) {
	backend := newStreamBackend(t)
	backend.answer(func(s *serverStream) error {
		for {
			var wire []byte
			if err := s.RecvMsg(&wire); err != nil {
				if errors.Is(err, io.EOF) {
					return nil
				}
				return err
			}
			if err := s.SendMsg(wire); err != nil {
				return err
			}
		}
	})
	overHTTP(t, backend.handler(t), func(t *testing.T, server *httptest.Server) {
		reader, writer := io.Pipe()
		go func() { _, _ = io.WriteString(writer, "first\n") }()
		response := begin(t, server, "POST", "/copy", reader, "Content-Type: text/x-log")
		require.Equal(t, "text/x-log", response.Header.Get("Content-Type"))
		lines := bufio.NewReader(response.Body)
		require.Equal(t, "first\n", readLine(t, lines))
		_, err := io.WriteString(writer, "second\n")
		require.NoError(t, err)
		require.Equal(t, "second\n", readLine(t, lines))
		require.NoError(t, writer.Close())
		rest, err := io.ReadAll(lines)
		require.NoError(t, err)
		require.Empty(t, rest)
	})
}
