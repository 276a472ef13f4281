package jsonwire

import (
	"errors"
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

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

// time writes a google.protobuf.Timestamp or Duration.
func (e *encoder) time(m *messagePlan, wire []byte) error {
	var (
		seconds int64
		nanos   int32
	)
	for pos := 0; pos < len(wire); {
		number, typ, start, end := consumeField(wire, pos)
		if end < 0 {
			return errMalformed
		}
		pos = end
		if typ != protowire.VarintType {
			continue
		}
		value := scalarBits(typ, wire[start:end])
		if number == 1 {
			seconds = int64(value)
		}
		if number == 2 {
			nanos = int32(value) // decoders drop the other half
		}
	}
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

// only writes the value of the only field of a message, which stands for it: of those of wrappers.proto, of Struct and of
// ListValue.
func (e *encoder) only(m *messagePlan, wire []byte, base, depth int) error {
	return e.fieldOrUnset(&m.fields[0], wire, e.values[base], depth)
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
