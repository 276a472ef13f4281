package sim

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/codingflow/rating/tools/bench/peers/report"
	"github.com/codingflow/rating/tools/bench/peers/servicetime"
)

// Measured is a row of what package pull has measured.
type Measured struct {
	Config   Config
	Load     float64
	Kill     bool
	P50, P99 time.Duration
}

// slowBy is how many times as long package pull's slow instance takes.
const slowBy = 5

// idle is the mean of calls that are answered at once: theirs are the rows that tell what the transports cost.
const idle = 0

// ReadMeasured reads the table that package pull writes as CSV. It leaves out what a simulation knows nothing of: commands,
// retries, and disturbances other than a kill.
//
// Errors: columns that are missing, and cells that cannot be read.
func ReadMeasured(table report.Table) ([]Measured, error) {
	column := map[string]int{}
	for i, name := range table.Columns {
		column[name] = i
	}
	for _, name := range []string{"work", "mean_ms", "instances", "slots", "slow", "load", "due_per_s", "callers", "disturbance", "duration_s", "timeout_s", "policy", "due", "p50_ms", "p99_ms"} {
		if _, ok := column[name]; !ok {
			return nil, fmt.Errorf("measurements: there is no column %s", name)
		}
	}
	var all []Measured
	for i, cells := range table.Rows {
		r := row{cells: cells, column: column}
		m := r.read()
		if r.err != nil {
			return nil, fmt.Errorf("measurements: row %d: %w", i+1, r.err)
		}
		if slices.Contains(Policies, m.Config.Policy) && (m.Kill || r.text("disturbance") == "") {
			all = append(all, m)
		}
	}
	return all, nil
}

// row is a row that is read, and the first thing that was wrong with it.
type row struct {
	cells  []string
	column map[string]int
	err    error
}

func (r *row) text(name string) string { return r.cells[r.column[name]] }

func (r *row) number(name string) float64 {
	n, err := strconv.ParseFloat(r.text(name), 64)
	if err != nil && r.err == nil {
		r.err = fmt.Errorf("%s: %w", name, err)
	}
	return n
}

// time reads a number of units.
func (r *row) time(name string, unit time.Duration) time.Duration {
	return time.Duration(r.number(name) * float64(unit))
}

func (r *row) read() Measured {
	m := Measured{
		Config: Config{
			Policy:    Policy(r.text("policy")),
			Instances: int(r.number("instances")),
			Slots:     int(r.number("slots")),
			Service:   Service{Distribution: servicetime.Distribution(r.text("work")), Mean: r.time("mean_ms", time.Millisecond)},
			Rate:      r.number("due_per_s"),
			Calls:     int(r.number("due")),
			Callers:   int(r.number("callers")),
			Deadline:  r.time("timeout_s", time.Second),
		},
		Load: r.number("load"),
		Kill: r.text("disturbance") == "killed",
		P50:  r.time("p50_ms", time.Millisecond),
		P99:  r.time("p99_ms", time.Millisecond),
	}
	if r.text("slow") == "true" {
		m.Config.Slow, m.Config.SlowFactor = 1, slowBy
	}
	if m.Kill {
		m.Config.Kills = []Kill{{At: r.time("duration_s", time.Second) / 3}}
	}
	return m
}

// Calibrated takes what the transports cost from the rows of calls that are answered at once, where there are some: their
// median is four hops and the stream's time, or the trip of a push.
func (c Calibration) Calibrated(measured []Measured) Calibration {
	for _, m := range measured {
		switch {
		case m.Config.Service.Mean != idle:
		case m.Config.Policy == Pull:
			c.Hop = Duration(max(0, m.P50-time.Duration(c.StreamTime)) / 4)
		case m.Config.Policy == RoundRobin:
			c.PushTrip = Duration(m.P50)
		}
	}
	return c
}

// A row is simulated in several runs of about checkCalls calls together, since a measurement's few tell of chance: above all
// of how many long ones were among them. Each run is as long as the measurement, for under overload that matters.
const (
	checkCalls = 200_000
	leastRuns  = 5
	mostRuns   = 50
)

// Check simulates what was measured and returns both, side by side, with how far the simulation's runs reach: what was
// measured and is among them is what a run may be.
func Check(ctx context.Context, measured []Measured, calibration Calibration, seed uint64) (report.Table, error) {
	table := report.Table{Columns: []string{
		"work", "instances", "slow", "load", "callers", "killed", "policy",
		"p50, ms", "simulated p50", "runs’ p50", "p50 ratio", "p99, ms", "simulated p99", "runs’ p99", "p99 ratio",
	}}
	var configs []Config
	var rows []Measured
	for _, m := range measured {
		if m.Config.Service.Mean == idle {
			continue
		}
		m.Config.Calibration = calibration
		rows, configs = append(rows, m), append(configs, m.Config)
	}
	if len(rows) == 0 {
		return table, errors.New("measurements: there are no rows that can be simulated")
	}
	runs, err := inParallel(ctx, configs, func(ctx context.Context, c Config) (checked, error) {
		all := checked{Result: newResult()}
		for i := range min(max(leastRuns, checkCalls/c.Calls), mostRuns) {
			c.Seed = seed + uint64(i)
			one, err := Run(ctx, c)
			if err != nil {
				return checked{}, err
			}
			all.Latency.Merge(one.Latency)
			all.p50, all.p99 = append(all.p50, one.Quantile(0.5)), append(all.p99, one.Quantile(0.99))
		}
		return all, nil
	})
	if err != nil {
		return table, err
	}
	for i, m := range rows {
		p50, p99 := runs[i].Quantile(0.5), runs[i].Quantile(0.99)
		table.Add(string(m.Config.Service.Distribution), strconv.Itoa(m.Config.Instances), strconv.Itoa(m.Config.Slow), fmt.Sprintf("%.0f %%", 100*m.Load),
			strconv.Itoa(m.Config.Callers), strconv.Itoa(len(m.Config.Kills)), string(m.Config.Policy),
			millis(m.P50), millis(p50), reach(runs[i].p50), ratio(m.P50, p50), millis(m.P99), millis(p99), reach(runs[i].p99), ratio(m.P99, p99))
	}
	return table, nil
}

// checked is the runs that a row is simulated by: all of them together, and the quantiles of each.
type checked struct {
	*Result
	p50, p99 []time.Duration
}

// reach is how far the runs' quantiles reach.
func reach(all []time.Duration) string {
	return millis(slices.Min(all)) + "–" + millis(slices.Max(all))
}

func millis(d time.Duration) string { return fmt.Sprintf("%.2f", float64(d)/float64(time.Millisecond)) }

func ratio(measured, simulated time.Duration) string {
	return fmt.Sprintf("%.2f", float64(measured)/float64(simulated))
}
