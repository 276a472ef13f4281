package registry

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/codingflow/rating/natsgrpc/natsdial"
)

const (
	// settle is how long changes are collected before they are told: an instance publishes several keys, and a program
	// several services.
	settle = 10 * time.Millisecond
	// lookInterval is how often a Watcher looks for a bucket that is not there: a service that is the first to publish makes
	// it, and is to be reachable within a second.
	lookInterval = 250 * time.Millisecond
	// checkInterval is how often a Watcher checks that it watches the bucket that is there, and has missed nothing.
	checkInterval = 5 * time.Second
	// readTimeout bounds the first reading of the bucket.
	readTimeout = 30 * time.Second
)

// Watcher tells of every change of the bucket.
type Watcher struct {
	settings
	nc    *nats.Conn
	js    jetstream.JetStream
	apply func(Snapshot)

	state   *state
	synced  chan struct{}
	failing string // what was logged last

	stop func()
	done chan struct{}
}

// Watch calls apply with what the bucket holds, and again after each change, until the Watcher is closed. Changes that come
// in quick succession are told together: those of 10 ms, and all that come while apply runs. Calls come one after the
// other, from a goroutine of the Watcher's own.
//
// A bucket that is not there, or cannot be read, is looked for again and again, and leaves what was told before as it is.
// That is logged.
//
// Errors: an option is wrong.
func Watch(nc *nats.Conn, apply func(Snapshot), options ...Option) (*Watcher, error) {
	w := &Watcher{nc: nc, apply: apply, state: newState(), synced: make(chan struct{}), done: make(chan struct{})}
	var err error
	if w.settings, err = newSettings(options); err != nil {
		return nil, err
	}
	if w.js, err = natsdial.JetStream(nc, w.domain); err != nil {
		return nil, fmt.Errorf("registry: %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	w.stop = stop
	go w.run(ctx)
	return w, nil
}

// Synced is closed when the bucket's content was told for the first time, or there is no bucket.
func (w *Watcher) Synced() <-chan struct{} { return w.synced }

// Close ends the watching. When it returns, apply has returned for the last time.
func (w *Watcher) Close() {
	w.stop()
	<-w.done
}

func (w *Watcher) run(ctx context.Context) {
	defer close(w.done)
	retry := time.NewTimer(0)
	defer retry.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-retry.C:
		}
		err := w.session(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil: // there is something to read anew
			retry.Reset(0)
			continue
		case errors.Is(err, jetstream.ErrBucketNotFound):
			w.markSynced()
		case w.nc.IsConnected() && w.failing != err.Error():
			w.failing = err.Error()
			w.logger.Warn("registry: the descriptors of the services cannot be read; trying again", "error", err)
		}
		if w.nc.IsConnected() {
			w.tell(time.Now(), 0) // nobody could see a lease renewed
		}
		retry.Reset(lookInterval)
	}
}

func (w *Watcher) markSynced() {
	select {
	case <-w.synced:
	default:
		close(w.synced)
	}
}

// tell removes what has expired, and tells of that; the lease is that of state.expire. It returns when there is more to expire,
// zero for never.
func (w *Watcher) tell(now time.Time, lease time.Duration) time.Time {
	before := w.state.count()
	next := w.state.expire(now, lease)
	if w.state.count() != before {
		w.apply(w.state.snapshot())
	}
	return next
}

// session reads the whole bucket and follows its changes. It returns nil when the bucket is to be read anew: after the
// connection was lost, for another bucket of the same name, or when something was missed.
func (w *Watcher) session(ctx context.Context) error {
	changes := w.nc.StatusChanged(nats.DISCONNECTED, nats.RECONNECTING, nats.CONNECTED)
	defer w.nc.RemoveStatusListener(changes)
	reconnects := w.nc.Stats().Reconnects
	kv, err := w.js.KeyValue(ctx, bucket)
	if err != nil {
		return fmt.Errorf("open the bucket: %w", err)
	}
	first, err := look(ctx, kv)
	if err != nil {
		return err
	}
	watching, err := kv.WatchAll(ctx)
	if err != nil {
		return fmt.Errorf("watch the bucket: %w", err)
	}
	defer func() { _ = watching.Stop() }() // it fails where the connection is closed
	read, err := readAll(ctx, watching, w.lease)
	if err != nil {
		return err
	}
	if w.nc.Stats().Reconnects != reconnects {
		return nil // leases may have expired
	}
	read.keep(w.state, time.Now().Add(w.lease))
	w.state, w.failing = read, ""
	w.apply(w.state.snapshot())
	w.markSynced()

	check := time.NewTicker(checkInterval)
	defer check.Stop()
	seen, behind := first.State.LastSeq, false
	for {
		var expire <-chan time.Time
		if next := w.tell(time.Now(), w.lease); !next.IsZero() {
			expire = time.After(time.Until(next))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changes:
			return w.connected(ctx)
		case <-expire:
		case <-check.C:
			now, err := look(ctx, kv)
			if err != nil {
				return err
			}
			// What is in flight has come by the next check.
			missed := now.State.LastSeq > seen
			if !now.Created.Equal(first.Created) || missed && behind {
				return nil
			}
			behind = missed
		case entry, open := <-watching.Updates():
			entries, err := collect(entry, open, watching)
			if err != nil {
				return err
			}
			if w.nc.Stats().Reconnects != reconnects {
				return nil // leases that have expired meanwhile are not those of the dead
			}
			changed := false
			for _, entry := range entries {
				seen = max(seen, entry.Revision())
				changed = w.state.take(entry) || changed
			}
			if changed {
				w.apply(w.state.snapshot())
			}
		}
	}
}

// connected returns when there is a connection.
func (w *Watcher) connected(ctx context.Context) error {
	changes := w.nc.StatusChanged(nats.CONNECTED, nats.CLOSED)
	defer w.nc.RemoveStatusListener(changes)
	for !w.nc.IsConnected() {
		if w.nc.IsClosed() {
			return nats.ErrConnectionClosed
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changes:
		}
	}
	return nil
}

// collect returns a change and those that follow soon.
func collect(first jetstream.KeyValueEntry, open bool, watching jetstream.KeyWatcher) ([]jetstream.KeyValueEntry, error) {
	var entries []jetstream.KeyValueEntry
	settled := time.NewTimer(settle)
	defer settled.Stop()
	for entry := first; ; {
		if !open {
			return nil, errors.New("the watching of the bucket has ended")
		}
		if entry != nil {
			entries = append(entries, entry)
		}
		select {
		case entry, open = <-watching.Updates():
		case <-settled.C:
			return entries, nil
		}
	}
}
