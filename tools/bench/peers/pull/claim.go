package pull

import (
	"fmt"

	"github.com/codingflow/rating/tools/bench/peers/servicetime"
)

// claim is something that is said of pulling and that a run bears out or not.
type claim struct {
	text  string
	seen  string
	holds bool
}

// claims are those that the outcomes say something about.
func claims(outcomes []Outcome) []claim {
	var all []claim
	for _, o := range outcomes {
		c := o.Cell
		if o.Policy != Pull {
			continue
		}
		switch {
		case c.Work == servicetime.HeavyTailed && c.Load == usualLoad && c.Disturbance == None && c.Callers == 1:
			most, what := 0.5, "half"
			if c.Slow {
				most, what = 0.2, "a fifth"
			}
			for _, peer := range outcomes {
				if peer.Policy != RoundRobin || peer.Cell.String() != c.String() || peer.P99 == 0 {
					continue
				}
				ratio := float64(o.P99) / float64(peer.P99)
				all = append(all, claim{
					text:  fmt.Sprintf("%v: the 99th percentile is at most %s of round-robin's", c, what),
					seen:  fmt.Sprintf("%.2f of it", ratio),
					holds: ratio <= most,
				})
			}
		case c.Disturbance == KilledEverySecond:
			all = append(all, claim{
				text:  fmt.Sprintf("%v for %v: no request through the queue fails", c, c.Duration),
				seen:  fmt.Sprintf("%d of %d failed, %d instances were killed", o.Failures(), o.Due, o.Ended),
				holds: o.Failures() == 0,
			})
		}
	}
	return all
}
