package pull

import (
	"math/rand/v2"
	"time"
)

// Distribution is how the service times of calls differ.
type Distribution string

// The distributions, all with the same mean.
const (
	// Fixed has all calls take the mean.
	Fixed Distribution = "fixed"
	// Exponential has them differ as times between independent events do.
	Exponential Distribution = "exponential"
	// HeavyTailed has one call of 200, by chance, take a hundred times as long as each of the others. 99 of 100 calls are
	// short, so that their 99th percentile tells how long short calls wait.
	HeavyTailed Distribution = "heavy-tailed"
	// HeavierTailed has one of 50. More than one call of 100 is long then, so that the 99th percentile is at least what such
	// a call takes by itself, which no policy can change.
	HeavierTailed Distribution = "heavier-tailed"
)

// long is how many times as long as the others a long call takes.
const long = 100

// share is the share of long calls.
func (d Distribution) share() float64 {
	switch d {
	case HeavyTailed:
		return 1. / 200
	case HeavierTailed:
		return 1. / 50
	default:
		return 0
	}
}

// times returns what returns service times of a mean, one after the other. The same seed gives the same ones. It is not safe
// for concurrent use.
func (d Distribution) times(mean time.Duration, seed uint64) func() time.Duration {
	const stream = 1 // openloop has another
	chance := rand.New(rand.NewPCG(seed, stream))
	switch d {
	case Exponential:
		return func() time.Duration { return time.Duration(chance.ExpFloat64() * float64(mean)) }
	case HeavyTailed, HeavierTailed:
		short := float64(mean) / (1 - d.share() + long*d.share())
		return func() time.Duration {
			if chance.Float64() < d.share() {
				return time.Duration(long * short)
			}
			return time.Duration(short)
		}
	default:
		return func() time.Duration { return mean }
	}
}
