package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/tools/bench/peers/report"
)

// csvRows is what a lab.csv says, by columns.
type csvRows []map[string]string

func readRows(t *testing.T, path string) csvRows {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	table, err := report.ReadCSV(f)
	require.NoError(t, err)
	var rows csvRows
	for _, cells := range table.Rows {
		row := map[string]string{}
		for i, name := range table.Columns {
			row[name] = cells[i]
		}
		rows = append(rows, row)
	}
	return rows
}

// number returns a cell of the row that has the values; there must be one.
func (r csvRows) number(t *testing.T, column string, with map[string]string) float64 {
	t.Helper()
	var found []string
	for _, row := range r {
		matches := true
		for name, value := range with {
			matches = matches && row[name] == value
		}
		if matches {
			found = append(found, row[column])
		}
	}
	require.Len(t, found, 1, "%v", with)
	x, err := strconv.ParseFloat(found[0], 64)
	require.NoError(t, err, "%v", with)
	return x
}

// A small run of the whole lab: it writes each of its files, all targets are in each round, and what the page's tables say
// is what lab.csv does.
func TestLabWritesWhatItMeasures(t *testing.T) {
	c := &labCommand{Rounds: 2, Duration: 200 * time.Millisecond, Payload: 10}
	out := filepath.Join(t.TempDir(), "new")
	const command = "go run -C tools/bench/peers . lab --rounds 2"
	var said strings.Builder
	require.NoError(t, c.run(t.Context(), out, command, &said))

	made, err := os.ReadFile(filepath.Join(out, "lab.md"))
	require.NoError(t, err)
	text, err := os.ReadFile(filepath.Join(out, "lab.csv"))
	require.NoError(t, err)
	require.Contains(t, string(text), "# command: "+command+"\n")
	files, err := os.ReadDir(out)
	require.NoError(t, err)
	var names []string
	for _, file := range files {
		names = append(names, file.Name())
		if strings.HasSuffix(file.Name(), ".svg") {
			require.Contains(t, string(made), "]("+file.Name()+")")
			svg, err := os.ReadFile(filepath.Join(out, file.Name()))
			require.NoError(t, err)
			require.Contains(t, string(svg), "command: "+command)
		}
	}
	require.Equal(t, []string{
		"lab-cpu-front.svg", "lab-cpu-system.svg", "lab-latency-command.svg", "lab-latency-query.svg", "lab-throughput.svg", "lab.csv", "lab.md",
	}, names)

	rows := readRows(t, filepath.Join(out, "lab.csv"))
	require.Len(t, rows, 2*(2+4)*5*2, "kinds, loops, targets, rounds")
	for _, row := range rows {
		for _, column := range []string{"per_second", "succeeded", "p50_us", "generator_cpu_us", "service_1_cpu_us", "service_2_cpu_us", "generator_rss_mib", "service_1_rss_mib"} {
			x, err := strconv.ParseFloat(row[column], 64)
			require.NoError(t, err, "%s of %v", column, row)
			require.Positive(t, x, "%s of %v", column, row)
		}
		require.Equal(t, row["target"] == bareTarget, row["front_cpu_us"] == "", "%v", row)
		require.Equal(t, slices.Contains([]string{bareTarget, boundTarget, proxyTarget}, row["target"]), row["nats_cpu_us"] != "", "%v", row)
	}

	read, err := readLab(filepath.Join(out, "lab.csv"))
	require.NoError(t, err)
	require.Contains(t, strings.Join(read.about, "\n"), "command: "+command)
	for _, table := range (page{}).tables() {
		var lines strings.Builder
		require.NoError(t, page{all: read.all}.table(table).WriteMarkdown(&lines))
		require.Contains(t, string(made), lines.String(), "read again")
	}
	goals, _, _ := strings.Cut(string(made), "## Beside HTTP bare")
	require.NotContains(t, goals, boundTarget)

	for _, kind := range []string{"query", "command"} {
		for _, clients := range []string{"1", "64"} {
			var beside []float64
			for round := range c.Rounds {
				at := map[string]string{"loop": "closed", "kind": kind, "clients": clients, "round": strconv.Itoa(round + 1), "target": proxyTarget}
				rate := rows.number(t, "per_second", at)
				at["target"] = boundTarget
				beside = append(beside, rate/rows.number(t, "per_second", at))
			}
			require.Contains(t, string(made), fmt.Sprintf("| %s | %s | %s |", kind, clients, lowHigh(beside, 2)))
			for _, target := range targetNames {
				var rates, times, rate, median []float64
				for round := range c.Rounds {
					at := map[string]string{"loop": "closed", "kind": kind, "clients": clients, "round": strconv.Itoa(round + 1), "target": target}
					ownRate, own := rows.number(t, "per_second", at), rows.number(t, "p50_us", at)
					at["target"] = bareTarget
					rate, median = append(rate, ownRate), append(median, own)
					rates, times = append(rates, ownRate/rows.number(t, "per_second", at)), append(times, own/rows.number(t, "p50_us", at))
				}
				line := fmt.Sprintf("| %s | %s | %s | %s | %s | %s | %s |", kind, clients, target,
					lowHigh(rate, 0), lowHigh(rates, 2), lowHigh(median, 0), lowHigh(times, 2))
				require.Contains(t, string(made), line)
				if target == proxyTarget && clients == "64" {
					goal := fmt.Sprintf("| %s: requests/s at 64 clients, of the bare queue's | at least 0.50 | %s |", kind, lowHigh(rates, 2))
					require.Contains(t, string(made), goal)
					require.Contains(t, said.String(), goal)
				}
			}
		}
		for _, target := range targetNames {
			for _, percent := range []string{"25", "90"} {
				var capacities, done []float64
				for round := range c.Rounds {
					at := map[string]string{"kind": kind, "target": target, "round": strconv.Itoa(round + 1)}
					at["loop"], at["clients"] = "closed", "64"
					capacities = append(capacities, rows.number(t, "per_second", at))
					at["loop"], at["clients"], at["load_percent"] = "open", "", percent
					done = append(done, rows.number(t, "per_second", at))
				}
				share, err := strconv.ParseFloat(percent, 64)
				require.NoError(t, err)
				offered := round1(slices.Min(capacities) * share / 100) // the lower of two is the median
				require.Contains(t, string(made), fmt.Sprintf("| %s | %s | %s | %s | %s |", kind, percent, target,
					lowHigh([]float64{offered, offered}, 0), lowHigh(done, 0)))
			}
		}
	}
}

