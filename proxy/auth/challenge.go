package auth

import "strings"

// realm names what the tokens are for. There is one API.
const realm = "api"

// challenge is a WWW-Authenticate of RFC 6750, section 3, with the parameter that RFC 9728, section 5.1 adds.
type challenge struct {
	code, description string // of the error; "" where there was no token
	scopes            []string
	metadata          string // URL of the protected resource's metadata
}

func (c *challenge) String() string {
	var b strings.Builder
	b.WriteString("Bearer realm=" + quoted(realm))
	for _, p := range []struct{ name, value string }{
		{"error", c.code},
		{"error_description", c.description},
		{"scope", strings.Join(c.scopes, " ")},
		{"resource_metadata", c.metadata},
	} {
		if p.value != "" {
			b.WriteString(", " + p.name + "=" + quoted(p.value))
		}
	}
	return b.String()
}

// quoted returns a quoted-string of RFC 9110. What a header cannot hold is left out: scopes come from descriptors, whose
// authors may err.
func quoted(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case ' ' <= c && c <= '~':
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}
