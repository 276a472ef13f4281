package natsgrpc

import (
	"runtime"
	"sync"

	"github.com/nats-io/nats.go"
)

// writer publishes the messages of many calls from one goroutine, in order. A goroutine that publishes and then waits
// lets nats.go write its message to the socket alone, which is most of what a message costs. The writer lets those run
// first that are about to publish too, and so many messages share one write; grpc-go's loopyWriter does the same.
type writer struct {
	nc     *nats.Conn
	failed func(*nats.Msg, error) // is told of a message that could not be published
	wake   chan struct{}
	loop   sync.WaitGroup

	mu     sync.Mutex
	queue  []*nats.Msg
	closed bool
}

func newWriter(nc *nats.Conn, failed func(*nats.Msg, error)) *writer {
	w := &writer{nc: nc, failed: failed, wake: make(chan struct{}, 1)}
	w.loop.Go(w.run)
	return w
}

// publish publishes msg soon; it must not be changed any more.
func (w *writer) publish(msg *nats.Msg) {
	w.mu.Lock()
	closed := w.closed
	if !closed {
		w.queue = append(w.queue, msg)
		if len(w.queue) == 1 {
			select {
			case w.wake <- struct{}{}:
			default:
			}
		}
	}
	w.mu.Unlock()
	if closed {
		w.failed(msg, nats.ErrConnectionClosed)
	}
}

// close publishes what is left and ends the goroutine.
func (w *writer) close() {
	w.mu.Lock()
	if !w.closed {
		w.closed = true
		close(w.wake)
	}
	w.mu.Unlock()
	w.loop.Wait()
}

func (w *writer) run() {
	var batch []*nats.Msg
	for range w.wake {
		runtime.Gosched()
		batch = w.flush(batch)
	}
	w.flush(batch)
}

// flush publishes what is queued. It returns the emptied batch, to be used again.
func (w *writer) flush(batch []*nats.Msg) []*nats.Msg {
	w.mu.Lock()
	batch, w.queue = w.queue, batch
	w.mu.Unlock()
	for _, msg := range batch {
		if err := w.nc.PublishMsg(msg); err != nil {
			w.failed(msg, err)
		}
	}
	clear(batch)
	return batch[:0]
}