// lowHigh says of two values what a table does of two rounds: the lower one is their median.
func lowHigh(two []float64, digits int) string {
	low, high := slices.Min(two), slices.Max(two)
	return fmt.Sprintf("%.*f (%.*f–%.*f)", digits, low, digits, low, digits, high)
}

func TestSizesOfTheLab(t *testing.T) {
	for _, test := range []struct{ command, want labCommand }{
		{labCommand{}, labCommand{Rounds: 5, Duration: time.Second}},
		{labCommand{Full: true}, labCommand{Full: true, Rounds: 15, Duration: 3 * time.Second}},
		{labCommand{Full: true, Rounds: 2}, labCommand{Full: true, Rounds: 2, Duration: 3 * time.Second}},
		{labCommand{Rounds: 2, Duration: time.Minute}, labCommand{Rounds: 2, Duration: time.Minute}},
	} {
		test.command.complete()
		require.Equal(t, test.want, test.command)
	}
}

func TestRatiosAreThoseOfTheSameRound(t *testing.T) {
	of := func(rates ...float64) []measurement {
		var all []measurement
		for _, rate := range rates {
			all = append(all, measurement{perSecond: rate})
		}
		return all
	}
	require.Equal(t, []float64{0.5, 2}, ratios(of(1, 4), of(2, 2), perSecond))
	require.Equal(t, []float64{2}, ratios(of(1, 4), of(0, 2), perSecond), "nothing is a share of nothing")
	require.Empty(t, ratios(of(1), nil, perSecond))
}

func TestGoalsSayWhetherTheyAreMet(t *testing.T) {
	tests := []struct {
		goal goal
		want []string
	}{
		{goal{"g", []float64{0.4, 0.45, 0.49}, 0.5, true}, []string{"g", "at least 0.50", "0.45 (0.40–0.49)", "no"}},
		{goal{"g", []float64{0.4, 0.5, 0.6}, 0.5, true}, []string{"g", "at least 0.50", "0.50 (0.40–0.60)", "yes, not in every round"}},
		{goal{"g", []float64{0.5, 0.6, 0.7}, 0.5, true}, []string{"g", "at least 0.50", "0.60 (0.50–0.70)", "yes"}},
		{goal{"g", []float64{1.5, 1.6}, 1.6, false}, []string{"g", "at most 1.60", "1.50 (1.50–1.60)", "yes"}},
		{goal{"g", []float64{1.5, 1.7, 1.8}, 1.6, false}, []string{"g", "at most 1.60", "1.70 (1.50–1.80)", "no, but in some rounds"}},
		{goal{"g", nil, 1.6, false}, []string{"g", "at most 1.60", "", "not measured"}},
	}
	for _, test := range tests {
		require.Equal(t, test.want, test.goal.row())
	}
}

