package main

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// latencies is what one round of one front showed to its clients. The times are a histogram's: see recorder.
type latencies struct {
	perSecond                 float64
	p50, p90, p99, p999, most time.Duration
	calls                     int // that succeeded
}

// closedLoop is a number of clients, each of which makes one call after the other.
type closedLoop struct {
	clients int
	// calls is how many they make together; without it they make calls for the duration, one each at least.
	calls    int
	duration time.Duration
	// failed is told of each call's error, by any client. What it returns ends the loop; nil leaves the call out. Without it
	// the first error ends the loop.
	failed func(error) error
}

// load makes the calls of a closed loop.
func load(ctx context.Context, loop closedLoop, call func(context.Context) error) (latencies, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	took := newRecorder()
	var begun atomic.Int64
	var group sync.WaitGroup
	start := time.Now()
	more := func(made int) bool { return made == 0 || time.Since(start) < loop.duration }
	if loop.calls > 0 {
		more = func(int) bool { return begun.Add(1) <= int64(loop.calls) }
	}
	for range loop.clients {
		group.Go(func() {
			for made := 0; ctx.Err() == nil && more(made); made++ {
				before := time.Now()
				err := call(ctx)
				if err == nil {
					took.record(time.Since(before))
					continue
				}
				if loop.failed != nil {
					err = loop.failed(err)
				}
				if err != nil {
					cancel(err)
					return
				}
			}
		})
	}
	group.Wait()
	elapsed := time.Since(start)
	if err := context.Cause(ctx); err != nil {
		return latencies{}, err
	}
	calls := took.histogram.TotalCount()
	return latencies{
		perSecond: float64(calls) / elapsed.Seconds(),
		p50:       took.percentile(50),
		p90:       took.percentile(90),
		p99:       took.percentile(99),
		p999:      took.percentile(99.9),
		most:      took.percentile(100),
		calls:     int(calls),
	}, nil
}

// recorder keeps times in an HDR histogram, whose memory is the same however many there are: some 200 KB. It is safe for
// concurrent use.
//
// Times have the unit of a tenth of a microsecond and three significant digits: below 0.2 ms a percentile is exact to that
// unit, and above at most 0.1 % too long. An open loop's histogram counts whole microseconds, which is a lot of the median of
// a client alone, and little of the waits that an open loop is for.
type recorder struct {
	mu        sync.Mutex
	histogram *hdrhistogram.Histogram
}

const (
	recorderUnit = 100 * time.Nanosecond
	// longestRecorded is what there is room for. What takes longer counts as that.
	longestRecorded = time.Hour
	recorderDigits  = 3
)

func newRecorder() *recorder {
	return &recorder{histogram: hdrhistogram.New(1, int64(longestRecorded/recorderUnit), recorderDigits)}
}

func (r *recorder) record(took time.Duration) {
	units := int64(min(max(took, 0), longestRecorded).Round(recorderUnit) / recorderUnit)
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = r.histogram.RecordValue(units) // in these bounds it has no error
}

// percentile returns the smallest time that p percent of all, to the nearest number of them, do not exceed; 0 of none.
func (r *recorder) percentile(p float64) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return time.Duration(r.histogram.ValueAtQuantile(p)) * recorderUnit
}
