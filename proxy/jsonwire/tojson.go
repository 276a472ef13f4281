package jsonwire

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// encoder writes JSON from wire bytes. A message is gone through twice: once from tag to tag, to note where its fields
// are, and once in the order of their declaration, to write them. What is rare and needs a message to be put together
// from pieces ends in errUnusual.
type encoder struct {
	plans *plans
	out   []byte
	// values and entries are stacks: each message has the places of its fields on top while it is written, each map its
	// entries.
	values  []wireValue
	entries []mapEntry
	// partial says that required fields may be missing.
	partial bool
}

// message writes a message that may have depth levels, itself included.
func (e *encoder) message(m *messagePlan, wire []byte, depth int) error {
	if depth <= 0 {
		return errDepth
	}
	base, err := e.index(m, wire)
	if err != nil {
		return err
	}
	switch m.form {
	case ordinaryForm:
		e.out = append(e.out, '{')
		err = e.fields(m, wire, base, depth-1, 1)
	case anyForm:
		err = e.anyMessage(m, wire, base)
	case timestampForm, durationForm:
		err = e.time(m, wire, base)
	case wrapperForm:
		err = e.wrapper(m, wire, base)
	case structForm, listForm:
		err = e.collection(m, wire, base, depth-1)
	case valueForm:
		err = e.dynamicValue(m, wire, base, depth-1)
	case maskForm:
		err = e.mask(wire, e.values[base])
	}
	e.values = e.values[:base]
	return err
}

// index pushes the places of the fields of a message on e.values and returns where they begin.
func (e *encoder) index(m *messagePlan, wire []byte) (int, error) {
	if m.unsupported {
		return 0, errUnusual
	}
	base := len(e.values)
	e.values = append(e.values, make([]wireValue, len(m.fields))...)
	values := e.values[base:]
	for pos := 0; pos < len(wire); {
		tagStart := pos
		number, typ, start, end := consumeField(wire, pos)
		if end < 0 {
			return 0, errMalformed
		}
		pos = end
		i := m.field(uint64(number))
		if i < 0 || !m.fields[i].accepts(typ) {
			if i < 0 && m.extensible && e.isExtension(m, number) {
				return 0, errUnusual
			}
			continue
		}
		switch value := &values[i]; {
		case typ == protowire.StartGroupType:
			return 0, errUnusual
		case m.fields[i].cardinality == singular && value.end == 0:
			*value = wireValue{uint32(start), uint32(end)}
		case m.fields[i].cardinality == singular:
			return 0, errUnusual
		case value.end == 0:
			*value = wireValue{uint32(tagStart), uint32(end)}
		case int(value.end) == tagStart:
			value.end = uint32(end)
		default:
			return 0, errUnusual
		}
	}
	return base, e.check(m, values)
}

// check checks what concerns several fields: that a oneof has one member only, and that nothing required is missing.
func (e *encoder) check(m *messagePlan, values []wireValue) error {
	if m.oneofs > 0 && severalOf(m, values) {
		return errUnusual
	}
	if e.partial {
		return nil
	}
	for _, i := range m.required {
		if values[i].end == 0 {
			return fmt.Errorf("required field %s not set", m.fields[i].descriptor.FullName())
		}
	}
	return nil
}

// severalOf reports whether more than one member of a oneof is there.
func severalOf(m *messagePlan, values []wireValue) bool {
	var seen uint64
	for i := range values {
		oneof := m.fields[i].oneof
		if oneof == 0 || values[i].end == 0 {
			continue
		}
		// A message with more oneofs than bits shares some, and takes the long way more often than it must.
		bit := uint64(1) << (oneof % 64)
		if seen&bit != 0 {
			return true
		}
		seen |= bit
	}
	return false
}

// accepts reports whether values of a wire type are the field's. Others count as unknown fields.
func (f *fieldPlan) accepts(typ protowire.Type) bool {
	return typ == f.wireType || typ == protowire.BytesType && f.cardinality == list && f.packable()
}

// packable reports whether a list of such values can be packed.
func (f *fieldPlan) packable() bool {
	return f.wireType != protowire.BytesType && f.wireType != protowire.StartGroupType
}

func (e *encoder) isExtension(m *messagePlan, number protowire.Number) bool {
	if !m.descriptor.ExtensionRanges().Has(number) {
		return false
	}
	_, err := e.plans.options.resolver.FindExtensionByNumber(m.descriptor.FullName(), number)
	return err == nil
}

