package compress

import (
	"net/http"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// MinSize is the least size of an answer that is compressed, in bytes. Below it the answer and its header fit into one
// packet anyway, and encoding costs as much as sending.
const MinSize = 1 << 10

// Handler compresses the answers of another handler. What is asked of that one's http.ResponseController works; a Flush in
// mid-answer makes it go out as it is.
func Handler(next http.Handler) http.Handler {
	e := newEncoder(gzip.BestSpeed, zstd.SpeedFastest)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// It may depend on it, if only on this one's absence.
		w.Header()["Vary"] = append(w.Header()["Vary"], "Accept-Encoding")
		coding, mustEncode := Negotiate(r.Header)
		if coding == Identity || isForAnotherSite(r.Header) {
			next.ServeHTTP(w, r)
			return
		}
		cw := &writer{ResponseWriter: w, encoder: e, coding: coding, head: r.Method == http.MethodHead, minSize: MinSize}
		if mustEncode {
			cw.minSize = 1
		}
		// Not after a panic: nothing has been sent then, and who recovers from it may answer something else.
		next.ServeHTTP(cw, r)
		cw.end()
	})
}

// isForAnotherSite reports whether a browser makes a request for another site, and with cookies: see Secrets.
func isForAnotherSite(header http.Header) bool {
	if len(header["Cookie"]) == 0 {
		return false
	}
	switch header.Get("Sec-Fetch-Site") {
	case "cross-site", "same-site":
		return true
	}
	return false
}
