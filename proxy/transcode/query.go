package transcode

import (
	"net/url"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// appendQuery appends the parameters of a raw query to params, in their order. The error is a *FieldError for the first
// parameter that is unknown, taken by the path or the body, given twice, or not a value.
func (b *Binding) appendQuery(params []Param, raw string) ([]Param, error) {
	var seen map[string]bool
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		name, value, err := splitParam(part)
		if err != nil {
			return nil, err
		}
		field, err := b.queryField(name)
		if err != nil {
			return nil, err
		}
		if !field.Leaf().IsList() {
			path := field.String()
			if seen[path] {
				return nil, fieldErrorf(path, "query parameter %q is given twice", name)
			}
			if seen == nil {
				seen = map[string]bool{}
			}
			seen[path] = true
		}
		params = append(params, Param{Field: field, Value: value})
	}
	return params, nil
}

func splitParam(part string) (name, value string, err error) {
	rawName, rawValue, _ := strings.Cut(part, "=")
	if name, err = url.QueryUnescape(rawName); err != nil {
		return "", "", fieldErrorf(rawName, "the query is malformed: %v", err)
	}
	if value, err = url.QueryUnescape(rawValue); err != nil {
		return "", "", fieldErrorf(name, "the query is malformed: %v", err)
	}
	return name, value, nil
}

// queryField returns the field that a query parameter sets.
func (b *Binding) queryField(name string) (FieldPath, error) {
	if b.BodyAll {
		return nil, fieldErrorf(name, "query parameter %q is refused: all fields are in the body or the path", name)
	}
	// Cut before the split: the name is as long as the client likes.
	if strings.Count(name, ".") >= maxPathDepth {
		return nil, fieldErrorf(name, "unknown query parameter %q", shorten(name))
	}
	field, err := findPath(b.Method.Input(), strings.Split(name, "."), byJSONName)
	if err != nil {
		return nil, fieldErrorf(name, "unknown query parameter %q", shorten(name))
	}
	path := field.String()
	if field[0] == b.BodyField {
		return nil, fieldErrorf(path, "query parameter %q is refused: the field is in the body", name)
	}
	for _, v := range b.Variables {
		if v.String() == path {
			return nil, fieldErrorf(path, "query parameter %q is refused: the field is in the path", name)
		}
	}
	if !isTextual(field.Leaf()) {
		return nil, fieldErrorf(path, "query parameter %q is refused: %s", name, notTextual(field.Leaf()))
	}
	return field, nil
}

// notTextual says why a field, for which isTextual is false, is no parameter.
func notTextual(field protoreflect.FieldDescriptor) string {
	switch {
	case field.IsMap():
		return "the field is a map"
	case field.IsList():
		return "the field is a list of messages"
	case isWellKnown(field.Message()):
		return "the field is a " + string(field.Message().FullName())
	default:
		return "the field is a message, give its fields as " + field.TextName() + ".…"
	}
}
