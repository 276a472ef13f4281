package openapi

import "net/http"

// documentHeader returns the header of a document of a content type.
func documentHeader(contentType string) http.Header {
	header := http.Header{}
	header.Set("Content-Type", contentType)
	// It may be kept, and must be asked for again: routes come and go. Asking costs a 304.
	header.Set("Cache-Control", "no-cache")
	header.Set("X-Content-Type-Options", "nosniff")
	return header
}
