package natsgrpc

import (
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/proto" // registers the codec of generated messages
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// protoSubtype is the content-subtype of encoded messages, the only one.
const protoSubtype = "proto"

// protoCodec is grpc-go's codec of generated messages.
var protoCodec = encoding.GetCodecV2(protoSubtype)

// marshal returns the wire form of a message.
func marshal(codec encoding.CodecV2, message any) ([]byte, error) {
	if message == nil { // as in grpc-go
		return nil, nil
	}
	data, err := encode(codec, message)
	if err != nil {
		return nil, status.Errorf(codes.Internal, "grpc: error while marshaling: %v", err)
	}
	return data, nil
}

func encode(codec encoding.CodecV2, message any) ([]byte, error) {
	if m, ok := message.(proto.Message); ok && codec == protoCodec { // what the codec does, without its buffers
		return proto.Marshal(m)
	}
	buffers, err := codec.Marshal(message)
	if err != nil {
		return nil, err
	}
	if len(buffers) == 1 {
		return buffers[0].ReadOnlyData(), nil
	}
	defer buffers.Free()
	return buffers.Materialize(), nil
}

// unmarshal reads the wire form of a message.
func unmarshal(codec encoding.CodecV2, data []byte, message any) error {
	if err := decode(codec, data, message); err != nil {
		return status.Errorf(codes.Internal, "grpc: failed to unmarshal the received message: %v", err)
	}
	return nil
}

func decode(codec encoding.CodecV2, data []byte, message any) error {
	if m, ok := message.(proto.Message); ok && codec == protoCodec { // likewise
		return proto.Unmarshal(data, m)
	}
	return codec.Unmarshal(mem.BufferSlice{mem.SliceBuffer(data)}, message)
}
