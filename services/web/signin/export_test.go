package signin

import "time"

// WithNow returns the configuration with a clock.
func (c Config) WithNow(now func() time.Time) Config {
	c.now = now
	return c
}

// MaxSealed is the size of the largest session, in bytes of cookies.
const MaxSealed = maxSealed
