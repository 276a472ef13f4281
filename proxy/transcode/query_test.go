package transcode

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/testing/protocmp"
)

// newHandler returns a handler of thingsService in front of a backend, or of one that only has an empty answer if nil.
func newHandler(t testing.TB, b *backend, rules ...string) *Handler {
	t.Helper()
	if b == nil {
		b = newBackend(t)
	}
	handler, err := New(b.conn, []protoreflect.ServiceDescriptor{thingsService(t, rules...)})
	require.NoError(t, err)
	return handler
}

func TestQueryParameters(t *testing.T) {
	backend := newBackend(t)
	handler := newHandler(t, backend, `get: "/x"`, `post: "/sub/{sub.id}" body: "sub"`, `get: "/deep/{sub.sub.name=a/*}"`)
	message := handler.Bindings()[0].Method.Input()
	tests := []struct{ target, want string }{
		{"/x", ``},
		{"/x?", ``},
		{"/x?&&", ``},
		{"/x?name=a", `name: "a"`},
		{"/x?name=", ``},
		{"/x?name", ``},
		{"/x?name=a+b%20c%26%3D%2B", `name: "a b c&=+"`},
		{"/x?name=a=b", `name: "a=b"`},
		{"/x?n%61me=%C3%A9", `name: "é"`},
		{"/x?page_size=5", `page_size: 5`},
		{"/x?pageSize=-5", `page_size: -5`},
		{"/x?page_size=%2B5", `page_size: 5`},
		{"/x?score=0", `score: 0`},
		{"/x?score=7", `score: 7`},
		{"/x?big=18446744073709551615", `big: 18446744073709551615`},
		{"/x?flag=true", `flag: true`},
		{"/x?flag=false", ``},
		{"/x?ratio=1.5e3", `ratio: 1500`},
		{"/x?ratio=-0", `ratio: -0`},
		{"/x?ratio=NaN", `ratio: nan`},
		{"/x?ratio=Infinity&small=-Infinity", `ratio: inf small: -inf`},
		{"/x?data=aGk_", `data: "hi?"`},
		{"/x?data=aGk%2F", `data: "hi?"`},
		{"/x?data=aGk", `data: "hi"`},
		{"/x?data=aGk=", `data: "hi"`},
		{"/x?color=RED", `color: RED`},
		{"/x?color=1", `color: RED`},
		{"/x?color=42", `color: 42`},
		{"/x?colors=RED&colors=0&colors=1", `colors: [RED, COLOR_UNSPECIFIED, RED]`},
		{"/x?tags=b&tags=a&tags=", `tags: ["b", "a", ""]`},
		{"/x?tags=a&name=n&tags=b", `name: "n" tags: ["a", "b"]`},
		{"/x?sub.display_name=d&sub.count=1", `sub { display_name: "d" count: 1 }`},
		{"/x?sub.sub.sub.count=1", `sub { sub { sub { count: 1 } } }`},
		{"/x?sub.sub.tags=a&sub.sub.tags=b", `sub { sub { tags: ["a", "b"] } }`},
		{"/x?create_time=2026-01-02T03:04:05.5Z", `create_time { seconds: 1767323045 nanos: 500000000 }`},
		{"/x?create_time=2026-01-02T03:04:05%2B01:00", `create_time { seconds: 1767319445 }`},
		{"/x?times=1970-01-01T00:00:01Z&times=1970-01-01T00:00:02Z", `times { seconds: 1 } times { seconds: 2 }`},
		{"/x?ttl=1.5s", `ttl { seconds: 1 nanos: 500000000 }`},
		{"/x?update_mask=displayName,sub.createTime", `update_mask { paths: ["display_name", "sub.create_time"] }`},
		{"/x?updateMask=display_name,email", `update_mask { paths: ["display_name", "email"] }`},
		{"/x?update_mask=*", `update_mask { paths: "*" }`},
		{"/x?update_mask=", `update_mask {}`},
		{"/x?wrapped=0", `wrapped {}`},
		{"/x?wrapped=-3&wrapped_text=", `wrapped { value: -3 } wrapped_text {}`},
		{"/x?wrapped_text=null", `wrapped_text { value: "null" }`},
		{"/x?left=l", `left: "l"`},
		{`/x?object={"a":1}`, `object { fields { key: "a" value { number_value: 1 } } }`},
		{`/x?value=null`, `value { null_value: NULL_VALUE }`},
		{`/x?value=%22s%22`, `value { string_value: "s" }`},
		{"/deep/a/b?sub.name=n&sub.sub.count=1", `sub { name: "n" sub { name: "a/b" count: 1 } }`},
	}
	for _, test := range tests {
		t.Run(test.target, func(t *testing.T) {
			w := do(handler, "GET", test.target, "")
			require.Equal(t, 200, w.Code, w.Body)
			want := parseMessage(t, message, test.want)
			require.Empty(t, cmp.Diff(want, backend.got(t, message), protocmp.Transform(), cmpopts.EquateNaNs()))
		})
	}
}

