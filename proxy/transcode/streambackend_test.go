package transcode

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/dynamicpb"

	_ "google.golang.org/genproto/googleapis/api/httpbody"

	"github.com/codingflow/rating/proxy/grpctest"
)

// soon is when something must have happened that takes a moment, on a busy machine too.
const soon = 20 * time.Second

// streams declares methods of each kind of streaming, with and without HttpBody, beside test.v1.Thing.
var streams = strings.Replace(things, `dependency: [`, `dependency: [ "google/api/httpbody.proto",`, 1) + `
message_type { name: "WatchRequest"
  field { name: "resume_token" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL }
  field { name: "name" number: 2 type: TYPE_STRING label: LABEL_OPTIONAL }
}
message_type { name: "WatchResponse"
  field { name: "thing" number: 1 type: TYPE_MESSAGE type_name: ".test.v1.Thing" label: LABEL_OPTIONAL }
  field { name: "resume_token" number: 2 type: TYPE_STRING label: LABEL_OPTIONAL }
  field { name: "count" number: 3 type: TYPE_INT32 label: LABEL_OPTIONAL }
}
message_type { name: "PageRequest"
  field { name: "page_token" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL }
  field { name: "tags" number: 2 type: TYPE_STRING label: LABEL_REPEATED }
}
message_type { name: "PageResponse"
  field { name: "next_page_token" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL }
}
message_type { name: "File"
  field { name: "name" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL }
  field { name: "content" number: 2 type: TYPE_MESSAGE type_name: ".google.api.HttpBody" label: LABEL_OPTIONAL }
  field { name: "size" number: 3 type: TYPE_INT32 label: LABEL_OPTIONAL }
}
service { name: "Streams"
  method { name: "Down" input_type: ".test.v1.Thing" output_type: ".test.v1.Thing" server_streaming: true
    options { [google.api.http] { get: "/down" additional_bindings { post: "/down/{name}" body: "sub" response_body: "sub" } } } }
  method { name: "Up" input_type: ".test.v1.Thing" output_type: ".test.v1.Thing" client_streaming: true
    options { [google.api.http] { post: "/up" body: "*" additional_bindings { patch: "/up/{name}" body: "sub" } } } }
  method { name: "Chat" input_type: ".test.v1.Thing" output_type: ".test.v1.Thing" client_streaming: true server_streaming: true
    options { [google.api.http] { post: "/chat" body: "*" additional_bindings { get: "/chat" } } } }
  method { name: "Watch" input_type: ".test.v1.WatchRequest" output_type: ".test.v1.WatchResponse" server_streaming: true
    options { [google.api.http] { get: "/watch" additional_bindings { post: "/watch" body: "*" response_body: "thing" }
      additional_bindings { get: "/watch/{resume_token}" } } } }
  method { name: "Pages" input_type: ".test.v1.PageRequest" output_type: ".test.v1.PageResponse" server_streaming: true
    options { [google.api.http] { get: "/pages" } } }
  method { name: "Echo" input_type: ".google.api.HttpBody" output_type: ".google.api.HttpBody"
    options { [google.api.http] { post: "/echo" body: "*" } } }
  method { name: "Put" input_type: ".test.v1.File" output_type: ".test.v1.File"
    options { [google.api.http] { put: "/files/{name}" body: "content" response_body: "content"
      additional_bindings { get: "/files/{name}" response_body: "content" }
      additional_bindings { put: "/typed/{content.content_type}" body: "content" }
      additional_bindings { patch: "/json/{name}" body: "*" } } } }
  method { name: "Upload" input_type: ".test.v1.File" output_type: ".test.v1.File" client_streaming: true
    options { [google.api.http] { post: "/upload/{name}" body: "content" } } }
  method { name: "Download" input_type: ".test.v1.File" output_type: ".test.v1.File" server_streaming: true
    options { [google.api.http] { get: "/download/{name}" response_body: "content" } } }
  method { name: "Copy" input_type: ".google.api.HttpBody" output_type: ".google.api.HttpBody" client_streaming: true server_streaming: true
    options { [google.api.http] { post: "/copy" body: "*" } } }
}
`

// streamBackend serves test.v1.Streams by a handler that a test sets.
type streamBackend struct {
	service protoreflect.ServiceDescriptor
	conn    *grpc.ClientConn

	mu     sync.Mutex
	handle func(*serverStream) error
}

func newStreamBackend(t testing.TB) *streamBackend {
	t.Helper()
	b := &streamBackend{service: newService(t, streams)}
	b.conn = grpctest.Serve(t, func(grpc.ServiceRegistrar) {}, grpc.ForceServerCodecV2(rawCodec{}), grpc.UnknownServiceHandler(b.serve))
	return b
}

