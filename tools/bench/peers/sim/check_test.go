package sim

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/tools/bench/peers/report"
	"github.com/codingflow/rating/tools/bench/peers/servicetime"
)

// measuredColumns are those of package pull that are read.
var measuredColumns = []string{
	"work", "mean_ms", "instances", "slots", "slow", "load", "due_per_s", "callers", "disturbance", "duration_s", "timeout_s", "policy",
	"due", "p50_ms", "p99_ms",
}

func measurements(rows ...[]string) report.Table {
	return report.Table{Columns: measuredColumns, Rows: rows}
}

func TestMeasurementsAreRead(t *testing.T) {
	all, err := ReadMeasured(measurements(
		[]string{"", "0.00", "1", "4", "false", "0.00", "100.0", "1", "", "3", "10", "pull", "300", "0.567", "1.2"},
		[]string{"", "0.00", "1", "4", "false", "0.00", "100.0", "1", "", "3", "10", "pull-commands", "300", "0.7", "1.2"},
		[]string{"", "0.00", "1", "4", "false", "0.00", "100.0", "1", "", "3", "10", "round-robin", "300", "0.3", "1.2"},
		[]string{"exponential", "20.00", "4", "4", "true", "0.80", "512.0", "2", "killed", "15", "30", "least-request", "7680", "14.1", "95.3"},
		[]string{"exponential", "20.00", "4", "4", "false", "0.80", "640.0", "1", "paused", "15", "30", "pull", "7680", "14.1", "95.3"},
	))
	require.NoError(t, err)
	require.Len(t, all, 3)
	require.Equal(t, Measured{
		Config: Config{
			Policy: LeastRequest, Instances: 4, Slots: 4, Service: Service{Distribution: servicetime.Exponential, Mean: 20 * time.Millisecond},
			Rate: 512, Calls: 7680, Callers: 2, Deadline: 30 * time.Second, Slow: 1, SlowFactor: 5, Kills: []Kill{{At: 5 * time.Second}},
		},
		Load: 0.8, Kill: true, P50: 14100 * time.Microsecond, P99: 95300 * time.Microsecond,
	}, all[2])

	calibrated := DefaultCalibration().Calibrated(all)
	require.Equal(t, Duration(135*time.Microsecond), calibrated.Hop) // (567 - 27) / 4
	require.Equal(t, Duration(300*time.Microsecond), calibrated.PushTrip)
}

func TestMeasurementsThatCannotBeRead(t *testing.T) {
	_, err := ReadMeasured(report.Table{Columns: []string{"work"}})
	require.EqualError(t, err, "measurements: there is no column mean_ms")
	_, err = ReadMeasured(measurements([]string{"fixed", "x", "1", "4", "false", "0.5", "100", "1", "", "3", "10", "pull", "300", "1", "1"}))
	require.EqualError(t, err, `measurements: row 1: mean_ms: strconv.ParseFloat: parsing "x": invalid syntax`)
	_, err = Check(t.Context(), nil, DefaultCalibration(), 1)
	require.EqualError(t, err, "measurements: there are no rows that can be simulated")
}

// What was simulated and is checked as if it had been measured is as it was.
func TestACheckOfASimulationShowsNoDifference(t *testing.T) {
	t.Parallel()
	var rows [][]string
	for _, policy := range Policies {
		c := Config{
			Policy: policy, Instances: 4, Slots: 4, Service: Service{Distribution: servicetime.Exponential, Mean: 20 * time.Millisecond},
			Rate: 640, Calls: 200_000, Deadline: 10 * time.Second, Seed: 99, Calibration: DefaultCalibration(),
		}
		result := simulate(t, c)
		rows = append(rows, []string{"exponential", "20", "4", "4", "false", "0.8", "640", "1", "", "312", "10", string(policy), "200000",
			millis(result.Quantile(0.5)), millis(result.Quantile(0.99))})
	}
	measured, err := ReadMeasured(measurements(rows...))
	require.NoError(t, err)
	table, err := Check(t.Context(), measured, DefaultCalibration(), 1)
	require.NoError(t, err)
	require.Len(t, table.Rows, len(Policies))
	for _, row := range table.Rows {
		for _, i := range []int{10, 14} {
			ratio, err := strconv.ParseFloat(row[i], 64)
			require.NoError(t, err)
			require.InDelta(t, 1, ratio, 0.05, "%v: %s", row, table.Columns[i])
		}
	}
}

func TestASweepHasEverySettingSizeAndPolicy(t *testing.T) {
	t.Parallel()
	swept, err := Sweep(t.Context(), []int{10, 20}, DefaultCalibration(), 1)
	require.NoError(t, err)
	table := Table(swept)
	require.Len(t, table.Rows, len(Settings)*2*4)
	for _, s := range swept {
		require.Equal(t, s.Config.Calls, s.Result.OK+s.Result.Failed+s.Result.Expired+s.Result.Refused)
	}
	plot := Plot(swept, Settings[1])
	require.Len(t, plot.Series, 4)
	for _, series := range plot.Series {
		require.Len(t, series.Points, 2)
	}
}
