package server

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/rs/cors"
)

// anyOrigin stands for all origins.
const anyOrigin = "*"

// corsMaxAge is how long a browser may keep what it was told before a request: as long as Chromium does at the most.
const corsMaxAge = 2 * time.Hour

var (
	// corsMethods are those that pages of other origins may use. What google.api.http calls custom is not among them.
	corsMethods = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}
	// corsRequestHeaders are those that they may send beside those that browsers always send.
	corsRequestHeaders = []string{
		"Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match", "Last-Event-ID", "Prefer", "Request-Timeout",
		requestIDHeader, "Traceparent", "Tracestate",
		// of gRPC-Web
		"Grpc-Timeout", "X-Grpc-Web", "X-User-Agent",
		// of Connect
		"Connect-Accept-Encoding", "Connect-Content-Encoding", "Connect-Protocol-Version", "Connect-Timeout-Ms",
	}
	// corsResponseHeaders are those that they may read beside those that browsers always show.
	corsResponseHeaders = []string{
		"Accept-Patch", "Accept-Post", "Allow", "Content-Encoding", "ETag", "Location", "Preference-Applied", "Retry-After",
		"WWW-Authenticate", requestIDHeader,
		// of gRPC-Web and Connect
		"Connect-Content-Encoding", "Grpc-Message", "Grpc-Status", "Grpc-Status-Details-Bin",
	}
)

// withCORS lets pages of other origins use what next serves (https://fetch.spec.whatwg.org/#http-cors-protocol). It answers
// their preflight requests, and leaves every other OPTIONS to next.
//
// Credentials in the sense of CORS, which are those that a browser adds by itself, are never allowed: tokens are what a page
// sends in a header of its own. Without tokens all origins are as good as none: a page runs inside the network of whoever
// looks at it.
func withCORS(config Config, next http.Handler) http.Handler {
	if len(config.CORSOrigins) == 0 {
		return next
	}
	exposed := slices.Concat(corsResponseHeaders, config.ResponseHeaders)
	for _, name := range config.ResponseHeaders {
		exposed = append(exposed, "Trailer-"+name) // as Connect has trailers
	}
	return cors.New(cors.Options{
		AllowedOrigins:   config.CORSOrigins,
		AllowedMethods:   corsMethods,
		AllowedHeaders:   slices.Concat(corsRequestHeaders, config.RequestHeaders),
		ExposedHeaders:   exposed,
		MaxAge:           int(corsMaxAge / time.Second),
		AllowCredentials: false,
	}).Handler(next)
}

// checkOrigin checks an origin of the config: one as a browser names it, or all. The library takes patterns, too; one with a
// star too many lets in whoever registers a name for it.
func checkOrigin(origin string) error {
	if origin == anyOrigin {
		return nil
	}
	u, err := url.Parse(origin)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || origin != u.Scheme+"://"+u.Host ||
		strings.ContainsAny(origin, "*ABCDEFGHIJKLMNOPQRSTUVWXYZ") {
		return fmt.Errorf("origin %q is neither * nor one such as https://app.example.com:8443, in lower case", origin)
	}
	return nil
}
