package main

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/codingflow/rating/tools/bench/peers/report"
)

// column is a column of lab.csv: what it says of a measurement, and how that is read.
type column struct {
	name string
	of   func(measurement) string
	read func(text string, to *measurement) error
}

// columns returns the columns of lab.csv. docs/benchmarks.md says what they mean.
func columns() []column {
	all := []column{
		text("loop", func(m *measurement) *string { return &m.loop }),
		text("kind", func(m *measurement) *string { return &m.kind }),
		count("clients", func(m *measurement) *int { return &m.clients }),
		count("load_percent", func(m *measurement) *int { return &m.percent }),
		text("target", func(m *measurement) *string { return &m.target }),
		count("round", func(m *measurement) *int { return &m.round }),
		number("offered_per_second", func(m *measurement) *float64 { return &m.offered }),
		number("per_second", func(m *measurement) *float64 { return &m.perSecond }),
		{
			"succeeded",
			func(m measurement) string { return strconv.FormatInt(m.succeeded, 10) },
			func(text string, to *measurement) (err error) {
				to.succeeded, err = strconv.ParseInt(text, 10, 64)
				return err
			},
		},
		{
			"failed",
			func(m measurement) string { return strconv.FormatInt(m.failed(), 10) },
			func(string, *measurement) error { return nil }, // it is the sum of failures
		},
		{"failures", failuresText, readFailures},
		number("p50_us", func(m *measurement) *float64 { return &m.latency.p50 }),
		number("p90_us", func(m *measurement) *float64 { return &m.latency.p90 }),
		number("p99_us", func(m *measurement) *float64 { return &m.latency.p99 }),
		number("p999_us", func(m *measurement) *float64 { return &m.latency.p999 }),
		number("max_us", func(m *measurement) *float64 { return &m.latency.most }),
		number("lag_p50_us", func(m *measurement) *float64 { return &m.lag50 }),
		number("lag_p99_us", func(m *measurement) *float64 { return &m.lag99 }),
	}
	for _, name := range parts {
		all = append(all, partColumn(name, "_cpu_us", func(p *part) *float64 { return &p.cpu }))
	}
	for _, name := range parts {
		all = append(all, partColumn(name, "_rss_mib", func(p *part) *float64 { return &p.resident }))
	}
	return all
}

func text(name string, at func(*measurement) *string) column {
	return column{
		name,
		func(m measurement) string { return *at(&m) },
		func(text string, to *measurement) error {
			*at(to) = text
			return nil
		},
	}
}

// count is empty where it does not apply.
func count(name string, at func(*measurement) *int) column {
	return column{
		name,
		func(m measurement) string {
			if n := *at(&m); n != 0 {
				return strconv.Itoa(n)
			}
			return ""
		},
		func(text string, to *measurement) (err error) {
			if text != "" {
				*at(to), err = strconv.Atoi(text)
			}
			return err
		},
	}
}

func number(name string, at func(*measurement) *float64) column {
	return column{
		name,
		func(m measurement) string { return formatNumber(*at(&m)) },
		func(text string, to *measurement) (err error) {
			*at(to), err = parseNumber(text)
			return err
		},
	}
}

// partColumn is empty where a target has no such part.
func partColumn(name, unit string, at func(*part) *float64) column {
	return column{
		name + unit,
		func(m measurement) string {
			p, has := m.parts[name]
			if !has {
				return ""
			}
			return formatNumber(*at(&p))
		},
		func(text string, to *measurement) (err error) {
			if text == "" {
				return nil
			}
			p := to.parts[name]
			*at(&p), err = parseNumber(text)
			to.parts[name] = p
			return err
		},
	}
}

func formatNumber(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }

func parseNumber(text string) (float64, error) {
	x, err := strconv.ParseFloat(text, 64)
	if err == nil && (math.IsNaN(x) || math.IsInf(x, 0)) {
		err = errors.New("want a finite number")
	}
	return x, err
}

// failuresText is such as "503: 1; timeout: 2".
func failuresText(m measurement) string {
	var all []string
	for _, kind := range slices.Sorted(maps.Keys(m.failures)) {
		all = append(all, fmt.Sprintf("%s: %d", kind, m.failures[kind]))
	}
	return strings.Join(all, "; ")
}

func readFailures(text string, to *measurement) error {
	if text == "" {
		return nil
	}
	for each := range strings.SplitSeq(text, "; ") {
		kind, number, found := strings.Cut(each, ": ")
		n, err := strconv.ParseInt(number, 10, 64)
		if !found || err != nil {
			return fmt.Errorf("%q: want a kind and a number", each)
		}
		to.failures[kind] = n
	}
	return nil
}

// csvOf returns all measurements as a table, in the order in which they were made.
func csvOf(all []measurement) *report.Table {
	table := &report.Table{}
	for _, c := range columns() {
		table.Columns = append(table.Columns, c.name)
	}
	for _, m := range all {
		var cells []string
		for _, c := range columns() {
			cells = append(cells, c.of(m))
		}
		table.Add(cells...)
	}
	return table
}

// measurementsOf reads what csvOf has made. Columns that it does not know are left out.
//
// Errors: columns that are missing, cells that cannot be read, and no rows.
func measurementsOf(table report.Table) ([]measurement, error) {
	if len(table.Rows) == 0 {
		return nil, errors.New("there are no rows")
	}
	place := map[string]int{}
	for i, name := range table.Columns {
		place[name] = i
	}
	all := make([]measurement, len(table.Rows))
	for _, c := range columns() {
		i, has := place[c.name]
		if !has {
			return nil, fmt.Errorf("there is no column %s", c.name)
		}
		for j, cells := range table.Rows {
			m := &all[j]
			if m.parts == nil {
				m.parts, m.failures = map[string]part{}, map[string]int64{}
			}
			if err := c.read(cells[i], m); err != nil {
				return nil, fmt.Errorf("row %d: %s: %w", j+1, c.name, err)
			}
		}
	}
	return all, nil
}