func TestQueryParametersBesideABodyField(t *testing.T) {
	backend := newBackend(t)
	handler := newHandler(t, backend, `post: "/subs/{sub.id}" body: "sub"`)
	message := handler.Bindings()[0].Method.Input()
	w := do(handler, "POST", "/subs/7?name=n&tags=a", `{"displayName":"d","id":"ignored"}`)
	require.Equal(t, 200, w.Code, w.Body)
	want := parseMessage(t, message, `name: "n" tags: "a" sub { id: "7" display_name: "d" }`)
	require.Empty(t, cmp.Diff(want, backend.got(t, message), protocmp.Transform()))
}

func TestQueryParametersRefused(t *testing.T) {
	handler := newHandler(t, nil,
		`get: "/x"`, `get: "/id/{id}/{sub.name}"`, `post: "/all/{id}" body: "*"`, `post: "/sub/{id}" body: "sub"`)
	deep := strings.Repeat("sub.", 40) + "count"
	tests := []struct{ method, target, field, want string }{
		{"GET", "/x?nope=1", "nope", `unknown query parameter "nope"`},
		{"GET", "/x?Name=1", "Name", `unknown query parameter "Name"`},
		{"GET", "/x?=1", "", `unknown query parameter ""`},
		{"GET", "/x?sub.nope=1", "sub.nope", `unknown query parameter "sub.nope"`},
		{"GET", "/x?name.x=1", "name.x", `unknown query parameter "name.x"`},
		{"GET", "/x?ttl.seconds=1", "ttl.seconds", `unknown query parameter "ttl.seconds"`},
		{"GET", "/x?subs.name=1", "subs.name", `unknown query parameter "subs.name"`},
		{"GET", "/x?labels.a=1", "labels.a", `unknown query parameter "labels.a"`},
		{"GET", "/x?labels[a]=1", "labels[a]", `unknown query parameter "labels[a]"`},
		{"GET", "/x?.name=1", ".name", `unknown query parameter ".name"`},
		{"GET", "/x?sub.=1", "sub.", `unknown query parameter "sub."`},
		{"GET", "/x?" + deep + "=1", deep, `unknown query parameter "` + deep + `"`},
		{"GET", "/x?" + strings.Repeat("n", 300), strings.Repeat("n", 200) + "…", `unknown query parameter "` + strings.Repeat("n", 175) + "…"},
		{"GET", "/x?sub=1", "sub", `query parameter "sub" is refused: the field is a message, give its fields as sub.…`},
		{"GET", "/x?subs=1", "subs", `query parameter "subs" is refused: the field is a list of messages`},
		{"GET", "/x?labels=1", "labels", `query parameter "labels" is refused: the field is a map`},
		{"GET", "/x?any={}", "any", `query parameter "any" is refused: the field is a google.protobuf.Any`},
		{"GET", "/id/1/2?id=1", "id", `query parameter "id" is refused: the field is in the path`},
		{"GET", "/id/1/2?sub.name=1", "sub.name", `query parameter "sub.name" is refused: the field is in the path`},
		{"POST", "/all/1?page_size=1", "page_size", `query parameter "page_size" is refused: all fields are in the body or the path`},
		{"POST", "/all/1?nope=1", "nope", `query parameter "nope" is refused: all fields are in the body or the path`},
		{"POST", "/sub/1?sub.count=1", "sub.count", `query parameter "sub.count" is refused: the field is in the body`},
		{"POST", "/sub/1?sub=1", "sub", `query parameter "sub" is refused: the field is in the body`},
		{"GET", "/x?name=a&name=b", "name", `query parameter "name" is given twice`},
		{"GET", "/x?page_size=1&pageSize=1", "page_size", `query parameter "pageSize" is given twice`},
		{"GET", "/x?left=l&right=r", "right", `oneof side has left already`},
		{"GET", "/x?name=%zz", "name", `the query is malformed: invalid URL escape "%zz"`},
		{"GET", "/x?%zz=1", "%zz", `the query is malformed: invalid URL escape "%zz"`},
		{"GET", "/x?name=%ff", "name", `"\xff" is not valid UTF-8`},
		{"GET", "/x?page_size=", "page_size", `"" is not a valid int32`},
		{"GET", "/x?page_size=x", "page_size", `"x" is not a valid int32`},
		{"GET", "/x?page_size=1.0", "page_size", `"1.0" is not a valid int32`},
		{"GET", "/x?page_size=0x1", "page_size", `"0x1" is not a valid int32`},
		{"GET", "/x?page_size=2147483648", "page_size", `"2147483648" is not a valid int32`},
		{"GET", "/x?page_size=null", "page_size", `"null" is not a valid int32`},
		{"GET", "/x?big=-1", "big", `"-1" is not a valid uint64`},
		{"GET", "/x?flag=1", "flag", `"1" is not a valid bool`},
		{"GET", "/x?flag=True", "flag", `"True" is not a valid bool`},
		{"GET", "/x?ratio=inf", "ratio", `"inf" is not a valid double`},
		{"GET", "/x?ratio=0x1p-2", "ratio", `"0x1p-2" is not a valid double`},
		{"GET", "/x?ratio=1_0", "ratio", `"1_0" is not a valid double`},
		{"GET", "/x?ratio=.5", "ratio", `".5" is not a valid double`},
		{"GET", "/x?small=1e39", "small", `"1e39" is not a valid float`},
		{"GET", "/x?data=!", "data", `"!" is not a valid base64 value`},
		{"GET", "/x?color=BLUE", "color", `"BLUE" is not a valid test.v1.Color`},
		{"GET", "/x?color=red", "color", `"red" is not a valid test.v1.Color`},
		{"GET", "/x?create_time=yesterday", "create_time", `"yesterday" is not a valid google.protobuf.Timestamp`},
		{"GET", "/x?ttl=5", "ttl", `"5" is not a valid google.protobuf.Duration`},
		{"GET", "/x?update_mask=a,", "update_mask", `"a," is not a valid google.protobuf.FieldMask`},
		{"GET", "/x?update_mask=a b", "update_mask", `"a b" is not a valid google.protobuf.FieldMask`},
		{"GET", "/x?wrapped=x", "wrapped", `"x" is not a valid int64`},
		{"GET", "/x?value=x", "value", `"x" is not a valid google.protobuf.Value`},
		{"GET", "/x?object=[]", "object", `"[]" is not a valid google.protobuf.Struct`},
	}
	for _, test := range tests {
		t.Run(test.target, func(t *testing.T) {
			w := do(handler, test.method, strings.ReplaceAll(test.target, " ", "%20"), "")
			require.Equal(t, 400, w.Code, w.Body)
			requireFault(t, w, test.field, test.want)
		})
	}
}

