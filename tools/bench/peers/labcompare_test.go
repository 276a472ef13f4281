package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/tools/bench/peers/report"
)

// labFile writes a lab.csv of queries at one client: for each round the rates of the bare queue and of the proxy.
func labFile(t *testing.T, name string, rates ...[2]float64) string {
	t.Helper()
	var all []measurement
	for i, round := range rates {
		for j, target := range []string{bareTarget, proxyTarget} {
			all = append(all, measurement{
				cell: cell{loop: closedName, kind: "query", clients: 1}, target: target, round: i + 1, perSecond: round[j],
				latency: latency{p50: 100, p99: 200}, parts: map[string]part{generatorPart: {10, 20}, servicePart1: {30, 40}, servicePart2: {50, 60}},
			})
		}
	}
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, report.WriteFile(path, func(to io.Writer) error {
		return csvOf(all).WriteCSV(to, report.Provenance{Command: "lab of " + name})
	}))
	return path
}

var usual = tolerance{Apart: 5, Outside: 10, Judge: "ratios"}

// The second run's bare queue is twice as fast, and so is its proxy: rates are a machine's, their ratios are not.
func TestALabThatRepeatsAnother(t *testing.T) {
	first := labFile(t, "first.csv", [2]float64{1000, 500}, [2]float64{1000, 510}, [2]float64{1000, 520})
	second := labFile(t, "second.csv", [2]float64{2000, 1050}, [2]float64{2000, 1060}, [2]float64{2000, 1070})
	command := labCompareCommand{First: first, Second: second, tolerance: usual}
	var out strings.Builder
	require.NoError(t, command.run(&out))
	require.Contains(t, out.String(), "first run: "+first+"\n  command: lab of first.csv\n")
	require.Contains(t, out.String(), "second run: "+second+"\n  command: lab of second.csv\n")
	_, said, _ := strings.Cut(out.String(), "\n\n")
	require.Equal(t, `If rounds (3 and 3) differed by chance alone, the second run's median would be in the first's range for 60.0 % of the figures,
and the ranges would overlap for 90.0 %.

| table | figures | compared | second's median in first's range | ranges overlap | or are at most 5 % apart |
| --- | --- | ---: | ---: | ---: | ---: |
| Closed loop | ratios | 1 | 0 (0 %) | 0 (0 %) | 1 (100 %) |
| Closed loop | others | 2 | 0 (0 %) | 0 (0 %) | 0 (0 %) |
| all | ratios | 1 | 0 (0 %) | 0 (0 %) | 1 (100 %) |
| all | all | 3 | 0 (0 %) | 0 (0 %) | 1 (33 %) |

0 of 1 figures that count (ratios) are more than 5 % apart: 0.0 %, and 10 % may be.
`, said)

	command.Judge = "all"
	out.Reset()
	require.EqualError(t, command.run(&out), second+" does not repeat "+first+": of the figures that count 66.7 % are more than 5 % apart, and 10 % may be")
	_, said, _ = strings.Cut(out.String(), "\nOf those that count")
	require.Equal(t, ` (all), these are further apart:

| table | row | figure | first | second | ranges apart by | of the first's median |
| --- | --- | --- | ---: | ---: | ---: | ---: |
| Closed loop | query, 1 client, bare queue | requests/s | 1000 (1000–1000) | 2000 (2000–2000) | 1000.0 | 100.0 % |
| Closed loop | query, 1 client, proxy | requests/s | 510 (500–520) | 1060 (1050–1070) | 530.0 | 103.9 % |

2 of 3 figures that count (all) are more than 5 % apart: 66.7 %, and 10 % may be.
`, said)
	command.Outside = 67
	require.NoError(t, command.run(io.Discard))
}

func TestALabThatDoesNotRepeatAnother(t *testing.T) {
	first := labFile(t, "first.csv", [2]float64{1000, 500}, [2]float64{1000, 510})
	for _, test := range []struct {
		name    string
		second  [][2]float64
		outside bool
	}{
		{"overlap", [][2]float64{{1000, 100}, {1000, 500}}, false},
		{"near enough", [][2]float64{{1000, 534}, {1000, 600}}, false},
		{"too high", [][2]float64{{1000, 536}, {1000, 600}}, true},
		{"near enough below", [][2]float64{{1000, 476}, {1000, 300}}, false},
		{"too low", [][2]float64{{1000, 474}, {1000, 300}}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			command := labCompareCommand{First: first, Second: labFile(t, "second.csv", test.second...), tolerance: usual}
			err := command.run(io.Discard)
			if test.outside {
				require.ErrorContains(t, err, "of the figures that count 100.0 % are more than 5 % apart, and 10 % may be")
			} else {
				require.NoError(t, err)
			}
		})
	}
}

