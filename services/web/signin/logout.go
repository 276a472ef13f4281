package signin

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// logoutTimeout bounds what a logout waits for the issuer: the session here has ended whatever it says.
const logoutTimeout = 3 * time.Second

// serveLogout ends the session. It sends no id_token_hint to the issuer, for that would be a token in a URL, but the
// client's id (OpenID Connect RP-Initiated Logout 1.0, section 2); an issuer may then ask the person to confirm.
func (h *Handler) serveLogout(w http.ResponseWriter, r *http.Request) {
	if refused := h.crossOrigin(r); refused != nil {
		h.refuse(w, r, refused)
		return
	}
	s := h.read(r)
	h.session.clear(w, r)
	location := h.path("/")
	if s != nil {
		location = h.endAtIssuer(r.Context(), s)
	}
	if strings.Contains(r.Header.Get("Accept"), "application/json") {
		writeJSON(w, http.StatusOK, map[string]string{"location": location})
		return
	}
	http.Redirect(w, r, location, http.StatusSeeOther)
}

// endAtIssuer revokes the refresh token and returns where the browser ends the issuer's own session, or else the app.
func (h *Handler) endAtIssuer(ctx context.Context, s *session) (location string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), logoutTimeout)
	defer cancel()
	p, err := h.issuer.provider(ctx)
	if err != nil {
		h.config.Logger.WarnContext(ctx, "sign-in: the issuer is not told of a logout", "error", err)
		return h.path("/")
	}
	if s.Refresh != "" && p.revocation != "" {
		h.issuer.revoke(ctx, p, s.Refresh)
	}
	if p.endSession == "" {
		return h.path("/")
	}
	end, err := url.Parse(p.endSession)
	if err != nil {
		return h.path("/")
	}
	query := end.Query()
	query.Set("client_id", h.config.ClientID)
	query.Set("post_logout_redirect_uri", h.origin+h.path("/"))
	end.RawQuery = query.Encode()
	return end.String()
}
