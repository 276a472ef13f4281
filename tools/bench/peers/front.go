package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"
)

// fronts are what is compared, by their roles. The first is what the ratios refer to.
var fronts = []string{"proxy", "grpc-gateway", "vanguard"}

// peerModules are the modules that the fronts' peers come from.
var peerModules = []string{"google.golang.org/grpc", "github.com/grpc-ecosystem/grpc-gateway/v2", "connectrpc.com/vanguard"}

// listen returns a listener on loopback.
func listen(ctx context.Context) (net.Listener, error) {
	return new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
}

// serveHTTP is a peer's front.
func serveHTTP(ctx context.Context, c *serveCommand, handler http.Handler, ready func(string)) error {
	logger, closeLog, err := c.accessLog()
	if err != nil {
		return err
	}
	if logger != nil {
		handler = logged(logger, handler)
	}
	listener, err := listen(ctx)
	if err != nil {
		return errors.Join(err, closeLog())
	}
	srv := &http.Server{Handler: handler, ReadHeaderTimeout: time.Second}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(listener) }()
	ready("http://" + listener.Addr().String())
	select {
	case err := <-done:
		return errors.Join(err, closeLog())
	case <-ctx.Done():
	}
	err = srv.Close()
	if served := <-done; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return errors.Join(err, closeLog())
}

// accessLog returns a logger of requests, nil if there is to be none, and what closes it.
func (c *serveCommand) accessLog() (*slog.Logger, func() error, error) {
	if c.AccessLog == "" {
		return nil, func() error { return nil }, nil
	}
	f, err := os.OpenFile(c.AccessLog, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, nil, err
	}
	return slog.New(slog.NewJSONHandler(f, nil)), f.Close, nil
}

// logged gives a peer an access log like the proxy's: a line of JSON for each request.
func logged(logger *slog.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		counted := &countingWriter{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(counted, r)
		logger.LogAttrs(r.Context(), slog.LevelInfo, "request",
			slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.Int("status", counted.status),
			slog.Float64("duration_ms", float64(time.Since(start).Microseconds())/1e3), slog.Int64("bytes", counted.bytes))
	})
}

// countingWriter notes the status and the size of an answer.
type countingWriter struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (w *countingWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *countingWriter) Write(data []byte) (int, error) {
	n, err := w.ResponseWriter.Write(data)
	w.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController through.
func (w *countingWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
