package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/codingflow/rating/tools/bench/peers/report"
)

// page is what a run of the lab writes.
type page struct {
	command *labCommand
	with    report.Provenance
	all     []measurement
}

// write writes lab.csv, lab.md and the plots into a folder, and the goals to progress too.
func (p page) write(out string, progress io.Writer) error {
	if err := os.MkdirAll(out, 0o750); err != nil {
		return err
	}
	write := func(name string, how func(io.Writer) error) error {
		return report.WriteFile(filepath.Join(out, name), how)
	}
	// All are written that can be: what was measured is not lost for a plot's sake.
	errs := []error{
		write("lab.csv", func(to io.Writer) error { return csvOf(p.all).WriteCSV(to, p.with) }),
		write("lab.md", p.markdown),
	}
	for name, plot := range p.plots() {
		errs = append(errs, write(name, func(to io.Writer) error { return plot.WriteSVG(to, p.with) }))
	}
	errs = append(errs, p.goals().WriteMarkdown(progress))
	return errors.Join(errs...)
}

// The plots' files.
const (
	throughputFile = "lab-throughput.svg"
	frontFile      = "lab-cpu-front.svg"
	systemFile     = "lab-cpu-system.svg"
)

func latencyFile(kind string) string { return "lab-latency-" + kind + ".svg" }

// markdown writes lab.md.
func (p page) markdown(to io.Writer) error {
	var errs []error
	text := func(format string, arguments ...any) {
		_, err := fmt.Fprintf(to, format+"\n", arguments...)
		errs = append(errs, err)
	}
	write := func(t *report.Table) { errs = append(errs, t.WriteMarkdown(to)) }
	table := func(t labTable, about string) {
		text("\n## %s\n", t.name)
		if about != "" {
			text("%s\n", about)
		}
		write(p.table(t))
	}
	text("# The bench lab\n\nThis page is generated; [docs/benchmarks.md](../benchmarks.md#the-bench-lab) says what is measured and what the columns mean.\n"+
		"A figure is the median of %d rounds of %v, and in brackets the least and the most of them. A ratio is the median of those of rounds.\n"+
		"Comments have %d bytes. All rounds are in [lab.csv](lab.csv).\n", p.command.Rounds, p.command.Duration, p.command.Payload)
	errs = append(errs, p.with.WriteMarkdown(to))
	text("\n## Goals\n")
	write(p.goals())
	table(boundTable(), "`HTTP bare` is neither a peer nor a goal. It is the least that a proxy before the queue can cost on this machine, and these are the proxy's figures\n"+
		"divided by its own.")
	table(closedTable(), "")
	text("\n![Throughput](%s)", throughputFile)
	table(cpuTable(), "Microseconds, user and system.")
	text("\n![CPU time of the front](%s)\n\n![CPU time of all processes](%s)", frontFile, systemFile)
	table(memoryTable(), fmt.Sprintf("MiB that each process holds after a round of %s.", clientsText(many)))
	table(openTable(), "")
	for _, kind := range kinds {
		text("\n![Latency of a %s](%s)", kind.name, latencyFile(kind.name))
	}
	return errors.Join(errs...)
}

// goal is what is asked of a median of ratios.
type goal struct {
	what    string
	ratios  []float64
	limit   float64
	atLeast bool
}

func (g goal) met(ratio float64) bool { return (ratio >= g.limit) == g.atLeast || ratio == g.limit }

// row says what was asked and what was measured.
func (g goal) row() []string {
	asked := fmt.Sprintf("at most %.2f", g.limit)
	if g.atLeast {
		asked = fmt.Sprintf("at least %.2f", g.limit)
	}
	if len(g.ratios) == 0 {
		return []string{g.what, asked, "", "not measured"}
	}
	s := spreadOf(g.ratios)
	met, differs := "no", g.met(s.min) != g.met(s.max)
	switch {
	case g.met(s.median) && differs:
		met = "yes, not in every round"
	case g.met(s.median):
		met = "yes"
	case differs:
		met = "no, but in some rounds"
	}
	return []string{g.what, asked, spreadText(g.ratios, 2), met}
}

