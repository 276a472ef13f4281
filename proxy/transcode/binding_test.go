package transcode

import (
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
)

func TestNewRefusesBadBindings(t *testing.T) {
	const m = `transcode: test.v1.Things.M0: `
	tests := []struct{ name, rule, want string }{
		{"template", `get: "/{name"`, m + `GET "/{name": at byte 6: variable "name" is not closed`},
		{"unknown field", `get: "/{nam}"`, m + `GET "/{nam}": test.v1.Thing has no field "nam"`},
		{"JSON name", `get: "/{pageSize}"`, m + `GET "/{pageSize}": test.v1.Thing has no field "pageSize"`},
		{"unknown nested field", `get: "/{sub.nam}"`, m + `GET "/{sub.nam}": test.v1.Sub has no field "nam"`},
		{"field of a scalar", `get: "/{name.x}"`, m + `GET "/{name.x}": field "name" has no fields`},
		{"field of a well-known type", `get: "/{ttl.seconds}"`, m + `GET "/{ttl.seconds}": field "ttl" has no fields`},
		{"field of a list", `get: "/{subs.name}"`, m + `GET "/{subs.name}": field "subs" is repeated`},
		{"field of a map", `get: "/{labels.key}"`, m + `GET "/{labels.key}": field "labels" is a map`},
		{"repeated", `get: "/{tags}"`, m + `GET "/{tags}": field "tags" is repeated, which a path cannot bind`},
		{"map", `get: "/{labels}"`, m + `GET "/{labels}": field "labels" is a map, which a path cannot bind`},
		{"message", `get: "/{sub}"`, m + `GET "/{sub}": field "sub" is a message, which a path cannot bind`},
		{"any", `get: "/{any}"`, m + `GET "/{any}": field "any" is a message, which a path cannot bind`},
		{"bound twice", `get: "/{sub.name}/{sub.name}"`, m + `GET "/{sub.name}/{sub.name}": field "sub.name" is bound twice`},
		{"body field", `post: "/x" body: "nope"`, m + `POST "/x": body: test.v1.Thing has no field "nope"`},
		{"nested body field", `post: "/x" body: "sub.sub"`, m + `POST "/x": body: test.v1.Thing has no field "sub.sub"`},
		{"body in the path", `post: "/{name}" body: "name"`, m + `POST "/{name}": body: field "name" is bound by the path`},
		{"body of a GET", `get: "/x" body: "*"`, m + `GET "/x": body: GET has none (AIP-127)`},
		{"body of a HEAD", `custom { kind: "HEAD" path: "/x" } body: "sub"`, m + `HEAD "/x": body: HEAD has none (AIP-127)`},
		{"response_body", `get: "/x" response_body: "nope"`, m + `GET "/x": response_body: test.v1.Thing has no field "nope"`},
		{"no pattern", `body: "*"`, m + ` "": the annotation has no HTTP method`},
		{"kind", `custom { kind: "GE T" path: "/x" }`, m + `GE T "/x": the kind is no HTTP method (RFC 9110, section 5.6.2)`},
		{"additional", `get: "/x" additional_bindings { get: "y" }`, m + `GET "y": at byte 0: a path template starts with /`},
		{
			"nested additional", `get: "/x" additional_bindings { get: "/y" additional_bindings { get: "/z" } }`,
			m + `GET "/y": additional_bindings must not be nested`,
		},
		{
			"twice in one rule", `get: "/{name}" additional_bindings { get: "/{id}" }`,
			m + `GET "/{id}": the pattern /* is taken by test.v1.Things.M0, "/{name}"`,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := New(newBackend(t).conn, []protoreflect.ServiceDescriptor{thingsService(t, test.rule)})
			require.EqualError(t, err, test.want)
		})
	}
}

