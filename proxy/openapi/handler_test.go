package openapi

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

// answer is what a handler has answered.
type answer struct {
	code   int
	header http.Header
	length int64 // as the header has it
	body   string
}

func TestDocumentAndPageAreServed(t *testing.T) {
	api := ratingAPI(t)
	for name, part := range map[string]struct {
		handler     http.Handler
		contentType string
	}{
		"document": {api.Document(), "application/json"},
		"page":     {api.Page(), "text/html; charset=utf-8"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(part.handler)
			defer server.Close()
			// By itself it asks for gzip, but not for a HEAD, whose answer is another one then.
			client := &http.Client{Transport: &http.Transport{DisableCompression: true, DisableKeepAlives: true}}
			do := func(method string, headers ...string) answer {
				r, err := http.NewRequestWithContext(t.Context(), method, server.URL, nil)
				require.NoError(t, err)
				for i := 0; i < len(headers); i += 2 {
					r.Header.Set(headers[i], headers[i+1])
				}
				response, err := client.Do(r)
				require.NoError(t, err)
				data, err := io.ReadAll(response.Body)
				require.NoError(t, err)
				require.NoError(t, response.Body.Close())
				return answer{response.StatusCode, response.Header, response.ContentLength, string(data)}
			}

			full := do("GET")
			tag := full.header.Get("ETag")
			require.Equal(t, http.StatusOK, full.code)
			require.NotEmpty(t, full.body)
			require.Equal(t, part.contentType, full.header.Get("Content-Type"))
			require.Equal(t, "no-cache", full.header.Get("Cache-Control"))
			require.Equal(t, "nosniff", full.header.Get("X-Content-Type-Options"))
			require.Regexp(t, `^"[\w-]{22}"$`, tag)

			head := do("HEAD")
			require.Equal(t, http.StatusOK, head.code)
			require.Empty(t, head.body)
			require.Equal(t, int64(len(full.body)), head.length)
			require.Equal(t, tag, head.header.Get("ETag"))

			for _, same := range []string{tag, "W/" + tag, `"x", ` + tag, "*"} {
				unchanged := do("GET", "If-None-Match", same)
				require.Equal(t, http.StatusNotModified, unchanged.code, same)
				require.Empty(t, unchanged.body)
				require.Equal(t, tag, unchanged.header.Get("ETag"))
			}
			compressed := do("GET", "Accept-Encoding", "gzip")
			require.Equal(t, http.StatusOK, compressed.code)
			require.Equal(t, "gzip", compressed.header.Get("Content-Encoding"))
			require.NotEqual(t, tag, compressed.header.Get("ETag"))
			require.Equal(t, http.StatusNotModified, do("GET", "Accept-Encoding", "gzip", "If-None-Match", compressed.header.Get("ETag")).code)

			changed := do("GET", "If-None-Match", `"x"`)
			require.Equal(t, http.StatusOK, changed.code)
			require.Equal(t, full.body, changed.body)

			refused := do("POST")
			require.Equal(t, http.StatusMethodNotAllowed, refused.code)
			require.Equal(t, "GET, HEAD", refused.header.Get("Allow"))
			require.JSONEq(t, `{"error":{"code":405,"message":"only GET and HEAD are allowed here","status":"UNIMPLEMENTED"}}`, refused.body)
			refused = do("DELETE", "Accept", "application/problem+json")
			require.Equal(t, http.StatusMethodNotAllowed, refused.code)
			require.Equal(t, "GET, HEAD", refused.header.Get("Allow"))
			require.Equal(t, "application/problem+json", refused.header.Get("Content-Type"))
			require.JSONEq(t, `{"type":"about:blank","title":"Method Not Allowed","status":405,"detail":"only GET and HEAD are allowed here","code":"UNIMPLEMENTED"}`, refused.body)
		})
	}
}

func TestETagsTellDocumentsApart(t *testing.T) {
	tag := func(api *API) string { return get(api.Document(), "/openapi.json").Header().Get("ETag") }
	require.Equal(t, tag(ratingAPI(t)), tag(ratingAPI(t)))
	require.NotEqual(t, tag(ratingAPI(t)), tag(newAPI(t, ratingBindings(t)[1:], Config{Title: "Rating", Prefix: "/api"})))
}