// fields writes the fields of a message and closes its brace. skip is 1 if there is nothing to put a comma after.
func (e *encoder) fields(m *messagePlan, wire []byte, base, depth, skip int) error {
	for i := range m.fields {
		f := &m.fields[i]
		value := e.values[base+i]
		before := len(e.out)
		if value.end != 0 {
			e.out = append(e.out, f.name[skip:]...)
			written, err := e.field(f, wire, value, depth)
			if err != nil {
				return err
			}
			if written {
				skip = 0
				continue
			}
			e.out = e.out[:before]
		}
		if f.emitUnset {
			e.out = append(e.out, f.name[skip:]...)
			e.out = append(e.out, f.unset...)
			skip = 0
		}
	}
	e.out = append(e.out, '}')
	return nil
}

// field writes the value of a field. It returns false, and may have written something, if the field counts as unset.
func (e *encoder) field(f *fieldPlan, wire []byte, value wireValue, depth int) (bool, error) {
	data := wire[value.start:value.end]
	switch f.cardinality {
	case list:
		return e.list(f, data, depth)
	case mapped:
		return true, e.mapping(f, data, depth)
	case singular:
	}
	if f.wireType == protowire.BytesType {
		if f.implicit && len(data) == 0 {
			return false, nil
		}
		return true, e.delimited(f, data, depth)
	}
	bits := scalarBits(f.wireType, data)
	if f.implicit && isZero(f.kind, bits) {
		return false, nil
	}
	e.scalar(f, bits)
	return true, nil
}

// delimited writes a string, bytes or a message.
func (e *encoder) delimited(f *fieldPlan, data []byte, depth int) error {
	switch f.kind {
	case protoreflect.StringKind:
		var ok bool
		if e.out, ok = appendString(e.out, data); !ok {
			return fmt.Errorf("field %s contains invalid UTF-8", f.descriptor.FullName())
		}
	case protoreflect.BytesKind:
		e.out = append(e.out, '"')
		e.out = base64.StdEncoding.AppendEncode(e.out, data)
		e.out = append(e.out, '"')
	default:
		return e.message(f.message, data, depth)
	}
	return nil
}

// scalar writes a scalar that is not length-delimited.
func (e *encoder) scalar(f *fieldPlan, bits uint64) {
	switch f.kind {
	case protoreflect.BoolKind:
		e.out = strconv.AppendBool(e.out, bits != 0)
	case protoreflect.Int32Kind, protoreflect.Sfixed32Kind:
		e.out = strconv.AppendInt(e.out, int64(int32(bits)), 10) // decoders drop the other half
	case protoreflect.Sint32Kind:
		e.out = strconv.AppendInt(e.out, int64(int32(protowire.DecodeZigZag(bits&math.MaxUint32))), 10)
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		e.out = strconv.AppendUint(e.out, bits&math.MaxUint32, 10)
	case protoreflect.Int64Kind, protoreflect.Sfixed64Kind:
		e.out = append(e.out, '"')
		e.out = strconv.AppendInt(e.out, int64(bits), 10)
		e.out = append(e.out, '"')
	case protoreflect.Sint64Kind:
		e.out = append(e.out, '"')
		e.out = strconv.AppendInt(e.out, protowire.DecodeZigZag(bits), 10)
		e.out = append(e.out, '"')
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		e.out = append(e.out, '"')
		e.out = strconv.AppendUint(e.out, bits, 10)
		e.out = append(e.out, '"')
	case protoreflect.FloatKind:
		e.out = appendFloat(e.out, float64(math.Float32frombits(uint32(bits))), 32)
	case protoreflect.DoubleKind:
		e.out = appendFloat(e.out, math.Float64frombits(bits), 64)
	case protoreflect.EnumKind:
		if f.nullEnum {
			e.out = append(e.out, "null"...)
			return
		}
		e.out = f.enum.appendJSON(e.out, int32(bits)) // decoders drop the other half
	default: // delimited writes those
	}
}

