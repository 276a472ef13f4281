package jsonwire

import (
	"fmt"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// FieldCodec translates the values of one field of a message: what stands behind its name in the message's JSON. It is
// used by any number of goroutines at the same time.
type FieldCodec struct {
	codecs *Codecs
	parent *messagePlan
	index  int
}

// Field returns the codec of a field, which is not an extension. It fails if a descriptor is a placeholder.
func (c *Codecs) Field(field protoreflect.FieldDescriptor) (*FieldCodec, error) {
	if field.IsExtension() {
		return nil, fmt.Errorf("jsonwire: field %s is an extension", field.FullName())
	}
	if field.Message() != nil && field.Message().IsPlaceholder() {
		return nil, fmt.Errorf("jsonwire: message %s is not among the descriptors", field.Message().FullName())
	}
	return &FieldCodec{codecs: c, parent: c.plans.message(field.ContainingMessage()), index: field.Index()}, nil
}

// AppendWire appends the field to the wire form of its message, dst. JSON's null appends nothing, unless it is a value of
// the field. An error is an [*Error], in which the path starts with the field; then nothing is appended.
func (c *FieldCodec) AppendWire(dst, json []byte) ([]byte, error) {
	f := &c.parent.fields[c.index]
	out, err := c.codecs.decode(dst, json, func(d *decoder) bool {
		if !f.takesNull && d.peek() == 'n' && d.literal("null") {
			return true
		}
		return d.field(f, c.codecs.options.recursionLimit) || d.within(string(f.descriptor.Name()))
	})
	if isUnusual(err) {
		return c.codecs.referenceFieldWire(dst, f.descriptor, json)
	}
	return out, err
}

// AppendJSON appends the JSON of the field's value to dst, given the wire form of its message: null if it is not set and
// the field tells that from zero. Fields of the message other than this one need not have a JSON form. Errors are those
// of [MessageCodec.AppendJSON].
func (c *FieldCodec) AppendJSON(dst, wire []byte) ([]byte, error) {
	f := &c.parent.fields[c.index]
	out, err := c.codecs.encode(dst, wire, func(e *encoder) error {
		e.partial = true // of the message around; what is in the field is checked below
		base, err := e.index(c.parent, wire)
		if err != nil {
			return err
		}
		e.partial = c.codecs.options.allowPartial
		return e.fieldOrUnset(f, wire, e.values[base+c.index], DefaultRecursionLimit-1)
	})
	switch {
	case isUnusual(err):
		return c.codecs.referenceFieldJSON(dst, f.descriptor, wire)
	case err != nil:
		return dst, fmt.Errorf("jsonwire: encode %s: %w", f.descriptor.FullName(), err)
	}
	return out, nil
}
