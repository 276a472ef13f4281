package transcode

import (
	"fmt"
	"unicode/utf8"
)

// Codec translates the requests and responses of one binding between HTTP and the protobuf wire format. It is used by
// any number of goroutines at the same time.
type Codec interface {
	// AppendRequest appends the wire form of the request message to dst. An error that is a [*FieldError] is the
	// client's fault; any other is not.
	AppendRequest(dst []byte, in Input) ([]byte, error)
	// AppendResponse appends the JSON of a response message, given in its wire form, to dst: compact, and the same for
	// the same message. An error is never the client's fault.
	AppendResponse(dst, wire []byte) ([]byte, error)
}

// NewCodec makes the codec of a binding.
type NewCodec func(*Binding) (Codec, error)

// Input is what an HTTP request says about the request message.
type Input struct {
	// Body is the JSON of the message or of the binding's body field; empty if the request has no body, and always for a
	// binding without one.
	Body []byte
	// Params are the parameters of the query in their order, then those of the path. Each field is a textual one; one
	// that is not repeated occurs once at most. A path parameter replaces what the body says.
	Params []Param
}

// Param is a value that the path or the query gives to a field. For a repeated field it is one element.
//
// The texts are: true and false; decimal integers; JSON numbers, NaN, Infinity and -Infinity; UTF-8 strings; bytes in
// base64 or base64url, padded or not; enum values by name or number. Of messages, wrappers have the text of the wrapped
// value, Timestamp and Duration that of their JSON strings; a FieldMask is a comma-separated list of paths by proto or
// JSON names, or `*`; Struct, Value and ListValue are JSON.
type Param struct {
	Field FieldPath
	Value string
}

// FieldError says what is wrong with a request. A Codec returns it for malformed input.
type FieldError struct {
	// Field is the path of the field from the request message by proto names, with list indexes and quoted map keys in
	// brackets. It is empty where no single field is at fault.
	Field string
	// Description is a phrase for the client.
	Description string
}

// Error returns the description, after the field if there is one.
func (e *FieldError) Error() string {
	if e.Field == "" {
		return e.Description
	}
	return e.Field + ": " + e.Description
}

func fieldErrorf(field, format string, args ...any) *FieldError {
	return &FieldError{Field: shorten(field), Description: shorten(fmt.Sprintf(format, args...))}
}

// maxEcho bounds what an error repeats of a request, in bytes. It is enough to recognise a value.
const maxEcho = 200

// shorten cuts a text that may hold what a client has sent to maxEcho bytes, at a character's start, and replaces
// invalid UTF-8.
func shorten(s string) string {
	if len(s) > maxEcho {
		end := maxEcho
		for end > maxEcho-utf8.UTFMax && !utf8.RuneStart(s[end]) {
			end--
		}
		s = s[:end] + "…"
	}
	return toValidUTF8(s)
}