// list writes the elements in data, which is nothing but fields with the list's number. It returns false if there are
// none: a packed list may be empty.
func (e *encoder) list(f *fieldPlan, data []byte, depth int) (bool, error) {
	e.out = append(e.out, '[')
	first := len(e.out)
	for pos := 0; pos < len(data); {
		_, typ, start, end := consumeField(data, pos)
		element := data[start:end]
		pos = end
		switch {
		case typ != protowire.BytesType:
			e.scalar(f, scalarBits(typ, element))
			e.out = append(e.out, ',')
		case !f.packable():
			if err := e.delimited(f, element, depth); err != nil {
				return false, err
			}
			e.out = append(e.out, ',')
		default:
			if err := e.packed(f, element); err != nil {
				return false, err
			}
		}
	}
	if len(e.out) == first {
		return false, nil
	}
	e.out[len(e.out)-1] = ']' // for the last comma
	return true, nil
}

// packed writes packed elements with a comma after each.
func (e *encoder) packed(f *fieldPlan, data []byte) error {
	for len(data) > 0 {
		bits, n := consumeScalar(f.wireType, data)
		if n < 0 {
			return errMalformed
		}
		e.scalar(f, bits)
		e.out = append(e.out, ',')
		data = data[n:]
	}
	return nil
}

// mapEntry is an entry of a map that is being written. Its parts are places in the bytes of all entries.
type mapEntry struct {
	// order decides between most keys: entries have the order of their orders, then that of their texts. It is the key if
	// that is a number, and the part of it that comes first in which keys differ otherwise.
	order uint64
	// text is the key if it is a string. Its end, like that of value, is 0 where there is none.
	text, value wireValue
}

// mapping writes the entries in data, which is nothing but fields with the map's number, in the order of their keys.
func (e *encoder) mapping(f *fieldPlan, data []byte, depth int) error {
	if depth <= 0 {
		return errDepth
	}
	base := len(e.entries)
	for pos := 0; pos < len(data); {
		_, _, start, end := consumeField(data, pos)
		entry, err := f.entry(data, start, end)
		if err != nil {
			return err
		}
		e.entries = append(e.entries, entry)
		pos = end
	}
	if err := sortEntries(e.entries[base:], data); err != nil {
		return err
	}
	e.out = append(e.out, '{')
	for i, top := base, len(e.entries); i < top; i++ {
		// Not by reference: maps in the values move the stack.
		if err := e.entry(f, data, e.entries[i], depth-1); err != nil {
			return err
		}
		e.out = append(e.out, ',')
	}
	e.out[len(e.out)-1] = '}' // for the last comma
	e.entries = e.entries[:base]
	return nil
}

// sortEntries sorts entries by their keys. Keys that come twice are errUnusual: the last entry counts.
func sortEntries(entries []mapEntry, data []byte) error {
	text := func(entry mapEntry) []byte { return data[entry.text.start:entry.text.end] }
	// Keys often start with the same words: what is behind them tells most apart in one comparison.
	first := text(entries[0])
	common := len(first)
	for _, entry := range entries {
		common = commonPrefix(first[:common], text(entry))
	}
	for i := range entries {
		if rest := text(entries[i]); len(rest) > common {
			entries[i].order = leadingBytes(rest[common:])
		}
	}
	compare := func(a, b mapEntry) int {
		if c := cmp.Compare(a.order, b.order); c != 0 {
			return c
		}
		return bytes.Compare(text(a), text(b))
	}
	slices.SortFunc(entries, compare)
	for i := 1; i < len(entries); i++ {
		if compare(entries[i-1], entries[i]) == 0 {
			return errUnusual
		}
	}
	return nil
}

func commonPrefix(a, b []byte) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

// leadingBytes returns the first eight bytes of a text, or what it has and zeros, as a number in the same order.
func leadingBytes(text []byte) uint64 {
	if len(text) >= 8 {
		return binary.BigEndian.Uint64(text)
	}
	var n uint64
	for i, c := range text {
		n |= uint64(c) << (56 - 8*i)
	}
	return n
}

