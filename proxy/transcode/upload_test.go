package transcode

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

const isNDJSON = "Content-Type: application/x-ndjson"

func TestClientStreaming(t *testing.T) {
	backend := newStreamBackend(t)
	tests := []struct {
		name, method, target, body string
		want                       []string
	}{
		{"no body", "POST", "/up", "", nil},
		{"one line", "POST", "/up", `{"name":"a"}` + "\n", []string{`name: "a"`}},
		{"the last line without its end", "POST", "/up", `{"name":"a"}` + "\n" + `{"name":"b"}`, []string{`name: "a"`, `name: "b"`}},
		{"blank lines and CRLF", "POST", "/up", "\n \r\n" + `{"name":"a"}` + "\r\n\n\t" + `{ "name" : "b" } ` + "\n\n", []string{`name: "a"`, `name: "b"`}},
		{"empty messages", "POST", "/up", "{}\n{}\n", []string{``, ``}},
		{"with path and query", "PATCH", "/up/p?pageSize=3", `{"displayName":"a"}` + "\n" + `{"count":2}` + "\n", []string{
			`name: "p" page_size: 3 sub { display_name: "a" } update_mask { paths: "display_name" }`,
			`name: "p" page_size: 3 sub { count: 2 } update_mask { paths: "count" }`,
		}},
		{"a line longer than the buffer", "POST", "/up", `{"name":"` + strings.Repeat("a", 3*lineBuffer) + `"}` + "\n" + `{"name":"b"}` + "\n", []string{
			`name: "` + strings.Repeat("a", 3*lineBuffer) + `"`, `name: "b"`,
		}},
	}
	overHTTP(t, backend.handler(t), func(t *testing.T, server *httptest.Server) {
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				var got []proto.Message
				backend.answer(func(s *serverStream) (err error) {
					if got, err = s.receiveAll(); err != nil {
						return err
					}
					return s.send(`sub { display_name: "a" }`)
				})
				answer := request(t, server, test.method, test.target, strings.NewReader(test.body), isNDJSON)
				require.Equal(t, 200, answer.StatusCode, answer.body)
				require.Equal(t, "application/json", answer.Header.Get("Content-Type"))
				require.Contains(t, answer.body, subA)
				requireMessages(t, got, backend.message("Thing"), test.want...)
			})
		}
	})
}

func fault(field, description string) string {
	return fmt.Sprintf(`{"error":{"code":400,"message":%q,"status":"INVALID_ARGUMENT","details":[{"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"field":%q,"description":%q}]}]}}`,
		field+": "+description, field, description)
}

func TestMalformedLines(t *testing.T) {
	backend := newStreamBackend(t)
	observer, ends := observeEnds()
	handler := backend.handler(t, observer, WithMaxBody(100))
	large := strings.Repeat("x", 1<<20)
	tests := []struct {
		name, target, body string
		httpStatus         int
		want               string
	}{
		{"a value", "/up", `{"name":"a"}` + "\n\n" + `{"sub":{"count":"x"}}` + "\n", 400,
			fault("sub.count", `line 3: invalid value for int32 field count: "x"`)},
		{"no JSON", "/up", "{}\n{\n", 400,
			`{"error":{"code":400,"message":"line 2: the body is not valid JSON: unexpected end of JSON input","status":"INVALID_ARGUMENT"}}`},
		{"two values", "/up", "{} {}\n", 400,
			`{"error":{"code":400,"message":"line 1: the body is not valid JSON: invalid character '{' after top-level value","status":"INVALID_ARGUMENT"}}`},
		{"an array", "/up", "[{}]\n", 400, ``},
		{"a line beyond the limit", "/up", "{}\n" + `{"name":"` + large + `"}`, 413,
			`{"error":{"code":413,"message":"line 2 is larger than 100 bytes","status":"RESOURCE_EXHAUSTED"}}`},
		{"more behind it", "/up", "{\n" + strings.Repeat("{}\n", 1<<20), 400,
			`{"error":{"code":400,"message":"line 1: the body is not valid JSON: unexpected end of JSON input","status":"INVALID_ARGUMENT"}}`},
		{"the query", "/up?nope=1", "{}\n", 400, ``},
		{"before the first answer", "/chat", "{}\n{\n", 400,
			`{"error":{"code":400,"message":"line 2: the body is not valid JSON: unexpected end of JSON input","status":"INVALID_ARGUMENT"}}`},
	}
	overHTTP(t, handler, func(t *testing.T, server *httptest.Server) {
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				ended := make(chan error, 1)
				backend.answer(func(s *serverStream) error {
					_, err := s.receiveAll()
					ended <- err
					return err
				})
				answer := request(t, server, "POST", test.target, strings.NewReader(test.body), isNDJSON)
				if test.want != "" {
					require.Equal(t, test.want, answer.body)
				}
				require.Equal(t, test.httpStatus, answer.StatusCode)
				call := receiveSoon(t, ends)
				require.Equal(t, test.httpStatus, call.HTTPStatus)
				if test.target == "/up" {
					require.Equal(t, codes.Canceled, status.Code(receiveSoon(t, ended)))
				}
			})
		}
	})
}