func TestPathParametersRefused(t *testing.T) {
	handler := newHandler(t, nil, `get: "/n/{page_size}"`, `get: "/t/{create_time}"`, `get: "/s/{name}"`, `get: "/l/{left}"`)
	tests := []struct{ target, field, want string }{
		{"/n/x", "page_size", `"x" is not a valid int32`},
		{"/t/x", "create_time", `"x" is not a valid google.protobuf.Timestamp`},
		{"/s/%ff", "name", `"\xff" is not valid UTF-8`},
		{"/l/a?right=b", "left", `oneof side has right already`},
	}
	for _, test := range tests {
		t.Run(test.target, func(t *testing.T) {
			requireFault(t, do(handler, "GET", test.target, ""), test.field, test.want)
		})
	}
}

func FuzzQuery(f *testing.F) {
	for _, seed := range []string{
		"", "name=a", "sub.sub.count=1&tags=a&tags=b", "create_time=2026-01-02T03:04:05Z", "update_mask=a.b,c", "data=%2B/",
		"value={}", "ratio=-1e5", "%=1", "a..b", "&&=", "left=1&right=2", "colors=RED&colors=7", "wrapped=1&object={\"a\":[1]}",
	} {
		f.Add(seed)
	}
	handler := newHandler(f, nil, `get: "/x/{name}"`)
	binding := handler.Bindings()[0]
	codec, err := handler.options.newCodec(binding)
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, query string) {
		params, err := binding.appendQuery(nil, query)
		if err == nil {
			_, err = codec.AppendRequest(nil, Input{Params: params})
		}
		if err != nil {
			require.ErrorAs(t, err, new(*FieldError), "only the client is at fault")
		}
	})
}
