package transcode

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

// dynamicCodec builds dynamic messages and has protojson read and write them.
type dynamicCodec struct {
	binding   *Binding
	unmarshal protojson.UnmarshalOptions
	marshal   protojson.MarshalOptions
	wire      proto.UnmarshalOptions
	mask      *maskInference // nil without Binding.Mask
}

var _ Codec = (*dynamicCodec)(nil)

// newDynamicCodec returns a NewCodec for codecs that resolve Any and extensions with types.
func newDynamicCodec(types Types) NewCodec {
	return func(b *Binding) (Codec, error) {
		codec := &dynamicCodec{
			binding: b,
			// Whether required fields are set is known only after the parameters.
			unmarshal: protojson.UnmarshalOptions{Resolver: types, AllowPartial: true},
			marshal:   protojson.MarshalOptions{Resolver: types, AllowPartial: true, EmitDefaultValues: true},
			wire:      proto.UnmarshalOptions{Resolver: types, AllowPartial: true},
		}
		if b.Mask != nil {
			codec.mask = newMaskInference(b)
		}
		return codec, nil
	}
}

func (c *dynamicCodec) AppendRequest(dst []byte, in Input) ([]byte, error) {
	message := dynamicpb.NewMessage(c.binding.Method.Input())
	if len(in.Body) > 0 {
		if err := c.setBody(message, in.Body); err != nil {
			return nil, err
		}
	}
	inferMask := c.mask != nil && len(in.Body) > 0
	for _, param := range in.Params {
		if err := setParam(message, param); err != nil {
			return nil, err
		}
		if param.Field[0] == c.binding.Mask {
			inferMask = false
		}
	}
	if inferMask {
		mask := message.Mutable(c.binding.Mask).Message()
		paths := mask.Mutable(mask.Descriptor().Fields().ByName("paths")).List()
		for _, path := range c.mask.paths(in.Body) {
			paths.Append(protoreflect.ValueOfString(path))
		}
	}
	if err := proto.CheckInitialized(message); err != nil {
		return nil, fieldErrorf("", "%s", protoText(err))
	}
	return proto.MarshalOptions{}.MarshalAppend(dst, message)
}

// setBody reads the body into the message or into the body's field.
func (c *dynamicCodec) setBody(message protoreflect.Message, body []byte) error {
	if err := json.Unmarshal(body, new(json.RawMessage)); err != nil {
		return fieldErrorf("", "the body is not valid JSON: %v", err)
	}
	if c.binding.BodyAll {
		if err := c.unmarshal.Unmarshal(body, message.Interface()); err != nil {
			return bodyError(err, body, bodyContext{message: message.Descriptor()}, "")
		}
		return nil
	}
	field := c.binding.BodyField
	if field.IsList() || field.IsMap() || field.Message() == nil {
		return c.setWrapped(message, field, body)
	}
	if field.Message().FullName() != "google.protobuf.Value" && bytes.Equal(bytes.TrimSpace(body), []byte("null")) {
		return nil
	}
	value := message.NewField(field)
	if err := c.unmarshal.Unmarshal(body, value.Message().Interface()); err != nil {
		return bodyError(err, body, bodyContext{field: field}, string(field.Name()))
	}
	message.Set(field, value)
	return nil
}

// setWrapped reads a body that is no message's: protojson reads messages only, so the body becomes the only field of
// one. The body is valid JSON, so it cannot break out of its place.
func (c *dynamicCodec) setWrapped(message protoreflect.Message, field protoreflect.FieldDescriptor, body []byte) error {
	name, err := json.Marshal(field.JSONName())
	if err != nil {
		return fmt.Errorf("encode the name of %s: %w", field.FullName(), err)
	}
	data := slices.Concat([]byte{'{'}, name, []byte{':'}, body, []byte{'}'})
	if err := c.unmarshal.Unmarshal(data, message.Interface()); err != nil {
		return bodyError(err, data, bodyContext{message: message.Descriptor()}, "")
	}
	return nil
}

// setParam sets a field that a parameter gives, or appends to it.
func setParam(message protoreflect.Message, param Param) error {
	for i, field := range param.Field {
		if oneof := field.ContainingOneof(); oneof != nil {
			if other := message.WhichOneof(oneof); other != nil && other != field {
				return fieldErrorf(param.Field.String(), "oneof %s has %s already", oneof.Name(), other.Name())
			}
		}
		if i < len(param.Field)-1 {
			message = message.Mutable(field).Message()
		}
	}
	leaf := param.Field.Leaf()
	newMessage := func() protoreflect.Message { return message.NewField(leaf).Message() }
	if leaf.IsList() {
		newMessage = func() protoreflect.Message { return message.NewField(leaf).List().NewElement().Message() }
	}
	value, err := parseText(leaf, param.Value, newMessage)
	if err != nil {
		return fieldErrorf(param.Field.String(), "%v", err)
	}
	if leaf.IsList() {
		message.Mutable(leaf).List().Append(value)
	} else {
		message.Set(leaf, value)
	}
	return nil
}

func (c *dynamicCodec) AppendResponse(dst, wire []byte) ([]byte, error) {
	message := dynamicpb.NewMessage(c.binding.Method.Output())
	if err := c.wire.Unmarshal(wire, message); err != nil {
		return nil, fmt.Errorf("decode %s: %w", message.Descriptor().FullName(), err)
	}
	field := c.binding.ResponseField
	if field != nil {
		only := dynamicpb.NewMessage(message.Descriptor())
		if message.Has(field) {
			only.Set(field, message.Get(field))
		}
		message = only
	}
	data, err := c.marshal.Marshal(message)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", message.Descriptor().FullName(), err)
	}
	if field != nil {
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(data, &fields); err != nil {
			return nil, fmt.Errorf("encode %s: %w", message.Descriptor().FullName(), err)
		}
		// Like an unset field of a message, an unset message or optional field has no JSON but null.
		data = []byte("null")
		if value, ok := fields[field.JSONName()]; ok {
			data = value
		}
	}
	// protojson varies its white space from build to build.
	buffer := bytes.NewBuffer(dst)
	if err := json.Compact(buffer, data); err != nil {
		return nil, fmt.Errorf("encode %s: %w", message.Descriptor().FullName(), err)
	}
	return buffer.Bytes(), nil
}
