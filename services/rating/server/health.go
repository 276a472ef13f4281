package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

const (
	// readyTimeout is how long a readiness check may take: as long as probes wait by default, one second in Kubernetes.
	readyTimeout = time.Second
	// healthTimeout is how long a prober may take to send its request, and to take its answer.
	healthTimeout = 5 * time.Second
)

// A Health is a listener that answers health checks.
type Health struct {
	// Addr is the address that it listens on.
	Addr   net.Addr
	server http.Server
	served chan error
}

// ListenHealth listens on an address and serves [HealthHandler] there until [Health.Close]; ctx is for the beginning only.
func ListenHealth(ctx context.Context, address string, ready func(context.Context) error) (*Health, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("cannot listen for health checks: %w", err)
	}
	h := &Health{
		Addr: listener.Addr(),
		server: http.Server{
			Handler:      HealthHandler(ready),
			ReadTimeout:  healthTimeout,
			WriteTimeout: healthTimeout,
		},
		served: make(chan error, 1),
	}
	go func() { h.served <- h.server.Serve(listener) }()
	return h, nil
}

// Close stops listening and waits for that. It returns the error that had ended it before, if any.
func (h *Health) Close() error {
	err := h.server.Close()
	if served := <-h.served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(served, err)
	}
	return err
}

// HealthHandler answers GET /healthz, which says that the process runs, with 200, and GET /readyz with 200 while ready
// returns no error, otherwise with 503 and the error as text.
func HealthHandler(ready func(context.Context) error) http.Handler {
	mux := http.NewServeMux()
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
