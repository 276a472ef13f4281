package descriptors_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/codingflow/rating/proto/descriptors"
)

// build returns a file in the text format, whose imports are found in files.
func build(t *testing.T, files *protoregistry.Files, text string) protoreflect.FileDescriptor {
	t.Helper()
	parsed := &descriptorpb.FileDescriptorProto{}
	require.NoError(t, prototext.Unmarshal([]byte(text), parsed))
	built, err := protodesc.FileOptions{AllowUnresolvable: true}.New(parsed, files)
	require.NoError(t, err)
	return built
}

func TestFilesHasImportsAndTheFirstOfAName(t *testing.T) {
	known := &protoregistry.Files{}
	base := build(t, known, `name: "base.proto" message_type { name: "Base" }`)
	require.NoError(t, known.RegisterFile(base))
	first := build(t, known, `name: "first.proto" dependency: ["base.proto", "missing.proto"] message_type { name: "Same" }`)
	second := build(t, known, `name: "second.proto" message_type { name: "Same" }`)
	files := descriptors.Files(first, second)
	for _, path := range []string{"base.proto", "first.proto"} {
		_, err := files.FindFileByPath(path)
		require.NoError(t, err)
	}
	same, err := files.FindDescriptorByName("Same")
	require.NoError(t, err)
	require.Equal(t, "first.proto", same.ParentFile().Path())
	require.Equal(t, 2, files.NumFiles())
}
