package signin

import (
	"encoding/json"
	"html/template"
	"net/http"
	"strings"
)

// A refusal is an answer that says what is wrong: as a page for browsers that navigate, else as the API's errors are.
type refusal struct {
	status int
	// reason is that of the API's errors.
	reason         string
	title, message string
	cause          error // logged, if there is one
}

// errorDomain is the domain of the reasons.
const errorDomain = "signin.codingflow.com"

// codes are google.rpc.Code's names for the statuses of refusals.
var codes = map[int]string{
	http.StatusBadRequest:         "INVALID_ARGUMENT",
	http.StatusForbidden:          "PERMISSION_DENIED",
	http.StatusNotFound:           "NOT_FOUND",
	http.StatusBadGateway:         "UNAVAILABLE",
	http.StatusServiceUnavailable: "UNAVAILABLE",
	http.StatusGatewayTimeout:     "DEADLINE_EXCEEDED",
}

// retryAfter is when a client may ask again that was told that something is not available, in seconds.
const retryAfter = "5"

// refuse writes a refusal, and logs its cause.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, refused *refusal) {
	if refused.cause != nil {
		h.config.Logger.WarnContext(r.Context(), "sign-in: request refused",
			"path", strings.ToValidUTF8(r.URL.Path, "?"), "status", refused.status, "reason", refused.reason, "error", refused.cause)
	}
	if refused.status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", retryAfter)
	}
	w.Header().Set("Cache-Control", "no-store")
	if !strings.Contains(r.Header.Get("Accept"), "text/html") {
		writeJSON(w, refused.status, map[string]any{"error": map[string]any{
			"code": refused.status, "message": refused.message, "status": codes[refused.status],
			"details": []any{map[string]string{
				"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": refused.reason, "domain": errorDomain,
			}},
		}})
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(refused.status)
	_ = page.Execute(w, map[string]string{ // the client has left
		"Title": refused.title, "Message": refused.message, "Home": h.path("/"), "Login": h.path("/auth/login"),
	})
}

var page = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{{.Title}}</title>
<style>body { font: 1rem/1.5 system-ui, sans-serif; margin: 15vh auto; max-width: 30rem; padding: 0 1rem; color-scheme: light dark }</style>
<h1>{{.Title}}</h1>
<p>{{.Message}}</p>
<p><a href="{{.Login}}">Sign in</a> · <a href="{{.Home}}">Back to the app</a></p>
</html>
`))

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value) // the client has left
}
