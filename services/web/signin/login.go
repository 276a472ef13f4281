package signin

import (
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// flowLifetime is how long a person has for signing in at the issuer.
const flowLifetime = 10 * time.Minute

// A flow is a sign-in that has begun, as a cookie has it.
type flow struct {
	State    string `json:"state"`
	Nonce    string `json:"nonce"`
	Verifier string `json:"verifier"`
	Return   string `json:"return"`
	Expires  int64  `json:"exp"` // in seconds since 1970
}

func (h *Handler) serveLogin(w http.ResponseWriter, r *http.Request) {
	target := r.URL.Query().Get("return")
	if target == "" {
		target = h.path("/")
	}
	if !h.isOwn(target) {
		h.refuse(w, r, &refusal{
			status: http.StatusBadRequest, reason: "RETURN_INVALID", title: "That is no page of this app",
			message: "return must be a path of this app, which begins with " + h.path("/") + ".",
		})
		return
	}
	p, err := h.issuer.provider(r.Context())
	if err != nil {
		h.refuse(w, r, unavailable(err))
		return
	}
	f := flow{
		State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(), Return: target,
		Expires: h.config.now().Add(flowLifetime).Unix(),
	}
	sealed, err := h.sealer.seal(purposeFlow, f)
	if err == nil {
		err = h.flow.write(w, sealed, flowLifetime)
	}
	if err != nil {
		h.refuse(w, r, unavailable(err))
		return
	}
	options := []oauth2.AuthCodeOption{oidc.Nonce(f.Nonce), oauth2.S256ChallengeOption(f.Verifier)}
	for name, value := range h.config.Parameters {
		options = append(options, oauth2.SetAuthURLParam(name, value))
	}
	http.Redirect(w, r, p.oauth.AuthCodeURL(f.State, options...), http.StatusSeeOther)
}

// maxReturn bounds the path to return to, in bytes, so that it fits into the cookie.
const maxReturn = 1024

// isOwn reports whether a person may be sent to a target after sign-in: a path of the front end, in this host whatever a
// browser makes of it, and none of those that this package serves.
func (h *Handler) isOwn(target string) bool {
	if len(target) > maxReturn || strings.ContainsFunc(target, func(c rune) bool { return c <= ' ' || c == '\\' || c > '~' }) {
		return false
	}
	u, err := url.Parse(target)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" {
		return false
	}
	if target != h.config.Base && !strings.HasPrefix(target, h.path("/")) {
		return false
	}
	for segment := range strings.SplitSeq(u.Path, "/") {
		if segment == "." || segment == ".." {
			return false
		}
	}
	return !strings.HasPrefix(u.Path, h.path("/auth/")) && !strings.HasPrefix(u.Path, h.path("/api/"))
}

// readFlow returns the sign-in that a browser has begun, nil if there is none, and takes it away: it is for one try.
func (h *Handler) readFlow(w http.ResponseWriter, r *http.Request) *flow {
	sealed := h.flow.read(r)
	h.flow.clear(w, r)
	var f flow
	if sealed == "" || h.sealer.open(purposeFlow, sealed, &f) != nil || h.config.now().Unix() >= f.Expires {
		return nil
	}
	return &f
}

func (h *Handler) serveCallback(w http.ResponseWriter, r *http.Request) {
	f, query := h.readFlow(w, r), r.URL.Query()
	if f == nil || subtle.ConstantTimeCompare([]byte(f.State), []byte(query.Get("state"))) != 1 {
		h.refuse(w, r, &refusal{
			status: http.StatusBadRequest, reason: "FLOW_UNKNOWN", title: "Sign-in was interrupted",
			message: "This browser has begun no such sign-in, or more than 10 minutes ago, or another one since. Please sign in again.",
		})
		return
	}
	if refused := h.signIn(w, r, f, query); refused != nil {
		h.refuse(w, r, refused)
		return
	}
	http.Redirect(w, r, f.Return, http.StatusSeeOther)
}

// signIn makes a session of what the issuer has sent the browser back with.
func (h *Handler) signIn(w http.ResponseWriter, r *http.Request, f *flow, query url.Values) *refusal {
	p, err := h.issuer.provider(r.Context())
	if err != nil {
		return unavailable(err)
	}
	if iss := query.Get("iss"); iss != h.config.Issuer && (iss != "" || p.sendsIssuer) {
		return notSignedIn(http.StatusBadRequest, "The answer is not that of the sign-in service.", errors.New("the answer is another issuer's"))
	}
	code := query.Get("code")
	if code == "" {
		return notSignedIn(http.StatusForbidden, "The sign-in service has not let you in.", errors.New("no code"))
	}
	got, err := h.issuer.exchange(r.Context(), p, code, f.Verifier, f.Nonce)
	switch {
	case errors.Is(err, errUnavailable) || r.Context().Err() != nil:
		return unavailable(err)
	case errors.Is(err, errRefused):
		return notSignedIn(http.StatusBadRequest, "The sign-in was used before, or took too long. Please sign in again.", err)
	case err != nil:
		return notSignedIn(http.StatusBadGateway, "The sign-in service's answer is wrong.", err)
	}
	now := h.config.now().Unix()
	err = h.write(w, &session{
		Subject: got.id.Subject, Name: got.name(), Access: got.access, Refresh: got.refresh,
		Expires: got.expires.Unix(), Started: now, Renewed: now,
	})
	if err != nil {
		return notSignedIn(http.StatusBadGateway, "The sign-in service's tokens are too large for this app.", err)
	}
	return nil
}

func notSignedIn(status int, message string, cause error) *refusal {
	return &refusal{status: status, reason: "SIGN_IN_FAILED", title: "You are not signed in", message: message, cause: cause}
}

// maxName bounds the name that is shown, in code points, for the sake of the cookie.
const maxName = 100

// name returns what to call the person.
func (t *tokens) name() string {
	for _, name := range []string{t.claims.Name, t.claims.Preferred, t.claims.Email} {
		if runes := []rune(name); len(runes) > 0 {
			return string(runes[:min(len(runes), maxName)])
		}
	}
	return t.id.Subject
}
