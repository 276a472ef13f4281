package jsonwire

import (
	"errors"
	"fmt"
	"math"
	"sync"

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
	options  options
	plans    *plans
	encoders sync.Pool
	decoders sync.Pool
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
	c.plans = newPlans(&c.options)
	c.encoders.New = func() any { return &encoder{plans: c.plans} }
	c.decoders.New = func() any { return &decoder{plans: c.plans, scratch: make([]byte, 0, 64)} }
	return c, nil
}

// Message returns the codec of a message. It fails if the descriptor is a placeholder.
func (c *Codecs) Message(message protoreflect.MessageDescriptor) (*MessageCodec, error) {
	if message.IsPlaceholder() {
		return nil, fmt.Errorf("jsonwire: message %s is not among the descriptors", message.FullName())
	}
	return &MessageCodec{codecs: c, plan: c.plans.message(message)}, nil
}

// MessageCodec translates messages of one type. It is used by any number of goroutines at the same time.
type MessageCodec struct {
	codecs *Codecs
	plan   *messagePlan
}

// AppendWire appends the wire form of a message, given as JSON, to dst. The fields have the order of the JSON. An error
// is an [*Error]; then nothing is appended.
func (c *MessageCodec) AppendWire(dst, json []byte) ([]byte, error) {
	out, err := c.codecs.decode(dst, json, func(d *decoder) bool {
		return d.message(c.plan, c.codecs.options.recursionLimit)
	})
	if isUnusual(err) {
		return c.codecs.referenceWire(dst, c.plan.descriptor, json)
	}
	return out, err
}

// AppendJSON appends the JSON of a message, given in its wire form, to dst: compact, the fields in the order of their
// declaration, map entries in the order of their keys. It fails if wire is malformed, a string is not UTF-8, or a
// message has no JSON: a Timestamp that is out of range, an Any of an unknown type, a Value without a kind. Then nothing
// is appended.
func (c *MessageCodec) AppendJSON(dst, wire []byte) ([]byte, error) {
	out, err := c.codecs.encode(dst, wire, func(e *encoder) error {
		return e.message(c.plan, wire, DefaultRecursionLimit)
	})
	switch {
	case isUnusual(err):
		return c.codecs.referenceJSON(dst, c.plan.descriptor, wire)
	case err != nil:
		return dst, fmt.Errorf("jsonwire: encode %s: %w", c.plan.descriptor.FullName(), err)
	}
	return out, nil
}

// maxKept bounds the buffers, in bytes, that wait for the next message.
const maxKept = 1 << 20

// encode runs write with an encoder and appends what that has written to dst.
func (c *Codecs) encode(dst, wire []byte, write func(*encoder) error) ([]byte, error) {
	if len(wire) > math.MaxInt32 {
		return dst, errors.New("message is larger than 2 GiB")
	}
	e := c.encoders.Get().(*encoder) //nolint:forcetypeassert // the pool has no others
	e.partial = c.options.allowPartial
	kept := e.out
	direct := hasRoom(dst, 2*len(wire))
	if direct {
		e.out = dst
	}
	err := write(e)
	switch {
	case err != nil:
	case direct:
		dst = e.out
	default:
		dst, kept = append(dst, e.out...), e.out
	}
	e.out, e.values, e.entries = kept[:0], e.values[:0], e.entries[:0]
	if cap(e.out) <= maxKept {
		c.encoders.Put(e)
	}
	return dst, err
}

// decode runs read with a decoder, to which the JSON is given, and appends what that has written to dst.
func (c *Codecs) decode(dst, json []byte, read func(*decoder) bool) ([]byte, error) {
	d := c.decoders.Get().(*decoder) //nolint:forcetypeassert // the pool has no others
	d.in, d.pos, d.partial = json, 0, c.options.allowPartial
	kept := d.out
	direct := hasRoom(dst, len(json))
	if direct {
		d.out = dst
	}
	ok := read(d)
	if ok && (d.peek() != 0 || d.pos < len(d.in)) {
		ok = d.unexpected(d.pos)
	}
	var err error
	switch {
	case ok:
		d.finish()
		if direct {
			dst = d.out
		} else {
			dst, kept = append(dst, d.out...), d.out
		}
	case d.unusual:
		err = errUnusual
	default:
		err = d.err
	}
	d.in, d.err, d.unusual = nil, nil, false
	d.out, d.long, d.extra, d.seen, d.keys = kept[:0], d.long[:0], 0, d.seen[:0], d.keys[:0]
	if cap(d.out) <= maxKept {
		c.decoders.Put(d)
	}
	return dst, err
}

// hasRoom reports whether what needs about so many bytes can be written to dst at once. It would have to grow otherwise,
// more than once: then it is better to write elsewhere first.
func hasRoom(dst []byte, bytes int) bool { return cap(dst)-len(dst) >= bytes+64 }