// Another run may have more targets, and fewer: what both have is compared.
func TestLabsWithoutFiguresInCommon(t *testing.T) {
	first := labFile(t, "first.csv", [2]float64{1000, 500}, [2]float64{1000, 510})
	table, err := os.ReadFile(first)
	require.NoError(t, err)
	second := filepath.Join(t.TempDir(), "second.csv")
	require.NoError(t, os.WriteFile(second, []byte(strings.ReplaceAll(string(table), ",proxy,", ",vanguard,")), 0o600))
	command := labCompareCommand{First: first, Second: second, tolerance: usual}
	var out strings.Builder
	require.EqualError(t, command.run(&out), first+" and "+second+": they have no figures in common that count")
	require.Contains(t, out.String(), "\n18 figures are in one of the runs only, and are not compared.\n")

	require.NoError(t, os.WriteFile(second, []byte("loop\nclosed\n"), 0o600))
	require.EqualError(t, command.run(io.Discard), second+": there is no column kind")
	require.NoError(t, os.WriteFile(second, nil, 0o600))
	require.EqualError(t, command.run(io.Discard), second+": read table: there is none")
	command.First = filepath.Join(t.TempDir(), "none.csv")
	require.ErrorIs(t, command.run(io.Discard), os.ErrNotExist)
}

// With --against a file that cannot be read ends the lab before it measures.
func TestTheOtherLabIsReadFirst(t *testing.T) {
	c := &labCommand{Rounds: 1, Payload: 10, Against: filepath.Join(t.TempDir(), "none.csv"), tolerance: usual}
	require.ErrorIs(t, c.run(t.Context(), t.TempDir(), "lab", io.Discard), os.ErrNotExist)
}

func TestTolerancesOfCommandLines(t *testing.T) {
	var c cli
	parser, err := kong.New(&c)
	require.NoError(t, err)
	_, err = parser.Parse([]string{"lab-compare", "a.csv", "b.csv"})
	require.NoError(t, err)
	require.Equal(t, labCompareCommand{First: "a.csv", Second: "b.csv", tolerance: usual}, c.LabCompare)
	_, err = parser.Parse([]string{"lab", "--against=a.csv", "--apart=2.5", "--outside=0", "--judge=all"})
	require.NoError(t, err)
	require.Equal(t, "a.csv", c.Lab.Against)
	require.Equal(t, tolerance{Apart: 2.5, Judge: "all"}, c.Lab.tolerance)
	_, err = parser.Parse([]string{"lab", "--outside=101"})
	require.EqualError(t, err, "lab: --outside 101: want 0 to 100")
}

func TestTolerancesAreChecked(t *testing.T) {
	require.NoError(t, usual.Validate())
	require.NoError(t, tolerance{Outside: 100}.Validate())
	require.EqualError(t, tolerance{Apart: -1}.Validate(), "--apart -1: want at least 0")
	require.EqualError(t, tolerance{Outside: 101}.Validate(), "--outside 101: want 0 to 100")
}

// All orders of n and m values are alike; the chances are those of the orders that are counted here.
func TestChancesAreThoseOfAllOrders(t *testing.T) {
	for n := 1; n <= 5; n++ {
		for m := 1; m <= 5; m++ {
			var orders, outside, apart int
			for order := range 1 << (n + m) {
				var first, second []int
				for i := range n + m {
					if order>>i&1 == 0 {
						first = append(first, i)
					} else {
						second = append(second, i)
					}
				}
				if len(first) != n {
					continue
				}
				orders++
				a, b := spreadOf(first), spreadOf(second)
				if b.median < a.min || b.median > a.max {
					outside++
				}
				if a.max < b.min || b.max < a.min {
					apart++
				}
			}
			require.InDelta(t, float64(outside)/float64(orders), chanceOutside(n, m), 1e-12, "%d, %d", n, m)
			require.InDelta(t, float64(apart)/float64(orders), chanceApart(n, m), 1e-12, "%d, %d", n, m)
		}
	}
	require.InDelta(t, 1.0/6, chanceOutside(5, 5), 1e-12)
	require.InDelta(t, 1.0/126, chanceApart(5, 5), 1e-12)
}
