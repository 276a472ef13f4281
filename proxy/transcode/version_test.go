package transcode

import (
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// The first version of a service goes first: its methods hide those of the same name, and its routes those of the same
// pattern.
func TestVersionsOfAService(t *testing.T) {
	first := thingsService(t, `get: "/a"`, `get: "/{name=b/*}"`)
	second := thingsService(t, `get: "/old"`, `get: "/old/b"`, `get: "/b/{name}" additional_bindings { get: "/c" }`)
	handler, err := New(newBackend(t).conn, []protoreflect.ServiceDescriptor{first, second, first})
	require.NoError(t, err)
	var routes []string
	for _, binding := range handler.Bindings() {
		routes = append(routes, binding.Pattern()+" "+string(binding.Method.Name()))
	}
	require.Equal(t, []string{"GET /a M0", "GET /b/* M1", "GET /c M2"}, routes)
	require.Equal(t, []Skipped{{
		Method: "test.v1.Things.M2", Reason: "GET /b/{name} is test.v1.Things.M1's, of a version that goes first",
	}}, handler.Skipped())
}
