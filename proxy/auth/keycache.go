package auth

import (
	"context"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/status"
)

// timing says when the issuer is asked for its keys.
type timing struct {
	refresh  time.Duration // how long after it has answered
	interval time.Duration // how long after it has not, and the least time between a fetch and one for an unknown key
	timeout  time.Duration // of a fetch, discovery included
	maxAge   time.Duration // how long keys are good for while it does not answer
}

// The defaults of timing. A key that the issuer has withdrawn is refused five minutes later, unless the issuer is away.
var defaultTiming = timing{
	refresh:  5 * time.Minute,
	interval: 10 * time.Second,
	timeout:  5 * time.Second,
	maxAge:   24 * time.Hour,
}

// keyCache holds an issuer's keys, and renews them from time to time. One goroutine asks the issuer, so there is never more
// than one fetch at a time; readers do not wait for it unless they want a key that is not there.
type keyCache struct {
	source source
	timing timing
	logger *slog.Logger
	set    atomic.Pointer[keySet]
	wanted chan struct{} // says that a key is missing
	stop   context.CancelFunc
	done   chan struct{}
}

// newKeyCache returns a cache that is being filled. close ends it.
func newKeyCache(source source, timing timing, logger *slog.Logger) *keyCache {
	ctx, stop := context.WithCancel(context.Background())
	k := &keyCache{
		source: source,
		timing: timing,
		logger: logger,
		wanted: make(chan struct{}, 1),
		stop:   stop,
		done:   make(chan struct{}),
	}
	k.set.Store(&keySet{replaced: make(chan struct{})})
	go k.run(ctx)
	return k
}

func (k *keyCache) close() {
	k.stop()
	<-k.done
}

// current returns the keys that are known now.
func (k *keyCache) current() *keySet { return k.set.Load() }

// newer returns a set that is newer than one in which a key is missing, or the same if the issuer has been asked only
// lately: keys that do not exist must not make anybody ask it all the time. While the issuer does not answer it is an error,
// for nobody knows whether the key exists.
func (k *keyCache) newer(ctx context.Context, old *keySet) (*keySet, error) {
	if wait := k.wait(old); wait > 0 {
		if old.err != nil {
			return nil, unavailable(wait)
		}
		return old, nil
	}
	select {
	case k.wanted <- struct{}{}:
	default: // somebody has said so
	}
	select {
	case <-old.replaced:
		return k.current(), nil
	case <-ctx.Done():
		return nil, status.FromContextError(ctx.Err()).Err()
	case <-k.done:
		return nil, unavailable(k.timing.interval)
	}
}

// wait returns how long it takes until the issuer may be asked again on account of a missing key.
func (k *keyCache) wait(set *keySet) time.Duration {
	if set.tried.IsZero() {
		return 0
	}
	return k.timing.interval - time.Since(set.tried)
}

// run asks the issuer until ctx ends.
func (k *keyCache) run(ctx context.Context) {
	defer close(k.done)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-k.wanted:
			if k.wait(k.current()) > 0 { // it was said while the last fetch was under way
				continue
			}
		}
		if k.fetch(ctx) {
			timer.Reset(k.timing.refresh)
		} else {
			timer.Reset(k.timing.interval)
		}
	}
}

// fetch asks the issuer once and reports whether it has answered. If not, the keys stay.
func (k *keyCache) fetch(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, k.timing.timeout)
	defer cancel()
	old := k.current()
	set := &keySet{expires: time.Now().Add(k.timing.maxAge), replaced: make(chan struct{})}
	set.keys, set.err = k.source(ctx)
	set.tried = time.Now()
	if set.err != nil {
		set.keys, set.expires = old.keys, old.expires
		k.logger.Warn("auth: cannot get the issuer's keys", slog.Any("error", set.err), slog.Int("known", len(set.keys)))
	} else if ids := set.ids(); old.err != nil || !slices.Equal(ids, old.ids()) {
		k.logger.Info("auth: the issuer's keys", slog.Any("ids", ids))
	}
	k.set.Store(set)
	close(old.replaced)
	return set.err == nil
}
