package rpc

import "time"

// WithTrailerGrace makes a test of what comes after a stream's deadline quick.
func WithTrailerGrace(grace time.Duration) Option {
	return optionFunc(func(o *options) error { o.trailerGrace = grace; return nil })
}
