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
	nc   *nats.Conn
	wake chan struct{}
	loop sync.WaitGroup

	mu     sync.Mutex
	queue  []outgoing
	closed bool
}

// outgoing is a message, and what is told when it could not be published.
type outgoing struct {
	msg    *nats.Msg
	failed func(*nats.Msg, error)
}

func newWriter(nc *nats.Conn) *writer {
	w := &writer{nc: nc, wake: make(chan struct{}, 1)}
	w.loop.Go(w.run)
	return w
}

// publish publishes msg soon; it must not be changed any more. If that fails, failed is called with the error, from
// another goroutine.
func (w *writer) publish(msg *nats.Msg, failed func(*nats.Msg, error)) {
	w.mu.Lock()
	closed := w.closed
	if !closed {
		w.queue = append(w.queue, outgoing{msg, failed})
		if len(w.queue) == 1 {
			select {
			case w.wake <- struct{}{}:
			default:
			}
		}
	}
	w.mu.Unlock()
	if closed {
		failed(msg, nats.ErrConnectionClosed)
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
	var batch []outgoing
	for range w.wake {
		runtime.Gosched()
		batch = w.flush(batch)
	}
	w.flush(batch)
}

// flush publishes what is queued. It returns the emptied batch, to be used again.
func (w *writer) flush(batch []outgoing) []outgoing {
	w.mu.Lock()
	batch, w.queue = w.queue, batch
	w.mu.Unlock()
	for _, out := range batch {
		if err := w.nc.PublishMsg(out.msg); err != nil {
			out.failed(out.msg, err)
		}
	}
	clear(batch)
	return batch[:0]
}
