package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSpreadIsTheMedianAndTheEnds(t *testing.T) {
	require.Equal(t, spread[int]{median: 3, min: 1, max: 9}, spreadOf([]int{9, 1, 3}))
	require.Equal(t, spread[int]{median: 3, min: 1, max: 9}, spreadOf([]int{9, 1, 3, 5}))
	require.Equal(t, spread[float64]{median: 2, min: 2, max: 2}, spreadOf([]float64{2}))
}

// The ratio is the median of those of rounds, not the ratio of medians: what disturbs the machine disturbs all fronts of a
// round.
func TestRowsHaveMediansAndRatiosOfRounds(t *testing.T) {
	of := func(cpu ...time.Duration) []round {
		var rounds []round
		for _, each := range cpu {
			rounds = append(rounds, round{
				latencies: latencies{perSecond: 1000, p50: time.Millisecond, p99: 2 * time.Millisecond},
				front:     each * time.Microsecond, nats: 300, service: 1234,
			})
		}
		return rounds
	}
	var table strings.Builder
	writeHeader(&table)
	writeRows(&table, request{name: "get"}, 16, [][]round{of(10, 20, 90), of(20, 50, 90), of(30, 30, 270)})
	want := `
request clients  front        cpu/request        (least–most)  ratio      (range)  requests/s       p50       p99  nats cpu   svc cpu
get          16  proxy               20µs         (10µs–90µs)  1.00   (1.00–1.00)        1000       1ms       2ms     300ns     1.2µs
get          16  grpc-gateway        50µs         (20µs–90µs)  2.00   (1.00–2.50)        1000       1ms       2ms     300ns     1.2µs
get          16  vanguard            30µs        (30µs–270µs)  3.00   (1.50–3.00)        1000       1ms       2ms     300ns     1.2µs
`
	require.Equal(t, want[1:], table.String())
}
