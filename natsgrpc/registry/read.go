package registry

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/codingflow/rating/natsgrpc/natsdial"
	"github.com/codingflow/rating/proto/descriptors"
)

// The errors of Remove.
var (
	// ErrNotPublished: the bucket has nothing of the service.
	ErrNotPublished = errors.New("registry: the service is not published")
	// ErrServed: instances of the service live, and would publish it again.
	ErrServed = errors.New("registry: instances of the service live")
)

// Read returns what the bucket holds, nothing where there is no bucket.
//
// Errors: an option is wrong, or NATS does not answer.
func Read(ctx context.Context, nc *nats.Conn, options ...Option) (Snapshot, error) {
	_, read, err := open(ctx, nc, options)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		return Snapshot{}, nil
	}
	if err != nil {
		return Snapshot{}, fmt.Errorf("registry: %w", err)
	}
	return read.snapshot(), nil
}

// Remove removes all that is published of a service, so that its routes vanish.
//
// Errors: [ErrNotPublished]; [ErrServed]; another where NATS does not answer or denies it.
func Remove(ctx context.Context, nc *nats.Conn, service protoreflect.FullName, options ...Option) error {
	kv, read, err := open(ctx, nc, options)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		return ErrNotPublished
	}
	if err != nil {
		return fmt.Errorf("registry: %w", err)
	}
	name := descriptors.Token(service)
	found := read.services[name]
	switch {
	case found == nil:
		return ErrNotPublished
	case len(found.instances) > 0:
		return fmt.Errorf("%w: %d of them", ErrServed, len(found.instances))
	}
	keys := []key{{service: name, kind: kindLatest}}
	for version := range found.versions {
		keys = append(keys, key{service: name, kind: kindVersion, version: version})
	}
	for _, k := range keys {
		if err := kv.Purge(ctx, k.String(), jetstream.PurgeTTL(markerTTL)); err != nil {
			return fmt.Errorf("registry: remove %s: %w", k, err)
		}
	}
	return nil
}

// open returns the bucket and what it holds.
func open(ctx context.Context, nc *nats.Conn, options []Option) (jetstream.KeyValue, *state, error) {
	settings, err := newSettings(options)
	if err != nil {
		return nil, nil, err
	}
	js, err := natsdial.JetStream(nc, settings.domain)
	if err != nil {
		return nil, nil, err
	}
	kv, err := js.KeyValue(ctx, bucket)
	if err != nil {
		return nil, nil, fmt.Errorf("open the bucket: %w", err)
	}
	watching, err := kv.WatchAll(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("watch the bucket: %w", err)
	}
	read, err := readAll(ctx, watching, settings.lease)
	return kv, read, errors.Join(err, watching.Stop())
}

// readAll reads the values that a bucket has when its watching begins.
func readAll(ctx context.Context, watching jetstream.KeyWatcher, lease time.Duration) (*state, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	read := newState()
	for {
		select {
		case entry, open := <-watching.Updates():
			switch {
			case !open:
				return nil, errors.New("read the bucket: the watching has ended")
			case entry == nil:
				read.bury(lease)
				return read, nil
			default:
				read.take(entry)
			}
		case <-ctx.Done():
			return nil, fmt.Errorf("read the bucket: %w", ctx.Err())
		}
	}
}

// look returns the state of the bucket's stream.
func look(ctx context.Context, kv jetstream.KeyValue) (*jetstream.StreamInfo, error) {
	status, err := kv.Status(ctx)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		err = jetstream.ErrBucketNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("look up the bucket: %w", err)
	}
	stream, ok := status.(*jetstream.KeyValueBucketStatus)
	if !ok {
		return nil, fmt.Errorf("look up the bucket: %s is no stream", strings.ToLower(status.BackingStore()))
	}
	return stream.StreamInfo(), nil
}
