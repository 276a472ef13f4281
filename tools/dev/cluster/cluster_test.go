package cluster_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/codingflow/rating/tools/dev/cluster"
)

// linked returns the protos that this binary was built with.
func linked() *descriptorpb.FileDescriptorSet {
	set := &descriptorpb.FileDescriptorSet{}
	protoregistry.GlobalFiles.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		set.File = append(set.File, protodesc.ToFileDescriptorProto(file))
		return true
	})
	return set
}

func TestTheCommittedFilesAreWhatTheProtosSay(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, cluster.Write(linked(), dir))
	for _, name := range []string{cluster.Queues, cluster.Users} {
		want, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		require.NoError(t, err)
		got, err := os.ReadFile(filepath.Join("../../..", filepath.FromSlash(name)))
		require.NoError(t, err)
		require.Equal(t, string(want), string(got), "run `go run ./tools/dev generate`")
	}
}

func TestProtosWithoutTheClustersServicesAreRefused(t *testing.T) {
	require.EqualError(t, cluster.Write(&descriptorpb.FileDescriptorSet{}, t.TempDir()),
		"no services in package "+cluster.ProgramNames()[0]+".v1")
}
