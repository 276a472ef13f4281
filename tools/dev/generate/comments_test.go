package generate

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/descriptorpb"
)

func TestCommentsAreKeptAndNothingElse(t *testing.T) {
	parse := func(text string) *descriptorpb.FileDescriptorSet {
		set := &descriptorpb.FileDescriptorSet{}
		require.NoError(t, prototext.Unmarshal([]byte(text), set))
		return set
	}
	got := commentsOf(parse(`
		file { name: "a.proto" package: "a" message_type { name: "A" } source_code_info {
			location { path: [4, 0] span: [7, 0, 9, 1] leading_comments: " An A.\n" leading_detached_comments: " By me.\n" }
			location { path: [4, 0, 1] span: [7, 8, 9] }
			location { path: [2] span: [1, 0, 9] trailing_comments: " The package.\n" }
		} }
		file { name: "bare.proto" source_code_info { location { span: [0, 0, 9, 1] } } }
		file { name: "imported.proto" package: "b" }
	`))
	want := parse(`
		file { name: "a.proto" source_code_info {
			location { path: [4, 0] span: [0, 0, 0] leading_comments: " An A.\n" }
			location { path: [2] span: [0, 0, 0] trailing_comments: " The package.\n" }
		} }
	`)
	require.Empty(t, cmp.Diff(want, got, protocmp.Transform()))
}
