package pull

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/codingflow/rating/tools/bench/peers/servicetime"
)

// slowBy is how many times as long a slow instance takes.
const slowBy = 5

// Cell is a setting in which policies are measured side by side.
type Cell struct {
	// Work is how service times differ, Mean their mean; 0 for calls that are answered at once.
	Work servicetime.Distribution
	Mean time.Duration
	// Instances is how many there are, Slots how many calls each serves at once. With Slow the first takes five times as long.
	Instances, Slots int
	Slow             bool
	// Load is the rate at which calls are due, in parts of what all instances can do together, Rate in calls per second:
	// one of them.
	Load, Rate float64
	// Callers is how many connections the calls are made from; each knows of its own calls only.
	Callers int
	// Disturbance happens in the middle.
	Disturbance Disturbance
	// Warmup and Duration are openloop's. Timeout is when a caller gives up.
	Warmup, Duration, Timeout time.Duration
	// Policies are what is measured.
	Policies []Policy
}

// Validate tells which field is wrong.
func (c Cell) Validate() error {
	switch {
	case c.Mean < 0:
		return fmt.Errorf("mean %v: want at least 0", c.Mean)
	case c.Instances < 1:
		return fmt.Errorf("%d instances: want at least 1", c.Instances)
	case c.Slots < 1:
		return fmt.Errorf("%d slots: want at least 1", c.Slots)
	case c.Callers < 1:
		return fmt.Errorf("%d callers: want at least 1", c.Callers)
	case (c.Load > 0) == (c.Rate > 0):
		return fmt.Errorf("load %v and rate %v: want one of them above 0", c.Load, c.Rate)
	case c.Load > 0 && c.Mean == 0:
		return fmt.Errorf("load %v: want a mean", c.Load)
	case len(c.Policies) == 0:
		return errors.New("no policies")
	}
	return nil
}

// Capacity is how many calls all instances together can do each second: slots by the mean service time, of which a slow one
// needs five times as much.
func (c Cell) Capacity() float64 {
	slots := 0.
	for _, slowdown := range c.slowdowns() {
		slots += float64(c.Slots) / float64(slowdown)
	}
	return slots / c.Mean.Seconds()
}

// PerSecond is how many calls are due each second.
func (c Cell) PerSecond() float64 {
	if c.Rate > 0 {
		return c.Rate
	}
	return c.Load * c.Capacity()
}

// slowdowns are those of the instances.
func (c Cell) slowdowns() []int {
	all := make([]int, c.Instances)
	for i := range all {
		all[i] = 1
	}
	if c.Slow {
		all[0] = slowBy
	}
	return all
}

// String says what the cell is: "heavy-tailed, 4 instances, one slow, 80 %".
func (c Cell) String() string {
	parts := []string{string(c.Work), fmt.Sprintf("%d instances", c.Instances)}
	if c.Mean == 0 {
		parts[0] = "no work"
	}
	if c.Slow {
		parts = append(parts, "one slow")
	}
	if c.Callers > 1 {
		parts = append(parts, fmt.Sprintf("%d callers", c.Callers))
	}
	if c.Load > 0 {
		parts = append(parts, fmt.Sprintf("%.0f %%", 100*c.Load))
	} else {
		parts = append(parts, fmt.Sprintf("%.0f/s", c.Rate))
	}
	if c.Disturbance != None {
		parts = append(parts, "one "+string(c.Disturbance))
	}
	return strings.Join(parts, ", ")
}

// Named returns the cells whose names have a text in them, each with those of its policies whose names, after the cell's and a
// colon, do.
func Named(cells []Cell, text string) []Cell {
	var named []Cell
	for _, c := range cells {
		name := c.String()
		c.Policies = slices.DeleteFunc(slices.Clone(c.Policies), func(p Policy) bool { return !strings.Contains(name+": "+string(p), text) })
		if len(c.Policies) > 0 {
			named = append(named, c)
		}
	}
	return named
}

// About is how long measuring cells takes, without what is still under way at the ends of runs.
func About(cells []Cell) time.Duration {
	var all time.Duration
	for _, c := range cells {
		all += time.Duration(len(c.Policies)) * (c.Warmup + c.Duration)
	}
	return all
}
