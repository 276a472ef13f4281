package natsgrpc

import (
	"errors"
	"math/rand/v2"
	"time"
)

// Retry wraps a handler's err to say that it is not an answer: the call is tried again, by any server, after delay,
// until the method's attempts are used up. Without a delay the method's back-off applies. Return it unwrapped or
// wrapped with %w; a status error made of it is an answer again.
func Retry(err error, delay time.Duration) error {
	return &retryError{err: err, delay: delay}
}

type retryError struct {
	err   error
	delay time.Duration
}

func (e *retryError) Error() string { return "retry: " + e.err.Error() }
func (e *retryError) Unwrap() error { return e.err }

// retryDelay returns the wait that err asks for, and whether err is a Retry.
func retryDelay(err error) (time.Duration, bool) {
	if err == nil {
		return 0, false
	}
	var retry *retryError
	if !errors.As(err, &retry) {
		return 0, false
	}
	return retry.delay, true
}

// jitter changes d by up to a fifth, up or down, so that calls that failed together do not come back together.
func jitter(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.8 + 0.4*rand.Float64()))
}
