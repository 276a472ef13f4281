package sim

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/tools/bench/peers/servicetime"
)

// large is ten thousand instances with a stream for each fifty.
func large(policy Policy, calls int) Config {
	c := Config{
		Policy: policy, Instances: 10_000, Slots: 4, Streams: 200, Cells: true, Callers: 64,
		Service: Service{Distribution: servicetime.HeavyTailed, Mean: 10 * time.Millisecond},
		Calls:   calls, Warmup: calls / 5, Seed: 1, Calibration: DefaultCalibration(),
	}
	c.Rate = 0.8 * c.Capacity()
	return c
}

// overloaded is a small system in which everything happens: slow instances, kills, deadlines and full streams.
func overloaded(policy Policy) Config {
	c := Config{
		Policy: policy, Instances: 8, Slots: 2, Slow: 1, SlowFactor: 5, Callers: 3, Streams: 2,
		Service: Service{Distribution: servicetime.Exponential, Mean: 50 * time.Millisecond},
		Calls:   20_000, Warmup: 1000, Seed: 3, Calibration: DefaultCalibration(),
		MaxPending: 300, Deadline: 2 * time.Second,
		Kills: []Kill{{At: 5 * time.Second, Instance: 1, Restart: time.Second}, {At: 8 * time.Second, Instance: 2}, {At: 9 * time.Second, Instance: 2}},
	}
	c.Calibration.AckWait = Duration(time.Second)
	c.Rate = 1.2 * c.Capacity()
	return c
}

func TestEveryCallEndsOnce(t *testing.T) {
	for _, policy := range Policies {
		t.Run(string(policy), func(t *testing.T) {
			for name, c := range map[string]Config{"overloaded": overloaded(policy), "large": large(policy, 100_000)} {
				result := simulate(t, c)
				require.Equal(t, c.Calls, result.OK+result.Failed+result.Expired+result.Refused, name)
				require.LessOrEqual(t, result.Latency.TotalCount(), int64(result.OK+result.Expired), name)
				require.GreaterOrEqual(t, result.Latency.TotalCount(), int64(result.OK+result.Expired-c.Warmup), name)
				for _, busy := range result.Busy {
					require.LessOrEqual(t, busy, 1.0, name)
				}
			}
		})
	}
}

func TestEqualConfigurationsHaveEqualResults(t *testing.T) {
	for _, policy := range Policies {
		c := overloaded(policy)
		one := simulate(t, c)
		require.Equal(t, one, simulate(t, c), policy)
		c.Seed++
		require.NotEqual(t, one.Latency.Mean(), simulate(t, c).Latency.Mean(), policy)
	}
}

// one is a call that is alone.
func one(policy Policy) Config {
	return Config{
		Policy: policy, Instances: 3, Slots: 2, Rate: 1, Calls: 1, Calibration: DefaultCalibration(),
		Service: Service{Distribution: servicetime.Fixed, Mean: time.Millisecond},
	}
}

func TestACallCostsItsTransport(t *testing.T) {
	for _, policy := range Policies {
		c := one(policy)
		want := c.Service.Mean + time.Duration(c.Calibration.PushTrip)
		if policy == Pull {
			want = c.Service.Mean + 4*time.Duration(c.Calibration.Hop) + time.Duration(c.Calibration.StreamTime)
		}
		require.InDelta(t, want, simulate(t, c).Quantile(1), float64(2*time.Microsecond), policy) // by the histogram's digits
	}
}

// A slot that runs a call of 1 ms and then asks for another over a hop of 1 ms there and one back runs a third of the time.
func TestASlotIsIdleWhileItAsks(t *testing.T) {
	c := one(Pull)
	c.Instances, c.Slots, c.Calls, c.Rate = 1, 1, 10_000, 10_000
	c.Calibration.Hop, c.Calibration.StreamTime = Duration(time.Millisecond), 0
	require.InDelta(t, 1.0/3, simulate(t, c).Busy[0], 0.01)
}

func TestAStreamDoesOneCallAfterAnother(t *testing.T) {
	for streams, want := range map[int]float64{1: 10_000, 4: 40_000} {
		c := one(Pull)
		c.Instances, c.Slots, c.Calls, c.Rate, c.Streams, c.Cells = 1000, 10, 100_000, 100_000, streams, true
		c.Calibration.StreamTime = Duration(100 * time.Microsecond)
		result := simulate(t, c)
		require.InEpsilon(t, want, float64(result.OK)/result.End.Seconds(), 0.02, streams)
	}
}

func TestShardsDivideAnInstancesSlotsRoundedUp(t *testing.T) {
	for streams, want := range map[int]int{1: 4, 2: 4, 3: 6, 4: 4, 8: 8} {
		c := one(Pull)
		c.Instances, c.Slots, c.Streams = 1, 4, streams
		r := newRun(c)
		require.Len(t, r.workers, streams)
		require.Equal(t, want, r.slotsOfInstance(), streams)
	}
}

