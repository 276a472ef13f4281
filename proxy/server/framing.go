package server

import "net/http"

// withSafeFraming closes the connection of HTTP/1 after a request whose end two parties may see in different places, so that
// nothing of it is taken for the next one. RFC 9112 (section 6.1) asks for that after a request with both Content-Length and
// Transfer-Encoding, and after one of HTTP/1.0 with the latter. net/http drops the header that does not count and does not
// tell, so it is done after all that may have had both.
func withSafeFraming(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		chunked := len(r.TransferEncoding) > 0
		if r.ProtoMajor == 1 && (chunked || r.ProtoMinor == 0 && r.ContentLength != 0) {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}
