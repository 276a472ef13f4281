package natsgrpc

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.opentelemetry.io/otel/metric"

	"github.com/codingflow/rating/natsgrpc/natsdial"
)

const (
	// queueReadInterval is the least time between two readings of the queues, however often metrics are collected.
	queueReadInterval = 5 * time.Second
	// queueReadTimeout bounds one reading, of all queues at once: a collection waits for it.
	queueReadTimeout = time.Second
)

// queueReader reads the queues of a running server when metrics are collected.
type queueReader struct {
	telemetry    *serverTelemetry
	logger       *slog.Logger
	connected    func() bool
	js           jetstream.JetStream
	workers      []*worker
	registration metric.Registration

	mu     sync.Mutex
	read   time.Time    // when the queues were read last
	states []queueState // one for each worker
}

// queueState is what a queue was seen to hold.
type queueState struct {
	known bool
	depth int64
	age   time.Duration // of the oldest request
}

// observe begins to report the slots and the queues of a running server. It returns nil where nothing is wanted.
func (s *serverTelemetry) observe(r *running) (*queueReader, error) {
	if s == nil {
		return nil, nil
	}
	js, err := natsdial.JetStream(r.server.nc, r.server.domain)
	if err != nil {
		return nil, fmt.Errorf("natsgrpc: %w", err)
	}
	q := &queueReader{telemetry: s, logger: r.server.logger, connected: r.server.nc.IsConnected, js: js, workers: r.workers}
	if q.registration, err = s.meter.RegisterCallback(q.collect, s.slots, s.depth, s.age); err != nil {
		return nil, instrumentErrors(err)
	}
	return q, nil
}

// close ends the reports.
func (q *queueReader) close() error {
	if q == nil {
		return nil
	}
	return q.registration.Unregister()
}

// collect is called by each collection of metrics. It never fails: an error would cost the collection all its metrics.
func (q *queueReader) collect(ctx context.Context, observer metric.Observer) error {
	states := q.current(ctx)
	for i, w := range q.workers {
		queue := metric.WithAttributeSet(w.attributes)
		observer.ObserveInt64(q.telemetry.slots, int64(w.slots), queue)
		if states[i].known {
			observer.ObserveInt64(q.telemetry.depth, states[i].depth, queue)
			observer.ObserveFloat64(q.telemetry.age, states[i].age.Seconds(), queue)
		}
	}
	return nil
}

// current returns what the queues hold, as read now or less than queueReadInterval ago. One that JetStream did not tell
// of in time is not known.
func (q *queueReader) current(ctx context.Context) []queueState {
	q.mu.Lock()
	defer q.mu.Unlock()
	if now := time.Now(); now.Sub(q.read) >= queueReadInterval {
		q.read = now // a reading that fails counts too, so that a lost server delays few collections
		q.states = q.look(ctx)
	}
	return q.states
}

// look reads all queues at once.
func (q *queueReader) look(ctx context.Context) []queueState {
	states := make([]queueState, len(q.workers))
	if !q.connected() {
		return states
	}
	ctx, cancel := context.WithTimeout(ctx, queueReadTimeout)
	defer cancel()
	var reading sync.WaitGroup
	for i, w := range q.workers {
		reading.Go(func() {
			stream, err := q.js.Stream(ctx, w.queue.Stream.Name)
			if err != nil {
				q.logger.Warn("natsgrpc: read a queue's depth", "queue", w.queue.Stream.Name, "error", err)
				return
			}
			states[i] = newQueueState(stream.CachedInfo())
		})
	}
	reading.Wait()
	return states
}

// newQueueState reads the state of a work queue: it holds what was not acknowledged yet. Both times are of the NATS server's
// clock.
func newQueueState(info *jetstream.StreamInfo) queueState {
	state := queueState{known: true, depth: int64(info.State.Msgs)}
	if state.depth > 0 {
		state.age = max(0, info.TimeStamp.Sub(info.State.FirstTime))
	}
	return state
}
