package jsonwire

import (
	"bytes"
	"encoding/json"
	"fmt"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

// referenceWire is AppendWire by way of a dynamic message and protojson.
func (c *Codecs) referenceWire(dst []byte, message protoreflect.MessageDescriptor, data []byte) ([]byte, error) {
	m := dynamicpb.NewMessage(message)
	err := protojson.UnmarshalOptions{
		AllowPartial:   c.options.allowPartial,
		DiscardUnknown: c.options.discardUnknown,
		Resolver:       c.options.resolver,
		RecursionLimit: c.options.recursionLimit,
	}.Unmarshal(data, m)
	if err != nil {
		return dst, &Error{Description: err.Error()}
	}
	return proto.MarshalOptions{AllowPartial: true}.MarshalAppend(dst, m)
}

// referenceJSON is AppendJSON by way of a dynamic message and protojson.
func (c *Codecs) referenceJSON(dst []byte, message protoreflect.MessageDescriptor, wire []byte) ([]byte, error) {
	m := dynamicpb.NewMessage(message)
	if err := (proto.UnmarshalOptions{AllowPartial: true, Resolver: c.options.resolver}).Unmarshal(wire, m); err != nil {
		return dst, fmt.Errorf("jsonwire: decode %s: %w", message.FullName(), err)
	}
	data, err := protojson.MarshalOptions{
		AllowPartial:      c.options.allowPartial,
		UseProtoNames:     c.options.protoNames,
		UseEnumNumbers:    c.options.enumNumbers,
		EmitUnpopulated:   c.options.unpopulated,
		EmitDefaultValues: c.options.defaultValues,
		Resolver:          c.options.resolver,
	}.Marshal(m)
	if err != nil {
		return dst, fmt.Errorf("jsonwire: encode %s: %w", message.FullName(), err)
	}
	// protojson varies its white space from build to build.
	buffer := bytes.NewBuffer(dst)
	if err := json.Compact(buffer, data); err != nil {
		return dst, fmt.Errorf("jsonwire: encode %s: %w", message.FullName(), err)
	}
	return buffer.Bytes(), nil
}
