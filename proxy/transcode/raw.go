package transcode

import (
	"fmt"

	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
)

// rawCodec passes encoded messages through a gRPC call: requests are []byte, responses *[]byte. It has the name of the
// protobuf codec, so a server sees an ordinary call.
type rawCodec struct{}

var _ encoding.CodecV2 = rawCodec{}

func (rawCodec) Name() string { return "proto" }

func (rawCodec) Marshal(v any) (mem.BufferSlice, error) {
	switch v := v.(type) {
	case []byte:
		return mem.BufferSlice{mem.SliceBuffer(v)}, nil
	case *[]byte:
		return mem.BufferSlice{mem.SliceBuffer(*v)}, nil
	default:
		return nil, fmt.Errorf("transcode: marshal %T, want encoded bytes", v)
	}
}

func (rawCodec) Unmarshal(data mem.BufferSlice, v any) error {
	to, ok := v.(*[]byte)
	if !ok {
		return fmt.Errorf("transcode: unmarshal into %T, want *[]byte", v)
	}
	*to = data.Materialize()
	return nil
}