func TestMeasurementsAsCSV(t *testing.T) {
	m := measurement{
		cell: cell{loop: openName, kind: "query", percent: 25}, target: "vanguard", round: 3, offered: 250.5, perSecond: 240, succeeded: 480,
		failures: map[string]int64{"timeout": 2, "503": 1}, latency: latency{p50: 10.1, p90: 20, p99: 30, p999: 40, most: 50}, lag50: 5, lag99: 7,
		parts: map[string]part{generatorPart: {1.5, 40}, frontPart: {2.5, 50}, servicePart1: {3.5, 60}, servicePart2: {4.5, 70}},
	}
	var text strings.Builder
	require.NoError(t, csvOf([]measurement{m}).WriteCSV(&text, report.Provenance{}))
	lines := strings.Split(text.String(), "\n")
	require.Equal(t, []string{
		"loop,kind,clients,load_percent,target,round,offered_per_second,per_second,succeeded,failed,failures,p50_us,p90_us,p99_us,p999_us,max_us,lag_p50_us,lag_p99_us," +
			"generator_cpu_us,front_cpu_us,nats_cpu_us,service_1_cpu_us,service_2_cpu_us,generator_rss_mib,front_rss_mib,nats_rss_mib,service_1_rss_mib,service_2_rss_mib",
		"open,query,,25,vanguard,3,250.5,240,480,3,503: 1; timeout: 2,10.1,20,30,40,50,5,7,1.5,2.5,,3.5,4.5,40,50,,60,70", "",
	}, lines[len(lines)-3:])
	require.InDelta(t, 10.5, m.system(), 1e-9)
	table, err := report.ReadCSV(strings.NewReader(text.String()))
	require.NoError(t, err)
	back, err := measurementsOf(table)
	require.NoError(t, err)
	require.Equal(t, []measurement{m}, back)
	require.InDelta(t, 100*3/483.0, failedShare(m), 1e-9)
}

func TestMeasurementsThatCannotBeRead(t *testing.T) {
	good := *csvOf([]measurement{{cell: cell{loop: closedName, kind: "query", clients: 1}, target: proxyTarget, round: 1}})
	with := func(column, text string) report.Table {
		row := slices.Clone(good.Rows[0])
		row[slices.Index(good.Columns, column)] = text
		return report.Table{Columns: good.Columns, Rows: [][]string{good.Rows[0], row}}
	}
	for _, test := range []struct {
		table report.Table
		want  string
	}{
		{report.Table{Columns: good.Columns}, "there are no rows"},
		{report.Table{Columns: good.Columns[1:], Rows: [][]string{good.Rows[0][1:]}}, "there is no column loop"},
		{with("clients", "few"), `row 2: clients: strconv.Atoi: parsing "few": invalid syntax`},
		{with("per_second", ""), `row 2: per_second: strconv.ParseFloat: parsing "": invalid syntax`},
		{with("p50_us", "NaN"), "row 2: p50_us: want a finite number"},
		{with("front_cpu_us", "+Inf"), "row 2: front_cpu_us: want a finite number"},
		{with("succeeded", "1.5"), `row 2: succeeded: strconv.ParseInt: parsing "1.5": invalid syntax`},
		{with("failures", "503"), `row 2: failures: "503": want a kind and a number`},
	} {
		_, err := measurementsOf(test.table)
		require.EqualError(t, err, test.want)
	}
	_, err := measurementsOf(good)
	require.NoError(t, err)
}

// A page of nothing says that nothing was measured, and its plots that there is nothing to show.
func TestAPageOfNothing(t *testing.T) {
	out := t.TempDir()
	err := page{command: &labCommand{}}.write(out, io.Discard)
	require.ErrorContains(t, err, `plot "Latency of a query, from when it was due": there are no points`)
	text, err := os.ReadFile(filepath.Join(out, "lab.md"))
	require.NoError(t, err)
	require.Contains(t, string(text), "| query: requests/s at 64 clients, of the bare queue's | at least 0.50 |  | not measured |")
}