// entry reads the entry of a map that is between start and end in data.
func (f *fieldPlan) entry(data []byte, start, end int) (mapEntry, error) {
	entry := mapEntry{}
	if f.key.isSigned() {
		entry.order = signedOrder(0)
	}
	hasKey := false
	for pos := start; pos < end; {
		number, typ, from, to := consumeField(data[:end], pos)
		if to < 0 {
			return entry, errMalformed
		}
		pos = to
		value := wireValue{uint32(from), uint32(to)}
		switch {
		case number == 1 && typ == f.key.wireType:
			if hasKey {
				return entry, errUnusual
			}
			hasKey = true
			if f.key.kind == protoreflect.StringKind {
				entry.text = value
			} else {
				entry.order = f.key.keyOrder(data[from:to])
			}
		case number == 2 && typ == f.value.wireType:
			if entry.value.end != 0 || typ == protowire.StartGroupType {
				return entry, errUnusual
			}
			entry.value = value
		}
	}
	if entry.value.end == 0 && f.value.kind == protoreflect.EnumKind {
		return entry, errUnusual // its default may not be zero
	}
	return entry, nil
}

// keyOrder returns the order of a key that is a number, given its value on the wire.
func (f *fieldPlan) keyOrder(value []byte) uint64 {
	bits := scalarBits(f.wireType, value)
	switch f.kind {
	case protoreflect.BoolKind:
		return min(bits, 1)
	case protoreflect.Int32Kind, protoreflect.Sfixed32Kind:
		return signedOrder(int64(int32(bits))) // decoders drop the other half
	case protoreflect.Sint32Kind:
		return signedOrder(int64(int32(protowire.DecodeZigZag(bits & math.MaxUint32))))
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return bits & math.MaxUint32
	case protoreflect.Int64Kind, protoreflect.Sfixed64Kind:
		return signedOrder(int64(bits))
	case protoreflect.Sint64Kind:
		return signedOrder(protowire.DecodeZigZag(bits))
	default:
		return bits
	}
}

// signedOrder maps signed numbers to unsigned ones in the same order. It is its own inverse.
func signedOrder(n int64) uint64 { return uint64(n) ^ 1<<63 }

// isSigned reports whether the kind is a signed integer.
func (f *fieldPlan) isSigned() bool {
	switch f.kind {
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind,
		protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return true
	default:
		return false
	}
}

// entry writes an entry of a map.
func (e *encoder) entry(f *fieldPlan, data []byte, entry mapEntry, depth int) error {
	switch {
	case f.key.kind == protoreflect.StringKind:
		var ok bool
		if e.out, ok = appendString(e.out, data[entry.text.start:entry.text.end]); !ok {
			return fmt.Errorf("a key of %s contains invalid UTF-8", f.descriptor.FullName())
		}
		e.out = append(e.out, ':')
	case f.key.kind == protoreflect.BoolKind:
		e.out = append(e.out, '"')
		e.out = strconv.AppendBool(e.out, entry.order != 0)
		e.out = append(e.out, '"', ':')
	case f.key.isSigned():
		e.out = append(e.out, '"')
		e.out = strconv.AppendInt(e.out, int64(entry.order^1<<63), 10) // signedOrder's inverse
		e.out = append(e.out, '"', ':')
	default:
		e.out = append(e.out, '"')
		e.out = strconv.AppendUint(e.out, entry.order, 10)
		e.out = append(e.out, '"', ':')
	}
	value := data[entry.value.start:entry.value.end]
	switch {
	case f.value.wireType == protowire.BytesType:
		return e.delimited(f.value, value, depth)
	case entry.value.end != 0:
		e.scalar(f.value, scalarBits(f.value.wireType, value))
	default:
		e.scalar(f.value, 0)
	}
	return nil
}

// anyMessage writes a google.protobuf.Any: the message in it with its type, which has a value of its own if its JSON is
// not that of an ordinary message.
func (e *encoder) anyMessage(m *messagePlan, wire []byte, base int) error {
	url, data := e.part(m, wire, base, 1), e.part(m, wire, base, 2)
	if len(url) == 0 {
		if len(data) > 0 {
			return errors.New("google.protobuf.Any: type_url is not set")
		}
		e.out = append(e.out, "{}"...)
		return nil
	}
	inner, err := e.plans.byURL(url)
	if err != nil {
		return fmt.Errorf("google.protobuf.Any: %w", err)
	}
	e.out = append(e.out, `{"@type":`...)
	var ok bool
	if e.out, ok = appendString(e.out, url); !ok {
		return errors.New("google.protobuf.Any: type_url contains invalid UTF-8")
	}
	// Nothing is required inside, and the levels are counted anew, as in protojson.
	defer func(partial bool) { e.partial = partial }(e.partial)
	e.partial = true
	if inner.form != ordinaryForm {
		e.out = append(e.out, `,"value":`...)
		if err := e.message(inner, data, DefaultRecursionLimit); err != nil {
			return err
		}
		e.out = append(e.out, '}')
		return nil
	}
	innerBase, err := e.index(inner, data)
	if err != nil {
		return err
	}
	return e.fields(inner, data, innerBase, DefaultRecursionLimit-1, 0)
}