// killed is one instance that gets a long call and is killed with it.
func killed(policy Policy) Config {
	c := one(policy)
	c.Instances, c.Slots, c.Service.Mean, c.Rate = 1, 1, 10*time.Second, 1000
	c.Kills = []Kill{{At: 4 * time.Second, Restart: time.Millisecond}}
	return c
}

func TestAKilledInstancesCallsAreDeliveredAgain(t *testing.T) {
	c := killed(Pull)
	result := simulate(t, c)
	require.Equal(t, 1, result.OK)
	require.Equal(t, 1, result.Redelivered)
	// The last sign of life was after 3 s, 5 s later another worker has it, for 10 s.
	require.InDelta(t, 18, result.Quantile(1).Seconds(), 0.02)
}

func TestAKilledInstancesCallsFailWhereTheyWerePushed(t *testing.T) {
	for _, policy := range Policies[1:] {
		result := simulate(t, killed(policy))
		require.Equal(t, 1, result.Failed, policy)
		require.InDelta(t, 4, result.End.Seconds(), 0.02, policy)
	}
}

func TestWithoutInstancesCallsEnd(t *testing.T) {
	for _, policy := range Policies {
		c := one(policy)
		c.Instances, c.Calls, c.Rate = 1, 100, 10
		c.Kills = []Kill{{At: 0}}
		require.Equal(t, 100, simulate(t, c).Failed, policy)
		c.Deadline = time.Second
		result := simulate(t, c)
		require.Equal(t, 100, result.Failed+result.Expired, policy)
	}
}

func TestAFullStreamRefuses(t *testing.T) {
	c := one(Pull)
	c.Instances, c.Slots, c.Service.Mean, c.Calls, c.Rate, c.MaxPending = 1, 1, time.Hour, 10, 1e6, 4
	c.Deadline = time.Minute
	result := simulate(t, c)
	require.Equal(t, 6, result.Refused)
	require.Equal(t, 4, result.Expired)
	require.Equal(t, 3, result.MostPending)
}

func TestAPullThatFindsNoRoomIsRepeated(t *testing.T) {
	c := one(Pull)
	c.Instances, c.Slots, c.Calls, c.Rate, c.Calibration.MaxWaiting = 100, 1, 1000, 1000, 10
	result := simulate(t, c)
	require.Equal(t, c.Calls, result.OK)
	require.Equal(t, 10, result.MostPulls)
	require.NotZero(t, result.RefusedPulls)
}

// A slow instance gets a fifth of the others' calls where it pulls, and as many as they where nobody knows that it is slow.
func TestASlowInstanceTakesWhatItCanDo(t *testing.T) {
	c := queueing(Pull, 4, 4, servicetime.Exponential, 0.8)
	c.Slow, c.SlowFactor = 1, 5
	c.Rate = 0.8 * c.Capacity()
	c.Calls, c.Warmup, c.Deadline = 200_000, 20_000, 10*time.Second
	pulled := simulate(t, c)
	c.Policy = RoundRobin
	pushed := simulate(t, c)
	require.Zero(t, pulled.Expired)
	require.Less(t, pulled.Quantile(0.99), 500*time.Millisecond)
	require.InEpsilon(t, float64(c.Calls)/4, pushed.Expired, 0.1) // what it begins at last is too late when it is done
}

func TestLeastRequestChoosesOneOfTheLeast(t *testing.T) {
	r := newRun(one(LeastRequest))
	b := newLeastRequest(5)
	out := make([]int32, 5)
	for i := range 10_000 {
		alive := &fleet{dead: make([]bool, 5), lives: 5}
		if i%7 == 0 {
			alive.dead[i%5] = true
		}
		chosen := b.choose(alive, r.choices)
		require.False(t, alive.dead[chosen])
		least := chosen
		for j, n := range out {
			if !alive.dead[j] && n < out[least] {
				least = int32(j)
			}
		}
		require.Equal(t, out[least], out[chosen])
		out[chosen]++
		if i%3 > 0 {
			if j := r.choices.IntN(5); out[j] > 0 {
				out[j]--
				b.done(int32(j))
			}
		}
		require.Equal(t, out, b.out)
	}
}

func TestTheAgendaIsInOrder(t *testing.T) {
	var a agenda
	r := newRun(one(Pull))
	var planned, taken []time.Duration
	for range 10_000 {
		e := event{at: time.Duration(r.choices.IntN(1000)), what: what(r.choices.IntN(int(kinds)))}
		planned = append(planned, e.at)
		a.plan(e)
	}
	var before event
	for e, ok := a.next(); ok; e, ok = a.next() {
		require.False(t, e.before(&before))
		before = e
		taken = append(taken, e.at)
	}
	slices.Sort(planned)
	require.Equal(t, planned, taken)
}

func TestARunEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Run(ctx, large(Pull, 1<<30))
	require.ErrorIs(t, err, context.Canceled)
}

func TestAConfigurationIsChecked(t *testing.T) {
	for want, change := range map[string]func(*Config){
		`policy ""; want one of ["pull" "round-robin" "least-request" "two-choices" "random"]`: func(c *Config) { c.Policy = "" },
		"0 instances; want 1 to 1048576":                                       func(c *Config) { c.Instances = 0 },
		"0 slots; want 1 to 32768":                                             func(c *Config) { c.Slots = 0 },
		"0 calls; want 1 to 1073741824":                                        func(c *Config) { c.Calls = 0 },
		"warm-up of 1 calls; want 0 to 0":                                      func(c *Config) { c.Warmup = 1 },
		"rate 0; want more than 0":                                             func(c *Config) { c.Rate = 0 },
		"4 slow instances; want 0 to 3":                                        func(c *Config) { c.Slow = 4 },
		"slow factor 0; want 1 or more":                                        func(c *Config) { c.Slow = 1 },
		"-1 callers; want 0 or more":                                           func(c *Config) { c.Callers = -1 },
		"4 streams for 3 instances; want 0 or more, and each cell an instance": func(c *Config) { c.Streams, c.Cells = 4, true },
		"at most -1 pending; want 0 or more":                                   func(c *Config) { c.MaxPending = -1 },
		"deadline -1ns; want 0 or more":                                        func(c *Config) { c.Deadline = -1 },
		"kill of instance 3 at 0s for 0s; want one of 3, and no negative time": func(c *Config) { c.Kills = []Kill{{Instance: 3}} },
		"mean service time 0s; want more than 0":                               func(c *Config) { c.Service.Mean = 0 },
		`distribution "pareto"; want one of ["fixed" "exponential" "heavy-tailed" "heavier-tailed"]`: func(c *Config) { c.Service.Distribution = "pareto" },
		"calibration: hop is -1ns; want 0 or more":                                                   func(c *Config) { c.Calibration.Hop = -1 },
		"calibration: max_waiting is -1; want 0 or more":                                             func(c *Config) { c.Calibration.MaxWaiting = -1 },
		"calibration: pull_retry is 0; want more where max_waiting is set":                           func(c *Config) { c.Calibration.PullRetry = 0 },
		"calibration: ack_wait is 0; want more where instances are killed": func(c *Config) {
			c.Calibration.AckWait, c.Kills = 0, []Kill{{}}
		},
	} {
		c := one(Pull)
		change(&c)
		_, err := Run(t.Context(), c)
		require.EqualError(t, err, "simulation: "+want)
	}
}

func TestACalibrationIsReadFromAFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "calibration.json")
	for text, want := range map[string]string{
		`{"hop": "20µs", "max_waiting": 5}`: "",
		`{"hop": "20"}`:                     "calibration " + name + `: time: missing unit in duration "20"`,
		`{"hops": "20µs"}`:                  "calibration " + name + `: json: unknown field "hops"`,
		`{"hop": "-1s"}`:                    "calibration: hop is -1s; want 0 or more",
	} {
		require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
		got, err := ReadCalibration(name)
		if want != "" {
			require.EqualError(t, err, want)
			continue
		}
		require.NoError(t, err)
		expected := DefaultCalibration()
		expected.Hop, expected.MaxWaiting = Duration(20*time.Microsecond), 5
		require.Equal(t, expected, got)
	}
	_, err := ReadCalibration(name + "x")
	require.ErrorIs(t, err, os.ErrNotExist)
}

// A call of ten thousand instances takes one to two microseconds.
func BenchmarkTenThousandInstances(b *testing.B) {
	for _, policy := range Policies {
		b.Run(string(policy), func(b *testing.B) {
			b.ReportAllocs()
			result, err := Run(b.Context(), large(policy, max(1000, b.N)))
			require.NoError(b, err)
			b.ReportMetric(float64(result.Events)/float64(max(1000, b.N)), "events/op")
		})
	}
}

func ExampleRun() {
	c := Config{
		Policy: Pull, Instances: 1000, Slots: 4, Streams: 10, Cells: true, Rate: 100_000, Calls: 100_000, Seed: 1,
		Service: Service{Distribution: servicetime.Fixed, Mean: 10 * time.Millisecond}, Calibration: DefaultCalibration(),
	}
	result, err := Run(context.Background(), c)
	if err != nil {
		panic(err)
	}
	fmt.Println(result.OK, result.Quantile(0.5).Round(100*time.Microsecond))
	// Output: 100000 10.1ms
}
