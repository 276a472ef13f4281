package server

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHeaderLimits(t *testing.T) {
	server := newServer(t, &users{}, Config{})
	headers := func(n int) []string { // one more is the request's id
		lines := make([]string, n-1)
		for i := range lines {
			lines[i] = fmt.Sprintf("X-%d: a", i%100)
		}
		return lines
	}
	path := func(length int) string { return "/nothing?" + strings.Repeat("a", length-len("/nothing?")) }
	tests := []struct {
		name, target string
		headers      []string
		code         int
		want         string
	}{
		{"as many as may be", "/nothing", headers(maxHeaders), 404, `{"error":{"code":404,"message":"there is nothing at this path","status":"NOT_FOUND"}}`},
		{"one more", "/nothing", headers(maxHeaders + 1), 431, `{"error":{"code":431,"message":"there are more than 256 headers","status":"INVALID_ARGUMENT"}}`},
		{"as long as may be", path(maxTarget), nil, 404, `{"error":{"code":404,"message":"there is nothing at this path","status":"NOT_FOUND"}}`},
		{"one longer", path(maxTarget + 1), nil, 414,
			`{"error":{"code":414,"message":"the path and the query are longer than 16384 bytes","status":"INVALID_ARGUMENT"}}`},
	}
	for _, test := range tests {
		w := do(server, "GET", test.target, test.headers...)
		require.Equal(t, test.want, w.Body.String(), test.name)
		require.Equal(t, test.code, w.Code, test.name)
	}
}