func TestContentTypeOfClientStreaming(t *testing.T) {
	backend := newStreamBackend(t)
	backend.answer(func(s *serverStream) error {
		if _, err := s.receiveAll(); err != nil {
			return err
		}
		return s.send(``)
	})
	handler := backend.handler(t)
	for contentType, want := range map[string]int{
		"application/x-ndjson":                200,
		"application/ndjson; charset=utf-8":   200,
		"application/jsonl":                   200,
		"application/json":                    415,
		"application/x-ndjson;charset=latin1": 415,
		"":                                    415,
	} {
		require.Equal(t, want, do(handler, "POST", "/up", "{}", "Content-Type: "+contentType).Code, contentType)
	}
	require.Equal(t, 415, do(handler, "POST", "/up", "{}", isNDJSON, "Content-Encoding: gzip").Code)
	require.Equal(t, 200, do(handler, "POST", "/up", "").Code)
}

// Messages go both ways at the same time.
func TestBidirectional(t *testing.T) {
	backend := newStreamBackend(t)
	backend.answer(func(s *serverStream) error {
		for {
			message, err := s.receive()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			wire, err := proto.Marshal(message)
			if err != nil {
				return err
			}
			if err := s.SendMsg(wire); err != nil {
				return err
			}
		}
	})
	overHTTP(t, backend.handler(t), func(t *testing.T, server *httptest.Server) {
		reader, writer := io.Pipe()
		go func() { _, _ = io.WriteString(writer, `{"name":"0"}`+"\n") }()
		response := begin(t, server, "POST", "/chat", reader, isNDJSON, "Accept: application/x-ndjson")
		require.Equal(t, "application/x-ndjson", response.Header.Get("Content-Type"))
		lines := bufio.NewReader(response.Body)
		require.Contains(t, readLine(t, lines), `"name":"0"`)
		for i := range 100 {
			_, err := fmt.Fprintf(writer, `{"name":"%d"}`+"\n", i)
			require.NoError(t, err)
			require.Contains(t, readLine(t, lines), fmt.Sprintf(`"name":"%d"`, i))
		}
		require.NoError(t, writer.Close())
		_, err := lines.ReadString('\n')
		require.Equal(t, io.EOF, err)
		require.Equal(t, "0", response.Trailer.Get("Grpc-Status"))
	})
}

func TestMalformedLineInMidAnswer(t *testing.T) {
	backend := newStreamBackend(t)
	backend.answer(func(s *serverStream) error {
		for {
			if _, err := s.receive(); err != nil {
				return err
			}
			if err := s.send(`sub { display_name: "a" }`); err != nil {
				return err
			}
		}
	})
	overHTTP(t, backend.handler(t), func(t *testing.T, server *httptest.Server) {
		reader, writer := io.Pipe()
		defer writer.Close()
		go func() { _, _ = io.WriteString(writer, "{}\n") }()
		response := begin(t, server, "POST", "/chat", reader, isNDJSON, "Accept: application/x-ndjson")
		lines := bufio.NewReader(response.Body)
		require.Contains(t, readLine(t, lines), subA)
		_, err := io.WriteString(writer, "{\"page_size\":\"x\"}\n")
		require.NoError(t, err)
		require.Equal(t, fault("page_size", `line 2: invalid value for int32 field pageSize: "x"`)+"\n", readLine(t, lines))
		_, err = lines.ReadString('\n')
		require.Equal(t, io.EOF, err)
		require.Equal(t, "3", response.Trailer.Get("Grpc-Status"))
	})
}

// The answer of a handler that does not wait for the end of the body comes, though the client is still sending.
func TestEarlyAnswers(t *testing.T) {
	backend := newStreamBackend(t)
	overHTTP(t, backend.handler(t), func(t *testing.T, server *httptest.Server) {
		for _, target := range []string{"/up", "/chat"} {
			for _, end := range []error{nil, status.Error(codes.NotFound, "no b")} {
				t.Run(fmt.Sprint(target, " ", end), func(t *testing.T) {
					backend.answer(func(s *serverStream) error {
						if _, err := s.receive(); err != nil {
							return err
						}
						if end != nil {
							return end
						}
						return s.send(`sub { display_name: "a" }`)
					})
					answer := request(t, server, "POST", target, &endlessLines{line: "{}\n"}, isNDJSON)
					require.NoError(t, answer.err)
					if end != nil {
						require.Equal(t, 404, answer.StatusCode)
						require.Equal(t, notFound, answer.body)
						return
					}
					require.Equal(t, 200, answer.StatusCode)
					require.Contains(t, answer.body, subA)
				})
			}
		}
	})
}

