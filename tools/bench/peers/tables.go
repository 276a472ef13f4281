package main

import (
	"fmt"

	"github.com/codingflow/rating/tools/bench/peers/report"
)

// labTable is a table of lab.md: for each target of each cell a row, and in it what the rounds showed.
type labTable struct {
	name    string
	keys    []string // the names of the columns that say what a row is about
	rows    []labRow
	columns []shown
}

// labRow is what a row is about.
type labRow struct {
	keys   []string
	at     cell
	target string
}

// shown is a column of figures.
type shown struct {
	title string
	// name is what the figures are called away from the table, where the title is not enough.
	name   string
	digits int
	// ratio means that they are shares of what another target had in the same round.
	ratio bool
	// given means that the lab chose them; they are nothing that it measured.
	given  bool
	values func(p page, at cell, target string) []float64 // of the rounds; none where a target has no such
}

// tables are all tables but that of the goals, whose figures are in these.
func (p page) tables() []labTable {
	return []labTable{boundTable(), closedTable(), cpuTable(), memoryTable(), openTable()}
}

// table is what the rounds showed: of each figure the median and the ends.
func (p page) table(t labTable) *report.Table {
	table := &report.Table{Columns: append([]string(nil), t.keys...)}
	for _, column := range t.columns {
		table.Columns = append(table.Columns, column.title)
	}
	for _, row := range t.rows {
		cells := append([]string(nil), row.keys...)
		for _, column := range t.columns {
			cells = append(cells, spreadText(column.values(p, row.at, row.target), column.digits))
		}
		table.Add(cells...)
	}
	return table
}

// own is what of is of each round.
func own(of func(measurement) float64) func(page, cell, string) []float64 {
	return func(p page, at cell, target string) []float64 { return values(p.rounds(at, target), of) }
}

// ofPart is what of is of each round of targets that have a part.
func ofPart(part string, of func(measurement) float64) func(page, cell, string) []float64 {
	return having(part, own(of))
}

// shareOf is what of is of each round of a target that has a part, divided by what it is of the same round of another.
func shareOf(base, part string, of func(measurement) float64) func(page, cell, string) []float64 {
	return having(part, func(p page, at cell, target string) []float64 { return p.ratios(at, target, base, of) })
}

// having is what of is of targets that have a part, and nothing of others.
func having(part string, of func(page, cell, string) []float64) func(page, cell, string) []float64 {
	return func(p page, at cell, target string) []float64 {
		if rounds := p.rounds(at, target); len(rounds) == 0 || !rounds[0].has(part) {
			return nil
		}
		return of(p, at, target)
	}
}

// closedCells are the closed loops.
func closedCells() []cell {
	var all []cell
	for _, kind := range kinds {
		for _, clients := range []int{few, many} {
			all = append(all, cell{loop: closedName, kind: kind.name, clients: clients})
		}
	}
	return all
}

// closedRows are all targets in the closed loops.
func closedRows() []labRow {
	var all []labRow
	for _, at := range closedCells() {
		for _, target := range targetNames {
			all = append(all, labRow{[]string{at.kind, fmt.Sprint(at.clients), target}, at, target})
		}
	}
	return all
}

// boundTable has the proxy beside the least that it could be.
func boundTable() labTable {
	t := labTable{name: "Beside HTTP bare", keys: []string{"kind", "clients"}}
	for _, at := range closedCells() {
		t.rows = append(t.rows, labRow{[]string{at.kind, fmt.Sprint(at.clients)}, at, proxyTarget})
	}
	for _, each := range []struct {
		name string
		of   func(measurement) float64
	}{
		{"requests/s", perSecond}, {"p50", p50}, {"CPU of the front", frontCPU}, {"CPU of the NATS server", natsCPU},
		{"CPU of both instances", servicesCPU}, {"CPU of all three", systemCPU},
	} {
		t.columns = append(t.columns, shown{
			title: each.name, name: each.name + ", of HTTP bare's", digits: 2, ratio: true, values: shareOf(boundTarget, frontPart, each.of),
		})
	}
	return t
}

// closedTable has rates and times of closed loops.
func closedTable() labTable {
	const base = "of the bare queue's"
	return labTable{name: "Closed loop", keys: []string{"kind", "clients", "target"}, rows: closedRows(), columns: []shown{
		{title: "requests/s", values: own(perSecond)},
		{title: base, name: "requests/s, " + base, digits: 2, ratio: true, values: shareOf(bareTarget, generatorPart, perSecond)},
		{title: "p50 µs", values: own(p50)},
		{title: base, name: "p50, " + base, digits: 2, ratio: true, values: shareOf(bareTarget, generatorPart, p50)},
		{title: "p99 µs", values: own(p99)},
		{title: "failed %", digits: 2, values: own(failedShare)},
	}}
}

// cpuTable has what each process took in closed loops.
func cpuTable() labTable {
	return labTable{name: "CPU time of each request", keys: []string{"kind", "clients", "target"}, rows: closedRows(), columns: []shown{
		{title: "front", digits: 1, values: ofPart(frontPart, frontCPU)},
		{title: "of the proxy's", name: "front, of the proxy's", digits: 2, ratio: true, values: shareOf(proxyTarget, frontPart, frontCPU)},
		{title: "NATS server", digits: 1, values: ofPart(natsPart, natsCPU)},
		{title: "both instances", digits: 1, values: ofPart(servicePart1, servicesCPU)},
		{title: "all three", digits: 1, values: own(systemCPU)},
		{title: "load generator", digits: 1, values: ofPart(generatorPart, generatorCPU)},
	}}
}

// memoryTable has what each process held in closed loops of many clients.
func memoryTable() labTable {
	t := labTable{name: "Memory", keys: []string{"kind", "target"}}
	for _, kind := range kinds {
		at := cell{loop: closedName, kind: kind.name, clients: many}
		for _, target := range targetNames {
			t.rows = append(t.rows, labRow{[]string{kind.name, target}, at, target})
		}
	}
	for _, each := range []struct{ name, part string }{
		{"front", frontPart}, {"NATS server", natsPart}, {"instance 1", servicePart1}, {"instance 2", servicePart2}, {"load generator", generatorPart},
	} {
		t.columns = append(t.columns, shown{title: each.name, values: ofPart(each.part, func(m measurement) float64 { return m.parts[each.part].resident })})
	}
	return t
}

// openTable has what open loops showed.
func openTable() labTable {
	t := labTable{name: "Open loop", keys: []string{"kind", "load %", "target"}, columns: []shown{
		{title: "offered/s", given: true, values: own(func(m measurement) float64 { return m.offered })},
		{title: "done/s", values: own(perSecond)},
		{title: "p50 µs", values: own(p50)},
		{title: "p90 µs", values: own(func(m measurement) float64 { return m.latency.p90 })},
		{title: "p99 µs", values: own(p99)},
		{title: "p99.9 µs", values: own(func(m measurement) float64 { return m.latency.p999 })},
		{title: "lag p50 µs", values: own(func(m measurement) float64 { return m.lag50 })},
		{title: "lag p99 µs", values: own(func(m measurement) float64 { return m.lag99 })},
		{title: "failed %", digits: 2, values: own(failedShare)},
		{title: "generator's CPU µs", digits: 1, values: own(generatorCPU)},
	}}
	for _, kind := range kinds {
		for _, percent := range percents {
			at := cell{loop: openName, kind: kind.name, percent: percent}
			for _, target := range targetNames {
				t.rows = append(t.rows, labRow{[]string{kind.name, fmt.Sprint(percent), target}, at, target})
			}
		}
	}
	return t
}
