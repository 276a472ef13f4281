package natsgrpc

import (
	"testing"
	"time"

	pb "github.com/codingflow/rating/proto/natsgrpctest/v1"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

// A file that was read by a resolver of dynamic types has its options as dynamic messages, one that was read by a resolver
// that knows nothing as unknown fields.
func TestOptionsAreReadInWhateverFormTheyAre(t *testing.T) {
	linked := pb.File_natsgrpctest_v1_benchmark_proto
	raw, err := proto.Marshal(protodesc.ToFileDescriptorProto(linked))
	require.NoError(t, err)
	for name, resolver := range map[string]interface {
		protoregistry.MessageTypeResolver
		protoregistry.ExtensionTypeResolver
	}{
		"linked": protoregistry.GlobalTypes, "dynamic": dynamicpb.NewTypes(protoregistry.GlobalFiles), "unknown": new(protoregistry.Types),
	} {
		t.Run(name, func(t *testing.T) {
			var file descriptorpb.FileDescriptorProto
			require.NoError(t, proto.UnmarshalOptions{Resolver: resolver}.Unmarshal(raw, &file))
			read, err := protodesc.NewFile(&file, protoregistry.GlobalFiles)
			require.NoError(t, err)
			method := read.Services().Get(0).Methods().Get(0)
			require.Equal(t, time.Minute, deliveryOf(method).GetTimeout().AsDuration())
		})
	}
}
