package jsonwire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

// What is rare takes the way by a dynamic message and protojson: extensions, proto1's message sets, and on the wire
// groups, fields and oneofs that come in several pieces, and map keys that come twice.

func isUnusual(err error) bool { return errors.Is(err, errUnusual) }

// referenceWire is [MessageCodec.AppendWire] by way of protojson.
func (c *Codecs) referenceWire(dst []byte, message protoreflect.MessageDescriptor, data []byte) ([]byte, error) {
	m := dynamicpb.NewMessage(message)
	if err := c.referenceUnmarshal(data, m, c.options.allowPartial); err != nil {
		return dst, err
	}
	return referenceMarshal(dst, m)
}

// referenceUnmarshal reads a message. The error is an *Error without a field and a position.
func (c *Codecs) referenceUnmarshal(data []byte, m proto.Message, partial bool) error {
	if !c.isJSON(data) { // protojson takes some things that are not JSON, such as 1e for 1
		return &Error{Description: "invalid JSON"}
	}
	err := protojson.UnmarshalOptions{
		AllowPartial:   partial,
		DiscardUnknown: c.options.discardUnknown,
		Resolver:       c.options.resolver,
		RecursionLimit: c.options.recursionLimit,
	}.Unmarshal(data, m)
	if err != nil {
		return &Error{Description: err.Error()}
	}
	return nil
}

// isJSON reports whether data is one JSON value. It is not asked how deep messages are, but lists and maps in them double
// the levels, and so may what is skipped.
func (c *Codecs) isJSON(data []byte) bool {
	s := scanner{in: data}
	return s.skip(4*c.options.recursionLimit) && s.peek() == 0 && s.pos == len(data)
}

func referenceMarshal(dst []byte, m proto.Message) ([]byte, error) {
	out, err := proto.MarshalOptions{AllowPartial: true, Deterministic: true}.MarshalAppend(dst, m)
	if err != nil {
		return dst, &Error{Description: err.Error()}
	}
	return out, nil
}

// referenceFieldWire is [FieldCodec.AppendWire] by way of protojson, which reads messages only: so the value becomes the
// only field of one.
func (c *Codecs) referenceFieldWire(dst []byte, field protoreflect.FieldDescriptor, data []byte) ([]byte, error) {
	if !c.isJSON(data) {
		return dst, &Error{Field: string(field.Name()), Description: "invalid JSON"}
	}
	name, _ := appendString(nil, []byte(field.JSONName()))
	m := dynamicpb.NewMessage(field.ContainingMessage())
	object := bytes.Join([][]byte{{'{'}, name, {':'}, data, {'}'}}, nil)
	if err := c.referenceUnmarshal(object, m, true); err != nil {
		return dst, err
	}
	if !c.options.allowPartial {
		var err error
		m.Range(func(_ protoreflect.FieldDescriptor, value protoreflect.Value) bool {
			err = checkInitialized(field, value)
			return false
		})
		if err != nil {
			return dst, &Error{Field: string(field.Name()), Description: err.Error()}
		}
	}
	return referenceMarshal(dst, m)
}

// checkInitialized checks the messages in a field's value for required fields.
func checkInitialized(field protoreflect.FieldDescriptor, value protoreflect.Value) error {
	var errs []error
	check := func(message protoreflect.Message) { errs = append(errs, proto.CheckInitialized(message.Interface())) }
	switch {
	case field.IsMap() && field.MapValue().Message() != nil:
		value.Map().Range(func(_ protoreflect.MapKey, value protoreflect.Value) bool {
			check(value.Message())
			return true
		})
	case field.IsMap() || field.Message() == nil:
	case field.IsList():
		for i := range value.List().Len() {
			check(value.List().Get(i).Message())
		}
	default:
		check(value.Message())
	}
	return errors.Join(errs...)
}

// referenceJSON is [MessageCodec.AppendJSON] by way of protojson.
func (c *Codecs) referenceJSON(dst []byte, message protoreflect.MessageDescriptor, wire []byte) (out []byte, err error) {
	defer recovered(dst, &out, &err)
	m := dynamicpb.NewMessage(message)
	if err := c.referenceDecode(wire, m); err != nil {
		return dst, err
	}
	data, err := c.referenceText(m, c.options.allowPartial)
	if err != nil {
		return dst, err
	}
	return append(dst, data...), nil
}

// referenceDecode reads a message from the wire.
func (c *Codecs) referenceDecode(wire []byte, m *dynamicpb.Message) error {
	err := proto.UnmarshalOptions{AllowPartial: true, Resolver: c.options.resolver}.Unmarshal(wire, m)
	if err != nil {
		return fmt.Errorf("jsonwire: decode %s: %w", m.Descriptor().FullName(), err)
	}
	return nil
}

// recovered makes an error of a panic: protobuf-go 1.36.12 has one on dynamic messages, also on those in an Any, at a map
// entry with a key and then another of a wrong wire type.
func recovered(dst []byte, out *[]byte, err *error) {
	if cause := recover(); cause != nil {
		*out = dst
		*err = fmt.Errorf("jsonwire: protobuf-go panicked: %v", cause)
	}
}

// referenceText returns the JSON of a message, compact.
func (c *Codecs) referenceText(m proto.Message, partial bool) ([]byte, error) {
	data, err := protojson.MarshalOptions{
		AllowPartial:      partial,
		UseProtoNames:     c.options.protoNames,
		UseEnumNumbers:    c.options.enumNumbers,
		EmitUnpopulated:   c.options.unpopulated,
		EmitDefaultValues: c.options.defaultValues,
		Resolver:          c.options.resolver,
	}.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("jsonwire: encode %s: %w", m.ProtoReflect().Descriptor().FullName(), err)
	}
	return compacted(data), nil
}

// compacted removes the spaces between tokens, which protojson varies from build to build. (json.Compact refuses what is
// deep.)
func compacted(data []byte) []byte {
	to, inString := 0, false
	for from := 0; from < len(data); from++ {
		c := data[from]
		switch {
		case c == '"':
			inString = !inString
		case c == '\\': // in a string
			data[to] = c
			to++
			from++
			c = data[from]
		case c == ' ' && !inString:
			continue
		}
		data[to] = c
		to++
	}
	return data[:to]
}

// referenceFieldJSON is [FieldCodec.AppendJSON] by way of protojson.
func (c *Codecs) referenceFieldJSON(dst []byte, field protoreflect.FieldDescriptor, wire []byte) (out []byte, err error) {
	defer recovered(dst, &out, &err)
	message := dynamicpb.NewMessage(field.ContainingMessage())
	if err := c.referenceDecode(wire, message); err != nil {
		return dst, err
	}
	if !message.Has(field) {
		return append(dst, c.plans.message(field.ContainingMessage()).fields[field.Index()].unset...), nil
	}
	if !c.options.allowPartial {
		if err := checkInitialized(field, message.Get(field)); err != nil {
			return dst, fmt.Errorf("jsonwire: encode %s: %w", field.FullName(), err)
		}
	}
	only := dynamicpb.NewMessage(field.ContainingMessage())
	only.Set(field, message.Get(field))
	data, err := c.referenceText(only, true)
	if err != nil {
		return dst, err
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil {
		return dst, fmt.Errorf("jsonwire: encode %s: %w", field.FullName(), err)
	}
	name := field.JSONName()
	if c.options.protoNames {
		name = field.TextName()
	}
	return append(dst, fields[name]...), nil
}
