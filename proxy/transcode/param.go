package transcode

import (
	"encoding/json"
	"math"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/codingflow/rating/proxy/jsonwire"
)

// paramWriter appends parameters to the wire form of a request message.
type paramWriter struct {
	codecs *jsonwire.Codecs
	// body is what the message has before the parameters.
	body []byte
	// members are the members of oneofs that are set, by the path of the message and the name of the oneof. One that has
	// not been asked for yet is missing.
	members map[string]protoreflect.FieldDescriptor
}

// append appends a parameter to dst.
func (w *paramWriter) append(dst []byte, param Param) ([]byte, error) {
	if err := w.checkOneofs(param.Field); err != nil {
		return nil, err
	}
	var buffer [128]byte // on the stack; few parameters are longer
	leaf, err := w.appendText(buffer[:0], param.Field.Leaf(), param.Value)
	if err != nil {
		return nil, fieldErrorf(param.Field.String(), "%v", err)
	}
	return appendNested(dst, param.Field[:len(param.Field)-1], leaf), nil
}

// appendNested appends content as the content of the innermost of the messages that path leads through.
func appendNested(dst []byte, path FieldPath, content []byte) []byte {
	if len(path) == 0 {
		return append(dst, content...)
	}
	var sizes [maxPathDepth]int // of the messages, from the outermost
	size := len(content)
	for i := len(path) - 1; i >= 0; i-- {
		sizes[i] = size
		size += protowire.SizeTag(path[i].Number())
		if path[i].Kind() == protoreflect.GroupKind {
			size += protowire.SizeTag(path[i].Number())
		} else {
			size += protowire.SizeVarint(uint64(sizes[i]))
		}
	}
	for i, field := range path {
		if field.Kind() == protoreflect.GroupKind {
			dst = protowire.AppendTag(dst, field.Number(), protowire.StartGroupType)
			continue
		}
		dst = protowire.AppendTag(dst, field.Number(), protowire.BytesType)
		dst = protowire.AppendVarint(dst, uint64(sizes[i]))
	}
	dst = append(dst, content...)
	for i := len(path) - 1; i >= 0; i-- {
		if path[i].Kind() == protoreflect.GroupKind {
			dst = protowire.AppendTag(dst, path[i].Number(), protowire.EndGroupType)
		}
	}
	return dst
}

// fieldMaskPaths is the number of google.protobuf.FieldMask.paths, and wrappedValue that of the value in each message of
// wrappers.proto.
const (
	fieldMaskPaths protowire.Number = 1
	wrappedValue   protowire.Number = 1
)

// appendText appends a field with its tag, given the text of a parameter, see [Param].
func (w *paramWriter) appendText(dst []byte, field protoreflect.FieldDescriptor, text string) ([]byte, error) {
	message := field.Message()
	if message == nil {
		return appendScalar(dst, field, text)
	}
	content, err := w.appendTextMessage(nil, message, text)
	if err != nil {
		return nil, err
	}
	if field.Kind() == protoreflect.GroupKind {
		dst = protowire.AppendTag(dst, field.Number(), protowire.StartGroupType)
		return protowire.AppendGroup(dst, field.Number(), content), nil
	}
	dst = protowire.AppendTag(dst, field.Number(), protowire.BytesType)
	return protowire.AppendBytes(dst, content), nil
}

// appendTextMessage appends the content of a well-known type.
func (w *paramWriter) appendTextMessage(dst []byte, message protoreflect.MessageDescriptor, text string) ([]byte, error) {
	name := string(message.FullName())
	switch kind := strings.TrimPrefix(name, "google.protobuf."); {
	case strings.HasSuffix(kind, "Value") && message.Fields().Len() == 1 && !message.Fields().Get(0).IsList():
		return appendScalar(dst, message.Fields().ByNumber(wrappedValue), text)
	case kind == "FieldMask":
		return appendFieldMask(dst, text)
	default:
		data := []byte(text)
		if kind == "Timestamp" || kind == "Duration" {
			data, _ = json.Marshal(text)
		}
		codec, err := w.codecs.Message(message)
		if err != nil {
			return nil, err
		}
		dst, err = codec.AppendWire(dst, data)
		if err != nil {
			return nil, invalidText(text, name)
		}
		return dst, nil
	}
}

