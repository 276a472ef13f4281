package natsgrpc

import (
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
)

// marshal returns the wire form of a message; the caller frees it.
func marshal(codec encoding.CodecV2, message any) (mem.BufferSlice, error) {
	if message == nil { // as in grpc-go
		return nil, nil
	}
	buffers, err := codec.Marshal(message)
	if err != nil {
		return nil, status.Errorf(codes.Internal, "grpc: error while marshaling: %v", err)
	}
	return buffers, nil
}

// unmarshal reads the wire form of a message.
func unmarshal(codec encoding.CodecV2, buffers mem.BufferSlice, message any) error {
	if err := codec.Unmarshal(buffers, message); err != nil {
		return status.Errorf(codes.Internal, "grpc: failed to unmarshal the received message: %v", err)
	}
	return nil
}
