package transcode

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/testing/protocmp"
)

func TestRequestBody(t *testing.T) {
	backend := newBackend(t)
	handler := newHandler(t, backend,
		`post: "/all/{id}" body: "*"`,
		`post: "/sub/{sub.id}" body: "sub"`,
		`post: "/tags" body: "tags"`,
		`post: "/score" body: "score"`,
		`post: "/time" body: "create_time"`,
		`post: "/value" body: "value"`,
		`post: "/labels" body: "labels"`,
		`post: "/subs" body: "subs"`,
		`post: "/none/{id}"`,
		`put: "/wrapped" body: "wrapped"`,
	)
	message := handler.Bindings()[0].Method.Input()
	tests := []struct{ target, body, want string }{
		{"/all/1", `{"name":"n","sub":{"displayName":"d"},"tags":["a"]}`, `id: "1" name: "n" sub { display_name: "d" } tags: "a"`},
		{"/all/1", `{"id":"2","page_size":3}`, `id: "1" page_size: 3`},
		{"/all/1", `{"score":0,"color":"RED","colors":[1,"RED"],"big":"7"}`, `id: "1" score: 0 color: RED colors: [RED, RED] big: 7`},
		{"/all/1", `{"score":null}`, `id: "1"`},
		{"/all/1", `{"any":{"@type":"type.googleapis.com/test.v1.Sub","count":1}}`, `id: "1" any { type_url: "type.googleapis.com/test.v1.Sub" value: "\x10\x01" }`},
		{"/all/1", " \n{} ", `id: "1"`},
		{"/all/1", ``, `id: "1"`},
		{"/sub/1", `{"display_name":"d","id":"2"}`, `sub { id: "1" display_name: "d" }`},
		{"/sub/1", `null`, `sub { id: "1" }`},
		{"/sub/1", ``, `sub { id: "1" }`},
		{"/tags", `["a","b"]`, `tags: ["a", "b"]`},
		{"/tags", `[]`, ``},
		{"/tags", `null`, ``},
		{"/score", `0`, `score: 0`},
		{"/score", ` "5" `, `score: 5`},
		{"/time", `"1970-01-01T00:00:01Z"`, `create_time { seconds: 1 }`},
		{"/time", `null`, ``},
		{"/value", `null`, `value { null_value: NULL_VALUE }`},
		{"/value", `[1]`, `value { list_value { values { number_value: 1 } } }`},
		{"/labels", `{"k":{"count":1}}`, `labels { key: "k" value { count: 1 } }`},
		{"/subs", `[{"count":1},{}]`, `subs { count: 1 } subs {}`},
		{"/none/1", ``, `id: "1"`},
		{"/none/1", ` { } `, `id: "1"`},
	}
	for _, test := range tests {
		t.Run(test.target+" "+test.body, func(t *testing.T) {
			w := do(handler, "POST", test.target, test.body)
			require.Equal(t, 200, w.Code, w.Body)
			want := parseMessage(t, message, test.want)
			require.Empty(t, cmp.Diff(want, backend.got(t, message), protocmp.Transform()))
		})
	}
}

