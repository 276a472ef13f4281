package main

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/codingflow/rating/tools/bench/peers/report"
)

// The loops.
const (
	closedName = "closed"
	openName   = "open"
)

// The parts that processes have in a measurement. Not every target has all of them.
const (
	generatorPart = "generator"
	frontPart     = "front"
	natsPart      = "nats"
	servicePart1  = "service_1"
	servicePart2  = "service_2"
)

var parts = []string{generatorPart, frontPart, natsPart, servicePart1, servicePart2}

// cell is what is measured of each target in each round. Closed loops have clients, open ones a percentage of the capacity.
type cell struct {
	loop, kind       string
	clients, percent int
}

// measurement is what one round of one target showed. All times are microseconds.
type measurement struct {
	cell
	target    string
	round     int
	offered   float64 // calls a second that are due, in open loops
	perSecond float64 // calls a second that succeed
	succeeded int64
	failures  map[string]int64 // by openloop's kinds
	latency   latency          // of those that succeed
	lag50     float64          // how late the generator of an open loop was
	lag99     float64
	parts     map[string]part
}

// latency is the quantiles of times.
type latency struct{ p50, p90, p99, p999, most float64 }

// part is what a process took.
type part struct {
	cpu      float64 // microseconds, user and system, for each call
	resident float64 // MiB, at the end of the round
}

func (m measurement) failed() int64 {
	var sum int64
	for _, n := range m.failures {
		sum += n
	}
	return sum
}

func (m measurement) has(part string) bool {
	_, has := m.parts[part]
	return has
}

// services is the CPU time of all instances of the service.
func (m measurement) services() float64 { return m.parts[servicePart1].cpu + m.parts[servicePart2].cpu }

// system is the CPU time of all processes but the generator.
func (m measurement) system() float64 {
	return m.parts[frontPart].cpu + m.parts[natsPart].cpu + m.services()
}

// column is a column of lab.csv.
type column struct {
	name string
	of   func(measurement) string
}

func number(name string, of func(measurement) float64) column {
	return column{name, func(m measurement) string { return strconv.FormatFloat(of(m), 'f', -1, 64) }}
}

// columns returns the columns of lab.csv. docs/benchmarks.md says what they mean.
func columns() []column {
	all := []column{
		{"loop", func(m measurement) string { return m.loop }},
		{"kind", func(m measurement) string { return m.kind }},
		{"clients", func(m measurement) string { return unless0(m.clients) }},
		{"load_percent", func(m measurement) string { return unless0(m.percent) }},
		{"target", func(m measurement) string { return m.target }},
		{"round", func(m measurement) string { return strconv.Itoa(m.round) }},
		number("offered_per_second", func(m measurement) float64 { return m.offered }),
		number("per_second", func(m measurement) float64 { return m.perSecond }),
		number("succeeded", func(m measurement) float64 { return float64(m.succeeded) }),
		number("failed", func(m measurement) float64 { return float64(m.failed()) }),
		{"failures", func(m measurement) string {
			var all []string
			for _, kind := range slices.Sorted(maps.Keys(m.failures)) {
				all = append(all, fmt.Sprintf("%s: %d", kind, m.failures[kind]))
			}
			return strings.Join(all, "; ")
		}},
		number("p50_us", func(m measurement) float64 { return m.latency.p50 }),
		number("p90_us", func(m measurement) float64 { return m.latency.p90 }),
		number("p99_us", func(m measurement) float64 { return m.latency.p99 }),
		number("p999_us", func(m measurement) float64 { return m.latency.p999 }),
		number("max_us", func(m measurement) float64 { return m.latency.most }),
		number("lag_p50_us", func(m measurement) float64 { return m.lag50 }),
		number("lag_p99_us", func(m measurement) float64 { return m.lag99 }),
	}
	for _, name := range parts {
		all = append(all, partColumn(name, "_cpu_us", func(p part) float64 { return p.cpu }))
	}
	for _, name := range parts {
		all = append(all, partColumn(name, "_rss_mib", func(p part) float64 { return p.resident }))
	}
	return all
}

// partColumn is empty where a target has no such part.
func partColumn(name, unit string, of func(part) float64) column {
	return column{name + unit, func(m measurement) string {
		p, has := m.parts[name]
		if !has {
			return ""
		}
		return strconv.FormatFloat(of(p), 'f', -1, 64)
	}}
}

// unless0 leaves out what does not apply.
func unless0(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
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

// pickRounds returns the rounds of a target, in their order.
func pickRounds(all []measurement, what cell, target string) []measurement {
	var rounds []measurement
	for _, m := range all {
		if m.cell == what && m.target == target {
			rounds = append(rounds, m)
		}
	}
	return rounds
}

func values(rounds []measurement, of func(measurement) float64) []float64 {
	all := make([]float64, len(rounds))
	for i, m := range rounds {
		all[i] = of(m)
	}
	return all
}

// ratios returns what of is of each round, divided by what it is of the same round of others. Rounds whose divisor is 0 are
// left out.
func ratios(rounds, others []measurement, of func(measurement) float64) []float64 {
	var all []float64
	for i := range min(len(rounds), len(others)) {
		if by := of(others[i]); by != 0 {
			all = append(all, of(rounds[i])/by)
		}
	}
	return all
}

func micros(d time.Duration) float64 { return round1(float64(d) / float64(time.Microsecond)) }

// round1 rounds to a tenth, as lab.csv has it, so that what is computed of it is the same.
func round1(x float64) float64 { return math.Round(x*10) / 10 }