// appendScalar appends a scalar field with its tag, zero too, given the text of a parameter.
func appendScalar(dst []byte, field protoreflect.FieldDescriptor, text string) ([]byte, error) {
	value, err := parseScalar(field, text)
	if err != nil {
		return nil, err
	}
	number := field.Number()
	varint := func(n uint64) []byte {
		return protowire.AppendVarint(protowire.AppendTag(dst, number, protowire.VarintType), n)
	}
	fixed32 := func(n uint32) []byte {
		return protowire.AppendFixed32(protowire.AppendTag(dst, number, protowire.Fixed32Type), n)
	}
	fixed64 := func(n uint64) []byte {
		return protowire.AppendFixed64(protowire.AppendTag(dst, number, protowire.Fixed64Type), n)
	}
	switch field.Kind() {
	case protoreflect.BoolKind:
		return varint(protowire.EncodeBool(value.Bool())), nil
	case protoreflect.Int32Kind, protoreflect.Int64Kind:
		return varint(uint64(value.Int())), nil
	case protoreflect.Sint32Kind, protoreflect.Sint64Kind:
		return varint(protowire.EncodeZigZag(value.Int())), nil
	case protoreflect.Uint32Kind, protoreflect.Uint64Kind:
		return varint(value.Uint()), nil
	case protoreflect.EnumKind:
		return varint(uint64(value.Enum())), nil
	case protoreflect.Sfixed32Kind:
		return fixed32(uint32(value.Int())), nil
	case protoreflect.Fixed32Kind:
		return fixed32(uint32(value.Uint())), nil
	case protoreflect.FloatKind:
		return fixed32(math.Float32bits(float32(value.Float()))), nil
	case protoreflect.Sfixed64Kind:
		return fixed64(uint64(value.Int())), nil
	case protoreflect.Fixed64Kind:
		return fixed64(value.Uint()), nil
	case protoreflect.DoubleKind:
		return fixed64(math.Float64bits(value.Float())), nil
	case protoreflect.StringKind:
		return protowire.AppendString(protowire.AppendTag(dst, number, protowire.BytesType), value.String()), nil
	default:
		return protowire.AppendBytes(protowire.AppendTag(dst, number, protowire.BytesType), value.Bytes()), nil
	}
}

// appendFieldMask appends the content of a FieldMask. Its JSON form wants lowerCamelCase; people write URLs by hand and
// use the proto names as well, and `*` is a mask in AIP-134.
func appendFieldMask(dst []byte, text string) ([]byte, error) {
	if text == "" {
		return dst, nil
	}
	for path := range strings.SplitSeq(text, ",") {
		if path != "*" && !protoreflect.FullName(path).IsValid() {
			return nil, invalidText(text, "google.protobuf.FieldMask")
		}
		dst = protowire.AppendTag(dst, fieldMaskPaths, protowire.BytesType)
		dst = protowire.AppendString(dst, snakeCase(path))
	}
	return dst, nil
}

// checkOneofs checks that no field on the way is in a oneof of which another member is set, and notes those that are.
func (w *paramWriter) checkOneofs(path FieldPath) error {
	for i, field := range path {
		oneof := field.ContainingOneof()
		if oneof == nil || oneof.Fields().Len() == 1 {
			continue
		}
		key := path[:i].String() + "." + string(oneof.Name())
		member, asked := w.members[key]
		if !asked {
			member = findMember(w.body, path[:i], oneof)
		}
		if member != nil && member != field {
			return fieldErrorf(path.String(), "oneof %s has %s already", oneof.Name(), member.Name())
		}
		if w.members == nil {
			w.members = map[string]protoreflect.FieldDescriptor{}
		}
		w.members[key] = field
	}
	return nil
}

// findMember returns the member of a oneof that is set in the message that path leads to, nil if none is.
func findMember(wire []byte, path FieldPath, oneof protoreflect.OneofDescriptor) protoreflect.FieldDescriptor {
	var found protoreflect.FieldDescriptor
	for len(wire) > 0 {
		number, typ, n := protowire.ConsumeField(wire)
		if n < 0 {
			return found // it was written here, so it is well formed
		}
		_, _, tag := protowire.ConsumeTag(wire)
		value := wire[tag:n]
		wire = wire[n:]
		switch {
		case len(path) == 0:
			if member := oneof.Fields().ByNumber(number); member != nil {
				found = member
			}
		case number == path[0].Number():
			if typ == protowire.BytesType {
				value, _ = protowire.ConsumeBytes(value)
			}
			if member := findMember(value, path[1:], oneof); member != nil {
				found = member
			}
		}
	}
	return found
}
