package pull

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/codingflow/rating/tools/bench/peers/openloop"
)

// prompt is how soon an answer must come to count as goodput: what somebody waits for who has asked.
const prompt = 2 * time.Second

// Outcome is what one policy showed in one cell.
type Outcome struct {
	Cell   Cell
	Policy Policy
	// Due is how many calls were due. Each has succeeded or failed.
	Due, Succeeded int64
	// Failed is how many failed, by openloop's kinds.
	Failed map[string]int64
	// Said is what the first that failed said, apart from those whose callers gave up, "" where there is none.
	Said string
	// P50, P99 and P999 are percentiles of the time since calls were due. Calls whose callers gave up count as having taken the
	// cell's Timeout, which is less than they would have; those that failed otherwise do not count.
	P50, P99, P999 time.Duration
	// Goodput is how many calls were answered within two seconds, for each second of the run.
	Goodput float64
	// Lag is the 99th percentile of what the generator was late by.
	Lag time.Duration
	// Callers, NATS and Instances are what the processes took: 1 is one processor all the time. The first is this process.
	Callers, NATS, Instances float64
	// Ended is how many instances the disturbance ended.
	Ended int
	// Repeated is how often a job was done again that was done before, Wasted how many were done whose callers got no answer.
	// The warm-up counts here.
	Repeated, Wasted int
}

// Failures is how many calls failed.
func (o Outcome) Failures() int64 {
	var n int64
	for _, failed := range o.Failed {
		n += failed
	}
	return n
}

// Kinds says of which kinds the failures are: "3 Unavailable, 1 timeout".
func (o Outcome) Kinds() string {
	var kinds []string
	for _, kind := range slices.Sorted(maps.Keys(o.Failed)) {
		kinds = append(kinds, fmt.Sprintf("%d %s", o.Failed[kind], kind))
	}
	return strings.Join(kinds, ", ")
}

// String is a line about it.
func (o Outcome) String() string {
	line := fmt.Sprintf("%v: %s: %d due, p50 %s ms, p99 %s ms, p99.9 %s ms, goodput %.0f/s", o.Cell, o.Policy, o.Due, millis(o.P50), millis(o.P99), millis(o.P999), o.Goodput)
	if o.Failures() > 0 {
		line += ", failed: " + o.Kinds()
		if o.Said != "" {
			line += fmt.Sprintf(" (the first said %q)", o.Said)
		}
	}
	return line + fmt.Sprintf(" (late by %s ms; CPUs: callers %.2f, NATS %.2f, instances %.2f)", millis(o.Lag), o.Callers, o.NATS, o.Instances)
}

// observe takes over what openloop saw.
func (o *Outcome) observe(seen openloop.Result) {
	o.Due, o.Succeeded, o.Failed = seen.Due, seen.Succeeded, seen.Failed
	all := hdrhistogram.Import(seen.Latency.Export())
	for range seen.Failed[openloop.TimedOut] {
		openloop.Record(all, o.Cell.Timeout)
	}
	o.P50, o.P99, o.P999 = quantile(all, 50), quantile(all, 99), quantile(all, 99.9)
	o.Lag = quantile(seen.Lag, 99)
	for _, bar := range seen.Latency.Distribution() {
		if bar.To <= prompt.Microseconds() {
			o.Goodput += float64(bar.Count) / o.Cell.Duration.Seconds()
		}
	}
}

func quantile(of *hdrhistogram.Histogram, q float64) time.Duration {
	return time.Duration(of.ValueAtQuantile(q)) * time.Microsecond
}
