package transcode

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// template is a parsed path template of google.api.http. The grammar, after google/api/http.proto:
//
//	Template  = "/" [ Segments [ Verb ] ] ;
//	Segments  = Segment { "/" Segment } ;
//	Segment   = "*" | "**" | LITERAL | Variable ;
//	Variable  = "{" FieldPath [ "=" Segments ] "}" ;
//	FieldPath = IDENT { "." IDENT } ;
//	Verb      = ":" LITERAL ;
//	IDENT     = ( ALPHA | "_" ) { ALPHA | DIGIT | "_" } ;
//	LITERAL   = pchar without "*", { pchar without "*" } ;
//
// pchar is RFC 3986's, percent-encoding included. http.proto leaves LITERAL open; as in grpc-gateway a colon is part of
// it, but the last colon of the last segment starts the verb. The verb itself has no colon. A literal is neither `.` nor
// `..`. `**` is the last segment. A variable's segments hold no other variable. The bare "/", which http.proto's grammar
// does not have, is the root.
type template struct {
	// segments of the whole path, those of the variables included; literals are unescaped.
	segments []segment
	// verb is unescaped, empty without one.
	verb      string
	variables []templateVariable
}

// segment is one segment of a template.
type segment struct {
	kind    segmentKind
	literal string
}

type segmentKind int

const (
	literalSegment segmentKind = iota // matches its own text
	starSegment                       // `*`: one segment that is not empty
	deepSegment                       // `**`: the rest of the path, which may be empty
)

// templateVariable binds the segments from start to end, exclusive, to a field. When the last of them is `**` the end
// is the path's.
type templateVariable struct {
	fieldPath  []string
	start, end int
	deep       bool
}

// multi reports whether the variable is a multi-segment one, whose %2F are not unescaped.
func (v templateVariable) multi() bool { return v.deep || v.end-v.start != 1 }

// value returns what the variable has captured of a path's raw segments.
func (v templateVariable) value(segments []string) string {
	if !v.multi() {
		return unescapeSegment(segments[v.start])
	}
	end := v.end
	if v.deep {
		end = len(segments)
	}
	return unescapeSegments(strings.Join(segments[v.start:end], "/"))
}

// pattern returns the template without its variables: two templates with the same pattern match the same paths.
func (t *template) pattern() string {
	var b strings.Builder
	for _, s := range t.segments {
		b.WriteByte('/')
		switch s.kind {
		case literalSegment:
			// A literal may hold a star that was escaped.
			b.WriteString(strings.ReplaceAll(s.literal, "*", "%2A"))
		case starSegment:
			b.WriteByte('*')
		case deepSegment:
			b.WriteString("**")
		}
	}
	if t.verb != "" {
		b.WriteByte(':')
		b.WriteString(t.verb)
	}
	return b.String()
}

// parseTemplate parses a path template. Errors say what is wrong and at which byte, counted from 0; they do not repeat
// the template.
func parseTemplate(text string) (*template, error) {
	p := templateParser{text: text, template: &template{}}
	if !strings.HasPrefix(text, "/") {
		return nil, p.errorf("a path template starts with /")
	}
	if text == "/" {
		return p.template, nil
	}
	p.pos = 1
	if err := p.verb(); err != nil {
		return nil, err
	}
	if err := p.segments(false); err != nil {
		return nil, err
	}
	if p.pos < len(p.text) {
		return nil, p.errorf("expected / or the end, got %q", p.text[p.pos])
	}
	return p.template, nil
}

// templateParser is a recursive descent parser of the grammar above, with a method per rule.
type templateParser struct {
	text     string // without the verb, once that is parsed
	pos      int
	template *template
}

func (p *templateParser) errorf(format string, args ...any) error {
	return fmt.Errorf("at byte %d: "+format, append([]any{p.pos}, args...)...)
}

func (p *templateParser) peek(c byte) bool { return p.pos < len(p.text) && p.text[p.pos] == c }

// verb parses the verb, which is found from the end, and cuts it off.
func (p *templateParser) verb() error {
	colon := strings.LastIndexByte(p.text, ':')
	if colon < strings.LastIndexAny(p.text, "/}") {
		return nil
	}
	whole, start := p.text, p.pos
	p.pos = colon + 1
	verb, err := p.literal()
	if err != nil {
		return fmt.Errorf("verb: %w", err)
	}
	p.text, p.pos, p.template.verb = whole[:colon], start, verb
	return nil
}

