package server

import (
	"crypto/rand"
	"net/http"
)

const requestIDHeader = "X-Request-Id"

// maxRequestID bounds the request ids that are taken from clients, in bytes: room for a UUID with a prefix.
const maxRequestID = 128

// withRequestID sees to it that a request and its answer have one id.
func withRequestID(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ids := r.Header.Values(requestIDHeader)
		if len(ids) != 1 || !isRequestID(ids[0]) {
			r.Header.Set(requestIDHeader, rand.Text())
		}
		w.Header().Set(requestIDHeader, r.Header.Get(requestIDHeader))
		next.ServeHTTP(w, r)
	})
}

// isRequestID reports whether an id can go to logs and metadata as it is.
func isRequestID(id string) bool {
	if id == "" || len(id) > maxRequestID {
		return false
	}
	for i := range len(id) {
		switch c := id[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}
