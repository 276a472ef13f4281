package openapi

import (
	"bytes"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/codingflow/rating/proxy/jsonwire"
)

// validator returns a function that validates JSON by the schema of a message in the document of an API. Objects may have
// only the properties that their schemas name: what is written and not described is an error, too.
func validator(t *testing.T, api *API, message protoreflect.FullName) func(text []byte) error {
	t.Helper()
	document := decode(t, api)
	walk(document["components"].(map[string]any)["schemas"], func(object map[string]any) {
		properties, ok := object["properties"].(map[string]any)
		if _, isAny := properties["@type"]; ok && !isAny && object["type"] == "object" {
			object["additionalProperties"] = false
		}
	})
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	compiler.AssertContent()
	require.NoError(t, compiler.AddResource("openapi.json", document))
	compiled, err := compiler.Compile("openapi.json" + schemaPrefix + string(message))
	require.NoError(t, err)
	return func(text []byte) error {
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		require.NoError(t, err, "%s", text)
		return compiled.Validate(value)
	}
}

// messageIn returns a message of the API of things.
func messageIn(t *testing.T, name protoreflect.Name) protoreflect.MessageDescriptor {
	t.Helper()
	for _, b := range thingsBindings(t) {
		if found := b.Method.ParentFile().Messages().ByName(name); found != nil {
			return found
		}
	}
	require.Fail(t, "no message "+string(name))
	return nil
}

func TestWhatIsWrittenIsAsDescribed(t *testing.T) {
	tests := []struct {
		name    string
		message protoreflect.Name
		text    string
	}{
		{"zero scalars", "Scalars", ``},
		{"least scalars", "Scalars", `int32: -2147483648 int64: -9223372036854775808 float: -inf double: -inf maybe: 0`},
		{"greatest scalars", "Scalars", `flag: true int32: 2147483647 uint32: 4294967295 int64: 9223372036854775807
			uint64: 18446744073709551615 float: inf double: 1.7976931348623157e308 text: "\0ü\"" data: "\xff\xfe\xfd\xfc" color: CRIMSON colors: RED colors: RED`},
		{"no numbers", "Scalars", `float: nan double: nan`},
		{"no well-known types", "Known", ``},
		{"empty well-known types", "Known", `any {} time {} ttl {} mask {} nothing {} object {} value { null_value: NULL_VALUE } list {} flag {} big {} ratio {} text {} file {}`},
		{"well-known types", "Known", `
			any { type_url: "type.googleapis.com/google.protobuf.Duration" value: "\x08\x01" }
			time { seconds: 253402300799 nanos: 999999999 } ttl { seconds: -1 nanos: -500000000 } mask { paths: "a_b.c" paths: "d" }
			object { fields { key: "a" value { list_value { values { number_value: 1.5 } values { bool_value: true } } } } }
			value { struct_value { fields { key: "x" value { string_value: "y" } } } } list { values { null_value: NULL_VALUE } }
			flag { value: true } big { value: -1 } ratio { value: nan } text { value: "t" } file { content_type: "text/plain" data: "x" }`},
		{"an Any of an ordinary message", "Known", `any { type_url: "type.googleapis.com/google.api.HttpBody" value: "\x0a\x01x" }`},
		{"maps", "Maps", `labels { key: "a" value: "b" } parts { key: -9223372036854775808 value { part { size: 1 } } } flags { key: true value: 1 } flags { value: 2 }`},
		{"rules", "Rules", `id: "0f8fad5b-d9cb-469f-a165-70867728950e" code: "de" key: "k.x.z" low: 9 high: 2 color: RED tags: "a" tags: "b" agreed: true`},
		{"oneofs", "Choices", `right: "" that: "x"`},
		{"a thing", "Thing", `name: "things/1" display_name: "One" part { part { part { color: RED } } } parts { size: 1 } choices { this: 0 } maps { labels { key: "a" } }`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			descriptor := messageIn(t, test.message)
			message := dynamicpb.NewMessage(descriptor)
			require.NoError(t, prototext.Unmarshal([]byte(test.text), message))
			wire, err := proto.Marshal(message)
			require.NoError(t, err)
			codecs, err := jsonwire.New(jsonwire.WithDefaultValues()) // as transcode has it
			require.NoError(t, err)
			codec, err := codecs.Message(descriptor)
			require.NoError(t, err)
			text, err := codec.AppendJSON(nil, wire)
			require.NoError(t, err)
			validate := validator(t, thingsAPI(t), descriptor.FullName())
			require.NoError(t, validate(text), "%s", text)
		})
	}
}

