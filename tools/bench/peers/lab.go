package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/codingflow/rating/tools/bench/peers/openloop"
	"github.com/codingflow/rating/tools/bench/peers/report"
)

// labCommand measures whole systems.
type labCommand struct {
	Full     bool          `help:"Measure for about an hour: 15 rounds of 3s. Without, it takes some 7 minutes: 5 rounds of 1s."`
	Out      string        `help:"Folder to write lab.md, lab.csv and plots to, from the top of the checkout." default:"docs/benchmarks"`
	Rounds   int           `help:"Rounds that count, instead of those."`
	Duration time.Duration `help:"How long each round of each target lasts, instead of that."`
	Payload  int           `help:"Bytes of the comment in each rating." default:"100"`
	Against  string        `help:"A lab.csv of another run, from the top of the checkout: compare this run with it when it is written, as lab-compare does."`
	tolerance
}

// What is measured.
const (
	// few and many are the clients of the closed loops; the rate of many is a target's capacity.
	few, many = 1, 64
	// maxInFlight bounds the calls of an open loop, below the connections and calls that the proxy takes of one address.
	maxInFlight = 500
	// callTimeout bounds each call.
	callTimeout = 10 * time.Second
)

// percents are the shares of a target's capacity that open loops offer it.
var percents = []int{25, 50, 75, 90}

// Validate is called by kong.
func (c *labCommand) Validate() error {
	switch {
	case c.Rounds < 0:
		return fmt.Errorf("--rounds %d: want at least 1", c.Rounds)
	case c.Duration < 0:
		return fmt.Errorf("--duration %v: want more than 0", c.Duration)
	}
	return errors.Join(checkPayload(c.Payload), c.tolerance.Validate())
}

// complete sets what was not said.
func (c *labCommand) complete() {
	rounds, duration := 5, time.Second
	if c.Full {
		rounds, duration = 15, 3*time.Second
	}
	c.Rounds, c.Duration = cmp.Or(c.Rounds, rounds), cmp.Or(c.Duration, duration)
}

// Run measures and writes.
func (c *labCommand) Run(ctx context.Context) error {
	out, err := fromTop(c.Out)
	if err != nil {
		return err
	}
	return c.run(ctx, out, "go run -C tools/bench/peers . "+strings.Join(os.Args[1:], " "), os.Stdout)
}

// run writes to a folder, and says to progress how far it is.
func (c *labCommand) run(ctx context.Context, out, command string, progress io.Writer) (err error) {
	c.complete()
	var against labRun
	if c.Against != "" { // first: it may be the file that is written
		if against, err = readLab(c.Against); err != nil {
			return err
		}
	}
	with := report.Gather(ctx, command, append(peerModules, "github.com/nats-io/nats-server/v2", "github.com/nats-io/nats.go")...)
	dir, err := os.MkdirTemp("", "lab")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	b, err := newBench(ctx, dir, c.Payload)
	if err != nil {
		return err
	}
	l := &lab{command: c, bench: b, progress: progress}
	err = l.measure(ctx)
	if err = errors.Join(err, b.close()); err != nil {
		return err
	}
	if err := (page{command: c, with: with, all: l.all}).write(out, progress); err != nil || c.Against == "" {
		return err
	}
	return c.compare(progress, against, labRun{"this run", with.Lines(), l.all})
}

// lab is a run.
type lab struct {
	command  *labCommand
	bench    *bench
	progress io.Writer
	all      []measurement
}

