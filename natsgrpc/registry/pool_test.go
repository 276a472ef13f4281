package registry

import (
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/emptypb"
)

const (
	common  = `file { name: "common.proto" package: "common" message_type { name: "M" } } `
	service = `file { name: "a.proto" package: "a.v1" dependency: "common.proto"
		service { name: "Service" method { name: "Get" input_type: ".common.M" output_type: ".common.M" } } } `
)

func TestEqualFilesAreBuiltOnce(t *testing.T) {
	p := newPool()
	first, files, err := p.build(setFrom(t, common+service), "a_v1_Service")
	require.NoError(t, err)
	require.Len(t, files, 2)
	again, _, err := p.build(setFrom(t, service+common), "a_v1_Service")
	require.NoError(t, err)
	require.Same(t, first, again, "in whatever order they are")
	other, _, err := p.build(setFrom(t, common+`file { name: "b.proto" package: "b.v1" dependency: "common.proto"
		service { name: "Service" method { name: "Get" input_type: ".common.M" output_type: ".common.M" } } }`), "b_v1_Service")
	require.NoError(t, err)
	require.Same(t, first.Methods().Get(0).Input(), other.Methods().Get(0).Input())
	newer, _, err := p.build(setFrom(t, service+`file { name: "common.proto" package: "common" message_type { name: "M" } message_type { name: "N" } }`), "a_v1_Service")
	require.NoError(t, err)
	require.NotSame(t, first, newer, "an import has changed")
}

func TestImportsThatAreMissingAreTheLinkedInOnes(t *testing.T) {
	found, _, err := newPool().build(setFrom(t, `file { name: "a.proto" package: "a" dependency: "google/protobuf/empty.proto"
		service { name: "S" method { name: "Get" input_type: ".google.protobuf.Empty" output_type: ".google.protobuf.Empty" } } }`), "a_S")
	require.NoError(t, err)
	require.Same(t, (&emptypb.Empty{}).ProtoReflect().Descriptor(), found.Methods().Get(0).Input())
}

func TestDescriptorsThatCannotBeBuilt(t *testing.T) {
	tests := []struct{ name, set, want string }{
		{"another service", common + service, "there is no service x_v1_Service in the descriptors"},
		{"twice", common + common, `file "common.proto" is there twice`},
		{"an import", `file { name: "x.proto" package: "x.v1" dependency: "y.proto" service { name: "Service" } }`,
			`file "x.proto" imports "y.proto", which is neither among the descriptors nor built in`},
		{"itself", `file { name: "x.proto" package: "x.v1" dependency: "y.proto" service { name: "Service" } } file { name: "y.proto" dependency: "x.proto" }`,
			`file "x.proto" imports itself`},
		{"a type", `file { name: "x.proto" package: "x.v1" service { name: "Service" method { name: "Get" input_type: ".x.v1.M" output_type: ".x.v1.M" } } }`,
			`file "x.proto": `},
		{"a name twice", `file { name: "x.proto" package: "x.v1" dependency: "y.proto" service { name: "Service" } } file { name: "y.proto" package: "x.v1" message_type { name: "Service" } }`,
			`file "x.proto": `},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, _, err := newPool().build(setFrom(t, test.set), "x_v1_Service")
			require.ErrorContains(t, err, test.want)
		})
	}
}
