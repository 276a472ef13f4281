package transcode

import (
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// What the other protocols of the same port share with the transcoder, beside Presentable.

// MaxDepth bounds how deeply the messages of a request's JSON are nested: what protobuf's other implementations take by
// default.
const MaxDepth = 100

// InvalidArgument returns the status for what a client has sent wrong, with the field if there is one: a path from the
// request message by proto names.
func InvalidArgument(message, field, description string) *status.Status {
	st := status.New(codes.InvalidArgument, message)
	if field == "" {
		return st
	}
	violation := &errdetails.BadRequest_FieldViolation{Field: field, Description: description}
	detailed, err := st.WithDetails(&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{violation}})
	if err != nil {
		return st
	}
	return detailed
}

// RawCodec returns the codec for calls with encoded messages, see grpc.ForceCodecV2: requests are []byte, responses
// *[]byte. It has the name of the protobuf codec, so a server sees an ordinary call.
func RawCodec() encoding.CodecV2 { return rawCodec{} }

// TypesOf returns the types for the messages in a google.protobuf.Any and for extensions: first those of more, then those
// of the services' files and of the files that these import, then those linked in.
func TypesOf(services []protoreflect.ServiceDescriptor, more ...Types) Types {
	return append(chainedTypes(more), typesOf(services), protoregistry.GlobalTypes)
}
