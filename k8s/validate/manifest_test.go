package validate

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParsingSaysWhichDocumentIsNoObject(t *testing.T) {
	for text, want := range map[string]string{
		"# nothing\n---\nkind: Service\n":                                  "document 2: an object has apiVersion, kind and metadata.name",
		"apiVersion: v1\nkind: Service\nmetadata: {name: a}\n---\n- one\n": "document 2: json: cannot unmarshal array into Go value of type map[string]interface {}",
		"apiVersion: v1\n kind: Service\n":                                 "document 1: yaml: line 2: mapping values are not allowed in this context",
	} {
		_, err := Parse([]byte(text))
		require.EqualError(t, err, want)
	}
}

func TestParsingPassesOverEmptyDocuments(t *testing.T) {
	objects, err := Parse([]byte("---\n# nothing\n---\napiVersion: v1\nkind: Service\nmetadata: {name: a, namespace: b}\n---\n"))
	require.NoError(t, err)
	require.Len(t, objects, 1)
	require.Equal(t, "Service b/a", objects[0].String())
}

func TestAFolderWithoutDefinitionsIsAnError(t *testing.T) {
	folder := t.TempDir()
	_, err := LoadDefinitions(folder)
	require.EqualError(t, err, folder+" has no *.yaml")
}

func TestAnObjectInBothIsTheOverlays(t *testing.T) {
	parse := func(text string) []*Object {
		objects, err := Parse([]byte(text))
		require.NoError(t, err)
		return objects
	}
	overlay := parse("apiVersion: v1\nkind: Namespace\nmetadata: {name: a, labels: {of: overlay}}\n")
	infra := parse("apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: b}\n")
	require.Equal(t, []*Object{overlay[0], infra[1]}, together(overlay, infra))
}
