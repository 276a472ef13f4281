package transcode

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	_ "google.golang.org/genproto/googleapis/api/annotations"
	_ "google.golang.org/protobuf/types/known/anypb"
	_ "google.golang.org/protobuf/types/known/durationpb"
	_ "google.golang.org/protobuf/types/known/fieldmaskpb"
	_ "google.golang.org/protobuf/types/known/structpb"
	_ "google.golang.org/protobuf/types/known/timestamppb"
	_ "google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/codingflow/rating/proxy/grpctest"
)

// things declares a message with a field of every sort, without a service.
const things = `
name: "test/v1/things.proto" package: "test.v1" syntax: "proto3"
dependency: [
  "google/protobuf/any.proto", "google/protobuf/duration.proto", "google/protobuf/field_mask.proto",
  "google/protobuf/struct.proto", "google/protobuf/timestamp.proto", "google/protobuf/wrappers.proto",
  "google/api/annotations.proto", "google/api/field_behavior.proto"
]
enum_type { name: "Color" value { name: "COLOR_UNSPECIFIED" number: 0 } value { name: "RED" number: 1 } }
message_type { name: "Sub"
  field { name: "display_name" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL }
  field { name: "count" number: 2 type: TYPE_INT32 label: LABEL_OPTIONAL }
  field { name: "sub" number: 3 type: TYPE_MESSAGE type_name: ".test.v1.Sub" label: LABEL_OPTIONAL }
  field { name: "output" number: 4 type: TYPE_STRING label: LABEL_OPTIONAL
    options { [google.api.field_behavior]: OUTPUT_ONLY } }
  field { name: "name" number: 5 type: TYPE_STRING label: LABEL_OPTIONAL
    options { [google.api.field_behavior]: IDENTIFIER } }
  field { name: "tags" number: 6 type: TYPE_STRING label: LABEL_REPEATED }
  field { name: "time" number: 7 type: TYPE_MESSAGE type_name: ".google.protobuf.Timestamp" label: LABEL_OPTIONAL }
  field { name: "subs" number: 8 type: TYPE_MESSAGE type_name: ".test.v1.Sub" label: LABEL_REPEATED }
  field { name: "id" number: 9 type: TYPE_STRING label: LABEL_OPTIONAL }
}
message_type { name: "Thing"
  field { name: "name" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL }
  field { name: "sub" number: 2 type: TYPE_MESSAGE type_name: ".test.v1.Sub" label: LABEL_OPTIONAL }
  field { name: "tags" number: 3 type: TYPE_STRING label: LABEL_REPEATED }
  field { name: "color" number: 4 type: TYPE_ENUM type_name: ".test.v1.Color" label: LABEL_OPTIONAL }
  field { name: "colors" number: 5 type: TYPE_ENUM type_name: ".test.v1.Color" label: LABEL_REPEATED }
  field { name: "score" number: 6 type: TYPE_INT32 label: LABEL_OPTIONAL proto3_optional: true oneof_index: 1 }
  field { name: "page_size" number: 7 type: TYPE_INT32 label: LABEL_OPTIONAL }
  field { name: "big" number: 8 type: TYPE_UINT64 label: LABEL_OPTIONAL }
  field { name: "flag" number: 9 type: TYPE_BOOL label: LABEL_OPTIONAL }
  field { name: "ratio" number: 10 type: TYPE_DOUBLE label: LABEL_OPTIONAL }
  field { name: "data" number: 11 type: TYPE_BYTES label: LABEL_OPTIONAL }
  field { name: "create_time" number: 12 type: TYPE_MESSAGE type_name: ".google.protobuf.Timestamp" label: LABEL_OPTIONAL }
  field { name: "ttl" number: 13 type: TYPE_MESSAGE type_name: ".google.protobuf.Duration" label: LABEL_OPTIONAL }
  field { name: "update_mask" number: 14 type: TYPE_MESSAGE type_name: ".google.protobuf.FieldMask" label: LABEL_OPTIONAL }
  field { name: "wrapped" number: 15 type: TYPE_MESSAGE type_name: ".google.protobuf.Int64Value" label: LABEL_OPTIONAL }
  field { name: "wrapped_text" number: 16 type: TYPE_MESSAGE type_name: ".google.protobuf.StringValue" label: LABEL_OPTIONAL }
  field { name: "labels" number: 17 type: TYPE_MESSAGE type_name: ".test.v1.Thing.LabelsEntry" label: LABEL_REPEATED }
  field { name: "subs" number: 18 type: TYPE_MESSAGE type_name: ".test.v1.Sub" label: LABEL_REPEATED }
  field { name: "left" number: 19 type: TYPE_STRING label: LABEL_OPTIONAL oneof_index: 0 }
  field { name: "right" number: 20 type: TYPE_STRING label: LABEL_OPTIONAL oneof_index: 0 }
  field { name: "any" number: 21 type: TYPE_MESSAGE type_name: ".google.protobuf.Any" label: LABEL_OPTIONAL }
  field { name: "object" number: 22 type: TYPE_MESSAGE type_name: ".google.protobuf.Struct" label: LABEL_OPTIONAL }
  field { name: "value" number: 23 type: TYPE_MESSAGE type_name: ".google.protobuf.Value" label: LABEL_OPTIONAL }
  field { name: "times" number: 24 type: TYPE_MESSAGE type_name: ".google.protobuf.Timestamp" label: LABEL_REPEATED }
  field { name: "small" number: 25 type: TYPE_FLOAT label: LABEL_OPTIONAL }
  field { name: "id" number: 26 type: TYPE_STRING label: LABEL_OPTIONAL }
  nested_type { name: "LabelsEntry" options { map_entry: true }
    field { name: "key" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL }
    field { name: "value" number: 2 type: TYPE_MESSAGE type_name: ".test.v1.Sub" label: LABEL_OPTIONAL }
  }
  oneof_decl { name: "side" }
  oneof_decl { name: "_score" }
}
`

