package transcode

// arrayFraming is a JSON array with a line for each message:
//
//	[{"name":"a"},
//	{"name":"b"}]
//
// An error is its last element and has no bracket behind it: who reads elements as they come finds the error there, and
// who parses the whole cannot take it for complete.
type arrayFraming struct {
	codec Codec
	some  bool // the bracket and an element are written
}

func (*arrayFraming) contentType([]byte) string { return contentTypeJSON }

func (f *arrayFraming) appendMessage(dst, wire []byte) ([]byte, error) {
	answer, err := f.codec.AppendResponse(f.separate(dst), wire)
	if err != nil {
		return dst, err
	}
	f.some = true
	return answer, nil
}

// separate appends what goes before an element.
func (f *arrayFraming) separate(dst []byte) []byte {
	if f.some {
		return append(dst, ",\n"...)
	}
	return append(dst, '[')
}

func (f *arrayFraming) appendEnd(dst []byte) []byte {
	if !f.some {
		dst = append(dst, '[')
	}
	return append(dst, ']')
}

func (f *arrayFraming) appendError(dst, object []byte) ([]byte, bool) {
	return append(f.separate(dst), object...), true
}
