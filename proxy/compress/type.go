package compress

import "strings"

// textTypes are the media types that compress well without saying so by their name.
var textTypes = map[string]bool{
	"application/javascript": true,
	"application/json":       true,
	"application/wasm":       true,
	"application/x-ndjson":   true,
	"application/xml":        true,
	"font/otf":               true,
	"font/ttf":               true,
	"image/bmp":              true,
}

// isText reports whether a content type is worth compressing.
func isText(contentType string) bool {
	mediaType, _, _ := strings.Cut(contentType, ";")
	mediaType = strings.ToLower(strings.Trim(mediaType, " \t"))
	return textTypes[mediaType] || strings.HasPrefix(mediaType, "text/") ||
		strings.HasSuffix(mediaType, "+json") || strings.HasSuffix(mediaType, "+xml")
}
