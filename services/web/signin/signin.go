package signin

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// A Handler serves the paths of the package's comment below the front end's. It is safe for concurrent use.
type Handler struct {
	config Config
	mux    *http.ServeMux

	// The rest is there with an issuer only.
	origin     string // scheme and host of the public URL
	sealer     sealer
	session    cookie
	flow       cookie
	issuer     *issuer
	renewals   renewals
	protection *http.CrossOriginProtection
	api        http.Handler
}

// New returns a handler. It does not ask the issuer, which may be away. Its errors name the flag that is wrong.
func New(config Config) (*Handler, error) {
	h := &Handler{config: config.withDefaults(), mux: http.NewServeMux()}
	if err := h.config.validate(); err != nil {
		return nil, fmt.Errorf("sign-in: %w", err)
	}
	h.mux.HandleFunc("GET "+h.path("/auth/session"), h.serveSession)
	if h.config.Issuer == "" {
		h.mux.HandleFunc(h.path("/auth/login"), h.serveNothing)
		h.mux.HandleFunc(h.path("/api/"), h.serveNothing)
		return h, nil
	}
	keys, err := h.config.keys()
	if err != nil {
		return nil, fmt.Errorf("sign-in: %w", err)
	}
	public, err := url.Parse(h.config.PublicURL)
	if err != nil {
		return nil, fmt.Errorf("sign-in: %w", err)
	}
	h.origin = public.Scheme + "://" + public.Host
	h.sealer = sealer{keys}
	secure := public.Scheme == "https"
	h.session = newCookie("session", secure, http.SameSiteStrictMode)
	h.flow = newCookie("signin", secure, http.SameSiteLaxMode) // the issuer's redirect must bring it
	h.issuer = newIssuer(&h.config, h.origin+h.path("/auth/callback"))
	h.protection = http.NewCrossOriginProtection()
	if err := h.protection.AddTrustedOrigin(h.origin); err != nil { // a gateway may change the Host
		return nil, fmt.Errorf("sign-in: %w", err)
	}
	if h.api, err = h.newAPI(); err != nil {
		return nil, fmt.Errorf("sign-in: %w", err)
	}
	h.mux.HandleFunc("GET "+h.path("/auth/login"), h.serveLogin)
	h.mux.HandleFunc("GET "+h.path("/auth/callback"), h.serveCallback)
	h.mux.HandleFunc("POST "+h.path("/auth/logout"), h.serveLogout)
	return h, nil
}

// path returns the path below the front end's.
func (h *Handler) path(rest string) string { return h.config.Base + rest }

// ServeHTTP serves a request. The API's paths do not go through a ServeMux, which would clean them.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h.api != nil && strings.HasPrefix(r.URL.EscapedPath(), h.path("/api/")) {
		h.serveAPI(w, r)
		return
	}
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
	header.Set("Referrer-Policy", "no-referrer") // the callback's URL has a code in it
	header.Set("X-Content-Type-Options", "nosniff")
	h.mux.ServeHTTP(w, r)
}

// sessionAnswer is what the front end gets to know.
type sessionAnswer struct {
	SignIn   bool   `json:"signIn"`
	SignedIn bool   `json:"signedIn"`
	Subject  string `json:"subject,omitempty"`
	Name     string `json:"name,omitempty"`
	Expires  string `json:"expires,omitempty"`
	API      string `json:"api"`
}

func (h *Handler) serveSession(w http.ResponseWriter, r *http.Request) {
	if h.config.Issuer == "" {
		writeJSON(w, http.StatusOK, sessionAnswer{API: h.config.PublicAPI})
		return
	}
	answer := sessionAnswer{SignIn: true, API: h.path("/api")}
	s, err := h.current(w, r)
	if err != nil {
		h.refuse(w, r, unavailable(err))
		return
	}
	if s != nil {
		answer.SignedIn, answer.Subject, answer.Name = true, s.Subject, s.Name
		answer.Expires = h.end(s).UTC().Format("2006-01-02T15:04:05Z")
	}
	writeJSON(w, http.StatusOK, answer)
}

// serveNothing answers what is there with an issuer only.
func (h *Handler) serveNothing(w http.ResponseWriter, r *http.Request) {
	h.refuse(w, r, &refusal{
		status: http.StatusNotFound, reason: "NO_SIGN_IN", title: "Nobody signs in here", message: "There is no issuer at which to sign in.",
	})
}

// unavailable is the refusal of a request while nobody can say whose it is.
func unavailable(err error) *refusal {
	return &refusal{
		status: http.StatusServiceUnavailable, reason: "ISSUER_UNAVAILABLE", cause: err,
		title: "Sign-in is not available", message: "The sign-in service cannot be reached. Try again in a moment.",
	}
}

// crossOrigin is the refusal of another site's request, nil if it is not one.
func (h *Handler) crossOrigin(r *http.Request) *refusal {
	err := h.protection.Check(r)
	if err == nil {
		return nil
	}
	return &refusal{
		status: http.StatusForbidden, reason: "CROSS_ORIGIN", cause: errors.New("cross-origin request"),
		title: "Not from here", message: "This request came from another site.",
	}
}