// segments parses Segments; inside says that they are a variable's.
func (p *templateParser) segments(inside bool) error {
	for {
		if n := len(p.template.segments); n > 0 && p.template.segments[n-1].kind == deepSegment {
			return p.errorf("** must be the last segment")
		}
		if err := p.segment(inside); err != nil {
			return err
		}
		if !p.peek('/') {
			return nil
		}
		p.pos++
	}
}

func (p *templateParser) segment(inside bool) error {
	switch {
	case p.peek('{') && inside:
		return p.errorf("a variable must not contain another one")
	case p.peek('{'):
		return p.variable()
	case strings.HasPrefix(p.text[p.pos:], "**"):
		p.pos += 2
		p.template.segments = append(p.template.segments, segment{kind: deepSegment})
		return nil
	case p.peek('*'):
		p.pos++
		p.template.segments = append(p.template.segments, segment{kind: starSegment})
		return nil
	}
	start := p.pos
	literal, err := p.literal()
	if err != nil {
		return err
	}
	if isDotSegment(literal) {
		p.pos = start
		return p.errorf("%s is a dot segment, which no path has", literal)
	}
	p.template.segments = append(p.template.segments, segment{literal: literal})
	return nil
}

func (p *templateParser) variable() error {
	p.pos++ // {
	v := templateVariable{start: len(p.template.segments)}
	for {
		ident, err := p.ident()
		if err != nil {
			return err
		}
		v.fieldPath = append(v.fieldPath, ident)
		if !p.peek('.') {
			break
		}
		p.pos++
	}
	if p.peek('=') {
		p.pos++
		if err := p.segments(true); err != nil {
			return err
		}
	} else {
		p.template.segments = append(p.template.segments, segment{kind: starSegment})
	}
	if !p.peek('}') {
		return p.errorf("variable %q is not closed", strings.Join(v.fieldPath, "."))
	}
	p.pos++
	v.end = len(p.template.segments)
	v.deep = p.template.segments[v.end-1].kind == deepSegment
	p.template.variables = append(p.template.variables, v)
	return nil
}

func (p *templateParser) ident() (string, error) {
	start := p.pos
	for p.pos < len(p.text) && isIdentByte(p.text[p.pos], p.pos > start) {
		p.pos++
	}
	if p.pos == start {
		return "", p.errorf("expected a field name")
	}
	return p.text[start:p.pos], nil
}

// literal parses a LITERAL and returns it unescaped.
func (p *templateParser) literal() (string, error) {
	start := p.pos
	for p.pos < len(p.text) {
		c := p.text[p.pos]
		switch {
		case c == '/' || c == '{' || c == '}':
			return p.endLiteral(start)
		case c == '*':
			return "", p.errorf("* must be a whole segment, or written as %%2A")
		case c == '%':
			if !isEscape(p.text[p.pos:]) {
				return "", p.errorf("%% must be followed by two hexadecimal digits")
			}
			p.pos += 3
		case isPathByte(c):
			p.pos++
		default:
			r, _ := utf8.DecodeRuneInString(p.text[p.pos:])
			return "", p.errorf("character %q must be percent-encoded", r)
		}
	}
	return p.endLiteral(start)
}

func (p *templateParser) endLiteral(start int) (string, error) {
	switch {
	case p.pos > start && p.peek('{'):
		return "", p.errorf("a variable must be a whole segment")
	case p.pos == start && p.peek('}'):
		return "", p.errorf("unexpected }")
	case p.pos == start:
		return "", p.errorf("expected a segment")
	}
	return unescapeSegment(p.text[start:p.pos]), nil
}

// isIdentByte reports whether c may stand in a field name; digits may not start one.
func isIdentByte(c byte, digits bool) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_' || digits && '0' <= c && c <= '9'
}

// isPathByte reports whether c is a pchar of RFC 3986 (section 3.3) that needs no escape.
func isPathByte(c byte) bool {
	return isIdentByte(c, true) || strings.IndexByte("-.~!$&'()*+,;=:@", c) >= 0
}