// goals are what this project wants to reach, and whether it does.
func (p page) goals() *report.Table {
	table := &report.Table{Columns: []string{"goal", "asked", "measured", "met"}}
	for _, kind := range kinds {
		at := cell{loop: closedName, kind: kind.name, clients: many}
		table.Add(goal{
			fmt.Sprintf("%s: requests/s at %s, of the bare queue's", kind.name, clientsText(many)),
			p.ratios(at, proxyTarget, bareTarget, perSecond), 0.5, true,
		}.row()...)
		at.clients = few
		table.Add(goal{
			fmt.Sprintf("%s: p50 at %s, of the bare queue's", kind.name, clientsText(few)),
			p.ratios(at, proxyTarget, bareTarget, p50), 1.6, false,
		}.row()...)
	}
	for _, kind := range kinds {
		for _, clients := range []int{few, many} {
			for _, peer := range fronts[1:] {
				at := cell{loop: closedName, kind: kind.name, clients: clients}
				table.Add(goal{
					fmt.Sprintf("%s: CPU time of the proxy at %s, of %s's", kind.name, clientsText(clients), peer),
					p.ratios(at, proxyTarget, peer, frontCPU), 1, false,
				}.row()...)
			}
		}
	}
	return table
}

func clientsText(n int) string {
	if n == 1 {
		return "1 client"
	}
	return fmt.Sprintf("%d clients", n)
}

// What measurements show.
func perSecond(m measurement) float64   { return m.perSecond }
func p50(m measurement) float64         { return m.latency.p50 }
func p99(m measurement) float64         { return m.latency.p99 }
func frontCPU(m measurement) float64    { return m.parts[frontPart].cpu }
func systemCPU(m measurement) float64   { return m.system() }
func servicesCPU(m measurement) float64 { return m.services() }
func failedShare(m measurement) float64 {
	return 100 * float64(m.failed()) / float64(max(1, m.succeeded+m.failed()))
}
func natsCPU(m measurement) float64      { return m.parts[natsPart].cpu }
func generatorCPU(m measurement) float64 { return m.parts[generatorPart].cpu }

func (p page) rounds(at cell, target string) []measurement { return pickRounds(p.all, at, target) }

func (p page) ratios(at cell, target, base string, of func(measurement) float64) []float64 {
	return ratios(p.rounds(at, target), p.rounds(at, base), of)
}

// svg is a plot or bars.
type svg interface {
	WriteSVG(to io.Writer, with report.Provenance) error
}

// plots returns the plots by their files' names.
func (p page) plots() map[string]svg {
	var groups []string
	for _, at := range closedCells() {
		groups = append(groups, at.kind+", "+clientsText(at.clients))
	}
	bars := func(title, y string, names []string, values func(at cell, target string) []float64) report.Bars {
		b := report.Bars{Title: title, Y: y, Groups: groups}
		for _, name := range names {
			s := report.Series{Name: name, Color: 1 + slices.Index(targetNames, name)}
			for _, at := range closedCells() {
				s.Points = append(s.Points, point(0, values(at, name)))
			}
			b.Series = append(b.Series, s)
		}
		return b
	}
	all := map[string]svg{
		throughputFile: bars("Throughput beside the bare queue's", "requests/s, of the bare queue's", targetNames, func(at cell, target string) []float64 {
			return p.ratios(at, target, bareTarget, perSecond)
		}),
		frontFile: bars("CPU time of the front", "µs a request", targetNames[1:], func(at cell, target string) []float64 {
			return values(p.rounds(at, target), frontCPU)
		}),
		systemFile: bars("CPU time of front, NATS server and service", "µs a request", targetNames, func(at cell, target string) []float64 {
			return values(p.rounds(at, target), systemCPU)
		}),
	}
	for _, kind := range kinds {
		plot := report.Plot{
			Title: "Latency of a " + kind.name + ", from when it was due", X: "load (% of the target's own capacity)", Y: "p99 (ms)", LogY: true,
		}
		for _, percent := range percents {
			plot.XTicks = append(plot.XTicks, float64(percent))
		}
		for _, target := range targetNames {
			s := report.Series{Name: target}
			for _, percent := range percents {
				at := cell{loop: openName, kind: kind.name, percent: percent}
				ms := values(p.rounds(at, target), func(m measurement) float64 { return m.latency.p99 / 1000 })
				// A round in which nothing succeeded has no latency.
				if ms = slices.DeleteFunc(ms, func(x float64) bool { return x <= 0 }); len(ms) > 0 {
					s.Points = append(s.Points, point(float64(percent), ms))
				}
			}
			plot.Series = append(plot.Series, s)
		}
		all[latencyFile(kind.name)] = plot
	}
	return all
}

// point is the median of values and their ends.
func point(x float64, of []float64) report.Point {
	if len(of) == 0 {
		return report.Point{X: x}
	}
	s := spreadOf(of)
	return report.Point{X: x, Y: s.median, Low: s.min, High: s.max}
}

// spreadText says the median of values, and their ends in brackets.
func spreadText(of []float64, digits int) string {
	if len(of) == 0 {
		return ""
	}
	s := spreadOf(of)
	return fmt.Sprintf("%.*f (%.*f–%.*f)", digits, s.median, digits, s.min, digits, s.max)
}