// part returns the value of a singular field by its number, nil if it is not there.
func (e *encoder) part(m *messagePlan, wire []byte, base int, number uint64) []byte {
	value := e.values[base+m.field(number)]
	return wire[value.start:value.end]
}

// varintPart returns the value of a singular varint field by its number, 0 if it is not there.
func (e *encoder) varintPart(m *messagePlan, wire []byte, base int, number uint64) uint64 {
	value, _ := consumeVarint(e.part(m, wire, base, number))
	return value
}

// time writes a google.protobuf.Timestamp or Duration.
func (e *encoder) time(m *messagePlan, wire []byte, base int) error {
	seconds := int64(e.varintPart(m, wire, base, 1))
	nanos := int32(e.varintPart(m, wire, base, 2)) // decoders drop the other half
	if m.form == timestampForm {
		if seconds < minTimestampSeconds || seconds > maxTimestampSeconds || nanos < 0 || nanos > maxNanos {
			return fmt.Errorf("google.protobuf.Timestamp: %d s and %d ns are out of range", seconds, nanos)
		}
		e.out = appendTimestamp(e.out, seconds, nanos)
		return nil
	}
	if seconds < -maxDurationSeconds || seconds > maxDurationSeconds || nanos < -maxNanos || nanos > maxNanos {
		return fmt.Errorf("google.protobuf.Duration: %d s and %d ns are out of range", seconds, nanos)
	}
	if seconds > 0 && nanos < 0 || seconds < 0 && nanos > 0 {
		return errors.New("google.protobuf.Duration: signs of seconds and nanos do not match")
	}
	e.out = appendDuration(e.out, seconds, nanos)
	return nil
}

// wrapper writes a message of wrappers.proto: the scalar in it.
func (e *encoder) wrapper(m *messagePlan, wire []byte, base int) error {
	f, before := &m.fields[0], len(e.out)
	if value := e.values[base]; value.end != 0 {
		written, err := e.field(f, wire, value, 0)
		if written || err != nil {
			return err
		}
	}
	e.out = append(e.out[:before], f.unset...)
	return nil
}

// collection writes a google.protobuf.Struct or ListValue.
func (e *encoder) collection(m *messagePlan, wire []byte, base, depth int) error {
	f, before := &m.fields[0], len(e.out)
	if value := e.values[base]; value.end != 0 {
		written, err := e.field(f, wire, value, depth)
		if written || err != nil {
			return err
		}
	}
	e.out = append(e.out[:before], f.unset...)
	return nil
}

// dynamicValue writes a google.protobuf.Value.
func (e *encoder) dynamicValue(m *messagePlan, wire []byte, base, depth int) error {
	for i := range m.fields {
		value := e.values[base+i]
		if value.end == 0 {
			continue
		}
		f := &m.fields[i]
		if f.kind == protoreflect.DoubleKind {
			n := math.Float64frombits(scalarBits(f.wireType, wire[value.start:value.end]))
			if math.IsNaN(n) || math.IsInf(n, 0) {
				return fmt.Errorf("google.protobuf.Value: number_value is %v, which JSON has not", n)
			}
		}
		_, err := e.field(f, wire, value, depth)
		return err
	}
	return errors.New("google.protobuf.Value: no kind is set")
}

// mask writes a google.protobuf.FieldMask.
func (e *encoder) mask(wire []byte, value wireValue) error {
	e.out = append(e.out, '"')
	first := len(e.out)
	data := wire[value.start:value.end]
	for pos := 0; pos < len(data); {
		_, _, start, end := consumeField(data, pos)
		path := data[start:end]
		pos = end
		if len(e.out) > first {
			e.out = append(e.out, ',')
		}
		var ok bool
		if e.out, ok = appendMaskPath(e.out, path); !ok {
			return fmt.Errorf("google.protobuf.FieldMask: path %q has no JSON", path)
		}
	}
	e.out = append(e.out, '"')
	return nil
}
