package auth

import "time"

// WithTiming sets how often the issuer is asked, for tests over a real network.
func WithTiming(refresh, interval time.Duration) Option {
	return optionFunc(func(o *options) error {
		o.timing.refresh, o.timing.interval = refresh, interval
		return nil
	})
}
