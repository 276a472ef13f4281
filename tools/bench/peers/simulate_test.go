package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSimulateWritesItsResults(t *testing.T) {
	c := simulateCommand{Out: filepath.Join(t.TempDir(), "new"), Seed: 1, Sizes: []int{10}}
	var table strings.Builder
	require.NoError(t, c.run(t.Context(), &table))
	for name, want := range map[string]string{
		"simulation.csv": "setting,instances,streams", "simulation.md": table.String(), "simulation.svg": "<svg",
	} {
		written, err := os.ReadFile(filepath.Join(c.Out, name))
		require.NoError(t, err)
		require.Contains(t, string(written), want)
	}
	var again strings.Builder
	require.NoError(t, c.run(t.Context(), &again))
	require.Equal(t, table.String(), again.String())
}

func TestSimulateChecksWhatWasMeasured(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pull.csv")
	require.NoError(t, os.WriteFile(file, []byte(`# command: go run -C tools/bench/peers . pull
work,mean_ms,instances,slots,slow,load,due_per_s,callers,disturbance,duration_s,timeout_s,policy,due,p50_ms,p99_ms
fixed,20.00,2,4,false,0.10,40.0,1,,3,10,pull,1000,20.10,20.20
`), 0o600))
	var out strings.Builder
	require.NoError(t, (&simulateCommand{Check: file, Seed: 1}).run(t.Context(), &out))
	require.Contains(t, out.String(), "| fixed | 2 | 0 | 10 % | 1 | 0 | pull | 20.10 | 20.10 | 20.10–20.10 | 1.00 | 20.20 | 20.10 | 20.10–20.10 | 1.00 |")

	calibration := filepath.Join(t.TempDir(), "calibration.json")
	require.NoError(t, os.WriteFile(calibration, []byte(`{"hop": "1ms"}`), 0o600))
	out.Reset()
	require.NoError(t, (&simulateCommand{Check: file, Calibration: calibration, Seed: 1}).run(t.Context(), &out))
	require.Contains(t, out.String(), "| 20.10 | 24.04 | 24.04–24.04 | 0.84 |")

	require.NoError(t, os.WriteFile(file, []byte("work\nfixed\n"), 0o600))
	require.EqualError(t, (&simulateCommand{Check: file}).run(t.Context(), &out), file+": measurements: there is no column mean_ms")
}
