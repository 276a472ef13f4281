package server

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// newNoSignIn returns the handler of a session that nobody signs in to: the person picks which user they are, and the app
// calls the API directly.
func newNoSignIn(api string) (http.Handler, error) {
	session, err := json.Marshal(struct {
		SignIn   bool   `json:"signIn"`
		SignedIn bool   `json:"signedIn"`
		API      string `json:"api"`
	}{API: api})
	if err != nil {
		return nil, fmt.Errorf("the session: %w", err)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path != mount+"/auth/session":
			writeText(w, http.StatusNotFound, "nobody signs in here")
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			writeText(w, http.StatusMethodNotAllowed, "the session can only be read")
		default:
			w.Header().Set("Cache-Control", "no-store")
			w.Header().Set("X-Content-Type-Options", "nosniff")
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(session) // an error means that the client has left
		}
	}), nil
}
