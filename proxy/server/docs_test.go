package server

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheAPITellsOfItself(t *testing.T) {
	for prefix, url := range map[string]string{"": "/api", "/": "/", "/v/x": "/v/x"} {
		server := newServer(t, &users{}, Config{Prefix: prefix})
		document := do(server, "GET", "/openapi.json")
		require.Equal(t, 200, document.Code)
		var decoded struct {
			Servers []struct{ URL string }
			Paths   map[string]map[string]struct{ Summary string }
		}
		require.NoError(t, json.Unmarshal(document.Body.Bytes(), &decoded))
		require.Equal(t, url, decoded.Servers[0].URL)
		// The built-in descriptors have their comments.
		require.Equal(t, "Lists users in the order of their creation", decoded.Paths["/users"]["get"].Summary)

		page := do(server, "GET", "/docs")
		require.Equal(t, 200, page.Code)
		require.Equal(t, "text/html; charset=utf-8", page.Header().Get("Content-Type"))
	}
}

func TestWhereTheDocumentsAreIsTaken(t *testing.T) {
	for _, prefix := range []string{"/docs", "/openapi.json/x"} {
		_, err := New(nil, Config{Prefix: prefix})
		require.ErrorContains(t, err, "is taken")
	}
}
