package rpc

import (
	"errors"
	"fmt"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	"github.com/codingflow/rating/proxy/jsonwire"
)

// message is a message of a call in its wire form. It is what connect's codecs read and write here.
type message struct {
	wire []byte
	// fault is what is wrong with the message: of a request, with the client's JSON; of a response, why it has no JSON.
	fault error
}

// protoCodec passes encoded messages on. The proto.Message that it is given is the status of gRPC's errors.
type protoCodec struct{}

var _ connect.Codec = protoCodec{}

func (protoCodec) Name() string { return "proto" }

func (c protoCodec) Marshal(v any) ([]byte, error) { return c.MarshalAppend(nil, v) }

// MarshalAppend has connect write into a buffer of its own; what Marshal returns it would keep and reuse.
func (protoCodec) MarshalAppend(dst []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case *message:
		return append(dst, v.wire...), nil
	case proto.Message:
		return proto.MarshalOptions{}.MarshalAppend(dst, v)
	default:
		return nil, fmt.Errorf("rpc: marshal %T, want an encoded message", v)
	}
}

func (protoCodec) Unmarshal(data []byte, v any) error {
	to, ok := v.(*message)
	if !ok {
		return fmt.Errorf("rpc: unmarshal into %T, want an encoded message", v)
	}
	to.wire = append([]byte(nil), data...) // the buffer is connect's
	return nil
}

// jsonCodec turns the JSON of a method's requests into their wire form, and the wire form of its responses into JSON.
type jsonCodec struct {
	name              string
	request, response *jsonwire.MessageCodec
}

var _ connect.Codec = (*jsonCodec)(nil)

func (c *jsonCodec) Name() string { return c.name }

func (c *jsonCodec) Marshal(v any) ([]byte, error) { return c.MarshalAppend(nil, v) }

// errNoJSON is what clients get to know of a response that has no JSON. The message's fault is for the observer.
var errNoJSON = errors.New("internal error")

func (c *jsonCodec) MarshalAppend(dst []byte, v any) ([]byte, error) {
	from, ok := v.(*message)
	if !ok {
		return nil, fmt.Errorf("rpc: marshal %T, want an encoded message", v)
	}
	out, err := c.response.AppendJSON(dst, from.wire)
	if err != nil {
		from.fault = err
		return nil, errNoJSON
	}
	return out, nil
}

// Unmarshal leaves what is wrong with the JSON in the message, since connect would reduce it to a text.
func (c *jsonCodec) Unmarshal(data []byte, v any) error {
	to, ok := v.(*message)
	if !ok {
		return fmt.Errorf("rpc: unmarshal into %T, want an encoded message", v)
	}
	to.wire, to.fault = c.request.AppendWire(nil, data)
	return nil
}
