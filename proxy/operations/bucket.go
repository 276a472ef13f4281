package operations

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/codingflow/rating/natsgrpc"
)

const (
	// bucketName is the name of the key-value bucket, prefix begins its subjects, and streamName is its stream.
	bucketName = "OPERATIONS"
	prefix     = "$KV." + bucketName + "."
	streamName = "KV_" + bucketName
	// maxBytes bounds the bucket: some 700,000 operations.
	maxBytes = 256 << 20
	// markerTTL is how long the marker of a removed record stays.
	markerTTL = time.Second
	// bucketTimeout bounds what is asked of the bucket.
	bucketTimeout = 5 * time.Second
	// errCodeFull is JetStream's error code for a message that a stream has no room for.
	errCodeFull = 10077
)

// Stream is the stream of the bucket OPERATIONS, as NATS's key-value buckets are. A record outlives its command and the answer
// to that: it is kept for as long as answers are after the last moment at which one can come. A full bucket refuses, so that no
// pending operation is forgotten.
func Stream() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        streamName,
		Description: "Who has started which command, managed by the proxy",
		Subjects:    []string{prefix + ">"},
		Retention:   jetstream.LimitsPolicy,
		Discard:     jetstream.DiscardNew,
		Storage:     jetstream.FileStorage,
		MaxAge:      natsgrpc.Responses().MaxAge + defaultTiming.lifetime + 5*time.Minute,
		MaxBytes:    maxBytes,
		Replicas:    1,
		Duplicates:  2 * time.Minute,
		AllowDirect: true,
		AllowRollup: true, // what is removed leaves nothing
		DenyDelete:  true,
		AllowMsgTTL: true, // of markers

		MaxMsgsPerSubject: 1,
	}
}

// Ensure creates the bucket where it is missing. It leaves one that is there alone: an operator may have given it more
// replicas.
func Ensure(ctx context.Context, js jetstream.JetStream) error {
	_, err := js.CreateStream(ctx, Stream())
	if err != nil && !errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
		return fmt.Errorf("operations: create stream %s: %w", streamName, err)
	}
	return nil
}

// bucket is the key-value bucket. It is looked for when it is used first, and again after a failure.
type bucket struct {
	js jetstream.JetStream

	mu     sync.Mutex
	values jetstream.KeyValue // nil if it is not known
	stream jetstream.Stream
}

// errNotConnected is said at once, where a request to NATS would wait for its answer.
var errNotConnected = errors.New("operations: not connected to NATS")

// open returns the bucket, and its stream.
func (b *bucket) open(ctx context.Context) (jetstream.KeyValue, jetstream.Stream, error) {
	if !b.js.Conn().IsConnected() {
		return nil, nil, errNotConnected
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.values != nil {
		return b.values, b.stream, nil
	}
	values, err := b.js.KeyValue(ctx, bucketName)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		if err = Ensure(ctx, b.js); err == nil {
			values, err = b.js.KeyValue(ctx, bucketName)
		}
	}
	if err != nil {
		return nil, nil, err
	}
	stream, err := b.js.Stream(ctx, streamName)
	if err != nil {
		return nil, nil, err
	}
	b.values, b.stream = values, stream
	return values, stream, nil
}

// forget has the bucket looked for again.
func (b *bucket) forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.values, b.stream = nil, nil
}

// put writes the record of an operation of a principal. An operation that is there keeps the time of its creation. It reports
// whether the record is new.
func (b *bucket) put(ctx context.Context, principal string, r *record) (fresh bool, err error) {
	values, _, err := b.open(ctx)
	if err != nil {
		return false, err
	}
	key := operationKey(principal, r.id)
	for {
		value, err := json.Marshal(r)
		if err != nil {
			return false, err
		}
		r.revision, err = values.Create(ctx, key, value)
		if !errors.Is(err, jetstream.ErrKeyExists) {
			return err == nil, err
		}
		there, err := b.get(ctx, principal, r.id)
		if errors.Is(err, jetstream.ErrKeyNotFound) {
			continue // it was removed just now
		}
		if err != nil {
			return false, err
		}
		r.CreateTime = there.CreateTime
		if value, err = json.Marshal(r); err != nil {
			return false, err
		}
		// Also where nothing has changed: whoever has created the record must see that it is not alone, see remove.
		r.revision, err = values.Put(ctx, key, value)
		return false, err
	}
}

// get reads the record of an operation of a principal. Errors: jetstream.ErrKeyNotFound.
func (b *bucket) get(ctx context.Context, principal, id string) (*record, error) {
	values, _, err := b.open(ctx)
	if err != nil {
		return nil, err
	}
	entry, err := values.Get(ctx, operationKey(principal, id))
	if err != nil {
		return nil, err
	}
	return parseRecord(entry.Key(), entry.Value(), entry.Created(), entry.Revision())
}

// remove removes a record, unless another proxy has written it since.
func (b *bucket) remove(ctx context.Context, principal string, r *record) error {
	values, _, err := b.open(ctx)
	if err != nil {
		return err
	}
	return values.Purge(ctx, operationKey(principal, r.id), jetstream.LastRevision(r.revision), jetstream.PurgeTTL(markerTTL))
}

// next reads the first record of a principal after a revision, nil if there is none.
func (b *bucket) next(ctx context.Context, principal string, after uint64) (*record, error) {
	_, stream, err := b.open(ctx)
	if err != nil {
		return nil, err
	}
	for {
		msg, err := stream.GetMsg(ctx, after+1, jetstream.WithGetMsgSubject(prefix+principal+".*"))
		switch {
		case errors.Is(err, jetstream.ErrMsgNotFound):
			return nil, nil
		case err != nil:
			return nil, err
		case msg.Header.Get("KV-Operation") == "":
			return parseRecord(msg.Subject[len(prefix):], msg.Data, msg.Time, msg.Sequence)
		}
		after = msg.Sequence // of a marker
	}
}

// bucketError returns the status of a failure of the bucket, and has the bucket looked for again.
func (s *Service) bucketError(ctx context.Context, err error) error {
	if cause := ctx.Err(); cause != nil && errors.Is(cause, context.Canceled) {
		return status.FromContextError(cause).Err()
	}
	s.bucket.forget()
	s.logger.ErrorContext(ctx, "the bucket of operations", "error", err)
	var refused *jetstream.APIError
	if errors.As(err, &refused) && refused.ErrorCode == errCodeFull {
		return status.Error(codes.ResourceExhausted, "too many operations are kept; try again later")
	}
	return status.Error(codes.Unavailable, "operations are not available at the moment")
}
