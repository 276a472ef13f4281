package pull

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/tools/bench/peers/openloop"
	"github.com/codingflow/rating/tools/bench/peers/report"
	"github.com/codingflow/rating/tools/bench/peers/servicetime"
)

// Of 100 calls 90 took 10 ms and 4 took 3 s; the callers of 4 gave up after 20 s, and 2 failed at once.
func TestPercentilesCountThoseWhoGaveUp(t *testing.T) {
	seen := openloop.Result{
		Latency: openloop.NewHistogram(), Lag: openloop.NewHistogram(), Due: 100, Succeeded: 94,
		Failed: map[string]int64{openloop.TimedOut: 4, "Unavailable": 2},
	}
	for range 90 {
		openloop.Record(seen.Latency, 10*time.Millisecond)
	}
	for range 4 {
		openloop.Record(seen.Latency, 3*time.Second)
	}
	openloop.Record(seen.Lag, time.Millisecond)
	o := Outcome{Cell: Cell{Duration: 10 * time.Second, Timeout: 20 * time.Second}}
	o.observe(seen)
	require.EqualValues(t, 6, o.Failures())
	require.Equal(t, "2 Unavailable, 4 timeout", o.Kinds())
	require.InDelta(t, 9, o.Goodput, 1e-9, "what is answered within two seconds")
	require.InEpsilon(t, 10*time.Millisecond, o.P50, 1e-3)
	require.InEpsilon(t, 20*time.Second, o.P99, 1e-3)
	require.InEpsilon(t, time.Millisecond, o.Lag, 1e-3)
	require.EqualValues(t, 94, seen.Latency.TotalCount(), "the histogram is openloop's")
}

func TestWhatWasDoneIsHeldAgainstWhatWasAnswered(t *testing.T) {
	js := newJobs(servicetime.Fixed.Times(0, 1), 10)
	for i := range 4 {
		j := js.next()
		require.EqualValues(t, 10+i, j.number)
		if i < 2 {
			js.answered(j, nil)
		} else {
			js.answered(j, errors.New("failed"))
		}
	}
	repeated, wasted, err := js.compare([]uint64{9, 10, 11, 11, 11, 12, 12, 14})
	require.NoError(t, err)
	require.Equal(t, 3, repeated)
	require.Equal(t, 1, wasted)
	_, _, err = js.compare([]uint64{10})
	require.EqualError(t, err, "job 11 was answered and not done")
}

// outcomesOf are those of cells that differ in their loads; a policy has a 99th percentile for each, in milliseconds.
func outcomesOf(c Cell, loads []float64, p99 map[Policy][]int) []Outcome {
	var all []Outcome
	for i, load := range loads {
		for _, policy := range Policies {
			if times, measured := p99[policy]; measured {
				at := c
				at.Load = load
				took := time.Duration(times[i]) * time.Millisecond
				all = append(all, Outcome{Cell: at, Policy: policy, Due: 9, Succeeded: 9, P50: took / 2, P99: took, P999: 2 * took})
			}
		}
	}
	return all
}

func TestPullingWinsFromTheLoadAboveWhichItIsAlwaysAhead(t *testing.T) {
	loads := []float64{0.5, 0.6, 0.7, 0.8, 0.9}
	tests := []struct {
		name           string
		pulled, pushed []int
		want           comparison
	}{
		{"from the beginning", []int{10, 10, 10, 10, 10}, []int{11, 20, 20, 20, 20}, comparison{wins: 0.5}},
		{"a tenth less is not enough", []int{20, 10, 10, 10, 10}, []int{20, 10, 10, 11, 20}, comparison{wins: 0.8}},
		{"not above a load at which it is not", []int{10, 10, 10, 10, 10}, []int{90, 90, 10, 90, 90}, comparison{wins: 0.8}},
		{"not at the highest", []int{10, 10, 10, 10, 10}, []int{90, 90, 90, 90, 10}, comparison{}},
		{"where it loses", []int{20, 20, 20, 20, 20}, []int{10, 18, 19, 20, 90}, comparison{wins: 0.9, loses: []float64{0.5, 0.6}, losesMedian: []float64{0.5, 0.6}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			groups := groupsOf(outcomesOf(Cell{Work: servicetime.Fixed, Mean: 1, Instances: 2, Slots: 1}, loads, map[Policy][]int{Pull: test.pulled, RoundRobin: test.pushed}))
			require.Len(t, groups, 1)
			require.Equal(t, test.want, groups[0].compare(RoundRobin))
			require.Equal(t, comparison{}, groups[0].compare(TwoChoices), "which was not measured")
		})
	}
}

