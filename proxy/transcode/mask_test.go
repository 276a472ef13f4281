package transcode

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
)

func TestInferredUpdateMask(t *testing.T) {
	backend := newBackend(t)
	handler := newHandler(t, backend,
		`patch: "/subs/{sub.id}" body: "sub"`,
		`patch: "/deep/{sub.sub.id=x/*}" body: "sub"`,
		`put: "/put" body: "sub"`,
		`patch: "/all" body: "*"`,
		`patch: "/{update_mask}/path" body: "sub"`,
	)
	message := handler.Bindings()[0].Method.Input()
	unset := "unset"
	tests := []struct{ name, method, target, body, want string }{
		{"scalars in the body's order", "PATCH", "/subs/1", `{"count":1,"displayName":"d"}`, `count,display_name`},
		{"proto names", "PATCH", "/subs/1", `{"display_name":"d"}`, `display_name`},
		{"zero values", "PATCH", "/subs/1", `{"count":0,"displayName":""}`, `count,display_name`},
		{"null clears", "PATCH", "/subs/1", `{"displayName":null,"sub":null}`, `display_name,sub`},
		{"messages descend", "PATCH", "/subs/1", `{"sub":{"sub":{"count":1},"displayName":"d"},"count":2}`, `sub.sub.count,sub.display_name,count`},
		{"empty message", "PATCH", "/subs/1", `{"sub":{}}`, `sub`},
		{"lists are leaves", "PATCH", "/subs/1", `{"tags":[],"subs":[{"count":1},{"sub":{"count":2}}],"count":1}`, `tags,subs,count`},
		{"well-known types are leaves", "PATCH", "/subs/1", `{"time":"1970-01-01T00:00:01Z"}`, `time`},
		{"what the path binds is left out", "PATCH", "/subs/1", `{"id":"1","count":1}`, `count`},
		{"what the path binds further down", "PATCH", "/deep/x/1", `{"id":"1","sub":{"id":"1","count":1}}`, `id,sub.count`},
		{"outputs are left out", "PATCH", "/subs/1", `{"name":"n","output":"o","count":1,"sub":{"output":"o"}}`, `count`},
		{"empty body object", "PATCH", "/subs/1", `{}`, ``},
		{"null body", "PATCH", "/subs/1", `null`, ``},
		{"no body", "PATCH", "/subs/1", ``, unset},
		{"mask in the query", "PATCH", "/subs/1?update_mask=display_name", `{"count":1}`, `display_name`},
		{"empty mask in the query", "PATCH", "/subs/1?updateMask=", `{"count":1}`, ``},
		{"mask in the path", "PATCH", "/tags/path", `{"count":1}`, `tags`},
		{"not for PUT", "PUT", "/put", `{"count":1}`, unset},
		{"not for the whole message", "PATCH", "/all", `{"sub":{"count":1}}`, unset},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := do(handler, test.method, test.target, test.body)
			require.Equal(t, 200, w.Code, w.Body)
			got := unset
			if request := backend.got(t, message).ProtoReflect(); request.Has(message.Fields().ByName("update_mask")) {
				mask := &fieldmaskpb.FieldMask{}
				data, err := proto.Marshal(request.Get(message.Fields().ByName("update_mask")).Message().Interface())
				require.NoError(t, err)
				require.NoError(t, proto.Unmarshal(data, mask))
				got = strings.Join(mask.GetPaths(), ",")
			}
			require.Equal(t, test.want, got)
		})
	}
}

func TestInferredUpdateMaskStopsDeepDown(t *testing.T) {
	handler := newHandler(t, nil, `patch: "/subs/{sub.id}" body: "sub"`)
	depth := maxPathDepth + 10
	body := strings.Repeat(`{"sub":`, depth) + `{"count":1}` + strings.Repeat(`}`, depth)
	want := strings.TrimSuffix(strings.Repeat("sub.", maxPathDepth), ".")
	require.Equal(t, []string{want}, newMaskInference(handler.Bindings()[0]).paths([]byte(body)))
}

func TestUpdateMaskOfADeepBodyIsBounded(t *testing.T) {
	handler := newHandler(t, nil, `patch: "/subs/{sub.id}" body: "sub"`)
	depth := 9_000
	body := fmt.Sprintf(`%s{"tags":[%s1]}%s`, strings.Repeat(`{"sub":`, depth), strings.Repeat(`"",`, 100_000), strings.Repeat(`}`, depth))
	w := do(handler, "PATCH", "/subs/1", body)
	require.Equal(t, 400, w.Code)
	require.Less(t, w.Body.Len(), 2_000)
}
