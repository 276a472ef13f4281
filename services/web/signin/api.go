package signin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	// dialTimeout bounds how long a connection to the API takes.
	dialTimeout = 5 * time.Second
	// answerTimeout bounds how long the API may think before its answer begins: more than any of its calls has. A stream that
	// has begun may take any time.
	answerTimeout = 2 * time.Minute
	// idleConnections is how many connections to the API wait for requests.
	idleConnections = 100
)

func newTransport() http.RoundTripper {
	return &http.Transport{
		DialContext:           (&net.Dialer{Timeout: dialTimeout}).DialContext,
		TLSHandshakeTimeout:   dialTimeout,
		ResponseHeaderTimeout: answerTimeout,
		IdleConnTimeout:       90 * time.Second,
		MaxIdleConns:          idleConnections,
		MaxIdleConnsPerHost:   idleConnections,
		DisableCompression:    true, // what the browser asks for goes through
		ForceAttemptHTTP2:     true,
	}
}

// newAPI returns the way to the API, for requests whose headers are as they shall be.
func (h *Handler) newAPI() (http.Handler, error) {
	target, err := url.Parse(h.config.API)
	if err != nil {
		return nil, err
	}
	public, err := url.Parse(h.config.PublicAPI)
	if err != nil {
		return nil, fmt.Errorf("--api: %w", err)
	}
	prefixes := []string{strings.TrimRight(public.Path, "/"), strings.TrimRight(target.Path, "/")}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.URL.RawQuery = r.In.URL.RawQuery // malformed or not: the API says so
			r.Out.Header.Del("Connection")         // no other protocol
			r.Out.Header.Del("Upgrade")
			r.Out.Header["X-Forwarded-For"] = r.In.Header["X-Forwarded-For"]
			r.SetXForwarded()
		},
		ModifyResponse: func(r *http.Response) error {
			r.Header.Del("Set-Cookie") // the session is not the API's
			r.Header.Set("Cache-Control", "no-store")
			if location := r.Header.Get("Location"); location != "" {
				r.Header.Set("Location", relocated(location, h.path("/api"), prefixes...))
			}
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) { h.refuse(w, r, unreachable(err)) },
		ErrorLog:     slog.NewLogLogger(h.config.Logger.Handler(), slog.LevelWarn),
		Transport:    h.config.Transport,
	}
	return http.StripPrefix(h.path("/api"), proxy), nil
}

// relocated returns a path of the API, which begins with one of the prefixes at which others than the front end see it, as the
// front end's, which is below base; any other location as it is. Where several prefixes fit the longest counts, since "" fits
// every path.
func relocated(location, base string, prefixes ...string) string {
	longest := -1
	below := location
	for _, prefix := range prefixes {
		if rest, ok := strings.CutPrefix(location, prefix+"/"); ok && len(prefix) > longest {
			longest, below = len(prefix), base+"/"+rest
		}
	}
	return below
}

// serveAPI sends a request on to the API, with the session's token and without cookies.
func (h *Handler) serveAPI(w http.ResponseWriter, r *http.Request) {
	if refused := h.crossOrigin(r); refused != nil {
		h.refuse(w, r, refused)
		return
	}
	if hasDots(r.URL.Path) { // what is between might clean it, and leave the API
		h.refuse(w, r, &refusal{
			status: http.StatusNotFound, reason: "NOT_FOUND", title: "Not found", message: "The API has no path with dots for segments.",
		})
		return
	}
	s, err := h.current(w, r)
	if err != nil {
		h.refuse(w, r, unavailable(err))
		return
	}
	out := r.Clone(r.Context())
	out.Header.Del("Cookie")
	out.Header.Del("Authorization")
	if s != nil {
		out.Header.Set("Authorization", "Bearer "+s.Access)
	}
	h.api.ServeHTTP(w, out)
}

func hasDots(path string) bool {
	return slices.ContainsFunc(strings.Split(path, "/"), func(segment string) bool { return segment == "." || segment == ".." })
}

// unreachable is the refusal of a request that the API did not answer. A client that has left is not logged.
func unreachable(err error) *refusal {
	refused := &refusal{
		status: http.StatusBadGateway, reason: "API_UNREACHABLE", cause: err,
		title: "The API cannot be reached", message: "The API cannot be reached. Try again in a moment.",
	}
	var timeout net.Error
	switch {
	case errors.Is(err, context.Canceled):
		refused.cause = nil
	case errors.As(err, &timeout) && timeout.Timeout():
		refused.status, refused.reason, refused.message = http.StatusGatewayTimeout, "API_TIMEOUT", "The API has not answered in time."
	}
	return refused
}
