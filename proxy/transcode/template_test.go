package transcode

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// describe writes a template with the segments of each variable marked, literals unescaped.
func describe(tmpl *template) string {
	var b strings.Builder
	for i, s := range tmpl.segments {
		b.WriteByte('/')
		for _, v := range tmpl.variables {
			if v.start == i {
				fmt.Fprintf(&b, "{%s=", strings.Join(v.fieldPath, "."))
			}
		}
		switch s.kind {
		case literalSegment:
			b.WriteString(s.literal)
		case starSegment:
			b.WriteByte('*')
		case deepSegment:
			b.WriteString("**")
		}
		for _, v := range tmpl.variables {
			if v.end == i+1 {
				b.WriteByte('}')
			}
		}
	}
	if tmpl.verb != "" {
		b.WriteString(":" + tmpl.verb)
	}
	if b.Len() == 0 {
		return "/"
	}
	return b.String()
}

func TestParseTemplate(t *testing.T) {
	tests := []struct{ text, want, pattern string }{
		{"/", "/", ""},
		{"/users", "/users", "/users"},
		{"/v1/users", "/v1/users", "/v1/users"},
		{"/*", "/*", "/*"},
		{"/**", "/**", "/**"},
		{"/a/*/b/**", "/a/*/b/**", "/a/*/b/**"},
		{"/{id}", "/{id=*}", "/*"},
		{"/{id=*}", "/{id=*}", "/*"},
		{"/{id=**}", "/{id=**}", "/**"},
		{"/{id=fixed}", "/{id=fixed}", "/fixed"},
		{"/{name=users/*}", "/{name=users/*}", "/users/*"},
		{"/{name=users/*/ratings/**}", "/{name=users/*/ratings/**}", "/users/*/ratings/**"},
		{"/{user.name=users/*}", "/{user.name=users/*}", "/users/*"},
		{"/{a.b_c.D1}/{_x}", "/{a.b_c.D1=*}/{_x=*}", "/*/*"},
		{"/ratings:batchCreate", "/ratings:batchCreate", "/ratings:batchCreate"},
		{"/{name=users/*}:undelete", "/{name=users/*}:undelete", "/users/*:undelete"},
		{"/**:do", "/**:do", "/**:do"},
		{"/*:do", "/*:do", "/*:do"},
		{"/a:b/c", "/a:b/c", "/a:b/c"},
		{"/a:b:c", "/a:b:c", "/a:b:c"},
		{"/{n=a:b}", "/{n=a:b}", "/a:b"},
		{"/{n=a:b}:c", "/{n=a:b}:c", "/a:b:c"},
		{"/a%20b/%41", "/a b/A", "/a b/A"},
		{"/a%2Fb:%41", "/a/b:A", "/a/b:A"},
		{"/%2A/%2A%2A", "/*/**", "/%2A/%2A%2A"},
		{"/-._~!$&'()+,;=@", "/-._~!$&'()+,;=@", "/-._~!$&'()+,;=@"},
		{"/...", "/...", "/..."},
	}
	for _, test := range tests {
		t.Run(test.text, func(t *testing.T) {
			tmpl, err := parseTemplate(test.text)
			require.NoError(t, err)
			require.Equal(t, test.want, describe(tmpl))
			require.Equal(t, test.pattern, tmpl.pattern())
		})
	}
}

func TestParseTemplateRefuses(t *testing.T) {
	tests := []struct{ text, want string }{
		{"", `at byte 0: a path template starts with /`},
		{"users", `at byte 0: a path template starts with /`},
		{"{name}", `at byte 0: a path template starts with /`},
		{"//", `at byte 1: expected a segment`},
		{"/users/", `at byte 7: expected a segment`},
		{"/users//x", `at byte 7: expected a segment`},
		{"/users:", `verb: at byte 7: expected a segment`},
		{"/:verb", `at byte 1: expected a segment`},
		{"/users:a*", `verb: at byte 8: * must be a whole segment, or written as %2A`},
		{"/a*", `at byte 2: * must be a whole segment, or written as %2A`},
		{"/*a", `at byte 2: expected / or the end, got 'a'`},
		{"/***", `at byte 3: expected / or the end, got '*'`},
		{"/**/a", `at byte 4: ** must be the last segment`},
		{"/{a=**}/b", `at byte 8: ** must be the last segment`},
		{"/{a=**/b}", `at byte 7: ** must be the last segment`},
		{"/{", `at byte 2: expected a field name`},
		{"/{}", `at byte 2: expected a field name`},
		{"/{=*}", `at byte 2: expected a field name`},
		{"/{a", `at byte 3: variable "a" is not closed`},
		{"/{a.", `at byte 4: expected a field name`},
		{"/{a.}", `at byte 4: expected a field name`},
		{"/{a=", `at byte 4: expected a segment`},
		{"/{a=}", `at byte 4: unexpected }`},
		{"/{a=*", `at byte 5: variable "a" is not closed`},
		{"/{a=/b}", `at byte 4: expected a segment`},
		{"/{1a}", `at byte 2: expected a field name`},
		{"/{a-b}", `at byte 3: variable "a" is not closed`},
		{"/{a={b}}", `at byte 4: a variable must not contain another one`},
		{"/{a=x/{b}}", `at byte 6: a variable must not contain another one`},
		{"/{a}b", `at byte 4: expected / or the end, got 'b'`},
		{"/{a}{b}", `at byte 4: expected / or the end, got '{'`},
		{"/a{b}", `at byte 2: a variable must be a whole segment`},
		{"/a}", `at byte 2: expected / or the end, got '}'`},
		{"/}", `at byte 1: unexpected }`},
		{"/a b", `at byte 2: character ' ' must be percent-encoded`},
		{"/a?b", `at byte 2: character '?' must be percent-encoded`},
		{"/a#b", `at byte 2: character '#' must be percent-encoded`},
		{"/ä", `at byte 1: character 'ä' must be percent-encoded`},
		{"/%", `at byte 1: % must be followed by two hexadecimal digits`},
		{"/%2", `at byte 1: % must be followed by two hexadecimal digits`},
		{"/%zz", `at byte 1: % must be followed by two hexadecimal digits`},
		{"/./a", `at byte 1: . is a dot segment, which no path has`},
		{"/a/%2e%2E", `at byte 3: .. is a dot segment, which no path has`},
	}
	for _, test := range tests {
		t.Run(test.text, func(t *testing.T) {
			_, err := parseTemplate(test.text)
			require.EqualError(t, err, test.want)
		})
	}
}

func FuzzParseTemplate(f *testing.F) {
	for _, seed := range []string{
		"/", "/users", "/{name=users/*}", "/{a.b=**}:verb", "/a:b:c", "/%2A/{x}", "/{", "//", "/{a={b}}", "/**/a", "/a%", ":",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		tmpl, err := parseTemplate(text)
		if err != nil {
			return
		}
		// What was understood, written as a template again, means the same.
		again, err := parseTemplate(rewrite(tmpl))
		require.NoError(t, err)
		require.Equal(t, tmpl, again)
	})
}

// rewrite writes a template so that it parses to the same; every byte of a literal is escaped.
func rewrite(tmpl *template) string {
	escape := func(s string) string {
		var b strings.Builder
		for i := range len(s) {
			fmt.Fprintf(&b, "%%%02X", s[i])
		}
		return b.String()
	}
	escaped := *tmpl
	escaped.verb = escape(tmpl.verb)
	escaped.segments = nil
	for _, s := range tmpl.segments {
		s.literal = escape(s.literal)
		escaped.segments = append(escaped.segments, s)
	}
	return describe(&escaped)
}
