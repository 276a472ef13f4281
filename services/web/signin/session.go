package signin

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// A session is who is signed in, as a cookie has it.
type session struct {
	Subject string `json:"sub"`
	Name    string `json:"name"`
	// Access and Refresh are the tokens; there may be no Refresh.
	Access  string `json:"at"`
	Refresh string `json:"rt,omitempty"`
	// Expires is when Access does; Started when the person signed in, Renewed when the tokens were last got. In seconds
	// since 1970.
	Expires int64 `json:"exp"`
	Started int64 `json:"iat"`
	Renewed int64 `json:"upd"`
}

// renewBefore is how long before the access token expires it is renewed: longer than a call of the API takes, and than
// clocks differ.
const renewBefore = time.Minute

// end returns when a session ends unless it is renewed.
func (h *Handler) end(s *session) time.Time {
	end := time.Unix(s.Started, 0).Add(h.config.Lifetime)
	idle := time.Unix(s.Renewed, 0).Add(h.config.Idle)
	if s.Refresh == "" {
		idle = time.Unix(s.Expires, 0)
	}
	if idle.Before(end) {
		return idle
	}
	return end
}

// due reports whether the tokens of a session are to be renewed, and whether the access token is of no use any more.
func (h *Handler) due(s *session) (due, expired bool) {
	now, expires, renewed := h.config.now(), time.Unix(s.Expires, 0), time.Unix(s.Renewed, 0)
	early := min(renewBefore, expires.Sub(renewed)/2) // tokens that live for less than two minutes are used for half of that
	due = !now.Before(expires.Add(-early)) || !now.Before(renewed.Add(h.config.Idle/2))
	return due && s.Refresh != "", !now.Before(expires)
}

// write has the browser keep a session.
func (h *Handler) write(w http.ResponseWriter, s *session) error {
	sealed, err := h.sealer.seal(purposeSession, s)
	if err != nil {
		return err
	}
	return h.session.write(w, sealed, h.end(s).Sub(h.config.now()))
}

// read returns the session of a request, nil if it has none that is valid.
func (h *Handler) read(r *http.Request) *session {
	sealed := h.session.read(r)
	if sealed == "" {
		return nil
	}
	var s session
	if h.sealer.open(purposeSession, sealed, &s) != nil || !h.config.now().Before(h.end(&s)) {
		return nil
	}
	return &s
}

// current returns the session of a request with an access token that is valid, nil if nobody is signed in. It renews the
// tokens when they are due, and takes the cookie of an invalid session away.
//
// It fails while the access token has expired and the issuer does not answer: then nobody knows whether the session is valid.
func (h *Handler) current(w http.ResponseWriter, r *http.Request) (*session, error) {
	s := h.read(r)
	if s == nil {
		h.session.clear(w, r)
		return nil, nil
	}
	due, expired := h.due(s)
	if !due {
		return s, nil
	}
	renewed, err := h.renewals.do(r.Context(), s.Refresh, func(ctx context.Context) (*session, error) { return h.renew(ctx, s) })
	if err == nil {
		err = h.write(w, renewed)
	}
	if _, ok := errors.AsType[tooLargeError](err); ok {
		h.config.Logger.WarnContext(r.Context(), "sign-in: a renewed session is lost", "error", err)
		h.session.clear(w, r)
		return nil, nil
	}
	switch {
	case err == nil:
		return renewed, nil
	case !expired:
		return s, nil // perhaps another instance has renewed it, and its cookie is on the way
	case errors.Is(err, errRefused):
		h.session.clear(w, r)
		return nil, nil
	}
	return nil, err
}
