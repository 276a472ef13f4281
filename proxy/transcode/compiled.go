package transcode

import (
	"encoding/json"
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/codingflow/rating/proxy/jsonwire"
)

// translator is one direction of a codec of package jsonwire, of a message or of a field.
type translator func(dst, from []byte) ([]byte, error)

// compiledCodec translates by package jsonwire. Parameters are appended to the wire form of the body, where the last
// value of a field counts and messages are merged.
type compiledCodec struct {
	binding  *Binding
	codecs   *jsonwire.Codecs
	body     translator
	response translator
	mask     *maskInference // nil without Binding.Mask
	// replaced are the variables whose values the wire would merge with those of the body.
	replaced []FieldPath
	// required says that the request message has required fields somewhere.
	required bool
	types    Types
}

var _ Codec = (*compiledCodec)(nil)

// newCompiledCodec returns a NewCodec for codecs that resolve Any and extensions with types.
func newCompiledCodec(types Types) (NewCodec, error) {
	codecs, err := jsonwire.New(
		jsonwire.WithResolver(types),
		jsonwire.WithRecursionLimit(MaxDepth),
		// Whether required fields are set is known only after the parameters.
		jsonwire.WithAllowPartial(),
		jsonwire.WithDefaultValues())
	if err != nil {
		return nil, err
	}
	return func(b *Binding) (Codec, error) {
		codec := &compiledCodec{
			binding:  b,
			codecs:   codecs,
			required: hasRequired(b.Method.Input(), map[protoreflect.FullName]bool{}),
			types:    types,
		}
		if b.Mask != nil {
			codec.mask = newMaskInference(b)
		}
		for _, v := range b.Variables {
			if v.Leaf().Message() != nil && (b.BodyAll || v[0] == b.BodyField) {
				codec.replaced = append(codec.replaced, v)
			}
		}
		var errBody, errResponse error
		codec.body, _, errBody = newTranslators(codecs, b.Method.Input(), b.BodyField)
		_, codec.response, errResponse = newTranslators(codecs, b.Method.Output(), b.ResponseField)
		return codec, errors.Join(errBody, errResponse)
	}, nil
}

// newTranslators returns both directions of a message's codec, or of that of a field of it if there is one.
func newTranslators(
	codecs *jsonwire.Codecs, message protoreflect.MessageDescriptor, field protoreflect.FieldDescriptor,
) (toWire, toJSON translator, err error) {
	if field != nil {
		codec, err := codecs.Field(field)
		if err != nil {
			return nil, nil, err
		}
		return codec.AppendWire, codec.AppendJSON, nil
	}
	codec, err := codecs.Message(message)
	if err != nil {
		return nil, nil, err
	}
	return codec.AppendWire, codec.AppendJSON, nil
}

func (c *compiledCodec) AppendRequest(dst []byte, in Input) ([]byte, error) {
	start := len(dst)
	if len(in.Body) > 0 {
		var err error
		if dst, err = c.body(dst, in.Body); err != nil {
			return nil, bodyError(err, in.Body)
		}
		if len(c.replaced) > 0 {
			if dst, err = c.withoutReplaced(dst, start); err != nil {
				return nil, err
			}
		}
	}
	inferMask := c.mask != nil && len(in.Body) > 0
	params := paramWriter{codecs: c.codecs, body: dst[start:]}
	for _, param := range in.Params {
		var err error
		if dst, err = params.append(dst, param); err != nil {
			return nil, err
		}
		if param.Field[0] == c.binding.Mask {
			inferMask = false
		}
	}
	if inferMask {
		dst = c.appendMask(dst, in.Body)
	}
	if c.required {
		return dst, c.checkRequired(dst[start:])
	}
	return dst, nil
}

// appendMask appends the update mask that a body implies.
func (c *compiledCodec) appendMask(dst, body []byte) []byte {
	var mask []byte
	for _, path := range c.mask.paths(body) {
		mask = protowire.AppendTag(mask, fieldMaskPaths, protowire.BytesType)
		mask = protowire.AppendString(mask, path)
	}
	dst = protowire.AppendTag(dst, c.binding.Mask.Number(), protowire.BytesType)
	return protowire.AppendBytes(dst, mask)
}

// withoutReplaced returns dst without the values that the path replaces in the message that begins at start.
func (c *compiledCodec) withoutReplaced(dst []byte, start int) ([]byte, error) {
	message, err := c.decode(dst[start:])
	if err != nil {
		return nil, err
	}
	for _, path := range c.replaced {
		parent := message
		for _, field := range path[:len(path)-1] {
			if !parent.Has(field) {
				parent = nil
				break
			}
			parent = parent.Mutable(field).Message()
		}
		if parent != nil {
			parent.Clear(path.Leaf())
		}
	}
	return proto.MarshalOptions{AllowPartial: true}.MarshalAppend(dst[:start], message.Interface())
}

func (c *compiledCodec) decode(wire []byte) (protoreflect.Message, error) {
	message := dynamicpb.NewMessage(c.binding.Method.Input())
	if err := (proto.UnmarshalOptions{Resolver: c.types, AllowPartial: true}).Unmarshal(wire, message); err != nil {
		return nil, fmt.Errorf("decode %s: %w", message.Descriptor().FullName(), err)
	}
	return message, nil
}

// checkRequired checks that no required field is missing in a request.
func (c *compiledCodec) checkRequired(wire []byte) error {
	message, err := c.decode(wire)
	if err != nil {
		return err
	}
	if err := proto.CheckInitialized(message.Interface()); err != nil {
		return fieldErrorf("", "%s", protoText(err))
	}
	return nil
}

// hasRequired reports whether a message or one that it leads to has required fields.
func hasRequired(message protoreflect.MessageDescriptor, seen map[protoreflect.FullName]bool) bool {
	if seen[message.FullName()] {
		return false
	}
	seen[message.FullName()] = true
	// An extension may have required fields, and is not known here.
	if message.RequiredNumbers().Len() > 0 || message.ExtensionRanges().Len() > 0 {
		return true
	}
	for i := range message.Fields().Len() {
		if next := message.Fields().Get(i).Message(); next != nil && hasRequired(next, seen) {
			return true
		}
	}
	return false
}

func (c *compiledCodec) AppendResponse(dst, wire []byte) ([]byte, error) {
	return c.response(dst, wire)
}

// bodyError turns an error of jsonwire into one for the client.
func bodyError(err error, body []byte) error {
	var fault *jsonwire.Error
	if !errors.As(err, &fault) {
		return err
	}
	if err := json.Unmarshal(body, new(json.RawMessage)); err != nil {
		return fieldErrorf("", "the body is not valid JSON: %v", err)
	}
	return fieldErrorf(fault.Field, "%s", fault.Description)
}
