package jsonwire

import (
	"fmt"
	"sync"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// messagePlan is what is known of a message type before any message comes: the compiled form of its descriptor.
type messagePlan struct {
	descriptor protoreflect.MessageDescriptor
	form       form
	// fields have the order of their declaration, which is that of the JSON.
	fields []fieldPlan
	// byNumber leads from small field numbers to the index in fields plus one; the others are in byLargeNumber.
	byNumber      []uint16
	byLargeNumber map[protowire.Number]int
	// byName has the JSON names and, where they are no other field's JSON name, the proto names.
	byName map[string]int
	// required are the indexes of the required fields.
	required []int
	// oneofs is the number of oneofs with more than one member.
	oneofs int
	// extensible says that the message has extension ranges.
	extensible bool
	// unsupported says that protojson refuses the message, or takes a path of its own that is not worth a plan: the
	// message sets of proto1.
	unsupported bool
}

// form tells messages with a JSON form of their own from ordinary ones.
type form uint8

const (
	ordinaryForm form = iota
	anyForm
	timestampForm
	durationForm
	wrapperForm
	structForm
	listForm
	valueForm
	maskForm
)

// forms are the messages of google.protobuf with a form of their own. Empty has none: its JSON is that of a message
// without fields.
var forms = map[protoreflect.FullName]form{
	"google.protobuf.Any":         anyForm,
	"google.protobuf.Timestamp":   timestampForm,
	"google.protobuf.Duration":    durationForm,
	"google.protobuf.BoolValue":   wrapperForm,
	"google.protobuf.Int32Value":  wrapperForm,
	"google.protobuf.Int64Value":  wrapperForm,
	"google.protobuf.UInt32Value": wrapperForm,
	"google.protobuf.UInt64Value": wrapperForm,
	"google.protobuf.FloatValue":  wrapperForm,
	"google.protobuf.DoubleValue": wrapperForm,
	"google.protobuf.StringValue": wrapperForm,
	"google.protobuf.BytesValue":  wrapperForm,
	"google.protobuf.Struct":      structForm,
	"google.protobuf.ListValue":   listForm,
	"google.protobuf.Value":       valueForm,
	"google.protobuf.FieldMask":   maskForm,
}

// cardinality says how many values a field holds.
type cardinality uint8

const (
	singular cardinality = iota
	list
	mapped
)

// fieldPlan is the compiled form of a field.
type fieldPlan struct {
	descriptor  protoreflect.FieldDescriptor
	kind        protoreflect.Kind
	cardinality cardinality
	// wireType is that of one value; packed says how a list of them is written. Read are both ways.
	wireType protowire.Type
	packed   bool
	// implicit says that zero is the same as unset.
	implicit bool
	required bool
	// nullEnum says that the type is google.protobuf.NullValue; takesNull, that a JSON null is a value of the field.
	nullEnum, takesNull bool
	// emitUnset says that the field is written even if it is not set.
	emitUnset bool
	// oneof is the index of the oneof among those with several members, plus one.
	oneof int
	// tag is the encoded tag; endTag that of the end of a group.
	tag, endTag string
	// name is the name in JSON as it is written, with a comma before, the quotes, and the colon after.
	name string
	// quotedName is the JSON name with its closing quote, as it usually comes.
	quotedName string
	// unset is the JSON of the field when it is not set.
	unset   string
	message *messagePlan
	enum    *enumPlan
	// key and value are the fields of a map's entries.
	key, value *fieldPlan
}

// enumPlan is the compiled form of an enum.
type enumPlan struct {
	byName map[string]int32
	// small holds the quoted names of the values from 0 to len(small)-1, empty where there is none; names all others.
	small []string
	names map[int32]string
}

// maxSmallEnum bounds enumPlan.small, and maxSmallNumber messagePlan.byNumber, in entries: sparse numbers would waste
// memory. The usual enum and message stay far below.
const (
	maxSmallEnum   = 256
	maxSmallNumber = 512
)

// plans compiles messages, each once.
type plans struct {
	options *options
	mutex   sync.RWMutex
	// messages are found by descriptor, not by name: two APIs may have a message of the same name.
	messages map[protoreflect.MessageDescriptor]*messagePlan
	enums    map[protoreflect.EnumDescriptor]*enumPlan
	// urls are the messages that were found in a google.protobuf.Any, by type URL.
	urls map[string]*messagePlan
}

// maxURLs bounds plans.urls, in entries: whoever writes an Any chooses the part of the URL before the name.
const maxURLs = 4096

func newPlans(o *options) *plans {
	return &plans{
		options:  o,
		messages: map[protoreflect.MessageDescriptor]*messagePlan{},
		enums:    map[protoreflect.EnumDescriptor]*enumPlan{},
		urls:     map[string]*messagePlan{},
	}
}

// message returns the plan of a message.
func (p *plans) message(descriptor protoreflect.MessageDescriptor) *messagePlan {
	p.mutex.RLock()
	plan := p.messages[descriptor]
	p.mutex.RUnlock()
	if plan != nil {
		return plan
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.compile(descriptor)
}

// byURL returns the plan of the message that a type URL names.
func (p *plans) byURL(url []byte) (*messagePlan, error) {
	p.mutex.RLock()
	plan := p.urls[string(url)]
	p.mutex.RUnlock()
	if plan != nil {
		return plan, nil
	}
	found, err := p.options.resolver.FindMessageByURL(string(url))
	if err != nil {
		return nil, fmt.Errorf("unable to resolve %q: %w", url, err)
	}
	plan = p.message(found.Descriptor())
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if len(p.urls) < maxURLs {
		p.urls[string(url)] = plan
	}
	return plan, nil
}

// compile makes the plan of a message and of all that it leads to. The mutex is held.
func (p *plans) compile(descriptor protoreflect.MessageDescriptor) *messagePlan {
	if plan := p.messages[descriptor]; plan != nil {
		return plan
	}
	plan := &messagePlan{
		descriptor:  descriptor,
		form:        forms[descriptor.FullName()],
		fields:      make([]fieldPlan, descriptor.Fields().Len()),
		byName:      map[string]int{},
		extensible:  descriptor.ExtensionRanges().Len() > 0,
		unsupported: isMessageSet(descriptor),
	}
	p.messages[descriptor] = plan // before the fields, which may lead back here
	oneofs := map[protoreflect.OneofDescriptor]int{}
	for i := range plan.fields {
		field := descriptor.Fields().Get(i)
		p.compileField(&plan.fields[i], field)
		plan.addNumber(field.Number(), i)
		if plan.fields[i].required {
			plan.required = append(plan.required, i)
		}
		if oneof := field.ContainingOneof(); oneof != nil && oneof.Fields().Len() > 1 {
			if oneofs[oneof] == 0 {
				oneofs[oneof] = len(oneofs) + 1
			}
			plan.fields[i].oneof = oneofs[oneof]
		}
	}
	plan.oneofs = len(oneofs)
	if !plan.hasStandardShape() {
		plan.form = ordinaryForm
	}
	// As in protojson, the first of several fields with the same name has it, and JSON names go before proto names.
	for _, nameOf := range []func(protoreflect.FieldDescriptor) string{
		protoreflect.FieldDescriptor.JSONName, protoreflect.FieldDescriptor.TextName,
	} {
		for i := range plan.fields {
			if name := nameOf(plan.fields[i].descriptor); !plan.hasName(name) {
				plan.byName[name] = i
			}
		}
	}
	return plan
}

func (m *messagePlan) hasName(name string) bool {
	_, ok := m.byName[name]
	return ok
}

func (m *messagePlan) addNumber(number protowire.Number, index int) {
	if number >= maxSmallNumber {
		if m.byLargeNumber == nil {
			m.byLargeNumber = map[protowire.Number]int{}
		}
		m.byLargeNumber[number] = index
		return
	}
	for len(m.byNumber) <= int(number) {
		m.byNumber = append(m.byNumber, 0)
	}
	m.byNumber[number] = uint16(index + 1) // a message has fewer than 1<<16 fields with numbers below 512
}

// field returns the index of the field with a number, -1 without one.
func (m *messagePlan) field(number uint64) int {
	if number < uint64(len(m.byNumber)) {
		return int(m.byNumber[number]) - 1
	}
	if m.byLargeNumber != nil {
		if index, ok := m.byLargeNumber[protowire.Number(number)]; ok {
			return index
		}
	}
	return -1
}

func (p *plans) compileField(plan *fieldPlan, field protoreflect.FieldDescriptor) {
	*plan = fieldPlan{
		descriptor: field,
		kind:       field.Kind(),
		wireType:   wireTypes[field.Kind()],
		packed:     field.IsPacked(),
		required:   field.Cardinality() == protoreflect.Required,
		implicit:   !field.HasPresence() && !field.IsList() && !field.IsMap(),
	}
	number := field.Number()
	switch {
	case field.IsMap():
		plan.cardinality = mapped
	case field.IsList():
		plan.cardinality = list
	}
	tagType := plan.wireType
	if plan.packed {
		tagType = protowire.BytesType
	}
	plan.tag = string(protowire.AppendTag(nil, number, tagType))
	if plan.kind == protoreflect.GroupKind {
		plan.endTag = string(protowire.AppendTag(nil, number, protowire.EndGroupType))
	}

	quoted, _ := appendString(nil, []byte(field.JSONName())) // names are UTF-8
	plan.quotedName = string(quoted[1:])
	if p.options.protoNames {
		quoted, _ = appendString(nil, []byte(field.TextName()))
	}
	plan.name = "," + string(quoted) + ":"

	if field.Enum() != nil {
		plan.nullEnum = field.Enum().FullName() == "google.protobuf.NullValue"
		plan.enum = p.compileEnum(field.Enum())
	}
	plan.takesNull = plan.nullEnum || field.Message() != nil && field.Message().FullName() == "google.protobuf.Value"
	switch {
	case plan.cardinality == mapped:
		plan.key, plan.value = new(fieldPlan), new(fieldPlan)
		p.compileField(plan.key, field.MapKey())
		p.compileField(plan.value, field.MapValue())
		plan.key.implicit, plan.value.implicit = false, false // entries are written in full
	case field.Message() != nil:
		plan.message = p.compile(field.Message())
	}
	plan.unset = unsetJSON(plan)
	plan.emitUnset = field.ContainingOneof() == nil && !field.IsExtension() &&
		(p.options.unpopulated || p.options.defaultValues && !field.HasPresence())
}

// unsetJSON returns the JSON of a field that is not set.
func unsetJSON(plan *fieldPlan) string {
	switch {
	case plan.cardinality == mapped:
		return "{}"
	case plan.cardinality == list:
		return "[]"
	case !plan.implicit, plan.nullEnum:
		return "null"
	}
	switch plan.kind {
	case protoreflect.BoolKind:
		return "false"
	case protoreflect.StringKind, protoreflect.BytesKind:
		return `""`
	case protoreflect.EnumKind:
		return string(plan.enum.appendJSON(nil, int32(plan.descriptor.Default().Enum())))
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind,
		protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return `"0"`
	default:
		return "0"
	}
}

func (p *plans) compileEnum(enum protoreflect.EnumDescriptor) *enumPlan {
	if plan := p.enums[enum]; plan != nil {
		return plan
	}
	plan := &enumPlan{byName: map[string]int32{}, names: map[int32]string{}}
	p.enums[enum] = plan
	for i := range enum.Values().Len() {
		value := enum.Values().Get(i)
		number := int32(value.Number())
		plan.byName[string(value.Name())] = number
		if enum.Values().ByNumber(value.Number()) != value || p.options.enumNumbers {
			continue // an alias, which JSON is not written by
		}
		quoted := `"` + string(value.Name()) + `"`
		if number < 0 || number >= maxSmallEnum {
			plan.names[number] = quoted
			continue
		}
		for len(plan.small) <= int(number) {
			plan.small = append(plan.small, "")
		}
		plan.small[number] = quoted
	}
	return plan
}

// isMessageSet reports whether a message has proto1's message_set_wire_format.
func isMessageSet(message protoreflect.MessageDescriptor) bool {
	options, ok := message.Options().(interface{ GetMessageSetWireFormat() bool })
	return ok && options.GetMessageSetWireFormat()
}

// wireTypes are the wire types of one value by kind (https://protobuf.dev/programming-guides/encoding).
var wireTypes = map[protoreflect.Kind]protowire.Type{
	protoreflect.BoolKind:     protowire.VarintType,
	protoreflect.EnumKind:     protowire.VarintType,
	protoreflect.Int32Kind:    protowire.VarintType,
	protoreflect.Sint32Kind:   protowire.VarintType,
	protoreflect.Uint32Kind:   protowire.VarintType,
	protoreflect.Int64Kind:    protowire.VarintType,
	protoreflect.Sint64Kind:   protowire.VarintType,
	protoreflect.Uint64Kind:   protowire.VarintType,
	protoreflect.Sfixed32Kind: protowire.Fixed32Type,
	protoreflect.Fixed32Kind:  protowire.Fixed32Type,
	protoreflect.FloatKind:    protowire.Fixed32Type,
	protoreflect.Sfixed64Kind: protowire.Fixed64Type,
	protoreflect.Fixed64Kind:  protowire.Fixed64Type,
	protoreflect.DoubleKind:   protowire.Fixed64Type,
	protoreflect.StringKind:   protowire.BytesType,
	protoreflect.BytesKind:    protowire.BytesType,
	protoreflect.MessageKind:  protowire.BytesType,
	protoreflect.GroupKind:    protowire.StartGroupType,
}
