package transcode

import (
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/reflect/protoreflect"
)

func TestSegmentsAreThoseOfTheTemplate(t *testing.T) {
	method := thingsService(t, `get: "/a%20b/*/{name=users/*}/{id}:x%79z" additional_bindings { get: "/{sub.name=x/**}" }`).Methods().Get(0)
	bindings, err := Bindings(method)
	require.NoError(t, err)
	require.Equal(t, []Segment{
		{Literal: "a b", Variable: -1}, {Variable: -1}, {Literal: "users", Variable: 0}, {Variable: 0}, {Variable: 1},
	}, bindings[0].Segments())
	require.Equal(t, "xyz", bindings[0].Verb())
	require.Equal(t, []Segment{{Literal: "x", Variable: 0}, {Deep: true, Variable: 0}}, bindings[1].Segments())
	require.Empty(t, bindings[1].Verb())
}

func TestQueryFieldsAreThoseThatAQueryMayGive(t *testing.T) {
	bindings, err := Bindings(thingsService(t,
		`post: "/{name}/{sub.count}" body: "sub" additional_bindings { get: "/{sub.count}" } additional_bindings { post: "/x" body: "*" }`,
	).Methods().Get(0))
	require.NoError(t, err)
	scalars := []string{
		"tags", "color", "colors", "score", "page_size", "big", "flag", "ratio", "data", "create_time", "ttl", "update_mask",
		"wrapped", "wrapped_text", "left", "right", "object", "value", "times", "small", "id",
	}
	sub := []string{"sub.display_name", "sub.output", "sub.name", "sub.tags", "sub.time", "sub.id"}
	require.Equal(t, scalars, queryFields(bindings[0]))
	require.Equal(t, append(append([]string{"name"}, sub...), scalars...), queryFields(bindings[1]))
	require.Empty(t, queryFields(bindings[2]))

	// What is yielded is what is taken.
	for _, b := range bindings {
		for path := range b.QueryFields() {
			found, err := b.queryField(path.String())
			require.NoError(t, err)
			require.Equal(t, path, found)
		}
	}
}

func TestQueryFieldsEnd(t *testing.T) {
	bindings, err := Bindings(thingsService(t, `get: "/x"`).Methods().Get(0))
	require.NoError(t, err)
	var first protoreflect.FieldDescriptor
	for path := range bindings[0].QueryFields() {
		first = path.Leaf()
		break
	}
	require.Equal(t, protoreflect.Name("name"), first.Name())
}

func queryFields(b *Binding) []string {
	var names []string
	for path := range b.QueryFields() {
		names = append(names, path.String())
	}
	return names
}
