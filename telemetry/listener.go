package telemetry

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

const (
	// readTimeout is how long a client may take to send its request.
	readTimeout = 5 * time.Second
	// writeTimeout is how long an answer may take: a profile takes 30 s unless it is asked for otherwise.
	writeTimeout = time.Minute
)

// Listener serves those who look after a program, apart from its users.
type Listener struct {
	// Addr is the address that it listens on.
	Addr   net.Addr
	server http.Server
	served chan error
}

// Listen listens on an address and serves a handler there until Close; ctx is for the beginning only.
func Listen(ctx context.Context, address string, handler http.Handler) (*Listener, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s: %w", address, err)
	}
	l := &Listener{
		Addr:   listener.Addr(),
		server: http.Server{Handler: handler, ReadTimeout: readTimeout, WriteTimeout: writeTimeout},
		served: make(chan error, 1),
	}
	go func() { l.served <- l.server.Serve(listener) }()
	return l, nil
}

// Close stops listening and waits for that. It returns the error that had ended it before, if any.
func (l *Listener) Close() error {
	err := l.server.Close()
	if served := <-l.served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(served, err)
	}
	return err
}
