package openapi

import "google.golang.org/protobuf/reflect/protoreflect"

// wellKnown returns the schema of a message that has a JSON form of its own, nil if it has none.
func wellKnown(message protoreflect.MessageDescriptor) *schema {
	if message.ParentFile().Package() != "google.protobuf" {
		return nil
	}
	switch message.Name() {
	case "Timestamp":
		return &schema{Type: "string", Format: "date-time"}
	case "Duration":
		return &schema{Type: "string", Pattern: `^-?[0-9]+(\.[0-9]{1,9})?s$`}
	case "FieldMask":
		return &schema{Type: "string"}
	case "Empty", "Struct":
		return &schema{Type: "object"}
	case "ListValue":
		return &schema{Type: "array", Items: &schema{}}
	case "Value":
		return &schema{}
	case "Any":
		made := &schema{Type: "object"}
		made.Properties.set("@type", &schema{
			Type:        "string",
			Description: "The type of the message whose fields the object has, such as `type.googleapis.com/google.rpc.ErrorInfo`.",
		})
		return made
	case "BoolValue", "BytesValue", "DoubleValue", "FloatValue", "Int32Value", "Int64Value", "StringValue", "UInt32Value", "UInt64Value":
		return nullable(scalar(message.Fields().ByName("value").Kind()))
	default:
		return nil
	}
}

// nullable lets a schema of a scalar take null.
func nullable(s *schema) *schema {
	if s.Type == nil {
		s.AnyOf = append(s.AnyOf, &schema{Type: "null"})
		return s
	}
	s.Type = []any{s.Type, "null"}
	return s
}

// notNull undoes nullable.
func (s *schema) notNull() {
	if types, ok := s.Type.([]any); ok {
		s.Type = types[0]
	}
	if last := len(s.AnyOf) - 1; last >= 0 && s.AnyOf[last].Type == "null" {
		s.AnyOf = s.AnyOf[:last]
	}
}
