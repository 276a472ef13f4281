package transcode

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// parseScalar parses the text of a scalar, see [Param].
func parseScalar(field protoreflect.FieldDescriptor, text string) (protoreflect.Value, error) {
	kind := field.Kind()
	switch kind {
	case protoreflect.BoolKind:
		if text == "true" || text == "false" {
			return protoreflect.ValueOfBool(text == "true"), nil
		}
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		if n, err := strconv.ParseInt(text, 10, 32); err == nil {
			return protoreflect.ValueOfInt32(int32(n)), nil
		}
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return protoreflect.ValueOfInt64(n), nil
		}
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		if n, err := strconv.ParseUint(text, 10, 32); err == nil {
			return protoreflect.ValueOfUint32(uint32(n)), nil
		}
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		if n, err := strconv.ParseUint(text, 10, 64); err == nil {
			return protoreflect.ValueOfUint64(n), nil
		}
	case protoreflect.FloatKind:
		if n, ok := parseFloat(text, 32); ok {
			return protoreflect.ValueOfFloat32(float32(n)), nil
		}
	case protoreflect.DoubleKind:
		if n, ok := parseFloat(text, 64); ok {
			return protoreflect.ValueOfFloat64(n), nil
		}
	case protoreflect.StringKind:
		if !utf8.ValidString(text) {
			return protoreflect.Value{}, fmt.Errorf("%q is not valid UTF-8", text)
		}
		return protoreflect.ValueOfString(text), nil
	case protoreflect.BytesKind:
		if data, ok := parseBase64(text); ok {
			return protoreflect.ValueOfBytes(data), nil
		}
		return protoreflect.Value{}, invalidText(text, "base64 value")
	case protoreflect.EnumKind:
		if value := field.Enum().Values().ByName(protoreflect.Name(text)); value != nil {
			return protoreflect.ValueOfEnum(value.Number()), nil
		}
		if n, err := strconv.ParseInt(text, 10, 32); err == nil {
			return protoreflect.ValueOfEnum(protoreflect.EnumNumber(n)), nil
		}
		return protoreflect.Value{}, invalidText(text, string(field.Enum().FullName()))
	case protoreflect.MessageKind, protoreflect.GroupKind: // no scalars
	}
	return protoreflect.Value{}, invalidText(text, kind.String())
}

func invalidText(text, kind string) error { return fmt.Errorf("%q is not a valid %s", text, kind) }

// parseFloat accepts what JSON does; strconv alone would take hexadecimal numbers, underscores and "inf" too.
func parseFloat(text string, bits int) (float64, bool) {
	switch text {
	case "NaN":
		return math.NaN(), true
	case "Infinity":
		return math.Inf(1), true
	case "-Infinity":
		return math.Inf(-1), true
	}
	if text == "" || text[0] != '-' && (text[0] < '0' || text[0] > '9') || !json.Valid([]byte(text)) {
		return 0, false
	}
	n, err := strconv.ParseFloat(text, bits)
	return n, err == nil
}

// parseBase64 decodes base64 of either alphabet, padded or not, as protojson does.
func parseBase64(text string) ([]byte, bool) {
	encoding := base64.StdEncoding
	if strings.ContainsAny(text, "-_") {
		encoding = base64.URLEncoding
	}
	if len(text)%4 != 0 {
		encoding = encoding.WithPadding(base64.NoPadding)
	}
	data, err := encoding.DecodeString(text)
	return data, err == nil
}

// snakeCase turns lowerCamelCase into snake_case, as the JSON form of FieldMask does, and leaves snake_case alone.
func snakeCase(path string) string {
	var b strings.Builder
	for i := range len(path) {
		c := path[i]
		if 'A' <= c && c <= 'Z' {
			b.WriteByte('_')
			c += 'a' - 'A'
		}
		b.WriteByte(c)
	}
	return b.String()
}

// toValidUTF8 replaces each run of invalid UTF-8, which neither JSON nor a string of a protobuf message can hold.
func toValidUTF8(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// protoText returns the text of an error of the protobuf module without its prefix, in which the space varies from build
// to build.
func protoText(err error) string {
	text := strings.TrimPrefix(err.Error(), "proto:")
	return strings.TrimLeft(text, " \u00a0")
}
