package pull

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/codingflow/rating/tools/bench/peers/report"
)

// writeMarkdown writes what is to be read.
func writeMarkdown(to io.Writer, outcomes []Outcome, groups []group, p report.Provenance) error {
	w := &writer{to: to}
	w.printf("# Pull against push\n\nWritten by the command below; docs/benchmarks.md says what it measures. Times count from when calls were due, in milliseconds.\n\n")
	w.do(p.WriteMarkdown(to))
	w.lateness(outcomes)
	w.claims(claims(outcomes))
	w.comparisons(groups)
	w.price(outcomes)
	for _, g := range groups {
		w.printf("\n## %s\n\n", sentence(g.String()))
		if len(g.loads()) > 1 {
			w.printf("![99th percentile over load](%s)\n\n", g.plotName())
		}
		w.table("load, %", g.outcomes, func(o Outcome) string { return strconv.Itoa(int(percent(o.Cell.Load))) })
	}
	w.disturbances(outcomes)
	return w.err
}

// writer writes until something goes wrong.
type writer struct {
	to  io.Writer
	err error
}

func (w *writer) printf(format string, args ...any) {
	if w.err == nil {
		_, w.err = fmt.Fprintf(w.to, format, args...)
	}
}

func (w *writer) do(err error) {
	if w.err == nil {
		w.err = err
	}
}

// busy is how late the generator is where the machine has other work. Slots that wait for their next call are late too then.
const busy = 5 * time.Millisecond

// lateness warns of runs beside other work.
func (w *writer) lateness(outcomes []Outcome) {
	late, worst := 0, time.Duration(0)
	for _, o := range outcomes {
		if worst = max(worst, o.Lag); o.Lag > busy {
			late++
		}
	}
	w.printf("- the generator was late by: %s ms at most (99th percentile of a run), more than %s ms in %d of %d runs\n", millis(worst), millis(busy), late, len(outcomes))
	if late > 0 {
		w.printf("\n**The machine was busy with something else.** The queue suffers from that more than the peers, and what is below says little.\n")
	}
}

func (w *writer) claims(all []claim) {
	if len(all) == 0 {
		return
	}
	w.printf("\n## What is claimed\n\n")
	t := report.Table{Columns: []string{"claim", "seen", "holds"}}
	for _, c := range all {
		holds := "no"
		if c.holds {
			holds = "yes"
		}
		t.Add(c.text, c.seen, holds)
	}
	w.do(t.WriteMarkdown(w.to))
}

// comparisons says where pulling wins and where it loses.
func (w *writer) comparisons(groups []group) {
	if len(groups) == 0 {
		return
	}
	w.printf("\n## Where pulling wins, and where it loses\n\nBy a tenth and more; less is no difference.\n\n")
	t := report.Table{Columns: []string{"work", "beside", "p99 lower from", "p99 higher at", "p50 higher at"}}
	for _, g := range groups {
		for _, peer := range Policies[1:] {
			c := g.compare(peer)
			from := "no load"
			if c.wins > 0 {
				from = percents([]float64{c.wins})
			}
			t.Add(g.String(), string(peer), from, percents(c.loses), percents(c.losesMedian))
		}
	}
	w.do(t.WriteMarkdown(w.to))
}

// price is what a call costs by itself.
func (w *writer) price(outcomes []Outcome) {
	var some []Outcome
	for _, o := range outcomes {
		if o.Cell.Mean == 0 {
			some = append(some, o)
		}
	}
	if len(some) == 0 {
		return
	}
	w.printf("\n## The price of the queue\n\nCalls that are answered at once, so few that none waits for another.\n\n")
	w.table("calls/s", some, func(o Outcome) string { return fmt.Sprintf("%.0f", o.Cell.PerSecond()) })
}

func (w *writer) disturbances(outcomes []Outcome) {
	var some []Outcome
	for _, o := range outcomes {
		if o.Cell.Disturbance != None {
			some = append(some, o)
		}
	}
	if len(some) == 0 {
		return
	}
	w.printf("\n## Instances that fail\n\n")
	t := report.Table{Columns: []string{"cell", "policy", "due", "failed", "of which kinds", "p50", "p99", "p99.9", "goodput/s", "instances ended", "done again", "done in vain"}}
	for _, o := range some {
		t.Add(o.Cell.String(), string(o.Policy), strconv.FormatInt(o.Due, 10), strconv.FormatInt(o.Failures(), 10), o.Kinds(), millis(o.P50), millis(o.P99),
			millis(o.P999), fmt.Sprintf("%.0f", o.Goodput), strconv.Itoa(o.Ended), strconv.Itoa(o.Repeated), strconv.Itoa(o.Wasted))
	}
	w.do(t.WriteMarkdown(w.to))
}

// table writes outcomes, with what tells cells apart in a first column.
func (w *writer) table(column string, outcomes []Outcome, first func(Outcome) string) {
	t := report.Table{Columns: []string{column, "policy", "due", "failed", "of which kinds", "p50", "p99", "p99.9", "goodput/s", "late by, p99", "CPUs: callers", "NATS", "instances"}}
	for _, o := range outcomes {
		t.Add(first(o), string(o.Policy), strconv.FormatInt(o.Due, 10), strconv.FormatInt(o.Failures(), 10), o.Kinds(), millis(o.P50), millis(o.P99),
			millis(o.P999), fmt.Sprintf("%.0f", o.Goodput), millis(o.Lag), fmt.Sprintf("%.2f", o.Callers), fmt.Sprintf("%.2f", o.NATS), fmt.Sprintf("%.2f", o.Instances))
	}
	w.do(t.WriteMarkdown(w.to))
}

func sentence(text string) string { return strings.ToUpper(text[:1]) + text[1:] }
