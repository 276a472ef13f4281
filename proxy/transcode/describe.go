package transcode

import (
	"iter"
	"slices"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// Bindings returns the bindings of a method, none without an annotation, as [New] routes them. The error joins all that is
// wrong with them.
func Bindings(method protoreflect.MethodDescriptor) ([]*Binding, error) { return bindings(method) }

// Segment is a segment of a binding's path template.
type Segment struct {
	// Literal is the text that the segment matches, unescaped. It is empty for `*` and `**`.
	Literal string
	// Deep says that the segment is `**`.
	Deep bool
	// Variable is the index in Variables of the variable that the segment is a part of, -1 if there is none.
	Variable int
}

// Segments returns the segments of the path template, from left to right, those of the variables included.
func (b *Binding) Segments() []Segment {
	segments := make([]Segment, len(b.template.segments))
	for i, s := range b.template.segments {
		segments[i] = Segment{Literal: s.literal, Deep: s.kind == deepSegment, Variable: -1}
	}
	for i, v := range b.template.variables {
		for j := v.start; j < v.end; j++ {
			segments[j].Variable = i
		}
	}
	return segments
}

// Pattern returns what no two routes share: the HTTP method and the path template without the names of its variables, such
// as "GET /users/*".
func (b *Binding) Pattern() string { return b.HTTPMethod + " " + b.template.pattern() }

// Verb returns the custom verb at the end of the path template, unescaped and without its colon; empty without one.
func (b *Binding) Verb() string { return b.template.verb }

// QueryFields yields the fields that the query of a request may give, in the order of their declaration: those that
// neither the path nor the body takes and that can be written as text. A message that contains itself is entered once.
func (b *Binding) QueryFields() iter.Seq[FieldPath] {
	return func(yield func(FieldPath) bool) {
		if !b.BodyAll {
			b.queryFields(yield, nil, b.Method.Input())
		}
	}
}

// queryFields yields the fields below a path, which leads to a message, and reports whether there may be more.
func (b *Binding) queryFields(yield func(FieldPath) bool, path FieldPath, message protoreflect.MessageDescriptor) bool {
	for i := range message.Fields().Len() {
		field := message.Fields().Get(i)
		at := append(slices.Clone(path), field)
		switch {
		case at[0] == b.BodyField, b.isVariable(at):
		case isTextual(field):
			if !yield(at) {
				return false
			}
		case field.IsList(), field.IsMap(), isWellKnown(field.Message()), len(at) == maxPathDepth,
			field.Message() == b.Method.Input(), slices.ContainsFunc(path, func(f protoreflect.FieldDescriptor) bool {
				return f.Message() == field.Message()
			}):
		default:
			if !b.queryFields(yield, at, field.Message()) {
				return false
			}
		}
	}
	return true
}

// isVariable reports whether the path binds a field.
func (b *Binding) isVariable(path FieldPath) bool {
	return slices.ContainsFunc(b.Variables, func(v FieldPath) bool { return slices.Equal(v, path) })
}
