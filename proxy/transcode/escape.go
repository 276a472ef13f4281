package transcode

import (
	"net/url"
	"strings"
)

// EscapedPath returns the path of a URL as the client has escaped it. url.URL.EscapedPath escapes the unescaped path anew
// where the client has left a character as it is that ought to be escaped (`|`, `^`, é), and so loses each %2F and %3A.
func EscapedPath(u *url.URL) string {
	if path, err := url.PathUnescape(u.RawPath); u.RawPath != "" && err == nil && path == u.Path {
		return u.RawPath
	}
	return u.EscapedPath()
}

// unescapeSegment undoes all percent-encoding, as http.proto asks for a single-segment variable. A malformed sequence,
// which net/http has refused before, stays as it is.
func unescapeSegment(s string) string { return unescape(s, false) }

// unescapeSegments undoes all percent-encoding but %2F, as http.proto asks for a multi-segment variable: there the
// slashes separate segments and an escaped one must not become a separator.
func unescapeSegments(s string) string { return unescape(s, true) }

func unescape(s string, keepSlash bool) string {
	next := strings.IndexByte(s, '%')
	if next < 0 {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for ; next >= 0; next = strings.IndexByte(s, '%') {
		b.WriteString(s[:next])
		s = s[next:]
		n := 1
		c := s[0]
		if isEscape(s) {
			n = 3
			c = unhex(s[1])<<4 | unhex(s[2])
		}
		if c == '/' && keepSlash {
			b.WriteString(s[:n])
		} else {
			b.WriteByte(c)
		}
		s = s[n:]
	}
	b.WriteString(s)
	return b.String()
}

// isEscape reports whether s starts with % and two hexadecimal digits.
func isEscape(s string) bool { return len(s) >= 3 && s[0] == '%' && isHex(s[1]) && isHex(s[2]) }

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func unhex(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c <= 'F':
		return c - 'A' + 10
	default:
		return c - 'a' + 10
	}
}

// isDotSegment reports whether an unescaped segment is one that RFC 3986 (section 5.2.4) removes from paths.
func isDotSegment(s string) bool { return s == "." || s == ".." }
