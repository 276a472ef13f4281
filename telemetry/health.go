package telemetry

import (
	"context"
	"io"
	"net/http"
	"time"
)

// readyTimeout is how long a readiness check may take: as long as probes wait by default, one second in Kubernetes.
const readyTimeout = time.Second

// HealthHandler answers GET /healthz, which says that the process runs, with 200, and GET /readyz with 200 while ready
// returns no error, otherwise with 503 and the error as text. It serves the metrics at /metrics.
func HealthHandler(metrics http.Handler, ready func(context.Context) error) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", metrics)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		writeText(w, http.StatusOK, "ok")
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
		defer cancel()
		if err := ready(ctx); err != nil {
			writeText(w, http.StatusServiceUnavailable, err.Error())
			return
		}
		writeText(w, http.StatusOK, "ok")
	})
	return mux
}

func writeText(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(code)
	_, _ = io.WriteString(w, text+"\n") // a prober that has left needs no answer
}
