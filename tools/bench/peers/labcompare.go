package main

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/codingflow/rating/tools/bench/peers/report"
	"github.com/codingflow/rating/tools/dev/workspace"
)

// labCompareCommand compares two runs of the lab.
type labCompareCommand struct {
	First  string `arg:"" help:"A lab.csv, from the top of the checkout."`
	Second string `arg:"" help:"Another."`
	tolerance
}

// Help is what kong says of the command beyond its line.
func (*labCompareCommand) Help() string {
	return `A figure is a cell of the lab's tables: the median of a run's rounds, and as its range the least to the most of them. Two
runs differ in a figure if its ranges are further apart than --apart percent of the first run's median; ranges that overlap
are not. The ratios count, each of two targets in the same round; with --judge=all every figure does, which is for two runs
on the same machine that has nothing else to do. The command fails if the runs differ in more than --outside percent of the
figures that count.

To ask for the second run's median in the first's range would be too much: of five rounds and five that differ by chance alone, one
median in six lies outside, but one pair of ranges in 126 does not overlap. The report has both shares. Rounds follow each
other within a minute or so, and show nothing of what differs from one run to the next, such as where processes and memory
lie: that is what --apart is for. Figures have targets and rounds in common, and differ together: that is what --outside is for.`
}

// tolerance is when a run repeats another.
type tolerance struct {
	Apart   float64 `help:"How far apart the ranges of two runs may be, in percent of the first's median." default:"5"`
	Outside float64 `help:"How many of the figures that count may be further apart, in percent." default:"10"`
	Judge   string  `help:"Which figures count: ratios, or all." enum:"ratios,all" default:"ratios"`
}

// Validate is called by kong.
func (t tolerance) Validate() error {
	switch {
	case !(t.Apart >= 0) || math.IsInf(t.Apart, 0):
		return fmt.Errorf("--apart %v: want at least 0", t.Apart)
	case !(t.Outside >= 0 && t.Outside <= 100):
		return fmt.Errorf("--outside %v: want 0 to 100", t.Outside)
	}
	return nil
}

// Run compares, and fails if the second run does not repeat the first.
func (c *labCompareCommand) Run() error { return c.run(os.Stdout) }

func (c *labCompareCommand) run(out io.Writer) error {
	first, err := readLab(c.First)
	if err != nil {
		return err
	}
	second, err := readLab(c.Second)
	if err != nil {
		return err
	}
	return c.compare(out, first, second)
}

// labRun is a run that is compared.
type labRun struct {
	name  string
	about []string // on what it was measured
	all   []measurement
}

// readLab reads a lab.csv, whose path is from the top of the checkout.
func readLab(path string) (labRun, error) {
	full, err := fromTop(path)
	if err != nil {
		return labRun{}, err
	}
	text, err := os.ReadFile(full)
	if err != nil {
		return labRun{}, err
	}
	table, err := report.ReadCSV(bytes.NewReader(text))
	if err != nil {
		return labRun{}, fmt.Errorf("%s: %w", path, err)
	}
	all, err := measurementsOf(table)
	if err != nil {
		return labRun{}, fmt.Errorf("%s: %w", path, err)
	}
	return labRun{path, report.Comments(text), all}, nil
}

// fromTop returns a file's path from its path from the top of the checkout.
func fromTop(path string) (string, error) {
	if filepath.IsAbs(path) {
		return path, nil
	}
	root, err := workspace.Find()
	if err != nil {
		return "", err
	}
	return root.Path(path), nil
}

// compare writes how far the second run repeats the first, and fails if it does not.
func (t tolerance) compare(out io.Writer, first, second labRun) error {
	for i, run := range []labRun{first, second} {
		_, _ = fmt.Fprintf(out, "%s run: %s\n", []string{"first", "second"}[i], run.name)
		for _, line := range run.about {
			_, _ = fmt.Fprintln(out, "  "+line)
		}
	}
	pairs, alone := pair(page{all: first.all}.figures(), page{all: second.all}.figures())
	if alone > 0 {
		_, _ = fmt.Fprintf(out, "\n%d figures are in one of the runs only, and are not compared.\n", alone)
	}
	judged := those(pairs, t.judges)
	if len(judged) == 0 {
		return fmt.Errorf("%s and %s: they have no figures in common that count", first.name, second.name)
	}
	rounds := func(of func(figurePair) []float64) int {
		longest := slices.MaxFunc(pairs, func(a, b figurePair) int { return cmp.Compare(len(of(a)), len(of(b))) })
		return len(of(longest))
	}
	n, m := rounds(func(p figurePair) []float64 { return p.first }), rounds(func(p figurePair) []float64 { return p.second })
	_, _ = fmt.Fprintf(out, "\nIf rounds (%d and %d) differed by chance alone, the second run's median would be in the first's range for %.1f %% of the figures,\n"+
		"and the ranges would overlap for %.1f %%.\n\n", n, m, 100*(1-chanceOutside(n, m)), 100*(1-chanceApart(n, m)))
	if err := t.summary(pairs).WriteMarkdown(out); err != nil {
		return err
	}
	outside := those(judged, t.differ)
	if len(outside) > 0 {
		_, _ = fmt.Fprintf(out, "\nOf those that count (%s), these are further apart:\n\n", t.Judge)
		if err := listed(outside).WriteMarkdown(out); err != nil {
			return err
		}
	}
	share := 100 * float64(len(outside)) / float64(len(judged))
	_, _ = fmt.Fprintf(out, "\n%d of %d figures that count (%s) are more than %v %% apart: %.1f %%, and %v %% may be.\n",
		len(outside), len(judged), t.Judge, t.Apart, share, t.Outside)
	if share > t.Outside {
		return fmt.Errorf("%s does not repeat %s: of the figures that count %.1f %% are more than %v %% apart, and %v %% may be",
			second.name, first.name, share, t.Apart, t.Outside)
	}
	return nil
}