func (b *streamBackend) serve(_ any, stream grpc.ServerStream) error {
	fullName, _ := grpc.MethodFromServerStream(stream)
	name := fullName[strings.LastIndexByte(fullName, '/')+1:]
	b.mu.Lock()
	handle := b.handle
	b.mu.Unlock()
	return handle(&serverStream{ServerStream: stream, method: b.service.Methods().ByName(protoreflect.Name(name))})
}

// answer sets what the next calls do.
func (b *streamBackend) answer(handle func(*serverStream) error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.handle = handle
}

// message returns the descriptor of a message of test.v1.
func (b *streamBackend) message(name protoreflect.Name) protoreflect.MessageDescriptor {
	return b.service.ParentFile().Messages().ByName(name)
}

func (b *streamBackend) handler(t testing.TB, opts ...Option) *Handler {
	t.Helper()
	handler, err := New(b.conn, []protoreflect.ServiceDescriptor{b.service}, opts...)
	require.NoError(t, err)
	return handler
}

// serverStream is the handler's end of a call of any method.
type serverStream struct {
	grpc.ServerStream
	method protoreflect.MethodDescriptor
}

// send sends messages, given in the text format.
func (s *serverStream) send(texts ...string) error {
	for _, text := range texts {
		message := dynamicpb.NewMessage(s.method.Output())
		if err := prototext.Unmarshal([]byte(text), message); err != nil {
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
	return nil
}

// receive returns the next message, or io.EOF.
func (s *serverStream) receive() (proto.Message, error) {
	var wire []byte
	if err := s.RecvMsg(&wire); err != nil {
		return nil, err
	}
	message := dynamicpb.NewMessage(s.method.Input())
	return message, proto.Unmarshal(wire, message)
}

// receiveAll returns all messages of the client.
func (s *serverStream) receiveAll() ([]proto.Message, error) {
	var all []proto.Message
	for {
		message, err := s.receive()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		all = append(all, message)
	}
}

// requireMessages compares messages with the text format of what they should be.
func requireMessages(t testing.TB, got []proto.Message, descriptor protoreflect.MessageDescriptor, want ...string) {
	t.Helper()
	var parsed []proto.Message
	for _, text := range want {
		parsed = append(parsed, parseMessage(t, descriptor, text))
	}
	require.Empty(t, cmp.Diff(parsed, got, protocmp.Transform()))
}

// overHTTP runs a test over HTTP/1.1 and over HTTP/2.
func overHTTP(t *testing.T, handler http.Handler, test func(t *testing.T, server *httptest.Server), configure ...func(*http.Server)) {
	t.Helper()
	for _, protocol := range []string{"HTTP/1.1", "HTTP/2.0"} {
		t.Run(protocol, func(t *testing.T) {
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Proto != protocol {
					t.Errorf("the request came over %s", r.Proto)
				}
				handler.ServeHTTP(w, r)
			}))
			protocols := new(http.Protocols)
			protocols.SetHTTP1(protocol == "HTTP/1.1")
			protocols.SetUnencryptedHTTP2(protocol == "HTTP/2.0")
			server.Config.Protocols = protocols
			for _, configure := range configure {
				configure(server.Config)
			}
			server.Start()
			defer server.Close()
			server.Client().Transport.(*http.Transport).Protocols = protocols
			test(t, server)
		})
	}
}

// begun is an answer whose body is closed when the test ends.
type begun struct{ *http.Response }

// answered is an answer that was read to its end.
type answered struct {
	begun
	body string
	err  error // of the body
}

// request sends a request with headers, "Name: value" each, and reads the answer.
func request(t testing.TB, server *httptest.Server, method, target string, body io.Reader, headers ...string) answered {
	t.Helper()
	response := begin(t, server, method, target, body, headers...)
	data, err := io.ReadAll(response.Body)
	return answered{begun: response, body: string(data), err: err}
}

// begin sends a request and returns its answer when the headers are here.
func begin(t testing.TB, server *httptest.Server, method, target string, body io.Reader, headers ...string) begun {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, server.URL+target, body)
	require.NoError(t, err)
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		r.Header.Add(name, value)
	}
	response, err := server.Client().Do(r)
	require.NoError(t, err)
	t.Cleanup(func() { response.Body.Close() })
	return begun{response}
}

// readLine reads a line of an answer.
func readLine(t testing.TB, reader *bufio.Reader) string {
	t.Helper()
	line, err := reader.ReadString('\n')
	require.NoError(t, err)
	return line
}
