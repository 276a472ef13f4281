package openapi

import "google.golang.org/protobuf/reflect/protoreflect"

const (
	signedPattern   = "^-?[0-9]+$"
	unsignedPattern = "^[0-9]+$"
)

// scalar returns the schema of a scalar.
func scalar(kind protoreflect.Kind) *schema {
	switch kind {
	case protoreflect.BoolKind:
		return &schema{Type: "boolean"}
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return &schema{Type: "integer", Format: "int32"}
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return &schema{Type: "integer", Format: "uint32", Minimum: 0}
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return &schema{Type: "string", Format: "int64", Pattern: signedPattern}
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return &schema{Type: "string", Format: "uint64", Pattern: unsignedPattern}
	case protoreflect.FloatKind:
		return number("float")
	case protoreflect.DoubleKind:
		return number("double")
	case protoreflect.BytesKind:
		return &schema{Type: "string", ContentEncoding: "base64"}
	default:
		return &schema{Type: "string"}
	}
}

// number returns the schema of a floating-point number. JSON has none for three of their values.
func number(format string) *schema {
	return &schema{AnyOf: []*schema{
		{Type: "number", Format: format},
		{Type: "string", Enum: []any{"NaN", "Infinity", "-Infinity"}},
	}}
}

// mapKey returns the schema of the names in the object that a map is, nil for any.
func mapKey(key protoreflect.FieldDescriptor) *schema {
	switch key.Kind() {
	case protoreflect.StringKind:
		return nil
	case protoreflect.BoolKind:
		return &schema{Enum: []any{"false", "true"}}
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind, protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return &schema{Pattern: unsignedPattern}
	default:
		return &schema{Pattern: signedPattern}
	}
}
