package pull

import (
	"fmt"
	"slices"
)

// group is what was seen in cells that differ in their loads only, of instances that nothing disturbed.
type group struct {
	cell     Cell // one of them
	outcomes []Outcome
}

// groupsOf returns the groups in the order of their first outcomes.
func groupsOf(outcomes []Outcome) []group {
	var groups []group
	for _, o := range outcomes {
		if o.Cell.Load == 0 || o.Cell.Disturbance != None {
			continue
		}
		i := slices.IndexFunc(groups, func(g group) bool {
			a, b := g.cell, o.Cell
			return a.Work == b.Work && a.Instances == b.Instances && a.Slots == b.Slots && a.Slow == b.Slow && a.Callers == b.Callers
		})
		if i < 0 {
			i = len(groups)
			groups = append(groups, group{cell: o.Cell})
		}
		groups[i].outcomes = append(groups[i].outcomes, o)
	}
	return groups
}

// String says what the group is: "heavy-tailed work, 4 instances, one of them slow".
func (g group) String() string {
	text := fmt.Sprintf("%s work, %d instances", g.cell.Work, g.cell.Instances)
	if g.cell.Slow {
		text += ", one of them slow"
	}
	if g.cell.Callers > 1 {
		text += fmt.Sprintf(", %d callers", g.cell.Callers)
	}
	return text
}

// loads are those of the group, the lowest first.
func (g group) loads() []float64 {
	var loads []float64
	for _, o := range g.outcomes {
		loads = append(loads, o.Cell.Load)
	}
	slices.Sort(loads)
	return slices.Compact(loads)
}

// at returns what a policy showed at a load.
func (g group) at(load float64, policy Policy) (Outcome, bool) {
	i := slices.IndexFunc(g.outcomes, func(o Outcome) bool { return o.Cell.Load == load && o.Policy == policy })
	if i < 0 {
		return Outcome{}, false
	}
	return g.outcomes[i], true
}

// margin is how much two times must differ to count as different: a tenth.
const margin = 1.1

// comparison is how pulling did beside a peer in a group.
type comparison struct {
	// wins is from which load on pulling's 99th percentile was lower by the margin, at all loads that were measured; 0 if it
	// was not so at the highest.
	wins float64
	// loses are the loads at which it was higher by the margin, losesMedian those at which the median was.
	loses, losesMedian []float64
}

// compare compares pulling with a peer.
func (g group) compare(peer Policy) comparison {
	var c comparison
	ahead := true
	for _, load := range slices.Backward(g.loads()) {
		pulled, measured := g.at(load, Pull)
		pushed, too := g.at(load, peer)
		if !measured || !too {
			continue
		}
		if ahead = ahead && float64(pulled.P99)*margin <= float64(pushed.P99); ahead {
			c.wins = load
		}
		if float64(pulled.P99) >= float64(pushed.P99)*margin {
			c.loses = append(c.loses, load)
		}
		if float64(pulled.P50) >= float64(pushed.P50)*margin {
			c.losesMedian = append(c.losesMedian, load)
		}
	}
	slices.Reverse(c.loses)
	slices.Reverse(c.losesMedian)
	return c
}
