// Command bench measures what a request costs on its way HTTP → proxy → JetStream → service and back, beside the bare
// JetStream work queue with the same payload, in one process and in one run:
//
//	go run ./tools/bench --duration 5s --rounds 3
//
// The handlers answer at once, so that what is measured is the way. The targets take turns, round by round; a row shows
// the round with the median rate and its ratio to the bare queue's. The HTTP clients run in the same process and cost
// what they cost.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"
)

type cli struct {
	Duration time.Duration `help:"How long each round of each target lasts." default:"3s"`
	Rounds   int           `help:"Rounds; the median one counts." default:"3"`
	Clients  []int         `help:"Clients, each with one call at a time." default:"1,64"`
	Payload  int           `help:"Bytes of text in the request and in its answer." default:"512"`
	Only     string        `help:"Measure only the targets whose name has this in it; the first of them is what the ratios refer to."`
	Costs    bool          `help:"Show what else a call costs the process: allocations, context switches, waits for locks."`
	Profile  string        `help:"Write a CPU profile of it all to this file."`
}

// Validate is called by kong.
func (c *cli) Validate() error {
	switch {
	case c.Duration <= 0:
		return fmt.Errorf("--duration %v: want more than 0", c.Duration)
	case c.Rounds < 1:
		return fmt.Errorf("--rounds %d: want at least 1", c.Rounds)
	case c.Payload < 1 || c.Payload > 2000:
		return fmt.Errorf("--payload %d: want 1 to 2000", c.Payload)
	}
	for _, n := range c.Clients {
		if n < 1 {
			return fmt.Errorf("--clients %d: want at least 1", n)
		}
	}
	return nil
}

func main() {
	var c cli
	parser := kong.Parse(&c, kong.Description("Measures the way of a request beside the bare JetStream work queue."))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	parser.FatalIfErrorf(run(ctx, c))
}

func run(ctx context.Context, c cli) error {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	lab, err := newLab(ctx, dir, c.Payload)
	if err != nil {
		return err
	}
	defer lab.close()
	stop, err := profile(c.Profile)
	if err != nil {
		return err
	}
	defer stop()
	fmt.Printf("%s %s/%s, %d CPUs; payload %d bytes, %d rounds of %v\n\n", runtime.Version(), runtime.GOOS, runtime.GOARCH,
		runtime.NumCPU(), c.Payload, c.Rounds, c.Duration)
	if c.Costs {
		fmt.Printf(costHeader, "target", "clients", "cpu/call", "objects", "bytes", "waits", "preempted", "lock wait")
	} else {
		fmt.Printf(header, "target", "clients", "requests/s", "p50", "p99", "cpu/call", "rate/bare", "p50/bare")
	}
	for _, kind := range []string{"query", "command"} {
		for _, clients := range c.Clients {
			targets := slices.DeleteFunc(lab.targets(kind), func(t target) bool { return !strings.Contains(t.name, c.Only) })
			if len(targets) == 0 {
				continue
			}
			if err := compare(ctx, c, targets, clients); err != nil {
				return err
			}
		}
	}
	return nil
}

// profile begins a CPU profile, if there is to be one. The returned function ends it.
func profile(file string) (stop func(), err error) {
	if file == "" {
		return func() {}, nil
	}
	f, err := os.Create(file)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() {
		pprof.StopCPUProfile()
		report(f.Close())
	}, nil
}

// The rows of the table.
const (
	header = "%-17s %8s %11s %10s %10s %10s %10s %9s\n"
	row    = "%-17s %8d %11.0f %10v %10v %10v %10.2f %9.2f\n"

	costHeader = "%-17s %8s %10s %8s %8s %7s %10s %10s\n"
	costRow    = "%-17s %8d %10v %8.0f %8.0f %7.2f %10.2f %10v\n"
)

// compare measures targets in turns and writes a row for each; the first one is what the ratios refer to.
func compare(ctx context.Context, c cli, targets []target, clients int) error {
	rounds := make([][]result, len(targets))
	for round := range c.Rounds + 1 {
		for i, t := range targets {
			duration := c.Duration
			if round == 0 { // warm-up
				duration = min(duration, 500*time.Millisecond)
			}
			r, err := load(ctx, clients, duration, t.call)
			if err != nil {
				return fmt.Errorf("%s: %w", t.name, err)
			}
			if round > 0 {
				rounds[i] = append(rounds[i], r)
			}
		}
	}
	base := median(rounds[0])
	for i, t := range targets {
		r := median(rounds[i])
		if of := r.cost; c.Costs {
			fmt.Printf(costRow, t.name, clients, of.cpu.Round(100*time.Nanosecond), of.objects, of.bytes,
				of.voluntary, of.forced, of.lockWait.Round(100*time.Nanosecond))
			continue
		}
		fmt.Printf(row, t.name, clients, r.perSecond, r.p50.Round(time.Microsecond),
			r.p99.Round(time.Microsecond), r.cost.cpu.Round(100*time.Nanosecond), r.perSecond/base.perSecond, float64(r.p50)/float64(base.p50))
	}
	return nil
}
