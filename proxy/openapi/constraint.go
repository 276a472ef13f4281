package openapi

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// constrainMessage tells what buf.validate asks of a message. It is no matter of the schema, since fields that are not set
// are in the JSON as well, as zero.
func (s *schema) constrainMessage(message protoreflect.MessageDescriptor) {
	rules := messageRules(message)
	for _, oneof := range rules.GetOneof() {
		var members []string
		for _, name := range oneof.GetFields() {
			if field := message.Fields().ByName(protoreflect.Name(name)); field != nil {
				members = append(members, field.JSONName())
			}
		}
		s.describe(oneofText(members, oneof.GetRequired()))
	}
	for _, rule := range rules.GetCel() {
		s.describe(rule.GetMessage())
	}
}

// constrainField states what buf.validate asks of a field.
func (s *schema) constrainField(field protoreflect.FieldDescriptor, rules *validate.FieldRules) {
	zero := zeroOf(field)
	switch {
	case field.IsMap():
		zero = &schema{MaxProperties: new(uint64)}
	case field.IsList():
		zero = &schema{MaxItems: new(uint64)}
	}
	s.constrain(zero, rules, func(stated *schema) {
		switch {
		case field.IsMap():
			stated.constrainMap(s, field, rules.GetMap())
		case field.IsList():
			stated.constrainList(s, field, rules.GetRepeated())
		default:
			stated.constrainValue(s, field, rules)
		}
	})
}

// constrainElement states what is asked of the values of a list or a map, or of the keys of one.
func (s *schema) constrainElement(field protoreflect.FieldDescriptor, rules *validate.FieldRules) {
	s.constrain(zeroOf(field), rules, func(stated *schema) { stated.constrainValue(s, field, rules) })
}

// constrain has state write into s, or beside the zero value where rules do not mind that.
func (s *schema) constrain(zero *schema, rules *validate.FieldRules, state func(*schema)) {
	switch rules.GetIgnore() {
	case validate.Ignore_IGNORE_ALWAYS:
		return
	case validate.Ignore_IGNORE_IF_ZERO_VALUE:
		stated := &schema{}
		state(stated)
		s.describe(stated.Description)
		stated.Description = ""
		if !reflect.ValueOf(*stated).IsZero() {
			s.AllOf = append(s.AllOf, &schema{AnyOf: []*schema{zero, stated}})
		}
	default:
		state(s)
	}
	for _, rule := range rules.GetCel() {
		s.describe(rule.GetMessage())
	}
}

// zeroOf returns the schema of a zero value.
func zeroOf(field protoreflect.FieldDescriptor) *schema {
	switch field.Kind() {
	case protoreflect.BoolKind:
		return &schema{Const: false}
	case protoreflect.EnumKind:
		return &schema{Const: string(field.Enum().Values().Get(0).Name())}
	case protoreflect.StringKind, protoreflect.BytesKind:
		return &schema{Const: ""}
	case protoreflect.MessageKind, protoreflect.GroupKind:
		return &schema{Type: "null"} // it is unset
	default:
		return &schema{Const: 0}
	}
}

func (s *schema) constrainMap(of *schema, field protoreflect.FieldDescriptor, rules *validate.MapRules) {
	if rules == nil {
		return
	}
	s.MinProperties, s.MaxProperties = rules.MinPairs, rules.MaxPairs
	if rules.GetKeys() != nil {
		if of.PropertyNames == nil {
			of.PropertyNames = &schema{}
		}
		of.PropertyNames.constrainElement(field.MapKey(), rules.GetKeys())
	}
	of.AdditionalProperties.constrainElement(field.MapValue(), rules.GetValues())
}

func (s *schema) constrainList(of *schema, field protoreflect.FieldDescriptor, rules *validate.RepeatedRules) {
	if rules == nil {
		return
	}
	s.MinItems, s.MaxItems, s.UniqueItems = rules.MinItems, rules.MaxItems, rules.GetUnique()
	of.Items.constrainElement(field, rules.GetItems())
}

// constrainValue states what is asked of one value; of is the schema of its type.
func (s *schema) constrainValue(of *schema, field protoreflect.FieldDescriptor, rules *validate.FieldRules) {
	switch typed := rules.GetType().(type) {
	case nil:
	case *validate.FieldRules_String_:
		s.constrainString(typed.String_)
	case *validate.FieldRules_Enum:
		s.constrainEnum(field.Enum(), typed.Enum)
	default:
		m := rules.ProtoReflect()
		s.constrainNumber(of, m.Get(m.WhichOneof(m.Descriptor().Oneofs().ByName("type"))).Message())
	}
}

