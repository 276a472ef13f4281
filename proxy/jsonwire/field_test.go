package jsonwire_test

import (
	"encoding/json"
	"testing"

	"github.com/codingflow/rating/proxy/jsonwire"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// values are JSON that one field or the other takes.
var values = []string{
	"null", "true", "false", "0", "-0", "1", "-1", "1.5", "1e3", "99", "4294967296", `""`, `"a"`, `"1"`, `"NaN"`, `"AA=="`,
	`"1.5s"`, `"2026-01-02T03:04:05Z"`, `"COLOR_RED"`, `"SIZE_LARGE"`, `"CLOSED_ONE"`, `"NULL_VALUE"`, `"\ud800"`, "\"\xff\"",
	"{}", `{"a":null}`, `{"1":1}`, `{"a":1}`, `{"true":"a"}`, `{"a":{}}`, `{"a":"x","a":"y"}`, `{"number":1}`, `{"id":1}`,
	`{"id":1,"optional":{}}`, `{"@type":"a/google.protobuf.Duration","value":"1s"}`, "[]", "[null]", "[1]", `["a"]`,
	"[1,2.5]", "[{}]", "[[]]", "[true]", `[{"a":[null]}]`, "[-1,300]", " [ ] ", "  1\n", "", "1,", "1 2", "{", "[", "]", "}",
	"nul", "1}", "null,", "null null", `{"unknown":1}`, `"a","b":1`, "1e", "[[[[1]]]]", `{"nested":{"nested":{}}}`,
}

// ownMessages are the messages of proto/jsonwiretest that stand by themselves.
func ownMessages(tb testing.TB) []protoreflect.MessageDescriptor {
	tb.Helper()
	seen := map[protoreflect.FullName]bool{}
	var all []protoreflect.MessageDescriptor
	for _, c := range jsonCases {
		if c.message.Parent() == "google.protobuf" || seen[c.message] {
			continue
		}
		seen[c.message] = true
		all = append(all, worlds[1].messageType(tb, c.message).Descriptor())
	}
	return all
}

func fieldCodec(tb testing.TB, s settings, field protoreflect.FieldDescriptor) *jsonwire.FieldCodec {
	tb.Helper()
	codec, err := worlds[1].shared(tb, s).Field(field)
	require.NoError(tb, err)
	return codec
}

// A field's value is read as it is in its message, which is one more level.
func TestFieldAppendWireAgreesWithProtojson(t *testing.T) {
	t.Parallel()
	w := worlds[1]
	for _, s := range []settings{{}, {discardUnknown: true}, {allowPartial: true}, {recursionLimit: 1}, {recursionLimit: 2},
		{recursionLimit: 3}} {
		for _, message := range ownMessages(t) {
			for i := range message.Fields().Len() {
				field := message.Fields().Get(i)
				codec := fieldCodec(t, s, field)
				for _, value := range values {
					want, wantErr := w.oracleFieldWire(t, s, field, value)
					got, err := codec.AppendWire(nil, []byte(value))
					require.Equal(t, verdict(wantErr), verdict(err), "%+v %s %s: protojson: %v, jsonwire: %v", s,
						field.FullName(), value, wantErr, err)
					if err == nil {
						w.requireSame(t, message.FullName(), want, got, []byte(value))
					} else {
						require.ErrorAs(t, err, new(*jsonwire.Error), "%+v %s %s", s, field.FullName(), value)
					}
					if s == (settings{}) {
						requireAppends(t, codec.AppendWire, []byte(value))
					}
				}
			}
		}
	}
}

// oracleFieldWire reads a value as a field of its message. What the rest of the message requires is no matter.
func (w world) oracleFieldWire(tb testing.TB, s settings, field protoreflect.FieldDescriptor, value string) ([]byte, error) {
	tb.Helper()
	if err := wellFormed([]byte(value)); err != nil {
		return nil, err
	}
	name, err := json.Marshal(field.JSONName())
	require.NoError(tb, err)
	around := s
	around.allowPartial = true
	if around.recursionLimit > 0 {
		around.recursionLimit++
	}
	wire, err := w.oracleWire(tb, around, field.ContainingMessage().FullName(), []byte("{"+string(name)+":"+value+"}"))
	if err != nil || s.allowPartial {
		return wire, err
	}
	m, err := w.decode(tb, field.ContainingMessage().FullName(), wire, wireLevels)
	require.NoError(tb, err)
	return wire, initialized(m.ProtoReflect(), field)
}

// initialized checks that the messages in a field have their required fields.
func initialized(m protoreflect.Message, field protoreflect.FieldDescriptor) error {
	var err error
	check := func(value protoreflect.Value) {
		if err == nil {
			err = proto.CheckInitialized(value.Message().Interface())
		}
	}
	switch {
	case !m.Has(field):
	case field.IsMap() && field.MapValue().Message() != nil:
		m.Get(field).Map().Range(func(_ protoreflect.MapKey, value protoreflect.Value) bool {
			check(value)
			return true
		})
	case field.IsMap(), field.Message() == nil:
	case field.IsList():
		for i := range m.Get(field).List().Len() {
			check(m.Get(field).List().Get(i))
		}
	default:
		check(m.Get(field))
	}
	return err
}

// A field's value is written as it is in its message, even if the rest of the message has no JSON.
func TestFieldAppendJSONAgreesWithProtojson(t *testing.T) {
	t.Parallel()
	w := worlds[1]
	for _, s := range []settings{{}, {unpopulated: true}, {enumNumbers: true, protoNames: true, defaultValues: true},
		{allowPartial: true}} {
		for _, c := range wireSamples(t) {
			if c.message.Parent() == "google.protobuf" {
				continue
			}
			m, err := w.decode(t, c.message, c.data, protowire.DefaultRecursionLimit)
			if err != nil {
				continue // a field does not look into the others
			}
			fields := m.ProtoReflect().Descriptor().Fields()
			for i := range fields.Len() {
				field := fields.Get(i)
				codec := fieldCodec(t, s, field)
				want, wantErr := w.oracleFieldJSON(t, s, m.ProtoReflect(), field)
				got, err := codec.AppendJSON(nil, c.data)
				require.Equal(t, verdict(wantErr), verdict(err), "%+v %s %x: protojson: %v, jsonwire: %v", s,
					field.FullName(), c.data, wantErr, err)
				require.Equal(t, want, string(got), "%+v %s %x", s, field.FullName(), c.data)
				if s == (settings{}) && m.ProtoReflect().Has(field) {
					requireAppends(t, codec.AppendJSON, c.data)
				}
			}
		}
	}
}

// oracleFieldJSON writes a field by writing a message that has no other.
func (w world) oracleFieldJSON(tb testing.TB, s settings, m protoreflect.Message, field protoreflect.FieldDescriptor) (string, error) {
	tb.Helper()
	alone := m.New()
	if m.Has(field) {
		alone.Set(field, m.Get(field))
	}
	if !s.allowPartial {
		if err := initialized(alone, field); err != nil {
			return "", err
		}
	}
	options := protojson.MarshalOptions{
		AllowPartial:      true,
		UseProtoNames:     s.protoNames,
		UseEnumNumbers:    s.enumNumbers,
		EmitUnpopulated:   s.unpopulated,
		EmitDefaultValues: s.defaultValues,
		Resolver:          w.types,
	}
	if !m.Has(field) {
		if field.HasPresence() {
			return "null", nil
		}
		options.EmitDefaultValues = true
	}
	text, err := options.Marshal(alone.Interface())
	if err != nil {
		return "", err
	}
	var members map[string]json.RawMessage
	require.NoError(tb, json.Unmarshal(compact(text), &members))
	name := field.JSONName()
	if s.protoNames {
		name = field.TextName()
	}
	return string(members[name]), nil
}

func TestFieldRefusesExtensions(t *testing.T) {
	extension, err := worlds[1].types.FindExtensionByName("jsonwiretest.v1.old_int32")
	require.NoError(t, err)
	codecs, err := jsonwire.New()
	require.NoError(t, err)
	_, err = codecs.Field(extension.TypeDescriptor())
	require.EqualError(t, err, "jsonwire: field jsonwiretest.v1.old_int32 is an extension")
}
