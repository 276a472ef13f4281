package openapi

import (
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/types/descriptorpb"
)

func TestCommentsBecomeTexts(t *testing.T) {
	tests := []struct{ name, leading, trailing, want, summary string }{
		{"none", "", "", "", ""},
		{"one line", " Gets it.\n", "", "Gets it.", "Gets it"},
		{"no full stop", " Gets it\n", "", "Gets it", "Gets it"},
		{"two sentences", " Gets it. Or not.\n", "", "Gets it. Or not.", "Gets it"},
		{"a full stop in a word", " Gets v1.0\n of it. Or not.\n", "", "Gets v1.0\nof it. Or not.", "Gets v1.0 of it"},
		{"paragraphs", " Gets\n it\n\n Errors: NOT_FOUND.\n", "", "Gets\nit\n\nErrors: NOT_FOUND.", "Gets it"},
		{"indented code", " Gets it:\n\n     code  \n", "", "Gets it:\n\n    code", "Gets it:"},
		{"behind", "", " Gets it.\n", "Gets it.", "Gets it"},
		{"before and behind", " Gets it.\n", " Other.\n", "Gets it.", "Gets it"},
		{"internal", " Gets it. (-- not\n yet --)\n", "", "Gets it.", "Gets it"},
		{"a linter's", " buf:lint:ignore X\n Gets it.\n", "", "Gets it.", "Gets it"},
		{"HTML", " <script>1</script>\n", "", "<script>1</script>", "<script>1</script>"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
				Name:        proto.String("a.proto"),
				MessageType: []*descriptorpb.DescriptorProto{{Name: proto.String("A")}},
				SourceCodeInfo: &descriptorpb.SourceCodeInfo{Location: []*descriptorpb.SourceCodeInfo_Location{{
					Path: []int32{4, 0}, Span: []int32{0, 0, 0}, LeadingComments: &test.leading, TrailingComments: &test.trailing,
				}}},
			}, nil)
			require.NoError(t, err)
			comment := commentOf(file.Messages().Get(0))
			require.Equal(t, test.want, comment)
			require.Equal(t, test.summary, summaryOf(comment))
		})
	}
}
