package transcode

import (
	"google.golang.org/grpc/encoding"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// What the other protocols of the same port share with the transcoder, beside Presentable.

// RawCodec returns the codec for calls with encoded messages, see grpc.ForceCodecV2: requests are []byte, responses
// *[]byte. It has the name of the protobuf codec, so a server sees an ordinary call.
func RawCodec() encoding.CodecV2 { return rawCodec{} }

// TypesOf returns the types for the messages in a google.protobuf.Any and for extensions: first those of more, then those
// of the services' files and of the files that these import, then those linked in.
func TypesOf(services []protoreflect.ServiceDescriptor, more ...Types) Types {
	return append(chainedTypes(more), typesOf(services), protoregistry.GlobalTypes)
}
