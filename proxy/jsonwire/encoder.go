package jsonwire

import (
	"encoding/base64"
	"fmt"
	"math"
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
	if m.form == timestampForm || m.form == durationForm {
		return e.time(m, wire)
	}
	base, err := e.index(m, wire)
	if err != nil {
		return err
	}
	switch m.form {
	case anyForm:
		err = e.anyMessage(m, wire, base)
	case wrapperForm, structForm, listForm:
		err = e.only(m, wire, base, depth-1)
	case valueForm:
		err = e.dynamicValue(m, wire, base, depth-1)
	case maskForm:
		err = e.mask(wire, e.values[base])
	default:
		e.out = append(e.out, '{')
		err = e.fields(m, wire, base, depth-1, 1)
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

// fieldOrUnset writes the value of a field, which is its zero value, or null, where the field counts as unset.
func (e *encoder) fieldOrUnset(f *fieldPlan, wire []byte, value wireValue, depth int) error {
	before := len(e.out)
	if value.end != 0 {
		written, err := e.field(f, wire, value, depth)
		if written || err != nil {
			return err
		}
	}
	e.out = append(e.out[:before], f.unset...)
	return nil
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
