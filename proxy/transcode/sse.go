package transcode

import (
	"net/http"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// sseFraming is Server-Sent Events, as the HTML standard has them: an event for each message, with its JSON as data and
// the message's token, if it has one, as id.
//
//	id: 42
//	data: {"name":"a"}
//
// The end is an event of the type `end`, without which browsers would connect again; an error is one of the type `error`.
type sseFraming struct {
	codec  Codec
	resume *resumption // nil if the method cannot resume
}

func (*sseFraming) contentType([]byte) string { return contentTypeEvents }

func (f *sseFraming) appendMessage(dst, wire []byte) ([]byte, error) {
	event := dst
	if f.resume != nil {
		token, err := f.resume.token(wire)
		if err != nil {
			return dst, err
		}
		if isEventID(token) {
			event = append(event, "id: "...)
			event = append(event, token...)
			event = append(event, '\n')
		}
	}
	event, err := f.codec.AppendResponse(append(event, "data: "...), wire)
	if err != nil {
		return dst, err
	}
	return append(event, "\n\n"...), nil
}

func (*sseFraming) appendEnd(dst []byte) []byte { return append(dst, "event: end\ndata: {}\n\n"...) }

func (*sseFraming) appendError(dst, object []byte) ([]byte, bool) {
	dst = append(dst, "event: error\ndata: "...)
	return append(append(dst, object...), "\n\n"...), true
}

// contentTypeEvents is the media type of Server-Sent Events.
const contentTypeEvents = "text/event-stream"

// heartbeat is a comment, which clients skip.
const heartbeat = ":\n\n"

// lastEventID is the header by which a client names the last event that it has seen.
const lastEventID = "Last-Event-Id"

// resumption is how a stream goes on where another one has broken off: a token, in the responses of a method, that one of
// its requests takes.
type resumption struct {
	request  protoreflect.FieldDescriptor
	response protowire.Number
}

// tokenFields are the names of the fields in requests and responses. The second pair is that of AIP-158.
var tokenFields = [...]struct{ request, response protoreflect.Name }{
	{"resume_token", "resume_token"},
	{"page_token", "next_page_token"},
}

// newResumption returns how the streams of a binding are resumed, nil if they are not: the request and the response have
// the fields of a pair, both a string outside of oneofs, the request's neither in the path nor the binding's body.
func newResumption(b *Binding) *resumption {
	if b.Method.IsStreamingClient() || !b.Method.IsStreamingServer() {
		return nil
	}
	for _, names := range tokenFields {
		request := b.Method.Input().Fields().ByName(names.request)
		response := b.Method.Output().Fields().ByName(names.response)
		if !isTokenField(request) || !isTokenField(response) || request == b.BodyField ||
			slices.ContainsFunc(b.Variables, func(v FieldPath) bool { return v[0] == request }) {
			continue
		}
		return &resumption{request: request, response: response.Number()}
	}
	return nil
}

func isTokenField(field protoreflect.FieldDescriptor) bool {
	if field == nil || field.IsList() || field.Kind() != protoreflect.StringKind {
		return false
	}
	oneof := field.ContainingOneof()
	return oneof == nil || oneof.IsSynthetic()
}

// token returns the token of a response.
func (s *resumption) token(wire []byte) (string, error) {
	var token string
	err := eachBytesField(wire, func(number protowire.Number, value []byte) {
		if number == s.response {
			token = string(value)
		}
	})
	return token, err
}

// apply sets the token of a request that names the last event that its client has seen. It goes before one in the query,
// which a browser repeats when it connects again, and in the body.
func (s *resumption) apply(r *http.Request, params []Param) []Param {
	token := r.Header.Get(lastEventID)
	if token == "" {
		return params
	}
	params = slices.DeleteFunc(params, func(p Param) bool { return p.Field[0] == s.request })
	return append(params, Param{Field: FieldPath{s.request}, Value: token})
}

// isEventID reports whether a token comes back as it is: a header has no control characters and no spaces around it. The
// tokens of AIP-158 are safe in URLs.
func isEventID(token string) bool {
	for i := range len(token) {
		if token[i] <= ' ' || token[i] > '~' {
			return false
		}
	}
	return token != ""
}
