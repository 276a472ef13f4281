package pull

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/codingflow/rating/tools/bench/peers/openloop"
)

// maxInFlight is more than what can be in flight: the timeout bounds it.
const maxInFlight = 100_000

// Experiment measures cells.
type Experiment struct {
	// Start starts processes.
	Start Start
	// OwnCPU is the CPU time that this process has taken, in which the callers are.
	OwnCPU func() (time.Duration, error)
	// Seed is that of all chance. Each policy gets the same work at the same times.
	Seed uint64
	// Seen is told of each outcome when there is one.
	Seen func(Outcome)
}

// Run measures all cells, one after the other, and in each its policies.
func (e Experiment) Run(ctx context.Context, cells []Cell) (outcomes []Outcome, err error) {
	for _, c := range cells {
		if err := c.Validate(); err != nil {
			return nil, fmt.Errorf("%v: %w", c, err)
		}
	}
	dir, err := os.MkdirTemp("", "pull")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	nats, err := e.Start(ctx, NATSRole, "--store="+filepath.Join(dir, "nats"))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, nats.Stop()) }()
	r := &runner{Experiment: e, nats: nats, done: filepath.Join(dir, "done")}
	defer func() { err = errors.Join(err, r.close()) }()
	for _, c := range cells {
		for _, policy := range c.Policies {
			o, err := r.measure(ctx, c, policy)
			if err != nil {
				return outcomes, fmt.Errorf("%v: %s: %w", c, policy, err)
			}
			e.Seen(o)
			outcomes = append(outcomes, o)
		}
	}
	return outcomes, nil
}

// runner is an experiment under way.
type runner struct {
	Experiment
	nats  Process
	done  string // the file of what the instances have done
	read  int64  // how much of it was read
	first uint64 // the number of the next job

	instances *pool
	like      Cell // what the instances were started for
}

func (r *runner) close() error {
	if r.instances == nil {
		return nil
	}
	return r.instances.close()
}

// prepare makes sure that the instances of a cell run, as the policies before left them or new ones.
func (r *runner) prepare(ctx context.Context, c Cell) error {
	if r.instances != nil && c.Instances == r.like.Instances && c.Slots == r.like.Slots && c.Slow == r.like.Slow {
		return r.instances.heal(ctx)
	}
	if err := r.close(); err != nil {
		return err
	}
	r.instances = nil
	started, err := startPool(ctx, c.slowdowns(), func(ctx context.Context, slowdown int) (Process, error) {
		i := Instance{NATS: r.nats.Address(), Slots: c.Slots, Slowdown: slowdown, Done: r.done}
		return r.Start(ctx, InstanceRole, i.Args()...)
	})
	r.instances, r.like = started, c
	return err
}

// measure measures one policy.
func (r *runner) measure(ctx context.Context, c Cell, policy Policy) (Outcome, error) {
	if err := r.prepare(ctx, c); err != nil {
		return Outcome{}, err
	}
	from, err := dial(policy, c.Callers, r.nats.Address(), r.instances.addresses())
	if err != nil {
		return Outcome{}, err
	}
	r.instances.watch(from.moved)
	defer r.instances.watch(func([]string) {})
	o, err := r.load(ctx, c, policy, from)
	return o, errors.Join(err, from.close())
}

