package openapi

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// schemas makes the schemas of messages and enums, each once.
type schemas struct {
	components map[string]*schema
	// answered are the messages that answers hold.
	answered map[protoreflect.FullName]bool
}

// purpose is what the JSON of a message is used for.
type purpose int

const (
	output purpose = iota // what is answered: all that is always there is required
	input                 // what is sent
	patch                 // a body of which an update mask is inferred: nothing is required, down to where masks end
)

// ofElements is the purpose of the elements of a list or map: masks do not descend into them.
func (p purpose) ofElements() purpose {
	if p == patch {
		return input
	}
	return p
}

// message returns the schema of a message.
func (s *schemas) message(message protoreflect.MessageDescriptor, use purpose) *schema {
	if known := wellKnown(message); known != nil {
		return known
	}
	name := componentName(message)
	if use == patch && !isDemanding(message, map[protoreflect.FullName]bool{}) {
		use = input
	}
	switch {
	case use == patch:
		name += "-patch"
	case use == input && s.answered[message.FullName()]:
		if isAsymmetric(message, map[protoreflect.FullName]bool{}) {
			name += "-input"
		} else {
			use = output
		}
	}
	if s.components[name] == nil {
		object := &schema{}
		s.components[name] = object // before its fields, which may be of the same type
		*object = *s.object(message, use, nil)
	}
	return &schema{Ref: schemaPrefix + name}
}

// object returns the schema of a message that has no JSON form of its own, in place and without the fields in bound.
func (s *schemas) object(message protoreflect.MessageDescriptor, use purpose, bound []protoreflect.FieldDescriptor) *schema {
	object := &schema{Type: "object", Description: commentOf(message), Deprecated: isDeprecated(message)}
	for i := range message.Fields().Len() {
		field := message.Fields().Get(i)
		if slices.Contains(bound, field) {
			continue
		}
		property, required := s.field(field, use)
		object.Properties.set(field.JSONName(), property)
		if required && use != patch {
			object.Required = append(object.Required, field.JSONName())
		}
	}
	for i := range message.Oneofs().Len() {
		oneof := message.Oneofs().Get(i)
		if oneof.IsSynthetic() {
			continue
		}
		var members []string
		for j := range oneof.Fields().Len() {
			if field := oneof.Fields().Get(j); !slices.Contains(bound, field) {
				members = append(members, field.JSONName())
			}
		}
		object.describe(commentOf(oneof))
		object.choose(members, use != patch && oneofIsRequired(oneof))
	}
	object.constrainMessage(message)
	return object
}

// choose allows one of the members at most, and demands it where it is required.
func (s *schema) choose(members []string, required bool) {
	if len(members) == 0 || len(members) == 1 && !required {
		return
	}
	var options []*schema
	for _, member := range members {
		options = append(options, &schema{Required: []string{member}})
	}
	if !required {
		options = append(options, &schema{Not: &schema{AnyOf: slices.Clone(options)}})
	}
	s.AllOf = append(s.AllOf, &schema{OneOf: options})
	s.describe(oneofText(members, required))
}

func oneofText(members []string, required bool) string {
	quantity := "At most"
	if required {
		quantity = "Exactly"
	}
	return quantity + " one of `" + strings.Join(members, "`, `") + "`."
}

// field returns the schema of a field, and whether what is sent must have it, or what is answered always has it.
func (s *schemas) field(field protoreflect.FieldDescriptor, use purpose) (_ *schema, required bool) {
	options := optionsOf(field)
	property := s.values(field, use)
	property.constrainField(field, options.rules)
	property.Description = paragraphs(commentOf(field), property.Description)
	if options.has(annotations.FieldBehavior_IMMUTABLE) {
		property.describe("Immutable.")
	}
	property.ReadOnly = use != output && isReadOnly(options)
	property.WriteOnly = options.has(annotations.FieldBehavior_INPUT_ONLY)
	property.Deprecated = property.Deprecated || options.deprecated
	if use == output {
		return property, isRequired(field, options) || isAlwaysWritten(field)
	}
	return property, isRequired(field, options) && !property.ReadOnly
}

// isReadOnly reports whether what is sent of a field is ignored.
func isReadOnly(options fieldOptions) bool {
	return options.has(annotations.FieldBehavior_OUTPUT_ONLY) || options.has(annotations.FieldBehavior_IDENTIFIER)
}

// isAlwaysWritten reports whether a field is in the JSON of each answer, as zero where it is not set.
func isAlwaysWritten(field protoreflect.FieldDescriptor) bool { return !field.HasPresence() }

// isRequired reports whether a field must be given.
func isRequired(field protoreflect.FieldDescriptor, options fieldOptions) bool {
	return field.Cardinality() == protoreflect.Required || options.rules.GetRequired() ||
		options.has(annotations.FieldBehavior_REQUIRED)
}

