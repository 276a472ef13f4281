package natsgrpctest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// serveTimeout bounds the start of a natsgrpc.Server and its end, on a busy machine too.
const serveTimeout = 20 * time.Second

// Worker is a natsgrpc.Server. The type is not named here, since that package's own tests use this one.
type Worker interface {
	Serve(context.Context) error
	Ready() <-chan struct{}
}

// Serve runs a worker until the test ends, or until it is stopped, and returns when it pulls. stop returns when the worker has
// drained, which must not fail.
func Serve(t testing.TB, worker Worker) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- worker.Serve(ctx) }()
	Await(t, serveTimeout, "the service", worker.Ready())
	stop = sync.OnceFunc(func() {
		cancel()
		require.NoError(t, Await(t, serveTimeout, "the end of the service", done))
	})
	t.Cleanup(stop)
	return stop
}

// Await returns what a channel gives within a time, or its zero value once it is closed. It fails the test where nothing comes.
func Await[T any](t testing.TB, within time.Duration, what string, from <-chan T) T {
	t.Helper()
	select {
	case value := <-from:
		return value
	case <-time.After(within):
		t.Fatal("waited in vain for " + what)
		panic("unreachable")
	}
}
