package transcode

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"regexp"
	"strconv"
	"unicode/utf8"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// protoErrorPattern takes apart the texts of protojson's errors. The space after "proto:" varies from build to build.
var protoErrorPattern = regexp.MustCompile(`^proto:[ \x{a0}](?s:(?:syntax error )?\(line (\d+):(\d+)\): )?(.*)$`)

// protoText returns the text of an error of the protobuf module without its prefix and position.
func protoText(err error) string {
	if parts := protoErrorPattern.FindStringSubmatch(err.Error()); parts != nil {
		return parts[3]
	}
	return err.Error()
}

// bodyError turns an error of protojson, which tells a position in data, into one that tells the field. data is valid
// JSON; root is what it stands for, and prefix the path of that.
func bodyError(err error, data []byte, root bodyContext, prefix string) error {
	if errors.Is(err, io.ErrUnexpectedEOF) { // of a string, since data is valid JSON
		return fieldErrorf("", `a string has half of a surrogate pair, such as "\ud800"`)
	}
	field := ""
	if parts := protoErrorPattern.FindStringSubmatch(err.Error()); parts != nil && parts[1] != "" {
		line, _ := strconv.Atoi(parts[1])
		column, _ := strconv.Atoi(parts[2])
		l := locator{decoder: json.NewDecoder(bytes.NewReader(data)), offset: int64(offsetOf(data, line, column))}
		field, _ = l.value(prefix, root)
	}
	return fieldErrorf(field, "%s", protoText(err))
}

// offsetOf returns the byte offset of a line and a column, both counted from 1, the column in characters.
func offsetOf(data []byte, line, column int) int {
	offset := 0
	for ; line > 1; line-- {
		newline := bytes.IndexByte(data[offset:], '\n')
		if newline < 0 {
			break
		}
		offset += newline + 1
	}
	for ; column > 1 && offset < len(data); column-- {
		_, size := utf8.DecodeRune(data[offset:])
		offset += size
	}
	return offset
}

// bodyContext says what a JSON value stands for: a field, one element of a repeated field, or a message.
type bodyContext struct {
	field   protoreflect.FieldDescriptor
	element bool
	message protoreflect.MessageDescriptor
}

func (c bodyContext) isMap() bool { return c.field != nil && c.field.IsMap() }

func (c bodyContext) isList() bool { return c.field != nil && c.field.IsList() && !c.element }

// fields returns the fields that an object has here, nil if its names are no fields'.
func (c bodyContext) fields() protoreflect.FieldDescriptors {
	message := c.message
	if c.field != nil && !c.isMap() && !c.isList() {
		message = c.field.Message()
	}
	if message == nil || isWellKnown(message) {
		return nil
	}
	return message.Fields()
}

// locator finds the field that holds a byte of a JSON text.
type locator struct {
	decoder *json.Decoder
	offset  int64
}

// value reads one value and returns the path of the field in it that holds the byte, and whether there is one.
func (l *locator) value(path string, c bodyContext) (string, bool) {
	token, err := l.decoder.Token()
	if err != nil || l.reached() {
		return path, true
	}
	switch token {
	case json.Delim('{'):
		for l.decoder.More() {
			if found, ok := l.member(path, c); ok {
				return found, true
			}
		}
	case json.Delim('['):
		for i := 0; l.decoder.More(); i++ {
			elementPath, element := path, bodyContext{}
			if c.isList() {
				elementPath = extend(path, "["+strconv.Itoa(i)+"]")
				element = bodyContext{field: c.field, element: true}
			}
			if found, ok := l.value(elementPath, element); ok {
				return found, true
			}
		}
	default:
		return "", false
	}
	_, err = l.decoder.Token() // the closing bracket
	return path, err != nil || l.reached()
}

// member reads a name and its value.
func (l *locator) member(path string, c bodyContext) (string, bool) {
	token, err := l.decoder.Token()
	name, ok := token.(string)
	if err != nil || !ok {
		return path, true
	}
	var value bodyContext
	if c.isMap() {
		path = extend(path, "["+strconv.Quote(name)+"]")
		value.field = c.field.MapValue()
	} else if fields := c.fields(); fields != nil {
		if value.field = byJSONName(fields, name); value.field != nil {
			name = string(value.field.Name())
		}
		if path != "" {
			name = "." + name
		}
		path = extend(path, name)
	}
	if l.reached() {
		return path, true
	}
	return l.value(path, value)
}

// reached reports whether the token that was read last holds the byte.
func (l *locator) reached() bool { return l.decoder.InputOffset() > l.offset }

// extend appends a part to a path that is short enough to be shown: without the limit each of a million elements deep
// down in a hostile body would cost a copy of a long path.
func extend(path, part string) string {
	if len(path) > maxEcho {
		return path
	}
	return path + part
}
