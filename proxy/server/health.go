package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// readyTimeout bounds Config.Ready. It is the default timeout of a Kubernetes probe.
const readyTimeout = time.Second

func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) { writeHealth(w, nil) }

func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	if s.draining.Load() {
		writeHealth(w, errors.New("draining"))
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()
	writeHealth(w, s.config.Ready(ctx))
}

// writeHealth answers a probe in plain text: "ok", or with 503 what is wrong.
func writeHealth(w http.ResponseWriter, problem error) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	text := "ok"
	if problem != nil {
		text = "not ready: " + problem.Error()
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	// An error means that the client has left.
	_, _ = fmt.Fprintln(w, text)
}