// load makes the calls of a cell.
func (r *runner) load(ctx context.Context, c Cell, policy Policy, from *callers) (Outcome, error) {
	o := Outcome{Cell: c, Policy: policy}
	before, err := r.usage()
	if err != nil {
		return o, err
	}
	jobs := newJobs(c.Work.Times(c.Mean, r.Seed), r.first)
	start := time.Now()
	disturbing, stop := context.WithCancel(ctx)
	defer stop()
	disturbed := make(chan error, 1)
	go func() {
		var err error
		o.Ended, err = c.Disturbance.happen(disturbing, r.instances, c.Warmup, c.Duration, r.Seed)
		disturbed <- err
	}()
	seen, err := openloop.Run(ctx, openloop.Load{
		Rate: c.PerSecond(), Poisson: true, Warmup: c.Warmup, Duration: c.Duration, MaxInFlight: maxInFlight, Timeout: c.Timeout, Seed: r.Seed,
	}, func(ctx context.Context) error {
		j := jobs.next()
		err := from.call(ctx, j)
		jobs.answered(j, err)
		return err
	})
	if err != nil {
		stop() // a disturbance that goes wrong is told of below
	}
	if err := errors.Join(err, <-disturbed); err != nil {
		return o, err
	}
	elapsed := time.Since(start)
	after, err := r.usage()
	if err != nil {
		return o, err
	}
	share := func(i int) float64 { return (after[i] - before[i]).Seconds() / elapsed.Seconds() }
	o.Callers, o.NATS, o.Instances = share(0), share(1), share(2)
	o.observe(seen)
	if o.Due != o.Succeeded+o.Failures() {
		return o, fmt.Errorf("%d calls were due, %d succeeded and %d failed", o.Due, o.Succeeded, o.Failures())
	}
	r.first = jobs.number
	numbers, err := r.newlyDone()
	if err != nil {
		return o, err
	}
	o.Repeated, o.Wasted, err = jobs.compare(numbers)
	o.Said = jobs.said
	return o, err
}

// usage is the CPU time that the callers, the NATS server and the instances have taken.
func (r *runner) usage() ([3]time.Duration, error) {
	own, err := r.OwnCPU()
	if err != nil {
		return [3]time.Duration{}, err
	}
	nats, err := r.nats.CPU()
	if err != nil {
		return [3]time.Duration{}, err
	}
	instances, err := r.instances.cpu()
	return [3]time.Duration{own, nats, instances}, err
}

// newlyDone returns the numbers of the jobs that were done since it was called last.
func (r *runner) newlyDone() ([]uint64, error) {
	f, err := os.Open(r.done)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.NewSectionReader(f, r.read, 1<<40))
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	var numbers []uint64
	for ; len(data) >= 8; data = data[8:] {
		numbers = append(numbers, binary.BigEndian.Uint64(data))
		r.read += 8
	}
	return numbers, nil
}

// jobs hands out the jobs of a run and notes which of them were answered. It is safe for concurrent use.
type jobs struct {
	first uint64

	mu     sync.Mutex
	times  func() time.Duration
	number uint64 // of the next
	ok     []bool // by number, from the first
	said   string // by the first error that is no timeout
}

func newJobs(times func() time.Duration, first uint64) *jobs {
	return &jobs{first: first, number: first, times: times}
}

func (js *jobs) next() job {
	js.mu.Lock()
	defer js.mu.Unlock()
	j := job{number: js.number, work: js.times()}
	js.number++
	js.ok = append(js.ok, false)
	return j
}

func (js *jobs) answered(j job, err error) {
	js.mu.Lock()
	defer js.mu.Unlock()
	js.ok[j.number-js.first] = err == nil
	if err != nil && js.said == "" && !errors.Is(err, context.DeadlineExceeded) {
		js.said = err.Error()
	}
}

// compare holds what callers got against what instances did: how often a job was done again, and how many were done that no
// caller got an answer for. It is an error if an answered one was not done.
func (js *jobs) compare(done []uint64) (repeated, wasted int, err error) {
	js.mu.Lock()
	defer js.mu.Unlock()
	times := make([]int, len(js.ok))
	for _, number := range done {
		if number >= js.first && number < js.number { // not of a run before, whose caller gave up
			times[number-js.first]++
		}
	}
	for i, n := range times {
		repeated += max(0, n-1)
		switch {
		case js.ok[i] && n == 0:
			err = fmt.Errorf("job %d was answered and not done", js.first+uint64(i))
		case !js.ok[i] && n > 0:
			wasted++
		}
	}
	return repeated, wasted, err
}
