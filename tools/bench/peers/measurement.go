package main

import (
	"math"
	"time"
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
