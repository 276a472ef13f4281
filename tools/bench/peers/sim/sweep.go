package sim

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/codingflow/rating/tools/bench/peers/report"
	"github.com/codingflow/rating/tools/bench/peers/servicetime"
)

// Setting is what instances are given to do in a sweep.
type Setting struct {
	Name         string
	Distribution servicetime.Distribution
	Load         float64 // of what the slots can do
	Slow         float64 // share of instances that take five times as long
	Kill         bool    // the first instance, in the middle of the run, for ever
}

// Settings are those of the sweep.
var Settings = []Setting{
	{Name: "exponential, 80 %", Distribution: servicetime.Exponential, Load: 0.8},
	{Name: "heavy-tailed, 80 %", Distribution: servicetime.HeavyTailed, Load: 0.8},
	{Name: "exponential, 80 %, a tenth slow", Distribution: servicetime.Exponential, Load: 0.8, Slow: 0.1},
	{Name: "exponential, 80 %, one killed", Distribution: servicetime.Exponential, Load: 0.8, Kill: true},
}

// Sizes are the numbers of instances of the sweep.
var Sizes = []int{10, 100, 1000, 10_000}

const (
	sweepSlots = 4
	sweepMean  = 20 * time.Millisecond
	// instancesOfACaller and mostCallers make the number of those who balance: one for ten instances, as there are fewer proxies
	// than instances of services.
	instancesOfACaller = 10
	mostCallers        = 64
	// streamLoad is how busy a stream is allowed to be: at half of its rate a call waits for half of its time there.
	streamLoad = 0.5
	// sweepTime is simulated at least, the first half of it as warm-up; sweepCalls are too. More than mostCalls are not.
	sweepTime  = 20 * time.Second
	sweepCalls = 100_000
	mostCalls  = 8_000_000
	deadline   = 10 * time.Second
)

// config is one run of the sweep.
func (s Setting) config(policy Policy, instances int, calibration Calibration, seed uint64) Config {
	c := Config{
		Policy: policy, Instances: instances, Slots: sweepSlots, Service: Service{Distribution: s.Distribution, Mean: sweepMean},
		Slow: int(math.Round(s.Slow * float64(instances))), SlowFactor: slowBy,
		Callers: min(max(1, instances/instancesOfACaller), mostCallers), Deadline: deadline,
		Seed: seed, Calibration: calibration, Cells: true,
	}
	c.Rate = s.Load * c.Capacity()
	c.Streams = max(1, int(math.Ceil(c.Rate*time.Duration(calibration.StreamTime).Seconds()/streamLoad)))
	c.Calls = min(max(sweepCalls, int(c.Rate*sweepTime.Seconds())), mostCalls)
	c.Warmup = c.Calls / 2
	if s.Kill {
		c.Kills = []Kill{{At: time.Duration(0.75 * float64(c.Calls) / c.Rate * float64(time.Second))}}
	}
	return c
}

// Swept is a run of the sweep.
type Swept struct {
	Setting Setting
	Config  Config
	Result  *Result
}

// Sweep simulates all settings, at all sizes, by all policies but Random.
func Sweep(ctx context.Context, sizes []int, calibration Calibration, seed uint64) ([]Swept, error) {
	var swept []Swept
	var configs []Config
	for _, setting := range Settings {
		for _, size := range sizes {
			for _, policy := range Policies[:len(Policies)-1] {
				c := setting.config(policy, size, calibration, seed)
				swept, configs = append(swept, Swept{Setting: setting, Config: c}), append(configs, c)
			}
		}
	}
	results, err := inParallel(ctx, configs, Run)
	if err != nil {
		return nil, err
	}
	for i := range swept {
		swept[i].Result = results[i]
	}
	return swept, nil
}

// inParallel runs configurations on all processors.
func inParallel[T any](ctx context.Context, configs []Config, run func(context.Context, Config) (T, error)) ([]T, error) {
	results := make([]T, len(configs))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, c := range configs {
		group.Go(func() (err error) {
			results[i], err = run(ctx, c)
			return err
		})
	}
	return results, group.Wait()
}

// Table is what a sweep showed.
func Table(swept []Swept) report.Table {
	table := report.Table{Columns: []string{
		"setting", "instances", "streams", "callers", "calls/s", "policy", "p50, ms", "p99, ms", "p99.9, ms",
		"failed", "expired", "most pending", "most pulls",
	}}
	for _, s := range swept {
		streams, pulls := "", ""
		if s.Config.Policy == Pull {
			streams, pulls = strconv.Itoa(s.Config.Streams), strconv.Itoa(s.Result.MostPulls)
		}
		table.Add(s.Setting.Name, strconv.Itoa(s.Config.Instances), streams, strconv.Itoa(s.Config.Callers), fmt.Sprintf("%.0f", s.Config.Rate),
			string(s.Config.Policy), millis(s.Result.Quantile(0.5)), millis(s.Result.Quantile(0.99)), millis(s.Result.Quantile(0.999)),
			strconv.Itoa(s.Result.Failed), strconv.Itoa(s.Result.Expired), strconv.Itoa(s.Result.MostPending), pulls)
	}
	return table
}

// Plot is the 99th percentile of a setting by the number of instances.
func Plot(swept []Swept, setting Setting) report.Plot {
	plot := report.Plot{
		Title: "Simulated: " + setting.Name, X: "instances", Y: "99th percentile of latency, ms", LogX: true, LogY: true,
	}
	for _, policy := range Policies {
		series := report.Series{Name: string(policy)}
		for _, s := range swept {
			if s.Setting == setting && s.Config.Policy == policy {
				series.Points = append(series.Points, report.Point{
					X: float64(s.Config.Instances), Y: float64(s.Result.Quantile(0.99)) / float64(time.Millisecond),
				})
			}
		}
		if len(series.Points) > 0 {
			plot.Series = append(plot.Series, series)
		}
	}
	return plot
}