func TestRequestBodyRefused(t *testing.T) {
	handler := newHandler(t, nil,
		`post: "/all/{id}" body: "*"`, `post: "/sub" body: "sub"`, `post: "/tags" body: "tags"`,
		`post: "/labels" body: "labels"`, `post: "/none"`, `delete: "/none"`, `post: "/{left}/side" body: "*"`)
	tests := []struct{ method, target, body, field, want string }{
		{"POST", "/all/1", `{`, "", `the body is not valid JSON: unexpected end of JSON input`},
		{"POST", "/all/1", `{} {}`, "", `the body is not valid JSON: invalid character '{' after top-level value`},
		{"POST", "/all/1", `x`, "", `the body is not valid JSON: invalid character 'x' looking for beginning of value`},
		{"POST", "/all/1", ` `, "", `the body is not valid JSON: unexpected end of JSON input`},
		{"POST", "/all/1", `{"a":"` + "\xff" + `"}`, "a", `unknown field "a"`},
		{"POST", "/all/1", `{"name":"` + "\xff" + `"}`, "name", `invalid UTF-8 in string`},
		{"POST", "/all/1", `null`, "", `unexpected token null`},
		{"POST", "/all/1", `[]`, "", `unexpected token [`},
		{"POST", "/all/1", `{"nope":1}`, "nope", `unknown field "nope"`},
		{"POST", "/all/1", "{\n  \"name\": \"é\",\n  \"é\": 1, \"nope\": 1}", "é", `unknown field "é"`},
		{"POST", "/all/1", `{"é":1}`, "é", `unknown field "é"`},
		{"POST", "/all/1", `{"name":5}`, "name", `invalid value for string field name: 5`},
		{"POST", "/all/1", `{"pageSize":"x"}`, "page_size", `invalid value for int32 field pageSize: "x"`},
		{"POST", "/all/1", `{"name":"a","name":"b"}`, "name", `duplicate field "name"`},
		{"POST", "/all/1", `{"left":"a","right":"b"}`, "right", `oneof side is set already`},
		{"POST", "/all/1", `{"sub":5}`, "sub", `unexpected token 5`},
		{"POST", "/all/1", `{"sub":{"sub":{"displayName":[]}}}`, "sub.sub.display_name", `invalid value for string field displayName: [`},
		{"POST", "/all/1", `{"sub":{"sub":{"nope":[]}}}`, "sub.sub.nope", `unknown field "nope"`},
		{"POST", "/all/1", `{"subs":[{},{"tags":["a",{}]}]}`, "subs[1].tags[1]", `invalid value for string field tags: {`},
		{"POST", "/all/1", `{"tags":"a"}`, "tags", `unexpected token "a"`},
		{"POST", "/all/1", `{"labels":{"a.b":{"count":"x"}}}`, `labels["a.b"].count`, `invalid value for int32 field count: "x"`},
		{"POST", "/all/1", `{"createTime":"x"}`, "create_time", `invalid google.protobuf.Timestamp value "x"`},
		{"POST", "/all/1", `{"object":{"a":1,"a":2}}`, `object["a"]`, `duplicate map key "a"`},
		{"POST", "/all/1", `{"colors":["RED","BLUE"]}`, "colors[1]", `invalid value for enum field colors: "BLUE"`},
		{"POST", "/all/1", `{"name":` + strings.Repeat("1", 300) + `}`, "name", `invalid value for string field name: ` + strings.Repeat("1", 163) + "…"},
		{"POST", "/sub", `{"nope":1}`, "sub.nope", `unknown field "nope"`},
		{"POST", "/sub", `{"sub":{"count":1.5}}`, "sub.sub.count", `invalid value for int32 field count: 1.5`},
		{"POST", "/sub", `[]`, "sub", `unexpected token [`},
		{"POST", "/tags", `["a",1]`, "tags[1]", `invalid value for string field tags: 1`},
		{"POST", "/tags", `[],"name":"x"`, "", `the body is not valid JSON: invalid character ',' after top-level value`},
		{"POST", "/labels", `{"a":{},"b":{"nope":1}}`, `labels["b"].nope`, `unknown field "nope"`},
		{"POST", "/none", `{"a":1}`, "", `POST /none takes no body`},
		{"DELETE", "/none", `x`, "", `DELETE /none takes no body`},
		{"POST", "/a/side", `{"right":"b"}`, "left", `oneof side has right already`},
	}
	for _, test := range tests {
		t.Run(test.target+" "+test.body, func(t *testing.T) {
			requireFault(t, do(handler, test.method, test.target, test.body), test.field, test.want)
		})
	}
}