// judges reports whether a figure counts.
func (t tolerance) judges(p figurePair) bool { return p.ratio || t.Judge == "all" }

// differ reports whether the runs do in a figure.
func (t tolerance) differ(p figurePair) bool {
	return p.gap() > t.Apart/100*math.Abs(spreadOf(p.first).median)
}

// figure is a cell of the tables of lab.md.
type figure struct {
	table, row, name string
	digits           int
	ratio            bool
}

// figureRounds is what a figure is of each round.
type figureRounds struct {
	figure
	rounds []float64
}

// figures returns all figures of the tables but for those that the lab chose, in their order.
func (p page) figures() []figureRounds {
	var all []figureRounds
	for _, table := range p.tables() {
		for _, row := range table.rows {
			for _, column := range table.columns {
				if rounds := column.values(p, row.at, row.target); !column.given && len(rounds) > 0 {
					name := cmp.Or(column.name, column.title)
					all = append(all, figureRounds{figure{table.name, row.name(), name, column.digits, column.ratio}, rounds})
				}
			}
		}
	}
	return all
}

// name says what a row is about.
func (r labRow) name() string {
	if r.at.loop == openName {
		return fmt.Sprintf("%s, load %d %%, %s", r.at.kind, r.at.percent, r.target)
	}
	return strings.Join([]string{r.at.kind, clientsText(r.at.clients), r.target}, ", ")
}

// figurePair is a figure of two runs.
type figurePair struct {
	figure
	first, second []float64
}

// pair returns the figures that both runs have, and how many only one of them has. It leaves out those that are the same in
// all rounds of both: a ratio of something to itself, and what never failed.
func pair(first, second []figureRounds) (all []figurePair, alone int) {
	others := map[figure][]float64{}
	for _, f := range second {
		others[f.figure] = f.rounds
	}
	alone = len(second)
	for _, f := range first {
		other, both := others[f.figure]
		if !both {
			alone++
			continue
		}
		alone--
		if s, o := spreadOf(f.rounds), spreadOf(other); s != o || s.min != s.max {
			all = append(all, figurePair{f.figure, f.rounds, other})
		}
	}
	return all, alone
}

// gap returns how far apart the ranges are; not more than 0 if they overlap.
func (p figurePair) gap() float64 {
	first, second := spreadOf(p.first), spreadOf(p.second)
	return max(first.min-second.max, second.min-first.max)
}

func (p figurePair) overlap() bool { return p.gap() <= 0 }

// inside reports whether the second run's median lies in the first's range.
func (p figurePair) inside() bool {
	first, second := spreadOf(p.first), spreadOf(p.second)
	return first.min <= second.median && second.median <= first.max
}

// those are the figures of which is is true.
func those(pairs []figurePair, is func(figurePair) bool) []figurePair {
	return slices.DeleteFunc(slices.Clone(pairs), func(p figurePair) bool { return !is(p) })
}

// summary counts figures by their tables.
func (t tolerance) summary(pairs []figurePair) *report.Table {
	table := &report.Table{Columns: []string{
		"table", "figures", "compared", "second's median in first's range", "ranges overlap", fmt.Sprintf("or are at most %v %% apart", t.Apart),
	}}
	add := func(name, which string, counts func(figurePair) bool) {
		all := those(pairs, counts)
		if len(all) == 0 {
			return
		}
		share := func(is func(figurePair) bool) string {
			n := len(those(all, is))
			return fmt.Sprintf("%d (%.0f %%)", n, 100*float64(n)/float64(len(all)))
		}
		table.Add(name, which, fmt.Sprint(len(all)), share(figurePair.inside), share(figurePair.overlap),
			share(func(p figurePair) bool { return !t.differ(p) }))
	}
	for _, of := range (page{}).tables() {
		add(of.name, "ratios", func(p figurePair) bool { return p.table == of.name && p.ratio })
		add(of.name, "others", func(p figurePair) bool { return p.table == of.name && !p.ratio })
	}
	add("all", "ratios", func(p figurePair) bool { return p.ratio })
	add("all", "all", func(figurePair) bool { return true })
	return table
}

// listed says by how much figures are apart.
func listed(pairs []figurePair) *report.Table {
	table := &report.Table{Columns: []string{"table", "row", "figure", "first", "second", "ranges apart by", "of the first's median"}}
	for _, p := range pairs {
		share := ""
		if median := spreadOf(p.first).median; median != 0 {
			share = fmt.Sprintf("%.1f %%", 100*p.gap()/math.Abs(median))
		}
		table.Add(p.table, p.row, p.name, spreadText(p.first, p.digits), spreadText(p.second, p.digits), fmt.Sprintf("%.*f", p.digits+1, p.gap()), share)
	}
	return table
}

// chanceOutside is how likely the median of m values, of an even number the lower one, lies outside the range of n others that are of the
// same distribution: then all orders of both are alike, and the median or what lies beyond it come first or last in that
// order.
func chanceOutside(n, m int) float64 {
	below := (m-1)/2 + 1
	return chanceFirst(below, n, m) + chanceFirst(m-below+1, n, m)
}

// chanceApart is how likely ranges of n and m values of the same distribution do not overlap.
func chanceApart(n, m int) float64 { return chanceFirst(m, n, m) + chanceFirst(n, m, n) }

// chanceFirst is how likely the first k in the order of all are of the m values.
func chanceFirst(k, n, m int) float64 {
	p := 1.0
	for i := range k {
		p *= float64(m-i) / float64(n+m-i)
	}
	return p
}
