package transcode

import (
	"net/http"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// GetOnly has a handler answer GET and HEAD, and answers other methods with 405 and Allow, in the shape of all errors.
func GetOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			WriteErrorAs(w, r, http.StatusMethodNotAllowed, status.New(codes.Unimplemented, "only GET and HEAD are allowed here"))
			return
		}
		next.ServeHTTP(w, r)
	})
}