// values returns the schema of what a field holds: a value, a list or a map.
func (s *schemas) values(field protoreflect.FieldDescriptor, use purpose) *schema {
	switch {
	case field.IsMap():
		return &schema{
			Type:                 "object",
			PropertyNames:        mapKey(field.MapKey()),
			AdditionalProperties: s.value(field.MapValue(), use.ofElements()),
		}
	case field.IsList():
		return arrayOf(s.value(field, use.ofElements()))
	default:
		return s.value(field, use)
	}
}

// value returns the schema of one value of a field.
func (s *schemas) value(field protoreflect.FieldDescriptor, use purpose) *schema {
	switch {
	case field.Message() != nil:
		return s.message(field.Message(), use)
	case field.Enum() != nil:
		return s.enum(field.Enum())
	default:
		return scalar(field.Kind())
	}
}

// enum returns the schema of an enum.
func (s *schemas) enum(enum protoreflect.EnumDescriptor) *schema {
	if enum.FullName() == "google.protobuf.NullValue" {
		return &schema{Type: "null"}
	}
	name := componentName(enum)
	if s.components[name] == nil {
		made := &schema{Type: "string", Description: commentOf(enum), Deprecated: isDeprecated(enum)}
		var comments []string
		for i := range enum.Values().Len() {
			value := enum.Values().Get(i)
			made.Enum = append(made.Enum, string(value.Name()))
			comment := commentOf(value)
			if isDeprecated(value) {
				comment = strings.TrimSpace("Deprecated. " + comment)
			}
			if comment != "" {
				comments = append(comments, fmt.Sprintf("- `%s`: %s", value.Name(), strings.Join(strings.Fields(comment), " ")))
			}
		}
		made.describe(strings.Join(comments, "\n"))
		s.components[name] = made
	}
	return &schema{Ref: schemaPrefix + name}
}

// addAnswered adds a message to those that answers hold, and all that it holds.
func (s *schemas) addAnswered(message protoreflect.MessageDescriptor) {
	if s.answered[message.FullName()] || wellKnown(message) != nil {
		return
	}
	s.answered[message.FullName()] = true
	for i := range message.Fields().Len() {
		if held := messageOf(message.Fields().Get(i)); held != nil {
			s.addAnswered(held)
		}
	}
}

// messageOf returns the message that a field holds, in its elements or values if it is a list or a map; nil for others.
func messageOf(field protoreflect.FieldDescriptor) protoreflect.MessageDescriptor {
	if field.IsMap() {
		return field.MapValue().Message()
	}
	return field.Message()
}

// isAsymmetric reports whether a message is not the same when it is sent and when it is answered, in itself or in what it
// holds. seen are the messages that have been looked at.
func isAsymmetric(message protoreflect.MessageDescriptor, seen map[protoreflect.FullName]bool) bool {
	if seen[message.FullName()] || wellKnown(message) != nil {
		return false
	}
	seen[message.FullName()] = true
	for i := range message.Fields().Len() {
		field := message.Fields().Get(i)
		options := optionsOf(field)
		if isReadOnly(options) || isAlwaysWritten(field) && !isRequired(field, options) {
			return true
		}
		if held := messageOf(field); held != nil && isAsymmetric(held, seen) {
			return true
		}
	}
	return false
}

// isDemanding reports whether a message requires something that a patch does not, in itself or where a mask descends to.
// seen are the messages that have been looked at.
func isDemanding(message protoreflect.MessageDescriptor, seen map[protoreflect.FullName]bool) bool {
	if seen[message.FullName()] || wellKnown(message) != nil {
		return false
	}
	seen[message.FullName()] = true
	if demands(message) {
		return true
	}
	for i := range message.Fields().Len() {
		field := message.Fields().Get(i)
		if !field.IsList() && !field.IsMap() && field.Message() != nil && isDemanding(field.Message(), seen) {
			return true
		}
	}
	return false
}

// demands reports whether a message itself requires something.
func demands(message protoreflect.MessageDescriptor) bool {
	for i := range message.Fields().Len() {
		field := message.Fields().Get(i)
		if isRequired(field, optionsOf(field)) {
			return true
		}
	}
	for i := range message.Oneofs().Len() {
		if oneofIsRequired(message.Oneofs().Get(i)) {
			return true
		}
	}
	return false
}

// componentName returns the name of the schema of a message or an enum. Those of this package, such as Error, have no
// dot, so the others must have one.
func componentName(d protoreflect.Descriptor) string {
	name := string(d.FullName())
	if !strings.Contains(name, ".") {
		return "." + name
	}
	return name
}
