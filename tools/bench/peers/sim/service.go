package sim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// Distribution is how service times are distributed about their mean.
type Distribution string

// The distributions. A heavy tail has two times: a call takes a hundred times as long as others with a probability.
const (
	Fixed       Distribution = "fixed"
	Exponential Distribution = "exponential"
	// HeavyTailed has one long call of 200, so that the 99th percentile tells of the short ones, and of how long they wait.
	HeavyTailed Distribution = "heavy-tailed"
	// HeavierTailed has one of 50, so that the 99th percentile is a long one itself.
	HeavierTailed Distribution = "heavier-tailed"
)

// Distributions are all distributions.
var Distributions = []Distribution{Fixed, Exponential, HeavyTailed, HeavierTailed}

// longer is by what the long calls of a heavy tail are longer.
const longer = 100

// long is the share of long calls.
func (d Distribution) long() float64 {
	switch d {
	case HeavyTailed:
		return 1.0 / 200
	case HeavierTailed:
		return 1.0 / 50
	default:
		return 0
	}
}

// Service is the distribution of the service times.
type Service struct {
	Distribution Distribution
	Mean         time.Duration // of all calls; more than 0
}

func (s Service) validate() error {
	switch {
	case !slices.Contains(Distributions, s.Distribution):
		return fmt.Errorf("distribution %q; want one of %q", s.Distribution, Distributions)
	case s.Mean <= 0:
		return fmt.Errorf("mean service time %v; want more than 0", s.Mean)
	}
	return nil
}

// short is the time of a heavy tail's short calls.
func (s Service) short() float64 {
	long := s.Distribution.long()
	return float64(s.Mean) / (1 - long + longer*long)
}

// draw returns the service time of a call.
func (s Service) draw(random *rand.Rand) time.Duration {
	switch s.Distribution {
	case Exponential:
		return time.Duration(random.ExpFloat64() * float64(s.Mean))
	case HeavyTailed, HeavierTailed:
		if random.Float64() < s.Distribution.long() {
			return time.Duration(longer * s.short())
		}
		return time.Duration(s.short())
	default:
		return s.Mean
	}
}
