// Package stacktest runs stacks for tests.
package stacktest

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/tools/dev/stack"
)

// startTimeout bounds the start of a stack.
const startTimeout = 20 * time.Second

// Start runs a stack, on a free port and with the test's log unless the config has a logger, until down is called or the test ends. It returns when the API
// answers.
func Start(t *testing.T, config stack.Config) (s *stack.Stack, down func()) {
	t.Helper()
	config.Listen = "127.0.0.1:0"
	if config.Logger == nil {
		config.Logger = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	}
	s, err := stack.Start(t.Context(), config)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ready, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- s.Run(ctx, func() { close(ready) }) }()
	select {
	case <-ready:
	case err := <-done:
		t.Fatal("the stack ended before it was ready:", err)
	case <-time.After(startTimeout):
		t.Fatal("the stack is not ready")
	}
	stopped := false
	down = func() {
		if !stopped {
			stopped = true
			cancel()
			require.NoError(t, <-done)
			require.NoError(t, s.Close())
		}
	}
	t.Cleanup(down)
	return s, down
}