// measure measures all targets in turns: closed loops, then open ones at shares of the capacity that those showed.
func (l *lab) measure(ctx context.Context) error {
	for _, kind := range kinds {
		for round := range l.command.Rounds + 1 { // the first is to warm up
			l.say("%s, closed loops, round %d of %d", kind.name, round, l.command.Rounds)
			for _, clients := range []int{few, many} {
				if err := l.round(round, func(t *target) (measurement, error) { return l.closed(ctx, t, kind.name, clients) }); err != nil {
					return err
				}
			}
		}
		capacity := map[string]float64{}
		for _, name := range targetNames {
			rounds := pickRounds(l.all, cell{loop: closedName, kind: kind.name, clients: many}, name)
			capacity[name] = spreadOf(values(rounds, func(m measurement) float64 { return m.perSecond })).median
		}
		for round := range l.command.Rounds {
			l.say("%s, open loops, round %d of %d", kind.name, round+1, l.command.Rounds)
			for _, percent := range percents {
				if err := l.round(round+1, func(t *target) (measurement, error) {
					return l.open(ctx, t, kind.name, percent, capacity[t.name]*float64(percent)/100, uint64(round))
				}); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (l *lab) say(format string, arguments ...any) {
	_, _ = fmt.Fprintf(l.progress, format+"\n", arguments...)
}

// round measures each target once, and keeps it unless it is the round number 0. Each round begins with another target, so
// that none always comes after the same.
func (l *lab) round(number int, measure func(*target) (measurement, error)) error {
	for i := range l.bench.targets {
		t := l.bench.targets[(i+number)%len(l.bench.targets)]
		m, err := measure(t)
		if err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
		if m.target, m.round = t.name, number; number > 0 {
			l.all = append(l.all, m)
		}
	}
	return nil
}

// closed measures a closed loop.
func (l *lab) closed(ctx context.Context, t *target, kind string, clients int) (measurement, error) {
	m := measurement{cell: cell{loop: closedName, kind: kind, clients: clients}, failures: map[string]int64{}}
	var mu sync.Mutex
	loop := closedLoop{clients: clients, duration: l.command.Duration, failed: func(err error) error {
		mu.Lock()
		defer mu.Unlock()
		m.failures[openloop.Kind(err)]++
		return context.Cause(ctx)
	}}
	err := m.account(t, func() (int64, error) {
		seen, err := load(ctx, loop, func(ctx context.Context) error {
			ctx, cancel := context.WithTimeout(ctx, callTimeout)
			defer cancel()
			_, err := t.call[kind](ctx)
			return err
		})
		m.perSecond, m.succeeded = round1(seen.perSecond), int64(seen.calls)
		m.latency = latency{micros(seen.p50), micros(seen.p90), micros(seen.p99), micros(seen.p999), micros(seen.most)}
		return m.succeeded + m.failed(), err
	})
	return m, err
}

// open measures an open loop with calls that come by chance, the same for all targets.
func (l *lab) open(ctx context.Context, t *target, kind string, percent int, rate float64, seed uint64) (measurement, error) {
	m := measurement{cell: cell{loop: openName, kind: kind, percent: percent}, offered: round1(rate)}
	load := openloop.Load{
		Rate: rate, Poisson: true, Warmup: l.command.Duration / 2, Duration: l.command.Duration,
		MaxInFlight: maxInFlight, Timeout: callTimeout, Seed: seed,
	}
	err := m.account(t, func() (int64, error) {
		var calls atomic.Int64 // those of the warm-up too
		seen, err := openloop.Run(ctx, load, func(ctx context.Context) error {
			calls.Add(1)
			_, err := t.call[kind](ctx)
			return err
		})
		if err != nil {
			return 0, err
		}
		m.perSecond, m.succeeded, m.failures = round1(seen.Goodput()), seen.Succeeded, seen.Failed
		at := func(quantile float64) float64 { return float64(seen.Latency.ValueAtQuantile(quantile)) }
		m.latency = latency{at(50), at(90), at(99), at(99.9), at(100)}
		m.lag50, m.lag99 = float64(seen.Lag.ValueAtQuantile(50)), float64(seen.Lag.ValueAtQuantile(99))
		return calls.Load(), nil
	})
	return m, err
}

// account notes what each process took of CPU time for each of the calls that are made, and its memory after them.
func (m *measurement) account(t *target, calls func() (int64, error)) error {
	before, err := t.usages()
	if err != nil {
		return err
	}
	made, err := calls()
	if err != nil {
		return err
	}
	after, err := t.usages()
	if err != nil {
		return err
	}
	m.parts = map[string]part{}
	for name, u := range after {
		m.parts[name] = part{
			cpu:      round1(micros(u.since(before[name]).total()) / float64(max(made, 1))),
			resident: round1(float64(u.resident) / (1 << 20)),
		}
	}
	return nil
}

// usages asks all processes of a target, and this one, what they have taken.
func (t *target) usages() (map[string]usage, error) {
	own, err := ownUsage()
	if err != nil {
		return nil, err
	}
	all := map[string]usage{generatorPart: own}
	for _, name := range parts {
		if p := t.processes[name]; p != nil {
			if all[name], err = p.usage(); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}
