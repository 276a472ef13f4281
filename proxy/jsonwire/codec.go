package jsonwire

import (
	"fmt"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// Resolver finds the messages in a google.protobuf.Any and the extensions of proto2. *protoregistry.Types and
// *dynamicpb.Types implement it.
type Resolver interface {
	protoregistry.MessageTypeResolver
	protoregistry.ExtensionTypeResolver
}

// Codecs makes the codecs of messages and fields, which share what has been compiled. It is used by any number of
// goroutines at the same time.
type Codecs struct {
	options options
}

// New returns codecs with the given options. The error is that of an invalid option.
func New(opts ...Option) (*Codecs, error) {
	c := &Codecs{options: options{
		resolver:       protoregistry.GlobalTypes,
		recursionLimit: DefaultRecursionLimit,
	}}
	for _, opt := range opts {
		if err := opt.apply(&c.options); err != nil {
			return nil, fmt.Errorf("jsonwire: %w", err)
		}
	}
	return c, nil
}

// Message returns the codec of a message. It fails if the descriptor is a placeholder.
func (c *Codecs) Message(message protoreflect.MessageDescriptor) (*MessageCodec, error) {
	if message.IsPlaceholder() {
		return nil, fmt.Errorf("jsonwire: message %s is not among the descriptors", message.FullName())
	}
	return &MessageCodec{codecs: c, descriptor: message}, nil
}

// MessageCodec translates messages of one type. It is used by any number of goroutines at the same time.
type MessageCodec struct {
	codecs     *Codecs
	descriptor protoreflect.MessageDescriptor
}

// AppendWire appends the wire form of a message, given as JSON, to dst. The fields have the order of the JSON. An error
// is an [*Error].
func (c *MessageCodec) AppendWire(dst, json []byte) ([]byte, error) {
	return c.codecs.referenceWire(dst, c.descriptor, json)
}

// AppendJSON appends the JSON of a message, given in its wire form, to dst: compact, the fields in the order of their
// declaration, map entries in the order of their keys. It fails if wire is malformed, a string is not UTF-8, or a
// message has no JSON: a Timestamp that is out of range, an Any of an unknown type, a Value without a kind.
func (c *MessageCodec) AppendJSON(dst, wire []byte) ([]byte, error) {
	return c.codecs.referenceJSON(dst, c.descriptor, wire)
}
