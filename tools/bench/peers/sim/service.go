package sim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/codingflow/rating/tools/bench/peers/servicetime"
)

// Service is the distribution of the service times.
type Service struct {
	Distribution servicetime.Distribution
	Mean         time.Duration // of all calls; more than 0
}

func (s Service) validate() error {
	switch {
	case !slices.Contains(servicetime.All, s.Distribution):
		return fmt.Errorf("distribution %q; want one of %q", s.Distribution, servicetime.All)
	case s.Mean <= 0:
		return fmt.Errorf("mean service time %v; want more than 0", s.Mean)
	}
	return nil
}

// draw returns the service time of a call.
func (s Service) draw(random *rand.Rand) time.Duration { return s.Distribution.Draw(random, s.Mean) }
