package auth

import (
	"fmt"
	"net/http"
	"strings"
)

// MaxToken bounds a token, in bytes: what the issuers' largest need, with a user's groups in them. The header of HTTP that it
// comes in is bounded by the server.
const MaxToken = 16 << 10

// bearerToken returns the token of a request, "" where there is none. Only the Authorization header is looked at: RFC 6750
// also knows a field of the query and of a form, but the first is found in logs and histories, and neither is taken here.
// Another scheme, such as Basic, is no token.
func bearerToken(header http.Header) (string, error) {
	values := header["Authorization"]
	switch len(values) {
	case 0:
		return "", nil
	case 1:
	default:
		return "", malformed("there is more than one Authorization header")
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(scheme, "Bearer") { // RFC 9110, section 11.1
		return "", nil
	}
	token = strings.TrimLeft(token, " ")
	switch {
	case len(token) > MaxToken:
		return "", invalid(fmt.Sprintf("the token is larger than %d bytes", MaxToken))
	case !isToken68(token):
		return "", malformed("the Authorization header is not Bearer with one token")
	}
	return token, nil
}

// isToken68 reports whether s is a b64token of RFC 6750, section 2.1.
func isToken68(s string) bool {
	s = strings.TrimRight(s, "=")
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-._~+/", c) >= 0:
		default:
			return false
		}
	}
	return s != ""
}
