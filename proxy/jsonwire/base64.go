package jsonwire

import (
	"encoding/base64"
	"slices"
)

// base64Of returns the encoding of a text: either alphabet, padded or not, as protojson takes it.
func base64Of(text []byte, urlAlphabet bool) *base64.Encoding {
	padded := len(text)%4 == 0
	switch {
	case urlAlphabet && padded:
		return base64.URLEncoding
	case urlAlphabet:
		return base64.RawURLEncoding
	case padded:
		return base64.StdEncoding
	default:
		return base64.RawStdEncoding
	}
}

// appendBase64 appends what a text stands for. It returns false if the text is malformed.
func appendBase64(dst []byte, encoding *base64.Encoding, text []byte) ([]byte, bool) {
	start := len(dst)
	dst = slices.Grow(dst, encoding.DecodedLen(len(text)))
	n, err := encoding.Decode(dst[start:cap(dst)], text)
	return dst[:start+n], err == nil
}
