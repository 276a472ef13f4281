package server

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/codingflow/rating/proto/descriptors"
	"github.com/codingflow/rating/proxy/auth"
	"github.com/codingflow/rating/proxy/transcode"
)

// keyHeader names a command, so that it acts once however often it is sent (draft-ietf-httpapi-idempotency-key-header).
const keyHeader = "Idempotency-Key"

// maxKey bounds a key, in bytes.
const maxKey = 255

// keys makes call options of the header Idempotency-Key.
type keys func(principal, key string) grpc.CallOption

// callOptions returns the option for a request of a method. To queries the header means nothing.
func (k keys) callOptions(ctx context.Context, method protoreflect.MethodDescriptor, r *http.Request) ([]grpc.CallOption, error) {
	if descriptors.IsQuery(method) {
		return nil, nil
	}
	key, err := idempotencyKey(r.Header)
	if key == "" || err != nil {
		return nil, err
	}
	if method.IsStreamingClient() || method.IsStreamingServer() {
		return nil, keyError("a stream cannot be sent again")
	}
	return []grpc.CallOption{k(keyScope(ctx, r), key)}, nil
}

// keyScope returns whose the keys of a request are. Callers without a principal share them with those of the same address:
// an address is all that tells them apart.
func keyScope(ctx context.Context, r *http.Request) string {
	if principal, ok := auth.PrincipalFrom(ctx); ok {
		return principal.ID()
	}
	return "address " + clientAddress(r) // no principal's id has a space
}

// idempotencyKey returns the key of a request, "" without one: the value of a structured-field string (RFC 9651), as the
// draft has it, or the bare text that many clients send. A bare text has no spaces, quotation marks and commas.
func idempotencyKey(header http.Header) (string, error) {
	values := header[keyHeader]
	if len(values) == 0 {
		return "", nil
	}
	if len(values) > 1 {
		return "", keyError("there is more than one")
	}
	value := strings.Trim(values[0], " \t")
	key := value
	if strings.HasPrefix(value, `"`) {
		var ok bool
		if key, ok = unquote(value); !ok {
			return "", keyError("it is no string of RFC 9651, section 3.3.3")
		}
	} else if strings.ContainsAny(value, "\", \t") {
		return "", keyError("what is not in quotation marks has no spaces, quotation marks and commas")
	}
	switch {
	case key == "":
		return "", keyError("it is empty")
	case len(key) > maxKey:
		return "", keyError(fmt.Sprintf("it has %d bytes, and %d at most are taken", len(key), maxKey))
	case strings.ContainsFunc(key, func(c rune) bool { return c < ' ' || c > '~' }):
		return "", keyError("it has characters other than printable ASCII")
	}
	return key, nil
}

// unquote reads a string of RFC 9651, section 4.2.5, with nothing behind it.
func unquote(value string) (string, bool) {
	var text strings.Builder
	for i := 1; i < len(value); i++ {
		switch value[i] {
		case '"':
			return text.String(), i == len(value)-1
		case '\\':
			if i++; i == len(value) || value[i] != '"' && value[i] != '\\' {
				return "", false
			}
		}
		text.WriteByte(value[i])
	}
	return "", false
}

func keyError(description string) error {
	return transcode.InvalidArgument("header "+keyHeader+": "+description, "", "").Err()
}
