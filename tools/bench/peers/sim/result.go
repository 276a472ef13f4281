package sim

import (
	"fmt"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Result is what came of a run. Every call is one of OK, Failed, Expired and Refused.
type Result struct {
	OK      int // answered in time
	Failed  int // lost with its instance, or there was none
	Expired int // not answered by its deadline
	Refused int // by a full stream

	// The figures from here to Wait are of the calls after the warm-up.

	// Latency is from arrival to answer, in nanoseconds, with three significant digits. A call that expired has taken its
	// deadline, which is less than it would have.
	Latency *hdrhistogram.Histogram
	Begun   int           // calls that got a slot, each time that they did
	Waited  int           // those that had to wait for one, in the stream or at their instance
	Wait    time.Duration // all of this waiting together

	Redelivered  int           // calls that a stream gave to another worker
	MostPending  int           // calls that waited at one stream or instance
	MostPulls    int           // pulls that waited at one stream
	RefusedPulls int           // for which there was no room
	End          time.Duration // of the last call, since the first could come
	Busy         []float64     // share of End for which the slots of each instance ran calls that they ended
	Events       uint64        // that were simulated
}

// Quantile is the latency that a share of the calls did not exceed, such as 0.99.
func (r *Result) Quantile(share float64) time.Duration {
	return time.Duration(r.Latency.ValueAtQuantile(100 * share))
}

// highest is the longest latency that is told from longer ones.
const highest = time.Hour

func newResult() *Result {
	return &Result{Latency: hdrhistogram.New(1, int64(highest), 3)}
}

func (r *Result) String() string {
	return fmt.Sprintf("ok %d, failed %d, expired %d, refused %d; p50 %v, p99 %v, p99.9 %v",
		r.OK, r.Failed, r.Expired, r.Refused, r.Quantile(0.5), r.Quantile(0.99), r.Quantile(0.999))
}
