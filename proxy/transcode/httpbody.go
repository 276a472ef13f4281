package transcode

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

const (
	// httpBodyName is the message that stands for a body as it is.
	httpBodyName protoreflect.FullName = "google.api.HttpBody"
	// Its fields (google/api/httpbody.proto). The third one, extensions, is not for HTTP.
	httpBodyContentType protowire.Number = 1
	httpBodyData        protowire.Number = 2

	// octetStream is the content type of an HttpBody that names none, or something that is none.
	octetStream = "application/octet-stream"

	// chunkSize bounds the data of one HttpBody of a request that is streamed, in bytes: half of what one frame of
	// natsgrpc carries, so that neither frames nor windows are filled by a fraction.
	chunkSize = 32 << 10
)

// httpBody says where in a message a google.api.HttpBody is: in a field of it, or at 0 it is the message itself.
type httpBody struct {
	field protowire.Number
}

// requestHTTPBody returns where requests of a binding have an HttpBody for their body, nil if their body is JSON.
func requestHTTPBody(b *Binding) *httpBody {
	if b.BodyAll {
		return newHTTPBody(b.Method.Input(), nil)
	}
	if b.BodyField != nil {
		return newHTTPBody(nil, b.BodyField)
	}
	return nil
}

// responseHTTPBody returns where responses of a binding have an HttpBody for their body, nil if it is JSON.
func responseHTTPBody(b *Binding) *httpBody {
	return newHTTPBody(b.Method.Output(), b.ResponseField)
}

func newHTTPBody(message protoreflect.MessageDescriptor, field protoreflect.FieldDescriptor) *httpBody {
	switch {
	case field == nil && message.FullName() == httpBodyName:
		return &httpBody{}
	case field != nil && isHTTPBody(field):
		return &httpBody{field: field.Number()}
	}
	return nil
}

// isHTTPBody reports whether a field holds one HttpBody.
func isHTTPBody(field protoreflect.FieldDescriptor) bool {
	return !field.IsList() && field.Kind() == protoreflect.MessageKind && field.Message().FullName() == httpBodyName
}

// appendWire appends the wire form of the message that has this body.
func (b *httpBody) appendWire(dst []byte, contentType string, data []byte) []byte {
	if b.field != 0 {
		size := 0
		if contentType != "" {
			size += protowire.SizeTag(httpBodyContentType) + protowire.SizeBytes(len(contentType))
		}
		if len(data) > 0 {
			size += protowire.SizeTag(httpBodyData) + protowire.SizeBytes(len(data))
		}
		dst = protowire.AppendTag(dst, b.field, protowire.BytesType)
		dst = protowire.AppendVarint(dst, uint64(size))
	}
	if contentType != "" {
		dst = protowire.AppendTag(dst, httpBodyContentType, protowire.BytesType)
		dst = protowire.AppendString(dst, contentType)
	}
	if len(data) > 0 {
		dst = protowire.AppendTag(dst, httpBodyData, protowire.BytesType)
		dst = protowire.AppendBytes(dst, data)
	}
	return dst
}

// read returns the body of a message, whose wire form data is a part of. A field that occurs twice is merged.
func (b *httpBody) read(wire []byte) (contentType string, data []byte, err error) {
	visit := func(number protowire.Number, value []byte) {
		if number == httpBodyContentType {
			contentType = string(value)
		}
		if number == httpBodyData {
			data = value
		}
	}
	if b.field == 0 {
		err = eachBytesField(wire, visit)
	} else {
		var inner error
		err = eachBytesField(wire, func(number protowire.Number, value []byte) {
			if number == b.field && inner == nil {
				inner = eachBytesField(value, visit)
			}
		})
		if err == nil {
			err = inner
		}
	}
	if err != nil {
		return "", nil, fmt.Errorf("decode %s: %w", httpBodyName, err)
	}
	return contentTypeOf(contentType), data, nil
}

// contentTypeOf returns what a service has named as the content type if it is one (RFC 9110, section 8.3.1), which also
// keeps line ends out of the header. Without one browsers, which are told not to guess, show nothing.
func contentTypeOf(named string) string {
	if !isPrintable(named) {
		return octetStream
	}
	if mediaType, _, err := mime.ParseMediaType(named); err != nil || !strings.Contains(mediaType, "/") {
		return octetStream
	}
	return named
}

// isPrintable reports whether s has no characters but the printable ones of ASCII and the space.
func isPrintable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// eachBytesField calls visit with the top-level fields of a message that are length-delimited: strings, bytes, messages.
func eachBytesField(wire []byte, visit func(protowire.Number, []byte)) error {
	for len(wire) > 0 {
		number, wireType, n := protowire.ConsumeTag(wire)
		if n < 0 {
			return protowire.ParseError(n)
		}
		wire = wire[n:]
		if wireType != protowire.BytesType {
			if n = protowire.ConsumeFieldValue(number, wireType, wire); n < 0 {
				return protowire.ParseError(n)
			}
			wire = wire[n:]
			continue
		}
		value, n := protowire.ConsumeBytes(wire)
		if n < 0 {
			return protowire.ParseError(n)
		}
		visit(number, value)
		wire = wire[n:]
	}
	return nil
}

// rawContentType returns the content type of a request whose body is taken as it is, empty if it names none.
func rawContentType(r *http.Request) (string, error) {
	values := r.Header.Values("Content-Type")
	switch {
	case len(values) == 0:
		return "", nil
	case len(values) > 1 || !isPrintable(values[0]):
		return "", newHTTPError(http.StatusUnsupportedMediaType, codes.InvalidArgument, "the content type is malformed")
	}
	return values[0], nil
}

// chunkReader cuts the body of a request into the data of HttpBody messages. A chunk is what one read of the body gives,
// chunkSize at most, so it waits for nothing; an empty body is one empty chunk, which tells the rest of the request.
type chunkReader struct {
	body   io.Reader
	buffer []byte
	some   bool // a chunk was read
}

// next returns a chunk, which is valid until the next call, or io.EOF.
func (c *chunkReader) next() ([]byte, error) {
	if c.buffer == nil {
		c.buffer = make([]byte, chunkSize)
	}
	for {
		n, err := c.body.Read(c.buffer)
		if n > 0 || errors.Is(err, io.EOF) && !c.some {
			c.some = true
			return c.buffer[:n], nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// rawFraming is the concatenated data of HttpBody messages. The first one names the content type of all.
type rawFraming struct {
	body *httpBody
}

func (f *rawFraming) contentType(first []byte) string {
	contentType, _, err := f.body.read(first)
	if err != nil {
		return octetStream // and no message of it was appended
	}
	return contentType
}

func (f *rawFraming) appendMessage(dst, wire []byte) ([]byte, error) {
	_, data, err := f.body.read(wire)
	return append(dst, data...), err
}

func (*rawFraming) appendEnd(dst []byte) []byte { return dst }

// appendError reports that there is no place for an error between bytes that may be anything.
func (*rawFraming) appendError(dst, _ []byte) ([]byte, bool) { return dst, false }