func TestNewJoinsErrors(t *testing.T) {
	service := thingsService(t, `get: "/{name=users/*}:v"`, `post: "/x"`, `get: "/users/{id}:v"`, `get: "/{nam}" additional_bindings { get: "z" }`)
	_, err := New(newBackend(t).conn, []protoreflect.ServiceDescriptor{service}, WithTimeout(0), WithMaxBody(-1))
	require.EqualError(t, err, `transcode: timeout 0s is not positive
body limit -1 is not positive
test.v1.Things.M2: GET "/users/{id}:v": the pattern /users/*:v is taken by test.v1.Things.M0, "/{name=users/*}:v"
test.v1.Things.M3: GET "/{nam}": test.v1.Thing has no field "nam"
test.v1.Things.M3: GET "z": at byte 0: a path template starts with /`)
}

func TestNewRefusesANilConnection(t *testing.T) {
	_, err := New(nil, nil)
	require.EqualError(t, err, "transcode: connection is nil")
}

func TestOptionsRefuse(t *testing.T) {
	tests := []struct {
		name string
		opt  Option
		want string
	}{
		{"no name", WithRequestHeaders(""), `transcode: header without a name`},
		{"gRPC's own", WithRequestHeaders("Grpc-Timeout"), `transcode: header "Grpc-Timeout" cannot be forwarded`},
		{"binary", WithRequestHeaders("X-Trace-Bin"), `transcode: header "X-Trace-Bin" cannot be forwarded`},
		{"connection", WithResponseHeaders("Content-Length"), `transcode: header "Content-Length" cannot be forwarded`},
		{"no metadata name", WithResponseHeaders("a b"), `transcode: header "a b" is no name of gRPC metadata`},
		{"types", WithTypes(nil), `transcode: types are nil`},
		{"codec", WithCodec(nil), `transcode: codec is nil`},
		{"observer", WithObserver(nil), `transcode: observer is nil`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := New(newBackend(t).conn, nil, test.opt)
			require.EqualError(t, err, test.want)
		})
	}
}

func TestBindingsAreResolved(t *testing.T) {
	handler := newHandler(t, nil,
		`get: "/{name=users/*}/{sub.name}" response_body: "sub"`,
		``,
		`patch: "/{sub.name=subs/*}" body: "sub" additional_bindings { custom { kind: "MERGE" path: "/x" } body: "*" }`,
		`patch: "/tags" body: "tags"`,
	)
	type summary struct{ binding, variables, body, response, mask string }
	var got []summary
	for _, b := range handler.Bindings() {
		s := summary{binding: b.String()}
		for _, v := range b.Variables {
			s.variables += v.String() + ";"
		}
		if b.BodyAll {
			s.body = "*"
		}
		if b.BodyField != nil {
			s.body = string(b.BodyField.Name())
		}
		if b.ResponseField != nil {
			s.response = string(b.ResponseField.Name())
		}
		if b.Mask != nil {
			s.mask = string(b.Mask.Name())
		}
		got = append(got, s)
	}
	require.Equal(t, []summary{
		{binding: "GET /{name=users/*}/{sub.name}", variables: "name;sub.name;", response: "sub"},
		{binding: "PATCH /{sub.name=subs/*}", variables: "sub.name;", body: "sub", mask: "update_mask"},
		{binding: "MERGE /x", body: "*"},
		{binding: "PATCH /tags", body: "tags"},
	}, got)
}

// TestAnnotationInUnknownFields reads an annotation that the one who parsed the descriptors did not know.
func TestAnnotationInUnknownFields(t *testing.T) {
	file := protodesc.ToFileDescriptorProto(thingsService(t, `get: "/x"`).ParentFile())
	data, err := proto.Marshal(file)
	require.NoError(t, err)
	unknowing := &descriptorpb.FileDescriptorProto{}
	require.NoError(t, proto.UnmarshalOptions{Resolver: &protoregistry.Types{}}.Unmarshal(data, unknowing))
	require.False(t, proto.HasExtension(unknowing.GetService()[0].GetMethod()[0].GetOptions(), annotations.E_Http))
	built, err := protodesc.NewFile(unknowing, protoregistry.GlobalFiles)
	require.NoError(t, err)
	handler, err := New(newBackend(t).conn, []protoreflect.ServiceDescriptor{built.Services().Get(0)})
	require.NoError(t, err)
	require.Len(t, handler.Bindings(), 1)
}