func TestRequiredFields(t *testing.T) {
	service := newService(t, `
		name: "test/v1/old.proto" package: "test.v1" syntax: "proto2"
		message_type { name: "Old" field { name: "name" number: 1 type: TYPE_STRING label: LABEL_REQUIRED } }
		service { name: "S" method { name: "M" input_type: ".test.v1.Old" output_type: ".test.v1.Old"
			options { [google.api.http] { post: "/old/{name}" body: "*" additional_bindings { post: "/old" body: "*" } } } } }`)
	backend := newBackend(t)
	handler, err := New(backend.conn, []protoreflect.ServiceDescriptor{service})
	require.NoError(t, err)
	require.Equal(t, 200, do(handler, "POST", "/old/x", `{}`).Code)
	requireFault(t, do(handler, "POST", "/old", `{}`), "", `required field test.v1.Old.name not set`)
}

func TestResponseBody(t *testing.T) {
	const empty = `"name":"","tags":[],"color":"COLOR_UNSPECIFIED","colors":[],"pageSize":0,"big":"0","flag":false,"ratio":0,` +
		`"data":"","labels":{},"subs":[],"times":[],"small":0,"id":""`
	tests := []struct{ name, rule, answer, want string }{
		{"zero scalars and empty lists, no unset messages", ``, ``, `{` + empty + `}`},
		{"set optional scalar", ``, `score: 0`, strings.Replace(`{`+empty+`}`, `"pageSize"`, `"score":0,"pageSize"`, 1)},
		{"message", `response_body: "sub"`, `sub { display_name: "a  \"b\" <c>" }`, `{"displayName":"a  \"b\" <c>","count":0,"output":"","name":"","tags":[],"subs":[],"id":""}`},
		{"unset message", `response_body: "sub"`, ``, `null`},
		{"list", `response_body: "tags"`, `tags: ["a", "b"] name: "n"`, `["a","b"]`},
		{"empty list", `response_body: "tags"`, ``, `[]`},
		{"empty map", `response_body: "labels"`, ``, `{}`},
		{"scalar", `response_body: "page_size"`, `page_size: 5`, `5`},
		{"zero scalar", `response_body: "big"`, ``, `"0"`},
		{"optional scalar", `response_body: "score"`, ``, `null`},
		{"timestamp", `response_body: "create_time"`, `create_time {}`, `"1970-01-01T00:00:00Z"`},
		{"map in the order of keys", `response_body: "object"`, `object { fields { key: "b" value { bool_value: true } } fields { key: "a" value { null_value: NULL_VALUE } } }`, `{"a":null,"b":true}`},
	}
	backend := newBackend(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			handler := newHandler(t, backend, `get: "/x" `+test.rule)
			backend.answerText(t, handler.Bindings()[0].Method.Output(), test.answer)
			w := do(handler, "GET", "/x", "")
			require.Equal(t, test.want, w.Body.String())
			require.Equal(t, 200, w.Code)
			require.Equal(t, "application/json", w.Header().Get("Content-Type"))
		})
	}
}

func TestUnreadableResponseIsAnInternalError(t *testing.T) {
	backend := newBackend(t)
	var calls []Call
	handler, err := New(backend.conn, []protoreflect.ServiceDescriptor{thingsService(t, `get: "/x"`)},
		WithObserver(func(_ context.Context, call Call) { calls = append(calls, call) }))
	require.NoError(t, err)
	for _, answer := range [][]byte{
		{0xff},                    // no wire format
		{0xaa, 1, 3, 0xa, 1, 'x'}, // an Any of the unknown type x
	} {
		backend.answer(func(context.Context, []byte) ([]byte, error) { return answer, nil })
		w := do(handler, "GET", "/x", "")
		require.Equal(t, `{"error":{"code":500,"message":"internal error","status":"INTERNAL"}}`, w.Body.String())
		require.Equal(t, 500, w.Code)
	}
	require.Len(t, calls, 2)
	require.ErrorContains(t, calls[0].Err, "transcode response of /test.v1.Things/M0: jsonwire: encode test.v1.Thing: ")
	require.ErrorContains(t, calls[1].Err, "transcode response of /test.v1.Things/M0: jsonwire: encode test.v1.Thing: ")
}
