package sim

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/codingflow/rating/tools/bench/peers/report"
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
			Service:   Service{Distribution: Distribution(r.text("work")), Mean: r.time("mean_ms", time.Millisecond)},
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

// checkCalls is about how many calls a row is simulated with: a measurement's few would tell of chance. They are in runs as
// long as the measurement, since under overload it matters how long that has lasted.
const checkCalls = 200_000

// Check simulates what was measured and returns both, side by side.
func Check(ctx context.Context, measured []Measured, calibration Calibration, seed uint64) (report.Table, error) {
	table := report.Table{Columns: []string{
		"work", "instances", "slow", "load", "callers", "killed", "policy",
		"p50, ms", "simulated p50, ms", "p50 ratio", "p99, ms", "simulated p99, ms", "p99 ratio",
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
	results, err := inParallel(ctx, configs, func(ctx context.Context, c Config) (*Result, error) {
		all := newResult()
		for i := range max(1, min(checkCalls/c.Calls, 50)) {
			c.Seed = seed + uint64(i)
			one, err := Run(ctx, c)
			if err != nil {
				return nil, err
			}
			all.Latency.Merge(one.Latency)
		}
		return all, nil
	})
	if err != nil {
		return table, err
	}
	for i, m := range rows {
		p50, p99 := results[i].Quantile(0.5), results[i].Quantile(0.99)
		table.Add(string(m.Config.Service.Distribution), strconv.Itoa(m.Config.Instances), strconv.Itoa(m.Config.Slow), fmt.Sprintf("%.0f %%", 100*m.Load),
			strconv.Itoa(m.Config.Callers), strconv.Itoa(len(m.Config.Kills)), string(m.Config.Policy),
			millis(m.P50), millis(p50), ratio(m.P50, p50), millis(m.P99), millis(p99), ratio(m.P99, p99))
	}
	return table, nil
}

func millis(d time.Duration) string { return fmt.Sprintf("%.2f", float64(d)/float64(time.Millisecond)) }

func ratio(measured, simulated time.Duration) string {
	return fmt.Sprintf("%.2f", float64(measured)/float64(simulated))
}
