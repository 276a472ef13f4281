package pull

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/tools/bench/peers/servicetime"
)

func TestCapacityCountsASlowInstanceAsAFifth(t *testing.T) {
	c := Cell{Work: servicetime.HeavyTailed, Mean: 20 * time.Millisecond, Instances: 4, Slots: 4, Load: 0.8, Callers: 1}
	require.InDelta(t, 800, c.Capacity(), 1e-9)
	require.InDelta(t, 640, c.PerSecond(), 1e-9)
	require.Equal(t, "heavy-tailed, 4 instances, 80 %", c.String())
	c.Slow, c.Callers, c.Disturbance = true, 3, Paused
	require.InDelta(t, 640, c.Capacity(), 1e-9)
	require.Equal(t, []int{5, 1, 1, 1}, c.slowdowns())
	require.Equal(t, "heavy-tailed, 4 instances, one slow, 3 callers, 80 %, one paused", c.String())
	require.Equal(t, "no work, 1 instances, 50/s", Cell{Instances: 1, Rate: 50}.String())
}

func TestCellsSayWhatIsWrong(t *testing.T) {
	right := Cell{Mean: 1, Instances: 1, Slots: 1, Load: 1, Callers: 1, Policies: Policies}
	require.NoError(t, right.Validate())
	for want, change := range map[string]func(*Cell){
		"mean -1ns: want at least 0":                  func(c *Cell) { c.Mean = -1 },
		"0 instances: want at least 1":                func(c *Cell) { c.Instances = 0 },
		"0 slots: want at least 1":                    func(c *Cell) { c.Slots = 0 },
		"0 callers: want at least 1":                  func(c *Cell) { c.Callers = 0 },
		"load 1 and rate 2: want one of them above 0": func(c *Cell) { c.Rate = 2 },
		"load 0 and rate 0: want one of them above 0": func(c *Cell) { c.Load = 0 },
		"load 1: want a mean":                         func(c *Cell) { c.Mean = 0 },
		"no policies":                                 func(c *Cell) { c.Policies = nil },
	} {
		wrong := right
		change(&wrong)
		require.EqualError(t, wrong.Validate(), want)
	}
}

// Both runs have what the claims are about, and take as long as is said.
func TestRunsAreCompleteAndTakeAsLongAsIsSaid(t *testing.T) {
	for name, test := range map[string]struct {
		cells []Cell
		most  time.Duration
	}{"quick": {Quick(), 9 * time.Minute}, "full": {Full(), 4 * time.Hour}} {
		t.Run(name, func(t *testing.T) {
			require.Less(t, About(test.cells), test.most)
			names := map[string]int{}
			for _, c := range test.cells {
				require.NoError(t, c.Validate(), c)
				names[c.String()]++
			}
			for each, times := range names {
				require.Equal(t, 1, times, each)
			}
			for _, each := range []string{
				"no work, 1 instances, 100/s", "heavy-tailed, 4 instances, 80 %", "heavy-tailed, 4 instances, one slow, 80 %",
				"exponential, 4 instances, 80 %, one killed every second", "fixed, 4 instances, 110 %",
			} {
				require.Contains(t, names, each)
			}
		})
	}
}

func TestCellsAreTakenByTheirNames(t *testing.T) {
	cells := []Cell{{Work: servicetime.Fixed, Mean: 1, Instances: 2, Load: 0.8, Policies: Policies}, {Instances: 2, Rate: 9, Policies: []Policy{Pull}}}
	require.Equal(t, cells, Named(cells, ""))
	require.Equal(t, cells[:1], Named(cells, "fixed"))
	require.Empty(t, Named(cells, "heavy"))
	rest := cells[0]
	rest.Policies = []Policy{Pull}
	require.Equal(t, []Cell{rest}, Named(cells, "80 %: pull"))
	require.Equal(t, []Policy{Pull, RoundRobin, LeastRequest, TwoChoices}, cells[0].Policies)
}

func TestEveryPeerHasAConfiguration(t *testing.T) {
	for _, policy := range RetryPolicies[1:] {
		config, err := policy.serviceConfig()
		require.NoError(t, err)
		require.JSONEq(t, config, config)
	}
	_, err := Pull.serviceConfig()
	require.EqualError(t, err, `policy "pull": want one of grpc-go's`)
	_, err = dial("none", 1, "", nil)
	require.EqualError(t, err, `policy "none": want one of grpc-go's`)
}