func TestClaimsAreHeldAgainstWhatWasSeen(t *testing.T) {
	equal := Cell{Work: servicetime.HeavyTailed, Mean: time.Millisecond, Instances: 4, Slots: 4, Callers: 1}
	slow := equal
	slow.Slow = true
	killed := equal
	killed.Work, killed.Disturbance, killed.Duration = servicetime.Exponential, KilledEverySecond, time.Minute
	outcomes := outcomesOf(equal, []float64{0.5, 0.8}, map[Policy][]int{Pull: {10, 10}, RoundRobin: {10, 20}})
	outcomes = append(outcomes, outcomesOf(slow, []float64{0.8}, map[Policy][]int{Pull: {21}, RoundRobin: {100}})...)
	outcomes = append(outcomes, outcomesOf(killed, []float64{0.8}, map[Policy][]int{Pull: {1}, RoundRobin: {1}})...)
	last := &outcomes[len(outcomes)-2]
	last.Failed, last.Ended = map[string]int64{"Unavailable": 1}, 60
	require.Equal(t, []claim{
		{"heavy-tailed, 4 instances, 80 %: the 99th percentile is at most half of round-robin's", "0.50 of it", true},
		{"heavy-tailed, 4 instances, one slow, 80 %: the 99th percentile is at most a fifth of round-robin's", "0.21 of it", false},
		{"exponential, 4 instances, 80 %, one killed every second for 1m0s: no request through the queue fails", "1 of 9 failed, 60 instances were killed", false},
	}, claims(outcomes))
}

func TestWhatWasSeenIsWritten(t *testing.T) {
	c := Cell{Work: servicetime.Fixed, Mean: time.Millisecond, Instances: 2, Slots: 1, Callers: 1}
	outcomes := outcomesOf(c, []float64{0.5, 0.8}, map[Policy][]int{Pull: {10, 12}, RoundRobin: {10, 200}})
	killed := c
	killed.Disturbance = Killed
	outcomes = append(outcomes, outcomesOf(killed, []float64{0.8}, map[Policy][]int{RoundRobin: {7}})...)
	outcomes[0].Lag = 6 * time.Millisecond
	folder := filepath.Join(t.TempDir(), "out")
	require.NoError(t, Write(folder, outcomes, report.Provenance{Command: "this one"}))
	var names []string
	files, err := os.ReadDir(folder)
	require.NoError(t, err)
	for _, file := range files {
		names = append(names, file.Name())
	}
	require.Equal(t, []string{"pull-fixed-2.svg", "pull.csv", "pull.md"}, names)

	table, err := os.Open(filepath.Join(folder, "pull.csv"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, table.Close()) })
	read, err := report.ReadCSV(table)
	require.NoError(t, err)
	require.Len(t, read.Rows, len(outcomes))
	require.Equal(t, "fixed,1.00,2,1,false,0.80,1600.0,1,,0,0,round-robin,9,9,0,,100,200,400,0.0,0.00,0.00,0.00,0.00,0,0,0", strings.Join(read.Rows[3], ","))

	text, err := os.ReadFile(filepath.Join(folder, "pull.md"))
	require.NoError(t, err)
	for _, line := range []string{
		"- command: `this one`",
		"- the generator was late by: 6.00 ms at most (99th percentile of a run), more than 5.00 ms in 1 of 5 runs",
		"**The machine was busy with something else.** The queue suffers from that more than the peers, and what is below says little.",
		"| fixed work, 2 instances | round-robin | 80 % | none | none |",
		"## Fixed work, 2 instances",
		"![99th percentile over load](pull-fixed-2.svg)",
		"| 80 | pull | 9 | 0 |  | 6.00 | 12.0 | 24.0 | 0 | 0.00 | 0.00 | 0.00 | 0.00 |",
		"| fixed, 2 instances, 80 %, one killed | round-robin | 9 | 0 |  | 3.50 | 7.00 | 14.0 | 0 | 0 | 0 | 0 |",
	} {
		require.Contains(t, string(text), line+"\n")
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestWritingStopsAtTheFirstError(t *testing.T) {
	c := Cell{Work: servicetime.Fixed, Mean: time.Millisecond, Instances: 2, Slots: 1, Callers: 1}
	outcomes := outcomesOf(c, []float64{0.5}, map[Policy][]int{Pull: {10}})
	require.ErrorIs(t, writeMarkdown(broken{}, outcomes, groupsOf(outcomes), report.Provenance{}), io.ErrClosedPipe)
}
