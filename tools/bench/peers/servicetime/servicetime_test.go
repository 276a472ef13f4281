package servicetime

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestServiceTimesHaveTheirMeanAndTheirTail(t *testing.T) {
	const (
		n    = 400_000
		mean = 20 * time.Millisecond
	)
	tests := []struct {
		work      Distribution
		longShare float64 // of calls that take at least ten means
		deviation float64 // of the distribution, in means
		shortest  time.Duration
	}{
		{Fixed, 0, 0, mean},
		{Exponential, math.Exp(-10), 1, 0},
		{HeavyTailed, 1. / 200, 4.7, 13377 * time.Microsecond},
		{HeavierTailed, 1. / 50, 4.7, 6711 * time.Microsecond},
	}
	for _, test := range tests {
		t.Run(string(test.work), func(t *testing.T) {
			next := test.work.Times(mean, 7)
			var sum time.Duration
			longer, shortest := 0, time.Hour
			for range n {
				took := next()
				sum += took
				shortest = min(shortest, took)
				if took >= 10*mean {
					longer++
				}
			}
			// Four deviations of a sum of n, and of a count.
			require.InDelta(t, float64(mean), float64(sum)/n, 4*test.deviation*float64(mean)/math.Sqrt(n))
			require.InDelta(t, test.longShare, float64(longer)/n, 4*math.Sqrt(test.longShare/n))
			require.InDelta(t, float64(test.shortest), float64(shortest), float64(time.Microsecond))
		})
	}
}

func TestALongCallIsAHundredShortOnes(t *testing.T) {
	for _, work := range []Distribution{HeavyTailed, HeavierTailed} {
		next := work.Times(time.Second, 1)
		kinds := map[time.Duration]int{}
		for range 10_000 {
			kinds[next()]++
		}
		require.Len(t, kinds, 2)
		shortest, longest := time.Hour, time.Duration(0)
		for took := range kinds {
			shortest, longest = min(shortest, took), max(longest, took)
		}
		require.InDelta(t, 100, float64(longest)/float64(shortest), 1e-6)
	}
}

func TestTheSameSeedGivesTheSameServiceTimes(t *testing.T) {
	for _, work := range []Distribution{Exponential, HeavyTailed} {
		draw := func(seed uint64) []time.Duration {
			next := work.Times(time.Second, seed)
			drawn := make([]time.Duration, 1000)
			for i := range drawn {
				drawn[i] = next()
			}
			return drawn
		}
		require.Equal(t, draw(3), draw(3))
		require.NotEqual(t, draw(3), draw(4))
	}
}
