package report

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var provenance = Provenance{
	Command: "go run -C tools/bench/peers . lab", Revision: "0123456789ab", Time: time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC),
	CPU: "Some CPU", Cores: 2, Memory: "24 GiB", Kernel: "6.1", Go: "go1.26.8 linux/amd64", Modules: "grpc v1.85.0",
}

func TestTableAsCSV(t *testing.T) {
	table := Table{Columns: []string{"target", "rate"}}
	table.Add("a, b", "1.5")
	table.Add(`"q"`, "2")
	var text strings.Builder
	require.NoError(t, table.WriteCSV(&text, provenance))
	require.Equal(t, `# command: go run -C tools/bench/peers . lab
# machine: Some CPU, 2 cores, 24 GiB of memory, kernel 6.1
# versions: revision 0123456789ab, go1.26.8 linux/amd64, grpc v1.85.0
# begun: 2026-11-30T12:00:00Z
target,rate
"a, b",1.5
"""q""",2
`, text.String())
	back, err := ReadCSV(strings.NewReader(text.String()))
	require.NoError(t, err)
	require.Equal(t, table, back)
	require.Equal(t, provenance.Lines(), Comments([]byte(text.String())))
	require.Empty(t, Comments([]byte("target,rate\n# no comment\n")))
}

func TestTableAsMarkdown(t *testing.T) {
	table := Table{Columns: []string{"target", "rate", "ratio", "empty"}}
	table.Add("a|b", "1.5", "1.00 (0.90–1.10)", "")
	table.Add("c", "-2e3", "2.00 (1.00–3.00)", "")
	var text strings.Builder
	require.NoError(t, table.WriteMarkdown(&text))
	require.Equal(t, `| target | rate | ratio | empty |
| --- | ---: | ---: | ---: |
| a\|b | 1.5 | 1.00 (0.90–1.10) |  |
| c | -2e3 | 2.00 (1.00–3.00) |  |
`, text.String())
	text.Reset()
	require.NoError(t, provenance.WriteMarkdown(&text))
	require.Equal(t, "- command: `go run -C tools/bench/peers . lab`\n- machine: Some CPU, 2 cores, 24 GiB of memory, kernel 6.1\n"+
		"- versions: revision 0123456789ab, go1.26.8 linux/amd64, grpc v1.85.0\n- begun: 2026-11-30T12:00:00Z\n", text.String())
}

func TestTablesAreChecked(t *testing.T) {
	table := Table{Columns: []string{"a", "b"}, Rows: [][]string{{"1", "2"}, {"1"}}}
	require.EqualError(t, table.WriteCSV(io.Discard, provenance), "row 2 has 1 cells for 2 columns")
	require.EqualError(t, table.WriteMarkdown(io.Discard), "row 2 has 1 cells for 2 columns")
	_, err := ReadCSV(strings.NewReader("# nothing\n"))
	require.EqualError(t, err, "read table: there is none")
	_, err = ReadCSV(strings.NewReader("a,b\n1\n"))
	require.EqualError(t, err, "read table: record on line 2: wrong number of fields")
}

func TestWhatThisRunsOnIsKnown(t *testing.T) {
	p := Gather(t.Context(), "test", "gonum.org/v1/plot")
	require.Equal(t, "test", p.Command)
	require.Regexp(t, `^([0-9a-f]{12}( and changes)?|unknown)$`, p.Revision)
	require.Regexp(t, `^go[0-9.]+ .+/.+$`, p.Go)
	require.WithinDuration(t, time.Now(), p.Time, time.Minute)
	require.Positive(t, p.Cores)
	for _, each := range []string{p.CPU, p.Memory, p.Kernel, p.Modules} {
		require.NotEmpty(t, each)
	}
}

func TestVersionsAreThoseOfModulesThatAreLinkedIn(t *testing.T) {
	linked := []*debug.Module{{Path: "example.com/b/v2", Version: "v2.1.0"}, {Path: "example.com/a", Version: "v1.0.0"}, {Path: "example.com/c", Version: "v1.2.0"}}
	require.Equal(t, "a v1.0.0, b v2.1.0", versions(linked, []string{"example.com/a", "example.com/b/v2", "example.com/d"}))
}

func TestMemoryIsInGiB(t *testing.T) {
	require.Equal(t, "23.5 GiB", memory("24689832 kB"))
	require.Equal(t, "unknown", memory(""))
}

