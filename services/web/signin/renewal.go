package signin

import (
	"context"
	"crypto/sha256"
	"sync"
	"time"
)

const (
	// renewalTimeout bounds the renewal of a session's tokens.
	renewalTimeout = 10 * time.Second
	// rememberRenewed is for how long requests with the old cookie get the new tokens: for as long as such requests are on
	// their way, and a page's other requests have not seen the answer.
	rememberRenewed = time.Minute
	// rememberFailed is for how long a failure is not tried again.
	rememberFailed = 2 * time.Second
	// maxRenewals bounds what is remembered: 10,000 sessions of a few KiB. Beyond it the finished ones are forgotten.
	maxRenewals = 10_000
)

// renewals has each refresh token used once, however many requests come with it.
type renewals struct {
	mu    sync.Mutex
	byKey map[[sha256.Size]byte]*renewal
	swept time.Time
}

// A renewal runs until done is closed.
type renewal struct {
	done    chan struct{}
	session *session
	err     error
	until   time.Time // when it is forgotten; zero while it runs
}

// do runs renew, unless that runs for the same refresh token or has just run; then it returns what came of it. The first
// caller runs it to its end even when its own request ends.
func (r *renewals) do(ctx context.Context, refresh string, renew func(context.Context) (*session, error)) (*session, error) {
	key := sha256.Sum256([]byte(refresh))
	found, first := r.begin(key)
	if first {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), renewalTimeout)
		defer cancel()
		defer r.end(found)
		found.err = errUnavailable // what others get should renew panic
		found.session, found.err = renew(ctx)
		return found.session, found.err
	}
	select {
	case <-found.done:
		return found.session, found.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// begin returns the renewal of a key, and whether it is the caller's to run.
func (r *renewals) begin(key [sha256.Size]byte) (found *renewal, first bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sweep(time.Now())
	if found = r.byKey[key]; found != nil && (found.until.IsZero() || time.Now().Before(found.until)) {
		return found, false
	}
	if r.byKey == nil {
		r.byKey = map[[sha256.Size]byte]*renewal{}
	}
	found = &renewal{done: make(chan struct{})}
	r.byKey[key] = found
	return found, true
}

func (r *renewals) end(ended *renewal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	remember := rememberRenewed
	if ended.err != nil {
		remember = rememberFailed
	}
	ended.until = time.Now().Add(remember)
	close(ended.done)
}

// sweep forgets what has been remembered long enough, and all that has ended when it is too much.
func (r *renewals) sweep(now time.Time) {
	full := len(r.byKey) >= maxRenewals
	if !full && now.Sub(r.swept) < rememberRenewed/4 {
		return
	}
	r.swept = now
	for key, renewal := range r.byKey {
		if !renewal.until.IsZero() && (full || !now.Before(renewal.until)) {
			delete(r.byKey, key)
		}
	}
}