func TestWhatIsNotAllowedIsDescribed(t *testing.T) {
	tests := []struct {
		name    string
		message protoreflect.FullName
		text    string
	}{
		{"a number for a 64-bit integer", "test.v1.Scalars", `{"int64": 1}`},
		{"an unknown enum value", "test.v1.Scalars", `{"color": "GREEN"}`},
		{"a proto name", "test.v1.Thing", `{"displayName": "x", "create_time": "2026-01-01T00:00:00Z"}`},
		{"no required field", "test.v1.Thing", `{}`},
		{"an empty text", "test.v1.Thing", `{"displayName": ""}`},
		{"a text that is excluded", "test.v1.Thing", `{"displayName": "nothing"}`},
		{"two members of a oneof", "test.v1.Choices", `{"left": "", "right": "", "this": 1}`},
		{"no member of a required oneof", "test.v1.Choices", `{"left": ""}`},
		{"a map key", "test.v1.Maps", `{"parts": {"x": {"size": 1}}}`},
		{"a bad map key", "test.v1.Maps", `{"labels": {"A": ""}}`},
		{"too many characters", "test.v1.Maps", `{"labels": {"a": "0123456789"}}`},
		{"an empty map", "test.v1.Maps", `{"labels": {}}`},
		{"no duration", "test.v1.Known", `{"ttl": "1m"}`},
		{"no time", "test.v1.Known", `{"time": "yesterday"}`},
		{"no e-mail address", "test.v1.Rules", `{"email": "x"}`},
		{"another prefix", "test.v1.Rules", `{"key": "x.z"}`},
		{"another code", "test.v1.Rules", `{"code": "fr"}`},
		{"a number below", "test.v1.Rules", `{"low": -1}`},
		{"a number that is not below", "test.v1.Rules", `{"low": 10}`},
		{"no finite number", "test.v1.Rules", `{"ratio": "NaN"}`},
		{"a bounded number", "test.v1.Rules", `{"open": -0.5}`},
		{"an excluded enum value", "test.v1.Rules", `{"color": "COLOR_UNSPECIFIED"}`},
		{"one twice", "test.v1.Rules", `{"tags": ["a", "a"]}`},
		{"an empty element", "test.v1.Rules", `{"tags": [""]}`},
		{"not agreed", "test.v1.Rules", `{"agreed": false}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			name := test.message
			if _, ok := at(decode(t, thingsAPI(t)), schemaPrefix+string(name)+"-input"); ok {
				name += "-input"
			}
			require.Error(t, validator(t, thingsAPI(t), name)([]byte(test.text)))
		})
	}
}

func TestWhatIsAnsweredHasAllThatIsAlwaysThere(t *testing.T) {
	answered := validator(t, ratingAPI(t), "rating.v1.Service")
	sent := validator(t, ratingAPI(t), "rating.v1.Service-input")
	full := `{"name": "services/1", "displayName": "Café", "description": "", "averageScore": 0, "ratingCount": "0", "etag": "e"}`
	require.NoError(t, answered([]byte(full)), "messages such as createTime may be unset")
	require.NoError(t, sent([]byte(full)))
	require.Error(t, answered([]byte(`{"displayName": "Café"}`)))
	require.NoError(t, sent([]byte(`{"displayName": "Café"}`)))
	require.Error(t, sent([]byte(`{}`)), "display_name is REQUIRED")
}

func TestAPatchRequiresNothing(t *testing.T) {
	validate := validator(t, thingsAPI(t), "test.v1.Thing-patch")
	require.NoError(t, validate([]byte(`{"part": {"color": "RED"}, "choices": {}}`)))
	require.Error(t, validate([]byte(`{"displayName": ""}`)), "what is there is as it must be")
	require.Error(t, validate([]byte(`{"parts": [{}]}`)), "masks do not descend into lists")
}
