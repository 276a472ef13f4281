//go:build !race

package jsonwire_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// With room in dst, a message costs at most one allocation. (Not with the race detector, for which sync.Pool drops some of
// what it is given.)
func TestAllocations(t *testing.T) {
	const runs = 100
	for _, m := range benchMessages(t) {
		for direction, run := range map[string]struct {
			codec contender
			input []byte
		}{
			"to wire": {toWire(t, m)[0], m.json},
			"to JSON": {toJSON(t, m)[0], m.wire},
		} {
			buffer := m.room()
			allocations := testing.AllocsPerRun(runs, func() {
				if _, err := run.codec.convert(buffer, run.input); err != nil {
					t.Fatal(err)
				}
			})
			require.LessOrEqual(t, allocations, 1.0, "%s %s", m.name, direction)
		}
	}
}
