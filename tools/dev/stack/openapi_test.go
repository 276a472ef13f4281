package stack_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/codingflow/rating/tools/dev/stack"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
)

// described validates what is sent and answered by the OpenAPI document of a stack.
type described struct {
	api      string
	compiler *jsonschema.Compiler
}

func newDescribed(t *testing.T, api string) *described {
	t.Helper()
	got := request(t, "GET", strings.TrimSuffix(api, "/api")+"/openapi.json", "")
	require.Equal(t, 200, got.code)
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(got.body))
	require.NoError(t, err)
	require.Equal(t, "Rating API", document.(map[string]any)["info"].(map[string]any)["title"])
	// What is answered and not described is an error, too.
	for _, schema := range document.(map[string]any)["components"].(map[string]any)["schemas"].(map[string]any) {
		schema.(map[string]any)["additionalProperties"] = false
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	require.NoError(t, compiler.AddResource("openapi.json", document))
	return &described{api: api, compiler: compiler}
}

// request makes a request to an operation, whose path has the segments of target, and validates its body and the answer.
func (d *described) request(t *testing.T, method, path, target, body string, code int, headers ...string) answer {
	t.Helper()
	operation := "#/paths/" + strings.ReplaceAll(path, "/", "~1") + "/" + strings.ToLower(method)
	if body != "" {
		d.validate(t, operation+"/requestBody/content/application~1json/schema", body)
	}
	got := request(t, method, d.api+target, body, headers...)
	require.Equal(t, code, got.code, got.body)
	answered := operation + "/responses/200/content/application~1json/schema"
	switch code {
	case 200:
	case 202:
		answered = "#/components/responses/Accepted/content/application~1json/schema"
	default:
		answered = "#/components/responses/Error/content/application~1json/schema"
	}
	d.validate(t, answered, got.body)
	return got
}

func (d *described) validate(t *testing.T, pointer, text string) {
	t.Helper()
	schema, err := d.compiler.Compile("openapi.json" + strings.NewReplacer("{", "%7B", "}", "%7D").Replace(pointer))
	require.NoError(t, err)
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader([]byte(text)))
	require.NoError(t, err, text)
	require.NoError(t, schema.Validate(value), text)
}

func TestEveryAnswerIsAsTheOpenAPIDocumentSays(t *testing.T) {
	api, _ := up(t, stack.Config{Data: t.TempDir()})
	d := newDescribed(t, api)

	d.request(t, "GET", "/users", "/users", "", 200)
	user := d.request(t, "POST", "/users", "/users", `{"displayName": "Ada", "email": "ada@example.com"}`, 200).field(t, "name").(string)
	d.request(t, "PATCH", "/users/{user}", "/"+user, `{"email": ""}`, 200)
	d.request(t, "GET", "/users/{user}", "/"+user, "", 200)
	d.request(t, "GET", "/users", "/users?pageSize=1&displayNamePrefix=a", "", 200)

	service := d.request(t, "POST", "/services", "/services", `{"displayName": "Café"}`, 200).field(t, "name").(string)
	d.request(t, "PATCH", "/services/{service}", "/"+service, `{"description": "A café."}`, 200)
	d.request(t, "GET", "/services", "/services", "", 200)

	rating := d.request(t, "POST", "/ratings", "/ratings", fmt.Sprintf(`{"user": %q, "service": %q, "score": 0}`, user, service), 200).field(t, "name").(string)
	d.request(t, "PATCH", "/ratings/{rating}", "/"+rating, `{"score": 5, "comment": "Better."}`, 200)
	d.request(t, "GET", "/ratings/{rating}", "/"+rating, "", 200)
	d.request(t, "GET", "/ratings", "/ratings?user="+user, "", 200)
	d.request(t, "GET", "/services/{service}", "/"+service, "", 200)
	d.request(t, "GET", "/services/{service}/ratingSummary", "/"+service+"/ratingSummary", "", 200)
	d.request(t, "DELETE", "/ratings/{rating}", "/"+rating, "", 200)
	d.request(t, "POST", "/ratings:batchCreate", "/ratings:batchCreate",
		fmt.Sprintf(`{"requests": [{"rating": {"user": %q, "service": %q, "score": 1}}]}`, user, service), 200)

	operation := d.request(t, "POST", "/users", "/users", `{"displayName": "Grace"}`, 202, "Prefer: respond-async").field(t, "name").(string)
	d.request(t, "POST", "/operations/{operation}:wait", "/"+operation+":wait", "{}", 200)
	d.request(t, "GET", "/operations/{operation}", "/"+operation, "", 200)
	d.request(t, "GET", "/operations", "/operations", "", 200)

	d.request(t, "GET", "/users/{user}", "/users/nobody", "", 404)
	d.request(t, "DELETE", "/users/{user}", "/"+user, "", 400)
	d.request(t, "GET", "/users", "/users?pageSize=-1", "", 400)
	d.request(t, "DELETE", "/users/{user}", "/"+user+"?force=true", "", 200)
	d.request(t, "DELETE", "/services/{service}", "/"+service+"?force=true", "", 200)
}
