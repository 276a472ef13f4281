package openapi

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// decode returns the document of an API as JSON values.
func decode(t testing.TB, api *API) map[string]any {
	t.Helper()
	var document map[string]any
	require.NoError(t, json.Unmarshal(documentOf(t, api), &document))
	return document
}

// at returns a value by its JSON pointer, and false if there is none.
func at(document any, pointer string) (any, bool) {
	for name := range strings.SplitSeq(strings.TrimPrefix(pointer, "#/"), "/") {
		object, ok := document.(map[string]any)
		if !ok {
			return nil, false
		}
		name = strings.NewReplacer("~1", "/", "~0", "~").Replace(name)
		if document, ok = object[name]; !ok {
			return nil, false
		}
	}
	return document, true
}

// walk calls visit with each object in a value.
func walk(value any, visit func(map[string]any)) {
	switch value := value.(type) {
	case map[string]any:
		visit(value)
		for _, member := range value {
			walk(member, visit)
		}
	case []any:
		for _, element := range value {
			walk(element, visit)
		}
	}
}

// asList returns the elements of an array, none for what is absent.
func asList(value any) []any {
	list, _ := value.([]any)
	return list
}

var parameterInPath = regexp.MustCompile(`\{([^}]*)\}`)

func TestDocumentsAreSound(t *testing.T) {
	for name, make := range map[string]func(testing.TB) *API{"rating": ratingAPI, "things": thingsAPI} {
		t.Run(name, func(t *testing.T) {
			document := decode(t, make(t))
			referred := map[string]bool{}
			walk(document, func(object map[string]any) {
				if ref, ok := object["$ref"].(string); ok {
					referred[ref] = true
					_, found := at(document, ref)
					require.True(t, found, ref)
				}
			})
			for kind, components := range document["components"].(map[string]any) {
				for name := range components.(map[string]any) {
					require.Regexp(t, `^[a-zA-Z0-9._-]+$`, name)
					if kind != "securitySchemes" {
						require.True(t, referred["#/components/"+kind+"/"+name], "%s is not used", name)
					}
				}
			}

			var ids, shapes []string
			for path, item := range document["paths"].(map[string]any) {
				shape := parameterInPath.ReplaceAllString(path, "{}")
				require.NotContains(t, shapes, shape, "a path like it is there")
				shapes = append(shapes, shape)
				for method, operation := range item.(map[string]any) {
					operation := operation.(map[string]any)
					require.Equal(t, strings.ToLower(method), method)
					require.NotContains(t, ids, operation["operationId"])
					ids = append(ids, operation["operationId"].(string))
					for _, alternative := range asList(operation["security"]) {
						for scheme := range alternative.(map[string]any) {
							_, found := at(document, "#/components/securitySchemes/"+scheme)
							require.True(t, found, scheme)
						}
					}
					requireParameters(t, document, path, operation)
				}
			}
		})
	}
}

// requireParameters checks that no parameter is there twice and that those of the path are those in it.
func requireParameters(t *testing.T, document map[string]any, path string, operation map[string]any) {
	t.Helper()
	var inPath, declared, seen []string
	for _, match := range parameterInPath.FindAllStringSubmatch(path, -1) {
		inPath = append(inPath, match[1])
	}
	parameters, _ := operation["parameters"].([]any)
	for _, parameter := range parameters {
		parameter := parameter.(map[string]any)
		if ref, ok := parameter["$ref"].(string); ok {
			found, _ := at(document, ref)
			parameter = found.(map[string]any)
		}
		name := parameter["name"].(string)
		place := parameter["in"].(string)
		require.NotContains(t, seen, place+" "+name)
		seen = append(seen, place+" "+name)
		if place == "path" {
			declared = append(declared, name)
			require.Equal(t, true, parameter["required"])
		}
		_, hasSchema := parameter["schema"]
		_, hasContent := parameter["content"]
		require.True(t, hasSchema != hasContent, name)
	}
	require.Equal(t, inPath, declared, "%s %s", path, operation["operationId"])
}
