package main

import (
	"cmp"
	"fmt"
	"io"
	"time"
)

// round is what one round of one front showed. The CPU times are user and system, for each request.
type round struct {
	latencies
	front, nats, service time.Duration
}

// The rows of the table.
const (
	header = "%-7s %7s  %-12s %11s %19s  %-6s %11s %11s %9s %9s %9s %9s\n"
	row    = "%-7s %7d  %-12s %11v %19s  %-6.2f %11s %11.0f %9v %9v %9v %9v\n"
)

func writeHeader(to io.Writer) {
	_, _ = fmt.Fprintf(to, header, "request", "clients", "front", "cpu/request", "(least–most)", "ratio", "(range)",
		"requests/s", "p50", "p99", "nats cpu", "svc cpu")
}

// writeRows writes a row for each front: the median of its rounds, and the median of the ratios of its CPU time to that of
// the first front in the same round.
func writeRows(to io.Writer, r request, clients int, rounds [][]round) {
	for i, name := range fronts {
		cpu := spreadOf(pick(rounds[i], func(r round) time.Duration { return r.front }))
		ratios := make([]float64, len(rounds[i]))
		for j := range ratios {
			ratios[j] = float64(rounds[i][j].front) / float64(rounds[0][j].front)
		}
		ratio := spreadOf(ratios)
		_, _ = fmt.Fprintf(to, row, r.name, clients, name, micro(cpu.median), fmt.Sprintf("(%v–%v)", micro(cpu.min), micro(cpu.max)),
			ratio.median, fmt.Sprintf("(%.2f–%.2f)", ratio.min, ratio.max),
			medianOf(rounds[i], func(r round) float64 { return r.perSecond }),
			medianOf(rounds[i], func(r round) time.Duration { return r.p50 }).Round(time.Microsecond),
			medianOf(rounds[i], func(r round) time.Duration { return r.p99 }).Round(time.Microsecond),
			micro(medianOf(rounds[i], func(r round) time.Duration { return r.nats })),
			micro(medianOf(rounds[i], func(r round) time.Duration { return r.service })))
	}
}

// micro rounds a CPU time to what can be told apart.
func micro(d time.Duration) time.Duration { return d.Round(100 * time.Nanosecond) }

func medianOf[T cmp.Ordered](rounds []round, of func(round) T) T {
	return spreadOf(pick(rounds, of)).median
}

func pick[T any](rounds []round, of func(round) T) []T {
	values := make([]T, len(rounds))
	for i, r := range rounds {
		values[i] = of(r)
	}
	return values
}
