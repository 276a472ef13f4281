package pull

import (
	"time"

	"github.com/codingflow/rating/tools/bench/peers/servicetime"
)

// What all cells have in common.
const (
	// meanWork is long beside what a call costs the transports, and so short that a few thousand calls take seconds.
	meanWork = 20 * time.Millisecond
	slots    = 4
	// steadyTimeout is natsgrpc's default.
	steadyTimeout = 10 * time.Second
	// disturbedTimeout has room for several ack waits of 5 s, which a call takes that an instance is killed with.
	disturbedTimeout = 30 * time.Second
	// usualLoad is that of the runs in which something is amiss.
	usualLoad = 0.8
	// priceRate is low enough that no call waits for another.
	priceRate = 100
)

// Quick are the cells of a run that takes less than ten minutes.
func Quick() []Cell {
	m := matrix{warmup: time.Second, duration: 3 * time.Second}
	cells := m.price()
	for _, work := range []servicetime.Distribution{servicetime.Fixed, servicetime.Exponential, servicetime.HeavyTailed} {
		for _, load := range []float64{0.5, usualLoad, 0.95, 1.1} {
			cells = append(cells, m.long(work, load, 20*time.Second).steady(work, 4, false, load, 1))
		}
	}
	for _, work := range []servicetime.Distribution{servicetime.Fixed, servicetime.Exponential, servicetime.HeavyTailed} {
		cells = append(cells, m.long(work, usualLoad, 20*time.Second).steady(work, 4, true, usualLoad, 1))
	}
	kills := matrix{warmup: time.Second, duration: 15 * time.Second}.disturbed(servicetime.Exponential, 4, KilledEverySecond)
	kills.Policies = []Policy{Pull, RoundRobin, LeastRequest, TwoChoices, RoundRobinRetry}
	return append(cells, kills)
}

// Full are all cells: some four hours.
func Full() []Cell {
	m := matrix{warmup: 2 * time.Second, duration: 10 * time.Second}
	all := []servicetime.Distribution{servicetime.Fixed, servicetime.Exponential, servicetime.HeavyTailed}
	cells := m.price()
	for _, slow := range []bool{false, true} {
		for _, instances := range []int{2, 4, 8} {
			for _, work := range all {
				for _, load := range []float64{0.5, 0.6, 0.7, usualLoad, 0.9, 0.95, 1, 1.1, 1.2} {
					cells = append(cells, m.long(work, load, time.Minute).steady(work, instances, slow, load, 1))
				}
			}
			cells = append(cells, m.long(servicetime.HeavyTailed, usualLoad, time.Minute).steady(servicetime.HeavierTailed, instances, slow, usualLoad, 1))
		}
	}
	for _, work := range all {
		cells = append(cells, m.long(work, usualLoad, time.Minute).steady(work, 4, false, usualLoad, 4),
			m.long(work, usualLoad, time.Minute).steady(work, 8, false, usualLoad, 4))
	}
	m.duration = 20 * time.Second
	for _, work := range all {
		for _, disturbance := range Disturbances {
			cells = append(cells, m.disturbed(work, 4, disturbance))
		}
	}
	m.duration = time.Minute
	return append(cells, m.disturbed(servicetime.Fixed, 4, KilledEverySecond), m.disturbed(servicetime.Exponential, 4, KilledEverySecond),
		m.disturbed(servicetime.Exponential, 8, KilledEverySecond))
}

// matrix makes cells.
type matrix struct{ warmup, duration time.Duration }

// long has cells take so long that are about the tail of heavy-tailed work at the usual load.
func (m matrix) long(work servicetime.Distribution, load float64, duration time.Duration) matrix {
	if work == servicetime.HeavyTailed && load == usualLoad {
		return matrix{warmup: 2 * time.Second, duration: duration}
	}
	return m
}

// price is about what a call costs by itself: nothing to do, and nobody in its way.
func (m matrix) price() []Cell {
	return []Cell{{
		Instances: 1, Slots: slots, Rate: priceRate, Callers: 1, Warmup: m.warmup, Duration: m.duration, Timeout: steadyTimeout,
		Policies: []Policy{Pull, PullCommands, RoundRobin},
	}}
}

func (m matrix) steady(work servicetime.Distribution, instances int, slow bool, load float64, callers int) Cell {
	return Cell{
		Work: work, Mean: meanWork, Instances: instances, Slots: slots, Slow: slow, Load: load, Callers: callers,
		Warmup: m.warmup, Duration: m.duration, Timeout: steadyTimeout, Policies: Policies,
	}
}

func (m matrix) disturbed(work servicetime.Distribution, instances int, disturbance Disturbance) Cell {
	c := m.steady(work, instances, false, usualLoad, 1)
	c.Disturbance, c.Timeout, c.Policies = disturbance, disturbedTimeout, RetryPolicies
	return c
}
