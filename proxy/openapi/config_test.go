package openapi

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/proxy/transcode"
)

func TestNewRefuses(t *testing.T) {
	tests := []struct {
		name   string
		config Config
		want   string
	}{
		{"a relative prefix", Config{Prefix: "api"}, `openapi: prefix "api" does not start with /, or ends with it`},
		{"a prefix with a slash at its end", Config{Prefix: "/"}, `openapi: prefix "/" does not start with /, or ends with it`},
		{"a header without a name", Config{Headers: []Header{{}}}, `openapi: header "" is not of letters, digits, - . and _`},
		{"no name of a header", Config{Headers: []Header{{Name: "a b"}}}, `openapi: header "a b" is not of letters, digits, - . and _`},
		{"OpenAPI's own header", Config{Headers: []Header{{Name: "authorization"}}}, `openapi: header Authorization is OpenAPI's own`},
		{"a header twice", Config{Headers: []Header{{Name: "X-A"}, {Name: "x-a"}}}, `openapi: header X-A is there twice`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := New(nil, test.config)
			require.EqualError(t, err, test.want)
		})
	}
}

func TestTheInfoIsThatOfTheServicesByDefault(t *testing.T) {
	tests := []struct {
		name     string
		bindings []*transcode.Binding
		want     map[string]any
	}{
		{"no services", nil, map[string]any{"title": "API", "version": "unversioned"}},
		{"one package", ratingBindings(t), map[string]any{"title": "rating.v1", "version": "v1"}},
		{"two packages", thingsBindings(t), map[string]any{"title": "other.v2, test.v1", "version": "v1, v2"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			document := decode(t, newAPI(t, test.bindings, Config{}))
			test.want["description"] = "Every operation answers errors in the same way: see the response `Error`."
			require.Equal(t, test.want, document["info"])
			require.Equal(t, []any{map[string]any{"url": "/"}}, document["servers"])
		})
	}
}
