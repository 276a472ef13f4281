package pull

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/codingflow/rating/tools/bench/peers/report"
)

// Modules are those whose versions matter.
var Modules = []string{"google.golang.org/grpc", "github.com/nats-io/nats-server/v2", "github.com/nats-io/nats.go"}

// Write writes what was seen to a folder, which it makes: pull.csv with everything, pull.md to be read, and a plot for each
// group of cells that differ in their loads only.
func Write(folder string, outcomes []Outcome, p report.Provenance) error {
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return err
	}
	groups := groupsOf(outcomes)
	table := csvOf(outcomes)
	write := func(name string, to func(io.Writer) error) error {
		return report.WriteFile(filepath.Join(folder, name), to)
	}
	if err := write("pull.csv", func(to io.Writer) error { return table.WriteCSV(to, p) }); err != nil {
		return err
	}
	for _, g := range groups {
		if len(g.loads()) > 1 {
			if err := write(g.plotName(), func(to io.Writer) error { return g.plot().WriteSVG(to, p) }); err != nil {
				return err
			}
		}
	}
	return write("pull.md", func(to io.Writer) error { return writeMarkdown(to, outcomes, groups, p) })
}

func csvOf(outcomes []Outcome) report.Table {
	t := report.Table{Columns: []string{
		"work", "mean_ms", "instances", "slots", "slow", "load", "due_per_s", "callers", "disturbance", "duration_s", "timeout_s", "policy",
		"due", "succeeded", "failed", "kinds", "p50_ms", "p99_ms", "p999_ms", "goodput_per_s", "lag_p99_ms",
		"cpu_callers", "cpu_nats", "cpu_instances", "ended", "repeated", "wasted",
	}}
	number := func(f float64, digits int) string { return strconv.FormatFloat(f, 'f', digits, 64) }
	count := func(n int) string { return strconv.Itoa(n) }
	for _, o := range outcomes {
		c := o.Cell
		t.Add(string(c.Work), millis(c.Mean), count(c.Instances), count(c.Slots), strconv.FormatBool(c.Slow), number(c.Load, 2),
			number(c.PerSecond(), 1), count(c.Callers), string(c.Disturbance), number(c.Duration.Seconds(), 0), number(c.Timeout.Seconds(), 0),
			string(o.Policy), strconv.FormatInt(o.Due, 10), strconv.FormatInt(o.Succeeded, 10), strconv.FormatInt(o.Failures(), 10), o.Kinds(),
			millis(o.P50), millis(o.P99), millis(o.P999), number(o.Goodput, 1), millis(o.Lag),
			number(o.Callers, 2), number(o.NATS, 2), number(o.Instances, 2), count(o.Ended), count(o.Repeated), count(o.Wasted))
	}
	return t
}

// millis is a duration in milliseconds, with three significant digits where it has fewer before the point.
func millis(d time.Duration) string {
	ms := float64(d) / float64(time.Millisecond)
	digits := 0
	for limit := 100.; digits < 2 && ms < limit; limit /= 10 {
		digits++
	}
	return strconv.FormatFloat(ms, 'f', digits, 64)
}

// plotName is the name of a group's file.
func (g group) plotName() string {
	name := fmt.Sprintf("pull-%s-%d", g.cell.Work, g.cell.Instances)
	if g.cell.Slow {
		name += "-slow"
	}
	return name + ".svg"
}

// plot has the 99th percentile over the load, a line for each policy.
func (g group) plot() report.Plot {
	p := report.Plot{
		Title: "99th percentile, " + g.String(),
		X:     "offered load, % of capacity", Y: "milliseconds since the call was due", LogY: true,
	}
	for _, load := range g.loads() {
		p.XTicks = append(p.XTicks, percent(load))
	}
	for _, policy := range Policies {
		s := report.Series{Name: string(policy)}
		for _, load := range g.loads() {
			if o, found := g.at(load, policy); found {
				s.Points = append(s.Points, report.Point{X: percent(load), Y: float64(o.P99) / float64(time.Millisecond)})
			}
		}
		p.Series = append(p.Series, s)
	}
	return p
}

func percent(load float64) float64 { return float64(int(100*load + 0.5)) }

// percents lists loads: "50, 80 %".
func percents(loads []float64) string {
	if len(loads) == 0 {
		return "none"
	}
	texts := make([]string, len(loads))
	for i, load := range loads {
		texts[i] = strconv.Itoa(int(percent(load)))
	}
	return strings.Join(texts, ", ") + " %"
}
