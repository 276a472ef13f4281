package admission

import "time"

// drainWindow is over how long the rate is averaged at which requests end.
const drainWindow = time.Second

// drain is how fast requests end.
type drain struct {
	since time.Time // when the present window began
	ended int       // in it
	rate  float64   // requests per second in the last window; 0 before the first has passed, and where none ended
	known bool      // a window has passed
}

// end counts a request that has ended.
func (d *drain) end(now time.Time) {
	d.ended++
	d.turn(now)
}

// turn begins a new window when the present one is over.
func (d *drain) turn(now time.Time) {
	if elapsed := now.Sub(d.since); elapsed >= drainWindow {
		d.rate, d.known = float64(d.ended)/elapsed.Seconds(), true
		d.since, d.ended = now, 0
	}
}

// time returns how long n requests take to end: the shortest time to tell while that is not known, the longest where none
// ends.
func (d *drain) time(n int, now time.Time) time.Duration {
	d.turn(now)
	switch {
	case !d.known:
		return minRetry
	case d.rate == 0:
		return maxRetry
	}
	return time.Duration(min(float64(n)/d.rate, maxRetry.Seconds()) * float64(time.Second))
}