// constrainString states the rules of a string. Lengths are in characters in both languages.
func (s *schema) constrainString(rules *validate.StringRules) {
	s.MinLength, s.MaxLength = rules.MinLen, rules.MaxLen
	if rules.Len != nil {
		s.MinLength, s.MaxLength = rules.Len, rules.Len
	}
	if rules.Const != nil {
		s.Const = rules.GetConst()
	}
	for _, value := range rules.GetIn() {
		s.Enum = append(s.Enum, value)
	}
	for _, value := range rules.GetNotIn() {
		if s.Not == nil {
			s.Not = &schema{}
		}
		s.Not.Enum = append(s.Not.Enum, value)
	}
	for _, value := range rules.GetExample() {
		s.Examples = append(s.Examples, value)
	}
	switch {
	case rules.Pattern != nil && isECMAScript(rules.GetPattern()):
		s.Pattern = rules.GetPattern()
	case rules.Pattern != nil:
		s.describe(fmt.Sprintf("Matches `%s` (RE2).", rules.GetPattern()))
	case rules.Prefix != nil || rules.Suffix != nil || rules.Contains != nil:
		s.constrainParts(rules)
	}
	switch rules.GetWellKnown().(type) {
	case *validate.StringRules_Email:
		s.Format = "email"
	case *validate.StringRules_Hostname:
		s.Format = "hostname"
	case *validate.StringRules_Ipv4:
		s.Format = "ipv4"
	case *validate.StringRules_Ipv6:
		s.Format = "ipv6"
	case *validate.StringRules_Uri:
		s.Format = "uri"
	case *validate.StringRules_UriRef:
		s.Format = "uri-reference"
	case *validate.StringRules_Uuid:
		s.Format = "uuid"
	}
}

// constrainParts states what a string begins with, ends with and contains.
func (s *schema) constrainParts(rules *validate.StringRules) {
	for _, pattern := range []string{
		"^" + regexp.QuoteMeta(rules.GetPrefix()), regexp.QuoteMeta(rules.GetSuffix()) + "$", regexp.QuoteMeta(rules.GetContains()),
	} {
		if pattern != "^" && pattern != "$" && pattern != "" {
			s.AllOf = append(s.AllOf, &schema{Pattern: pattern})
		}
	}
}

// re2Only is what RE2's syntax has and ECMA-262's has not, or understands otherwise: flags, names, anchors, classes.
var re2Only = regexp.MustCompile(`\(\?[^:]|\\[AzQECapP]|\[\[:|\\x\{`)

// isECMAScript reports whether a pattern of RE2 means the same in JSON Schema.
func isECMAScript(pattern string) bool { return !re2Only.MatchString(pattern) }

func (s *schema) constrainEnum(enum protoreflect.EnumDescriptor, rules *validate.EnumRules) {
	names := func(numbers ...int32) []any {
		var names []any
		for _, number := range numbers {
			if value := enum.Values().ByNumber(protoreflect.EnumNumber(number)); value != nil {
				names = append(names, string(value.Name()))
			}
		}
		return names
	}
	if rules.Const != nil {
		s.Enum = names(rules.GetConst())
	}
	if len(rules.GetIn()) > 0 {
		s.Enum = names(rules.GetIn()...)
	}
	if excluded := names(rules.GetNotIn()...); len(excluded) > 0 {
		s.Not = &schema{Enum: excluded}
	}
}

// constrainNumber states the rules of a number, for each kind of which buf.validate has a message. The rules of all other
// types have no rule of these names that a schema could state, but for const.
func (s *schema) constrainNumber(of *schema, rules protoreflect.Message) {
	get := func(name protoreflect.Name) any {
		field := rules.Descriptor().Fields().ByName(name)
		if field == nil || field.IsList() || field.Message() != nil || field.Kind() == protoreflect.BytesKind || !rules.Has(field) {
			return nil
		}
		return rules.Get(field).Interface()
	}
	constant, low, above, high, below := get("const"), get("gte"), get("gt"), get("lte"), get("lt")
	switch {
	case isText(of): // a 64-bit integer
		if !isGap(low, above, high, below) {
			s.describe(boundsText(low, above, high, below))
		}
		return
	case get("finite") == true:
		*of = *of.AnyOf[0] // without the texts
	}
	s.Const = constant
	if isGap(low, above, high, below) {
		return
	}
	// Texts are no numbers, so that bounds say nothing of Infinity.
	if low != nil {
		s.Minimum = low
	}
	s.ExclusiveMinimum, s.Maximum, s.ExclusiveMaximum = above, high, below
}

// isGap reports whether the lower bound is above the upper one: buf.validate then wants what is not between them.
func isGap(low, above, high, below any) bool {
	var bounds []float64
	for _, bound := range []any{low, above, high, below} {
		switch n := bound.(type) {
		case int32:
			bounds = append(bounds, float64(n))
		case uint32:
			bounds = append(bounds, float64(n))
		case int64:
			bounds = append(bounds, float64(n))
		case uint64:
			bounds = append(bounds, float64(n))
		case float32:
			bounds = append(bounds, float64(n))
		case float64:
			bounds = append(bounds, n)
		}
	}
	return len(bounds) == 2 && bounds[0] > bounds[1]
}

// isText reports whether a schema is of strings.
func isText(s *schema) bool {
	names, _ := s.Type.([]any)
	return s.Type == "string" || len(names) > 0 && names[0] == "string"
}

// boundsText tells bounds in words, where there are some.
func boundsText(low, above, high, below any) string {
	var parts []string
	for _, bound := range []struct {
		words string
		value any
	}{{"at least", low}, {"more than", above}, {"at most", high}, {"less than", below}} {
		if bound.value != nil {
			parts = append(parts, fmt.Sprintf("%s %v", bound.words, bound.value))
		}
	}
	if parts == nil {
		return ""
	}
	return "Must be " + strings.Join(parts, " and ") + "."
}
