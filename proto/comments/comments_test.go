package comments

import (
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
)

func TestFilesHaveTheirComments(t *testing.T) {
	files := &protoregistry.Files{}
	protoregistry.GlobalFiles.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		require.NoError(t, files.RegisterFile(file))
		return true
	})
	commented, err := Files(files)
	require.NoError(t, err)
	require.Equal(t, files.NumFiles(), commented.NumFiles())
	for name, want := range map[protoreflect.FullName]string{
		"rating.v1.UserService":           " The people who rate. A user owns any number of ratings.\n",
		"rating.v1.UserService.ListUsers": " Lists users in the order of their creation.\n",
		"rating.v1.User":                  " Somebody who rates services.\n",
		"rating.v1.User.display_name":     " What other people see: 1 to 100 characters.\n",
	} {
		found, err := commented.FindDescriptorByName(name)
		require.NoError(t, err)
		require.Contains(t, found.ParentFile().SourceLocations().ByDescriptor(found).LeadingComments, want)
	}

	// They are the same files otherwise.
	commented.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		original, err := files.FindFileByPath(file.Path())
		require.NoError(t, err)
		copied := protodesc.ToFileDescriptorProto(file)
		copied.SourceCodeInfo = nil
		require.True(t, proto.Equal(protodesc.ToFileDescriptorProto(original), copied), file.Path())
		return true
	})
}

func TestAddKeepsTheCommentsThatAreThere(t *testing.T) {
	file := protodesc.ToFileDescriptorProto(ratingv1.File_rating_v1_user_proto)
	own := &descriptorpb.SourceCodeInfo{Location: []*descriptorpb.SourceCodeInfo_Location{{LeadingComments: proto.String(" Own.")}}}
	file.SourceCodeInfo = own
	other := &descriptorpb.FileDescriptorProto{Name: proto.String("other/v1/other.proto")}
	require.NoError(t, Add(&descriptorpb.FileDescriptorSet{File: []*descriptorpb.FileDescriptorProto{file, other}}))
	require.Equal(t, own, file.GetSourceCodeInfo())
	require.Nil(t, other.GetSourceCodeInfo())
}
