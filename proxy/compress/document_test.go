package compress

import (
	"net/http"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDocumentIsRightInEachCoding(t *testing.T) {
	document := NewDocument(http.Header{"Content-Type": {"application/json"}, "Cache-Control": {"no-cache"}}, []byte(text(5000)))
	tags := map[string]string{}
	for _, accept := range []string{"identity", "gzip", "zstd"} {
		t.Run(accept, func(t *testing.T) {
			get := func(method string, headers ...string) answer {
				t.Helper()
				a, err := do(t, document, method, append(headers, "Accept-Encoding: "+accept)...)
				require.NoError(t, err)
				require.Equal(t, "Accept-Encoding", a.header.Get("Vary"))
				return a
			}
			coding := accept
			if accept == "identity" {
				coding = ""
			}
			full := get("GET")
			require.Equal(t, http.StatusOK, full.status)
			require.Equal(t, text(5000), full.plain(t))
			require.Equal(t, coding, full.header.Get("Content-Encoding"))
			require.Equal(t, strconv.Itoa(len(full.body)), full.header.Get("Content-Length"))
			require.Equal(t, "application/json", full.header.Get("Content-Type"))
			require.Equal(t, "no-cache", full.header.Get("Cache-Control"))
			tag := full.header.Get("ETag")
			require.Regexp(t, `^"[\w-]{22}"$`, tag)

			head := get("HEAD")
			require.Equal(t, http.StatusOK, head.status)
			for _, name := range []string{"Content-Encoding", "Content-Length", "Content-Type", "ETag"} {
				require.Equal(t, full.header.Get(name), head.header.Get(name), name)
			}

			for _, same := range []string{tag, "W/" + tag, `"x", ` + tag, "*"} {
				unchanged := get("GET", "If-None-Match: "+same)
				require.Equal(t, http.StatusNotModified, unchanged.status)
				require.Equal(t, tag, unchanged.header.Get("ETag"))
				require.Empty(t, unchanged.body)
			}
			for other, otherTag := range tags {
				require.NotEqual(t, otherTag, tag)
				changed := get("GET", "If-None-Match: "+otherTag)
				require.Equal(t, http.StatusOK, changed.status, other)
				require.Equal(t, full.body, changed.body)
			}
			tags[accept] = tag

			part := get("GET", "Range: bytes=10-19", "If-Range: "+tag)
			require.Equal(t, http.StatusPartialContent, part.status)
			require.Equal(t, full.body[10:20], part.body)
			require.Equal(t, coding, part.header.Get("Content-Encoding"))
			require.Equal(t, "10", part.header.Get("Content-Length"))

			beyond := get("GET", "Range: bytes=9000-")
			require.Equal(t, http.StatusRequestedRangeNotSatisfiable, beyond.status)
			require.Equal(t, "bytes */"+strconv.Itoa(len(full.body)), beyond.header.Get("Content-Range"))
			require.Equal(t, "invalid range: failed to overlap\n", beyond.plain(t))
			require.Empty(t, beyond.header.Get("ETag"))
		})
	}
}
