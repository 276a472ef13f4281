package openapi

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/codingflow/rating/proxy/transcode"
)

// maxQueryParameters bounds the query parameters of an operation. People read some dozens at most, and messages that are
// nested in each other can have more fields than memory holds.
const maxQueryParameters = 256

// pathParameters returns a parameter for each wildcard of a binding's path.
func (s *schemas) pathParameters(b *transcode.Binding, wildcards []wildcard) []*parameter {
	var parameters []*parameter
	for _, w := range wildcards {
		p := &parameter{Name: w.name, In: "path", Required: true, MultiSegment: w.deep, Schema: &schema{Type: "string"}}
		switch {
		case w.alone:
			leaf := b.Variables[w.variable].Leaf()
			p.takeField(s, leaf)
			if !w.deep && leaf.Kind() == protoreflect.StringKind && p.Schema.MinLength == nil {
				p.Schema.MinLength = ptr(uint64(1)) // a segment is not empty
			}
		case w.variable >= 0:
			path, template := b.Variables[w.variable], "`"+variableTemplate(b, w.variable, wildcards)+"`"
			comment := strings.TrimSpace(strings.TrimPrefix(commentOf(path.Leaf()), template+"."))
			p.Description = paragraphs(fmt.Sprintf("The `{%s}` in `%s`, which is %s.", w.name, jsonPath(path), template), comment)
			p.Schema.Pattern = "^[^/]+$"
		default:
			p.Description = "Any text."
		}
		if w.deep {
			p.Schema.Pattern = ""
			p.Description = paragraphs(p.Description, "May hold slashes, and may be empty.")
		}
		parameters = append(parameters, p)
	}
	return parameters
}

// variableTemplate returns the segments of a variable with the names of its wildcards.
func variableTemplate(b *transcode.Binding, variable int, wildcards []wildcard) string {
	var parts []string
	next := 0
	for _, segment := range b.Segments() {
		part := segment.Literal
		if part == "" {
			part = "{" + wildcards[next].name + "}"
			next++
		}
		if segment.Variable == variable {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, "/")
}

// queryParameters returns the parameters of a binding's query, and a note if there are more.
func (s *schemas) queryParameters(b *transcode.Binding) (parameters []*parameter, note string) {
	for path := range b.QueryFields() {
		if len(parameters) == maxQueryParameters {
			return parameters, "There are more query parameters than are listed here."
		}
		p := &parameter{Name: jsonPath(path), In: "query", Required: true}
		for _, field := range path {
			p.Required = p.Required && isRequired(field, optionsOf(field))
			p.Deprecated = p.Deprecated || optionsOf(field).deprecated
		}
		p.takeField(s, path.Leaf())
		parameters = append(parameters, p)
	}
	return parameters, ""
}

// takeField describes a parameter by the field that it sets.
func (p *parameter) takeField(s *schemas, field protoreflect.FieldDescriptor) {
	of, _ := s.field(field, input)
	p.Description, of.Description = of.Description, ""
	p.Deprecated = p.Deprecated || of.Deprecated
	of.Deprecated, of.ReadOnly, of.WriteOnly = false, false, false
	of.notNull()
	if isJSONText(field) {
		p.Content = one("application/json", &mediaType{Schema: of})
		p.Schema = nil
		return
	}
	p.Schema = of
	if field.IsList() {
		p.Style, p.Explode = "form", true
	}
}

// isJSONText reports whether the text of a parameter is JSON.
func isJSONText(field protoreflect.FieldDescriptor) bool {
	if field.Message() == nil {
		return false
	}
	switch field.Message().FullName() {
	case "google.protobuf.Struct", "google.protobuf.Value", "google.protobuf.ListValue":
		return !field.IsList()
	default:
		return false
	}
}

func ptr[T any](value T) *T { return &value }