// thingsService returns a service `test.v1.Things` with a method M0, M1, … from Thing to Thing for each google.api.http
// rule, written in the text format.
func thingsService(t testing.TB, rules ...string) protoreflect.ServiceDescriptor {
	t.Helper()
	var b strings.Builder
	for i, rule := range rules {
		b.WriteString(`method { name: "M` + string(rune('0'+i)) + `" input_type: ".test.v1.Thing" output_type: ".test.v1.Thing"`)
		if rule != "" {
			b.WriteString(` options { [google.api.http] { ` + rule + ` } }`)
		}
		b.WriteString(" }\n")
	}
	return newService(t, things+`service { name: "Things" `+b.String()+` }`)
}

// newService returns the first service of a FileDescriptorProto in the text format.
func newService(t testing.TB, file string) protoreflect.ServiceDescriptor {
	t.Helper()
	parsed := &descriptorpb.FileDescriptorProto{}
	require.NoError(t, prototext.Unmarshal([]byte(file), parsed))
	built, err := protodesc.NewFile(parsed, protoregistry.GlobalFiles)
	require.NoError(t, err)
	return built.Services().Get(0)
}

// backend is a gRPC server for any service that works on encoded messages and keeps what it was last called with. By
// default it answers with an empty message.
type backend struct {
	conn *grpc.ClientConn

	mu       sync.Mutex
	method   string
	request  []byte
	metadata metadata.MD
	handle   func(ctx context.Context, request []byte) ([]byte, error)
}

func newBackend(t testing.TB) *backend {
	t.Helper()
	b := &backend{}
	b.conn = grpctest.Serve(t, func(grpc.ServiceRegistrar) {},
		grpc.ForceServerCodecV2(rawCodec{}), grpc.UnknownServiceHandler(b.serve))
	return b
}

func (b *backend) serve(_ any, stream grpc.ServerStream) error {
	var request []byte
	if err := stream.RecvMsg(&request); err != nil {
		return err
	}
	method, _ := grpc.MethodFromServerStream(stream)
	md, _ := metadata.FromIncomingContext(stream.Context())
	b.mu.Lock()
	b.method, b.request, b.metadata = method, request, md
	handle := b.handle
	b.mu.Unlock()
	response := []byte{}
	if handle != nil {
		var err error
		if response, err = handle(stream.Context(), request); err != nil {
			return err
		}
	}
	return stream.SendMsg(response)
}

// answer sets what the next calls get.
func (b *backend) answer(handle func(ctx context.Context, request []byte) ([]byte, error)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.handle = handle
}

// answerText sets a message in the text format as the answer.
func (b *backend) answerText(t testing.TB, message protoreflect.MessageDescriptor, text string) {
	t.Helper()
	wire := encode(t, message, text)
	b.answer(func(context.Context, []byte) ([]byte, error) { return wire, nil })
}

// got returns the last request.
func (b *backend) got(t testing.TB, message protoreflect.MessageDescriptor) proto.Message {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	decoded := dynamicpb.NewMessage(message)
	require.NoError(t, proto.Unmarshal(b.request, decoded))
	return decoded
}

func (b *backend) gotMetadata() metadata.MD {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.metadata
}

func encode(t testing.TB, message protoreflect.MessageDescriptor, text string) []byte {
	t.Helper()
	wire, err := proto.Marshal(parseMessage(t, message, text))
	require.NoError(t, err)
	return wire
}

func parseMessage(t testing.TB, message protoreflect.MessageDescriptor, text string) proto.Message {
	t.Helper()
	parsed := dynamicpb.NewMessage(message)
	require.NoError(t, prototext.Unmarshal([]byte(text), parsed))
	return parsed
}

// do serves one request. A body makes it JSON unless the headers, "Name: value" each, say otherwise.
func do(handler http.Handler, method, target, body string, headers ...string) *httptest.ResponseRecorder {
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	r := httptest.NewRequest(method, target, reader)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		r.Header.Del(name)
		if value != "" {
			r.Header.Set(name, value)
		}
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w
}
