package natsgrpc

import (
	"testing"
	"time"

	natsgrpcv1 "github.com/codingflow/rating/proto/natsgrpc/v1"
	pb "github.com/codingflow/rating/proto/natsgrpctest/v1"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/durationpb"
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

// swapped finds what is in its files now, and methods of older versions.
type swapped struct {
	files *protoregistry.Files
	older protoreflect.MethodDescriptor
}

func (s *swapped) FindDescriptorByName(name protoreflect.FullName) (protoreflect.Descriptor, error) {
	if s.older != nil && s.older.FullName() == name {
		return s.older, nil
	}
	return s.files.FindDescriptorByName(name)
}

// A method is what the descriptors say when it is asked for, also one that only an older version of the service has.
func TestMethodsFollowReplacedDescriptors(t *testing.T) {
	version := func(timeout time.Duration, name string) *protoregistry.Files {
		file := protodesc.ToFileDescriptorProto(pb.File_natsgrpctest_v1_benchmark_proto)
		method := file.GetService()[0].GetMethod()[0]
		method.Name = proto.String(name)
		proto.SetExtension(method.GetOptions(), natsgrpcv1.E_Method, &natsgrpcv1.MethodDelivery{Timeout: durationpb.New(timeout)})
		read, err := protodesc.NewFile(file, protoregistry.GlobalFiles)
		require.NoError(t, err)
		files := &protoregistry.Files{}
		require.NoError(t, files.RegisterFile(read))
		return files
	}
	const service = "/natsgrpctest.v1.BenchmarkService/"
	descriptors := &swapped{files: version(time.Minute, "Get")}
	ms := methods{descriptors: descriptors}
	first, err := ms.find(service + "Get")
	require.NoError(t, err)
	require.Equal(t, time.Minute, first.timeout)
	again, err := ms.find(service + "Get")
	require.NoError(t, err)
	require.Same(t, first, again)

	descriptors.files = version(time.Hour, "Get")
	replaced, err := ms.find(service + "Get")
	require.NoError(t, err)
	require.Equal(t, time.Hour, replaced.timeout)

	descriptors.files = version(time.Second, "Fetch")
	_, err = ms.find(service + "Get")
	require.EqualError(t, err, "unknown method Get for service natsgrpctest.v1.BenchmarkService")
	descriptors.older = replaced.descriptor
	older, err := ms.find(service + "Get")
	require.NoError(t, err)
	require.Equal(t, time.Hour, older.timeout)
	newer, err := ms.find(service + "Fetch")
	require.NoError(t, err)
	require.Equal(t, time.Second, newer.timeout)
}