// endlessLines is a body without end.
type endlessLines struct{ line string }

func (e *endlessLines) Read(p []byte) (int, error) {
	n := 0
	for n+len(e.line) <= len(p) {
		n += copy(p[n:], e.line)
	}
	return n, nil
}

// A client that stays silent in the middle of its body has the idle time; blank lines are enough to keep it.
func TestASilentClient(t *testing.T) {
	backend := newStreamBackend(t)
	const idle = time.Second // five times the client's pauses, which a busy machine stretches
	handler := backend.handler(t, WithStreamIdle(idle))
	ended := make(chan error, 1)
	backend.answer(func(s *serverStream) error {
		_, err := s.receiveAll()
		ended <- err
		return err
	})
	overHTTP(t, handler, func(t *testing.T, server *httptest.Server) {
		reader, writer := io.Pipe()
		defer writer.Close()
		start := time.Now()
		go func() {
			for range 10 {
				if _, err := io.WriteString(writer, "\n"); err != nil {
					return
				}
				time.Sleep(idle / 5) // is what is tested
			}
		}()
		answer := request(t, server, "POST", "/up", reader, isNDJSON)
		require.Equal(t, `{"error":{"code":408,"message":"the body took too long","status":"DEADLINE_EXCEEDED"}}`, answer.body)
		require.Equal(t, 408, answer.StatusCode)
		require.Greater(t, time.Since(start), 2*idle)
		require.Equal(t, codes.Canceled, status.Code(receiveSoon(t, ended)))
	})
}

func TestAClientThatLeavesInItsBodyEndsTheHandler(t *testing.T) {
	backend := newStreamBackend(t)
	observer, ends := observeEnds()
	ended := make(chan error, 1)
	started := make(chan struct{}, 1)
	backend.answer(func(s *serverStream) error {
		if _, err := s.receive(); err != nil {
			return err
		}
		started <- struct{}{}
		_, err := s.receive()
		ended <- err
		return err
	})
	overHTTP(t, backend.handler(t, observer), func(t *testing.T, server *httptest.Server) {
		for _, target := range []string{"/up", "/chat"} {
			ctx, leave := context.WithCancel(t.Context())
			reader, writer := io.Pipe()
			go func() {
				if _, err := io.WriteString(writer, "{}\n{"); err != nil {
					return
				}
				<-started
				leave()
				writer.CloseWithError(context.Canceled) // net/http's client waits for its body
			}()
			r, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL+target, reader)
			require.NoError(t, err)
			r.Header.Set("Content-Type", "application/x-ndjson")
			_, err = server.Client().Do(r) //nolint:bodyclose // there is none
			require.ErrorIs(t, err, context.Canceled)
			require.Equal(t, codes.Canceled, status.Code(receiveSoon(t, ended)))
			require.Equal(t, 499, receiveSoon(t, ends).HTTPStatus)
		}
	})
}

// Over HTTP/1.1 the connection is kept if the body was read to its end, and closed if it was not.
func TestConnectionAfterAnUpload(t *testing.T) {
	backend := newStreamBackend(t)
	server := httptest.NewServer(backend.handler(t))
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	reader := bufio.NewReader(conn)
	send := func(body string) (httpStatus int, closes bool) {
		_, err := io.WriteString(conn, "POST /up HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"+body)
		require.NoError(t, err)
		response, err := http.ReadResponse(reader, nil)
		require.NoError(t, err)
		_, err = io.Copy(io.Discard, response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		return response.StatusCode, response.Close
	}
	backend.answer(func(s *serverStream) error {
		if _, err := s.receiveAll(); err != nil {
			return err
		}
		return s.send(``)
	})
	for range 3 {
		httpStatus, closes := send("3\r\n{}\n\r\n0\r\n\r\n")
		require.Equal(t, 200, httpStatus)
		require.False(t, closes)
	}
	backend.answer(func(s *serverStream) error { return s.send(``) })
	httpStatus, closes := send("3\r\n{}\n\r\n")
	require.Equal(t, 200, httpStatus)
	require.True(t, closes)
	_, err = reader.ReadByte()
	require.Equal(t, io.EOF, err)
}
