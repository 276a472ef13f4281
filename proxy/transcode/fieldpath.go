package transcode

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// FieldPath leads from a message to one of its fields, through messages that are neither repeated nor maps. It is never
// empty.
type FieldPath []protoreflect.FieldDescriptor

// String returns the proto names, joined by dots.
func (p FieldPath) String() string {
	var b strings.Builder
	for i, field := range p {
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(string(field.Name()))
	}
	return b.String()
}

// Leaf returns the field at the end.
func (p FieldPath) Leaf() protoreflect.FieldDescriptor { return p[len(p)-1] }

// exclude reports whether no message can have both fields set: where their paths part, these go on in two fields of the
// same oneof. The paths start at the same message.
func exclude(a, b FieldPath) bool {
	for len(a) > 0 && len(b) > 0 {
		if a[0] != b[0] {
			oneof := a[0].ContainingOneof()
			return oneof != nil && oneof == b[0].ContainingOneof()
		}
		a, b = a[1:], b[1:]
	}
	return false
}

// maxPathDepth bounds the parts of a query parameter's name. Each makes one nested message; the deepest request of a
// real API has a handful.
const maxPathDepth = 32

// findPath resolves field names from a message. lookup finds one name among a message's fields.
func findPath(message protoreflect.MessageDescriptor, names []string,
	lookup func(protoreflect.FieldDescriptors, string) protoreflect.FieldDescriptor,
) (FieldPath, error) {
	if len(names) > maxPathDepth {
		return nil, fmt.Errorf("more than %d names deep", maxPathDepth)
	}
	path := make(FieldPath, 0, len(names))
	for i, name := range names {
		if i > 0 {
			parent := path[i-1]
			switch {
			case parent.IsMap():
				return nil, fmt.Errorf("field %q is a map", path)
			case parent.IsList():
				return nil, fmt.Errorf("field %q is repeated", path)
			case parent.Message() == nil || isWellKnown(parent.Message()):
				return nil, fmt.Errorf("field %q has no fields", path)
			}
			message = parent.Message()
		}
		field := lookup(message.Fields(), name)
		if field == nil {
			return nil, fmt.Errorf("%s has no field %q", message.FullName(), name)
		}
		path = append(path, field)
	}
	return path, nil
}

func byProtoName(fields protoreflect.FieldDescriptors, name string) protoreflect.FieldDescriptor {
	return fields.ByName(protoreflect.Name(name))
}

// byJSONName finds a field as protojson does: by its JSON name, or else by its proto name.
func byJSONName(fields protoreflect.FieldDescriptors, name string) protoreflect.FieldDescriptor {
	if field := fields.ByJSONName(name); field != nil {
		return field
	}
	return fields.ByTextName(name)
}

// wellKnown lists the messages with a JSON form of their own (https://protobuf.dev/programming-guides/json), and whether
// it can be given as the text of a parameter.
var wellKnown = map[protoreflect.FullName]bool{
	"google.protobuf.Any":         false,
	"google.protobuf.Empty":       false,
	"google.protobuf.BoolValue":   true,
	"google.protobuf.BytesValue":  true,
	"google.protobuf.DoubleValue": true,
	"google.protobuf.Duration":    true,
	"google.protobuf.FieldMask":   true,
	"google.protobuf.FloatValue":  true,
	"google.protobuf.Int32Value":  true,
	"google.protobuf.Int64Value":  true,
	"google.protobuf.ListValue":   true,
	"google.protobuf.StringValue": true,
	"google.protobuf.Struct":      true,
	"google.protobuf.Timestamp":   true,
	"google.protobuf.UInt32Value": true,
	"google.protobuf.UInt64Value": true,
	"google.protobuf.Value":       true,
}

func isWellKnown(message protoreflect.MessageDescriptor) bool {
	_, ok := wellKnown[message.FullName()]
	return ok
}

// isTextual reports whether values of a field, or of its elements, can be written as text.
func isTextual(field protoreflect.FieldDescriptor) bool {
	return !field.IsMap() && (field.Message() == nil || wellKnown[field.Message().FullName()])
}
