package jsonwire

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// scanner reads JSON (RFC 8259). Its methods return false where the text is malformed; why is in the scanner's error.
type scanner struct {
	in  []byte
	pos int
	err *Error
}

// fail notes the first thing that is wrong, and where. It returns false.
func (s *scanner) fail(pos int, description string) bool {
	if s.err == nil {
		s.err = &Error{Offset: pos, Description: description}
	}
	return false
}

// unexpected fails at a token that cannot stand there.
func (s *scanner) unexpected(pos int) bool {
	token := s.token(pos)
	if token == "" {
		return s.fail(pos, "unexpected end of JSON")
	}
	return s.fail(pos, "unexpected token "+token)
}

// maxEcho bounds what an error repeats of the JSON, in bytes: enough to recognise a value.
const maxEcho = 200

// token returns the token at pos as it stands there, for errors.
func (s *scanner) token(pos int) string {
	if pos >= len(s.in) {
		return ""
	}
	end := pos + 1
	switch c := s.in[pos]; {
	case c == '"':
		for end < len(s.in) && s.in[end] != '"' {
			if s.in[end] == '\\' {
				end++
			}
			end++
		}
		end++
	case isLiteral(c):
		for end < len(s.in) && isLiteral(s.in[end]) {
			end++
		}
	case c >= utf8.RuneSelf:
		_, size := utf8.DecodeRune(s.in[pos:])
		end = pos + size
	}
	return shorten(s.in[pos:min(end, len(s.in))])
}

// isLiteral reports whether c may be part of a number or of true, false and null.
func isLiteral(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '-' || c == '+' || c == '.' || c == '_'
}

// shorten cuts a text to maxEcho bytes, at a character's start, and replaces invalid UTF-8.
func shorten(text []byte) string {
	ellipsis := ""
	if len(text) > maxEcho {
		end := maxEcho
		for end > maxEcho-utf8.UTFMax && !utf8.RuneStart(text[end]) {
			end--
		}
		text, ellipsis = text[:end], "…"
	}
	return string(bytes.ToValidUTF8(text, []byte("\uFFFD"))) + ellipsis
}

// space skips white space.
func (s *scanner) space() {
	for s.pos < len(s.in) {
		switch s.in[s.pos] {
		case ' ', '\n', '\r', '\t':
			s.pos++
		default:
			return
		}
	}
}

// peek skips white space and returns the next byte, 0 at the end.
func (s *scanner) peek() byte {
	if s.pos < len(s.in) && s.in[s.pos] > ' ' {
		return s.in[s.pos]
	}
	s.space()
	if s.pos == len(s.in) {
		return 0
	}
	return s.in[s.pos]
}

// open reads the bracket that starts an object or array.
func (s *scanner) open(bracket byte) bool {
	if s.peek() != bracket {
		return s.unexpected(s.pos)
	}
	s.pos++
	return true
}

// more reports whether another member or element follows in an object or array, which first has none before, and reads
// the comma before it or the closing bracket. It returns false also when the JSON is malformed; then s.err is set.
func (s *scanner) more(closing byte, first bool) bool {
	switch c := s.peek(); {
	case c == closing:
		s.pos++
		return false
	case first && c != ',':
		return true // what follows is checked by whoever reads it
	case first || c != ',':
		return s.unexpected(s.pos)
	}
	s.pos++
	if s.peek() == closing {
		return s.unexpected(s.pos)
	}
	return true
}

// colon reads the colon between a name and its value.
func (s *scanner) colon() bool {
	if s.peek() != ':' {
		return s.unexpected(s.pos)
	}
	s.pos++
	return true
}

// literal reads a literal, if it stands here.
func (s *scanner) literal(text string) bool {
	if len(s.in)-s.pos < len(text) || string(s.in[s.pos:s.pos+len(text)]) != text {
		return false
	}
	if end := s.pos + len(text); end < len(s.in) && isLiteral(s.in[end]) {
		return false
	}
	s.pos += len(text)
	return true
}

// rawString reads a string and returns what is between its quotes, and whether that holds escapes. Without escapes it is
// the string and known to be UTF-8; with them [unescape] checks the rest.
func (s *scanner) rawString() (raw []byte, escaped, ok bool) {
	start := s.pos
	if s.peek() != '"' {
		return nil, false, s.unexpected(s.pos)
	}
	begin := s.pos + 1
	i, ascii := plainLen(s.in[begin:])
	end := begin + i
	for {
		if end >= len(s.in) {
			return nil, false, s.fail(len(s.in), "unexpected end of JSON in a string")
		}
		c := s.in[end]
		if c == '"' {
			break
		}
		if c != '\\' {
			return nil, false, s.fail(end, "invalid character "+strconv.QuoteRune(rune(c))+" in string")
		}
		escaped = true
		if end += 2; end > len(s.in) {
			return nil, false, s.fail(len(s.in), "unexpected end of JSON in a string")
		}
		more, plain := plainLen(s.in[end:])
		ascii = ascii && plain
		end += more
	}
	raw = s.in[begin:end]
	s.pos = end + 1
	if !ascii && !utf8.Valid(raw) {
		return nil, false, s.fail(start, "invalid UTF-8 in string")
	}
	return raw, escaped, true
}

