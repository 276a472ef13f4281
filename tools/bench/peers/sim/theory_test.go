package sim

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/tools/bench/peers/servicetime"
)

// The formulas are those of L. Kleinrock, Queueing Systems, volume I: Theory (Wiley, 1975).

// erlangC is the probability that a call has to wait in an M/M/c queue, of c servers and a offered Erlangs: Kleinrock's
// equation 3.40, after A. K. Erlang (1917).
func erlangC(c int, a float64) float64 {
	term, sum := 1.0, 0.0 // a^k/k!
	for k := range c {
		sum += term
		term *= a / float64(k+1)
	}
	wait := term * float64(c) / (float64(c) - a)
	return wait / (sum + wait)
}

// waitMMc is the mean wait of an M/M/c queue (section 3.5): of those who wait, it is that of an M/M/1 queue whose server
// is as fast as all c.
func waitMMc(c int, utilization float64, mean time.Duration) time.Duration {
	a := utilization * float64(c)
	return time.Duration(erlangC(c, a) * float64(mean) / (float64(c) - a))
}

// waitMD1 is the mean wait of an M/D/1 queue, by the Pollaczek-Khinchin formula (section 5.6), where the service time has
// no variance: half of that of M/M/1.
func waitMD1(utilization float64, mean time.Duration) time.Duration {
	return time.Duration(utilization / (2 * (1 - utilization)) * float64(mean))
}

// waitMG1 is the same for a heavy tail: Pollaczek-Khinchin with the second moment of two service times.
func waitMG1(utilization float64, s Service) time.Duration {
	long, short := s.Distribution.Long(), s.Distribution.Short(s.Mean)
	second := (1-long)*short*short + long*servicetime.Longer*servicetime.Longer*short*short
	rate := utilization / float64(s.Mean)
	return time.Duration(rate * second / (2 * (1 - utilization)))
}

// quantileMM1 is a quantile of the time in an M/M/1 queue, waiting and service, which is exponential (section 3.2).
func quantileMM1(share, utilization float64, mean time.Duration) time.Duration {
	return time.Duration(-math.Log(1-share) * float64(mean) / (1 - utilization))
}

// queueing is a queue whose transport costs nothing.
func queueing(policy Policy, instances, slots int, d servicetime.Distribution, utilization float64) Config {
	c := Config{
		Policy: policy, Instances: instances, Slots: slots, Seed: 7, Calls: 1_000_000, Warmup: 100_000,
		Service: Service{Distribution: d, Mean: 10 * time.Millisecond},
	}
	c.Rate = utilization * c.Capacity()
	return c
}

func simulate(t *testing.T, c Config) *Result {
	t.Helper()
	result, err := Run(t.Context(), c)
	require.NoError(t, err)
	return result
}

// meanWait is that of all calls.
func meanWait(r *Result) time.Duration { return r.Wait / time.Duration(r.Begun) }

func TestOneServerIsMM1(t *testing.T) {
	t.Parallel()
	for _, policy := range Policies {
		for _, utilization := range []float64{0.5, 0.8, 0.9} {
			t.Run(fmt.Sprint(policy, utilization), func(t *testing.T) {
				t.Parallel()
				c := queueing(policy, 1, 1, servicetime.Exponential, utilization)
				result := simulate(t, c)
				require.InEpsilon(t, waitMMc(1, utilization, c.Service.Mean), meanWait(result), 0.04)
				require.InEpsilon(t, utilization, float64(result.Waited)/float64(result.Begun), 0.01)
				for _, share := range []float64{0.5, 0.99} {
					require.InEpsilon(t, quantileMM1(share, utilization, c.Service.Mean), result.Quantile(share), 0.06)
				}
				require.InEpsilon(t, utilization, result.Busy[0], 0.01)
			})
		}
	}
}

func TestPulledInstancesAreMMc(t *testing.T) {
	t.Parallel()
	for _, shape := range []struct{ instances, slots int }{{4, 1}, {1, 4}, {2, 4}, {25, 4}} {
		for _, utilization := range []float64{0.5, 0.8, 0.95} {
			t.Run(fmt.Sprint(shape, utilization), func(t *testing.T) {
				t.Parallel()
				c := queueing(Pull, shape.instances, shape.slots, servicetime.Exponential, utilization)
				servers := shape.instances * shape.slots
				result := simulate(t, c)
				require.InDelta(t, erlangC(servers, utilization*float64(servers)), float64(result.Waited)/float64(result.Begun), 0.01)
				want := waitMMc(servers, utilization, c.Service.Mean)
				require.InDelta(t, want, meanWait(result), max(0.08*float64(want), float64(5*time.Microsecond)))
			})
		}
	}
}

func TestAFixedServiceTimeIsMD1(t *testing.T) {
	t.Parallel()
	for _, utilization := range []float64{0.5, 0.8, 0.9} {
		c := queueing(Pull, 1, 1, servicetime.Fixed, utilization)
		require.InEpsilon(t, waitMD1(utilization, c.Service.Mean), meanWait(simulate(t, c)), 0.03, utilization)
	}
}

func TestAHeavyTailIsMG1(t *testing.T) {
	t.Parallel()
	for _, d := range []servicetime.Distribution{servicetime.HeavyTailed, servicetime.HeavierTailed} {
		c := queueing(Random, 1, 1, d, 0.5)
		c.Calls *= 4
		require.InEpsilon(t, waitMG1(0.5, c.Service), meanWait(simulate(t, c)), 0.06, d)
	}
}

// Arrivals that are split by chance are Poisson arrivals again (Kleinrock, section 2.4), so N instances to which calls are
// pushed by chance are N queues M/M/1.
func TestRandomSplittingIsNTimesMM1(t *testing.T) {
	t.Parallel()
	c := queueing(Random, 10, 1, servicetime.Exponential, 0.8)
	result := simulate(t, c)
	require.InEpsilon(t, waitMMc(1, 0.8, c.Service.Mean), meanWait(result), 0.04)
	require.InEpsilon(t, quantileMM1(0.99, 0.8, c.Service.Mean), result.Quantile(0.99), 0.04)
}

// With all that is known, and one slot each, least request is to wait at an instance while none is free: between the one
// queue of Pull and two choices, which is far better than none (M. Mitzenmacher, The Power of Two Choices in Randomized Load
// Balancing, 1996).
func TestPoliciesAreInTheOrderOfWhatTheyKnow(t *testing.T) {
	t.Parallel()
	var before time.Duration
	for _, policy := range []Policy{Pull, LeastRequest, TwoChoices, RoundRobin, Random} {
		wait := meanWait(simulate(t, queueing(policy, 20, 1, servicetime.Exponential, 0.9)))
		require.Greater(t, wait, before, policy)
		before = wait
	}
}