// texts returns what an SVG says, and fails if it is no XML.
func texts(t *testing.T, svg string) []string {
	t.Helper()
	var all []string
	decoder := xml.NewDecoder(strings.NewReader(svg))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err)
		if data, ok := token.(xml.CharData); ok && strings.TrimSpace(string(data)) != "" {
			all = append(all, string(data))
		}
	}
}

func TestPlotSaysWhatItShowsAndOnWhat(t *testing.T) {
	plot := Plot{
		Title: "Latency & load", X: "load (%)", Y: "p99 (ms)", LogY: true, XTicks: []float64{25, 45},
		Series: []Series{
			{Name: "one", Points: []Point{{X: 25, Y: 1.5, Low: 1, High: 2}, {X: 50, Y: 30}}},
			{Name: "other", Color: 4, Points: []Point{{X: 25, Y: 3}, {X: 50, Y: 90, Low: 80, High: 110}}},
			{Name: "without points"},
		},
	}
	var svg strings.Builder
	require.NoError(t, plot.WriteSVG(&svg, provenance))
	said := texts(t, svg.String())
	for _, want := range append(provenance.Lines(), "Latency & load", "load (%)", "p99 (ms)", "one", "other", "25", "45", "1", "2", "5", "10", "100") {
		require.Contains(t, said, want)
	}
	require.NotContains(t, said, "without points")
	require.Contains(t, svg.String(), "stroke:#0072B2")
	require.Contains(t, svg.String(), "stroke:#CC79A7")
	require.NotContains(t, svg.String(), "stroke:#D55E00", "the colour of the second place")
}

func TestTicksOfALogarithmicAxis(t *testing.T) {
	var labels []string
	for _, tick := range logTicks(0.03, 2) {
		if tick.Label != "" {
			labels = append(labels, tick.Label)
		}
	}
	require.Equal(t, []string{"0.05", "0.1", "0.2", "0.5", "1", "2"}, labels)
}

func TestLongLinesOfACaptionAreWrapped(t *testing.T) {
	long := provenance
	long.Modules = strings.TrimSuffix(strings.Repeat("module v1.2.3, ", 20), ", ")
	var svg strings.Builder
	require.NoError(t, Bars{Title: "b", Groups: []string{"g"}, Series: []Series{{Name: "s", Points: []Point{{Y: 1}}}}}.WriteSVG(&svg, long))
	said := strings.Join(texts(t, svg.String()), "\n")
	require.NotContains(t, said, long.Modules)
	require.Contains(t, strings.Join(strings.Fields(said), " "), long.Modules)
}

func TestBarsSayWhatTheyShowAndOnWhat(t *testing.T) {
	bars := Bars{
		Title: "Rates", Y: "requests/s", Groups: []string{"queries", "commands"},
		Series: []Series{{Name: "one", Points: []Point{{Y: 1, Low: 0.5, High: 2}, {Y: 2}}}, {Name: "other", Points: []Point{{Y: 3}, {Y: 4}}}},
	}
	var svg strings.Builder
	require.NoError(t, bars.WriteSVG(&svg, provenance))
	for _, want := range append(provenance.Lines(), "Rates", "requests/s", "queries", "commands", "one", "other", "0") {
		require.Contains(t, texts(t, svg.String()), want)
	}
}

func TestPlotsAreChecked(t *testing.T) {
	require.EqualError(t, Plot{Title: "p"}.WriteSVG(io.Discard, provenance), `plot "p": there are no points`)
	require.EqualError(t, Plot{Title: "p", LogY: true, Series: []Series{{Name: "s", Points: []Point{{X: 1}}}}}.WriteSVG(io.Discard, provenance),
		`plot "p": s: {1 0 0 0}: a logarithmic axis shows what is positive`)
	require.EqualError(t, Bars{Title: "b"}.WriteSVG(io.Discard, provenance), `plot "b": there are no bars`)
	require.EqualError(t, Bars{Title: "b", Groups: []string{"g"}, Series: []Series{{Name: "s"}}}.WriteSVG(io.Discard, provenance),
		`plot "b": s: 0 bars for 1 groups`)
}

func TestFilesAreReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	for _, text := range []string{"longer than", "what follows"} {
		require.NoError(t, WriteFile(path, func(to io.Writer) error {
			_, err := io.WriteString(to, text)
			return err
		}))
		got, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, text, string(got))
	}
	require.EqualError(t, WriteFile(path, func(io.Writer) error { return errors.New("no") }), "write "+path+": no")
}