// unescape appends the text of a raw string with escapes. It returns false at an escape that JSON does not have, or half
// of a surrogate pair.
func unescape(dst, raw []byte) ([]byte, bool) {
	for {
		n := plainPrefix(raw)
		dst = append(dst, raw[:n]...)
		raw = raw[n:]
		if len(raw) == 0 {
			return dst, true
		}
		// rawString has seen a byte after each backslash.
		c := raw[1]
		raw = raw[2:]
		switch c {
		case '"', '\\', '/':
			dst = append(dst, c)
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			r, ok := hexRune(raw)
			if !ok {
				return dst, false
			}
			raw = raw[4:]
			if utf16.IsSurrogate(r) {
				if len(raw) < 6 || raw[0] != '\\' || raw[1] != 'u' {
					return dst, false
				}
				low, ok := hexRune(raw[2:])
				if r = utf16.DecodeRune(r, low); !ok || r == utf8.RuneError {
					return dst, false
				}
				raw = raw[6:]
			}
			dst = utf8.AppendRune(dst, r)
		default:
			return dst, false
		}
	}
}

// plainPrefix returns the length of raw up to its first backslash.
func plainPrefix(raw []byte) int {
	i := 0
	for ; i+8 <= len(raw); i += 8 {
		w := binary.LittleEndian.Uint64(raw[i:]) ^ eachLow*'\\'
		if found := (w - eachLow) &^ w & eachHigh; found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for ; i < len(raw); i++ {
		if raw[i] == '\\' {
			break
		}
	}
	return i
}

// hexRune reads the four digits of a \u escape.
func hexRune(raw []byte) (rune, bool) {
	if len(raw) < 4 {
		return 0, false
	}
	var r rune
	for _, c := range raw[:4] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// number returns the number at the position, and reads it.
func (s *scanner) number() ([]byte, bool) {
	n, ok := numberLen(s.in[s.pos:])
	if !ok {
		return nil, s.unexpected(s.pos)
	}
	number := s.in[s.pos : s.pos+n]
	s.pos += n
	return number, true
}

// numberLen returns the length of the JSON number that b starts with. What follows must not look like part of it.
func numberLen(b []byte) (int, bool) {
	i := 0
	if i < len(b) && b[i] == '-' {
		i++
	}
	digits := func() bool {
		start := i
		for i < len(b) && '0' <= b[i] && b[i] <= '9' {
			i++
		}
		return i > start
	}
	if i < len(b) && b[i] == '0' {
		i++
	} else if !digits() {
		return 0, false
	}
	if i < len(b) && b[i] == '.' {
		if i++; !digits() {
			return 0, false
		}
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		if i++; i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		if !digits() {
			return 0, false
		}
	}
	return i, i == len(b) || !isLiteral(b[i])
}

// skip reads any value whose objects and arrays are nested at most depth deep.
func (s *scanner) skip(depth int) bool {
	switch c := s.peek(); {
	case c == '{' || c == '[':
		if depth <= 0 {
			return s.fail(s.pos, "exceeded max recursion depth")
		}
		s.pos++
		closing := c + 2 // '{' to '}', '[' to ']'
		for first := true; s.more(closing, first); first = false {
			if c == '{' {
				if _, ok := s.string(nil); !ok || !s.colon() {
					return false
				}
			}
			if !s.skip(depth - 1) {
				return false
			}
		}
		return s.err == nil
	case c == '"':
		_, ok := s.string(nil)
		return ok
	case c == 't' && s.literal("true"), c == 'f' && s.literal("false"), c == 'n' && s.literal("null"):
		return true
	case c == '-' || '0' <= c && c <= '9':
		_, ok := s.number()
		return ok
	}
	return s.unexpected(s.pos)
}

// string reads a string. It is valid until scratch is used again, where a string with escapes is written to.
func (s *scanner) string(scratch []byte) ([]byte, bool) {
	start := s.pos
	raw, escaped, ok := s.rawString()
	if !escaped || !ok {
		return raw, ok
	}
	text, ok := unescape(scratch[:0], raw)
	if !ok {
		return nil, s.fail(start, "invalid escape in string "+s.token(start))
	}
	return text, true
}
