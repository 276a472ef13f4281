//go:build integration && linux

package overload

import (
	"fmt"
	"slices"
	"time"
)

// report is what a set of records shows.
type report struct {
	sent, answered, refused, late, failed int
	perSecond                             float64 // answered in time
	lag, admitted, refusals               times
	retries                               map[int]int // Retry-After in seconds → how often
	worst                                 float64     // answered in the worst second
}

// newReport looks at the records of the requests that were due in a span of time. Those of a closed loop are due when the
// ones before are answered.
func newReport(records []record, from, to, deadline time.Duration) report {
	r := report{retries: map[int]int{}}
	seconds := make([]int, int((to-from)/time.Second)+1)
	for _, made := range records {
		// An answer counts for the second in which it came; what was due before the span may be answered in it.
		if end := made.Due + made.Took; made.Status == 200 && made.Took <= deadline && end >= from && end < to {
			seconds[(end-from)/time.Second]++
			r.perSecond++
		}
		if made.Due < from || made.Due >= to {
			continue
		}
		r.sent++
		r.lag = append(r.lag, made.Lag)
		switch {
		case made.Status == 200 && made.Took <= deadline:
			r.answered++
			r.admitted = append(r.admitted, made.Took)
		case made.Status == 429 || made.Status == 503:
			r.refused++
			r.refusals = append(r.refusals, made.Took)
			r.retries[made.Retry]++
		case made.Status == 504 || made.Status == 200:
			r.late++
			r.admitted = append(r.admitted, made.Took)
		default:
			r.failed++
		}
	}
	r.perSecond /= (to - from).Seconds()
	r.worst = float64(slices.Min(seconds[:max(1, len(seconds)-1)]))
	for _, t := range []times{r.lag, r.admitted, r.refusals} {
		slices.Sort(t)
	}
	return r
}

func (r report) String() string {
	return fmt.Sprintf("%d sent: %d answered in time (%.1f/s, %.0f in the worst second), %d refused, %d late, %d failed\n"+
		"    lag of the generator  %v\n    admitted              %v\n    refusals              %v\n    Retry-After           %v",
		r.sent, r.answered, r.perSecond, r.worst, r.refused, r.late, r.failed, r.lag, r.admitted, r.refusals, r.retries)
}

// success is the share of the requests that were answered in time.
func (r report) success() float64 { return float64(r.answered) / float64(max(1, r.sent)) }

// times are sorted durations.
type times []time.Duration

// at returns the smallest of the times that at least p of 1000 do not exceed, 0 without any.
func (t times) at(p int) time.Duration {
	if len(t) == 0 {
		return 0
	}
	return t[max(0, (len(t)*p+999)/1000-1)]
}

func (t times) String() string {
	return fmt.Sprintf("p50 %v  p99 %v  p99.9 %v  max %v", short(t.at(500)), short(t.at(990)), short(t.at(999)), short(t.at(1000)))
}

func short(d time.Duration) time.Duration { return d.Round(10 * time.Microsecond) }
