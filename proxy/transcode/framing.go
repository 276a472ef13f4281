package transcode

import (
	"net/http"
	"slices"
)

// framing turns the messages of a stream into a body. It is for one stream.
type framing interface {
	// contentType returns the content type of the body; first is the wire form of its first message, nil without one.
	contentType(first []byte) string
	// appendMessage appends a message, given in its wire form, to dst. After an error dst is as before.
	appendMessage(dst, wire []byte) ([]byte, error)
	// appendEnd appends what follows the last message.
	appendEnd(dst []byte) []byte
	// appendError appends the JSON of an error behind the messages that there were. It reports false if the format has
	// no place for it.
	appendError(dst, object []byte) ([]byte, bool)
}

// streamTypes are the media types of streams, the preferred ones first.
var streamTypes = slices.Concat(jsonTypes, ndjsonTypes, []string{contentTypeEvents})

// newFraming returns the format of the answer to a request, by its Accept header. Where the client accepts none, an array
// is worth more than nothing.
func (r *route) newFraming(request *http.Request) framing {
	if r.answerBody != nil {
		return &rawFraming{body: r.answerBody}
	}
	switch mediaType := negotiate(request.Header["Accept"], streamTypes...); mediaType {
	case contentTypeJSON, "":
		return &arrayFraming{codec: r.codec}
	case contentTypeEvents:
		return &sseFraming{codec: r.codec, resume: r.resume}
	default:
		return &ndjsonFraming{codec: r.codec, mediaType: mediaType}
	}
}
