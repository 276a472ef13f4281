// Package servicetime has the service times of calls that are measured and simulated alike.
package servicetime

import (
	"math/rand/v2"
	"time"
)

// Distribution is how the service times of calls differ about their mean.
type Distribution string

// The distributions.
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

// All are all distributions.
var All = []Distribution{Fixed, Exponential, HeavyTailed, HeavierTailed}

// Longer is how many times as long as the others a long call takes.
const Longer = 100

// Long is the share of long calls, 0 of a distribution that has none.
func (d Distribution) Long() float64 {
	switch d {
	case HeavyTailed:
		return 1. / 200
	case HeavierTailed:
		return 1. / 50
	default:
		return 0
	}
}

// Short returns the time of the calls that are not long, in nanoseconds, where all have a mean.
func (d Distribution) Short(mean time.Duration) float64 {
	return float64(mean) / (1 - d.Long() + Longer*d.Long())
}

// Draw returns the service time of a call, where all have a mean.
func (d Distribution) Draw(chance *rand.Rand, mean time.Duration) time.Duration {
	switch d {
	case Exponential:
		return time.Duration(chance.ExpFloat64() * float64(mean))
	case HeavyTailed, HeavierTailed:
		if chance.Float64() < d.Long() {
			return time.Duration(Longer * d.Short(mean))
		}
		return time.Duration(d.Short(mean))
	default:
		return mean
	}
}

// Times returns what returns service times of a mean, one after the other. The same seed gives the same ones. It is not safe
// for concurrent use.
func (d Distribution) Times(mean time.Duration, seed uint64) func() time.Duration {
	const stream = 1 // openloop has another
	chance := rand.New(rand.NewPCG(seed, stream))
	return func() time.Duration { return d.Draw(chance, mean) }
}
