package openapi

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"time"
)

// static serves bytes that do not change, to GET and HEAD.
type static struct {
	header http.Header
	data   []byte
}

func newStatic(contentType string, data []byte) *static {
	sum := sha256.Sum256(data)
	header := http.Header{}
	header.Set("Content-Type", contentType)
	header.Set("ETag", `"`+base64.RawURLEncoding.EncodeToString(sum[:16])+`"`)
	// It may be kept, and must be asked for again: routes come and go. Asking costs a 304.
	header.Set("Cache-Control", "no-cache")
	header.Set("X-Content-Type-Options", "nosniff")
	return &static{header: header, data: data}
}

// ServeHTTP answers a request, also with 304, 206 and 416 to those that are conditional or for a range.
func (s *static) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "only GET and HEAD are allowed here", http.StatusMethodNotAllowed)
		return
	}
	for name, values := range s.header {
		w.Header()[name] = values
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(s.data))
}
