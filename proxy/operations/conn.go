package operations

import (
	"context"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/proto" // registers the codec of generated messages
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	operationsv1 "github.com/codingflow/rating/proto/operations/v1"
)

// Conn returns a connection that calls the service in this process, with the caller's context, and everything else on next.
func (s *Service) Conn(next grpc.ClientConnInterface) grpc.ClientConnInterface {
	c := &conn{ClientConnInterface: next, service: s, methods: map[string]grpc.MethodDesc{}}
	desc := &operationsv1.OperationService_ServiceDesc
	for _, method := range desc.Methods {
		c.methods["/"+desc.ServiceName+"/"+method.MethodName] = method
	}
	return c
}

// conn has the service beside what another connection reaches.
type conn struct {
	grpc.ClientConnInterface
	service *Service
	methods map[string]grpc.MethodDesc
}

// Invoke performs a unary call. Of the call options of one in this process those for codecs count.
func (c *conn) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	desc, local := c.methods[method]
	if !local {
		return c.ClientConnInterface.Invoke(ctx, method, args, reply, opts...)
	}
	codec := codecOf(opts)
	decode := func(request any) error {
		wire, err := codec.Marshal(args)
		if err != nil {
			return status.Errorf(codes.Internal, "operations: encode a request: %v", err)
		}
		defer wire.Free()
		if err := proto.Unmarshal(wire.Materialize(), request.(proto.Message)); err != nil {
			return status.Errorf(codes.Internal, "operations: decode a request: %v", err)
		}
		return validate(request)
	}
	response, err := desc.Handler(c.service, ctx, decode, nil)
	if err != nil {
		return err
	}
	wire, err := proto.Marshal(response.(proto.Message))
	if err == nil {
		err = codec.Unmarshal(mem.BufferSlice{mem.SliceBuffer(wire)}, reply)
	}
	if err != nil {
		return status.Errorf(codes.Internal, "operations: encode a response: %v", err)
	}
	return nil
}

// NewStream begins a streaming call, which the service has none of.
func (c *conn) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	if strings.HasPrefix(method, "/"+operationsv1.OperationService_ServiceDesc.ServiceName+"/") {
		return nil, status.Errorf(codes.Unimplemented, "%s is no stream", method)
	}
	return c.ClientConnInterface.NewStream(ctx, desc, method, opts...)
}

// codecOf returns the codec of a call.
func codecOf(opts []grpc.CallOption) encoding.CodecV2 {
	codec := encoding.GetCodecV2("proto")
	for _, opt := range opts {
		if forced, ok := opt.(grpc.ForceCodecV2CallOption); ok {
			codec = forced.CodecV2
		}
	}
	return codec
}
