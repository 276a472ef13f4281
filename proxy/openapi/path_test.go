package openapi

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/types/descriptorpb"
)

func TestPathsAreWrittenOut(t *testing.T) {
	tests := []struct{ template, want string }{
		{"/", "/"},
		{"/a", "/a"},
		{"/{id}", "/{id}"},
		{"/{sub.id}", "/{sub.id}"},
		{"/{id=*}", "/{id}"},
		{"/{name=people/*}", "/people/{person}"}, // the resource's pattern
		{"/{name=people/*/pets/*}", "/people/{p}/pets/{pet}"}, // the second one
		{"/{ref=shelves/*}", "/shelves/{the_shelf}"},          // that of a reference
		{"/{name=cities/*}", "/cities/{city}"},
		{"/{name=classes/*/buses/*}", "/classes/{class}/buses/{buse}"}, // the rules are few
		{"/{name=boxes/*/addresses/*}", "/boxes/{box}/addresses/{address}"},
		{"/{name=*/*}", "/{name}/{name_2}"},
		{"/{name=glass/*/glass/*}", "/glass/{glass}/glass/{glass_2}"},
		{"/{id}/{name=ids/*}", "/{id}/ids/{id_2}"},
		{"/{name=**}", "/{name}"},
		{"/{name=files/**}", "/files/{file}"},
		{"/files/**", "/files/{file}"},
		{"/*/x/*", "/{segment}/x/{x}"},
		{"/a%20b/*", "/a%20b/{a_b}"},
		{"/a:b/{id}:ban", "/a:b/{id}:ban"},
		{"/a%3Ab", "/a%3Ab"},
		{"/%7Bx%7D/{id}:b%20c", "/%7Bx%7D/{id}:b%20c"},
	}
	for _, test := range tests {
		t.Run(test.template, func(t *testing.T) {
			set := &descriptorpb.FileDescriptorSet{}
			require.NoError(t, prototext.Unmarshal(fmt.Appendf(nil, `file {
				name: "a.proto" package: "a" syntax: "proto3" dependency: ["google/api/annotations.proto", "google/api/resource.proto"]
				options { [google.api.resource_definition]: { type: "shelf" pattern: "shelves/{the_shelf}" } }
				message_type { name: "R"
					options { [google.api.resource]: { type: "person" pattern: "people/{person}" pattern: "people/{p}/pets/{pet}" } }
					field { name: "name" number: 1 type: TYPE_STRING } field { name: "id" number: 2 type: TYPE_STRING }
					field { name: "sub" number: 3 type: TYPE_MESSAGE type_name: ".a.R" }
					field { name: "ref" number: 4 type: TYPE_STRING options { [google.api.resource_reference] { type: "shelf" } } } }
				service { name: "S" method { name: "M" input_type: ".a.R" output_type: ".a.R" options { [google.api.http] { get: %q } } } }
			}`, test.template), set))
			bindings := bindingsOf(t, set)
			require.Equal(t, test.want, pathTemplate(bindings[0], wildcardsOf(bindings[0], resourcesOfBindings(bindings))))
		})
	}
}
