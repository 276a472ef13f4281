package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"github.com/codingflow/rating/tools/bench/peers/pull"
	"github.com/codingflow/rating/tools/bench/peers/report"
)

// pullCommand compares pulling with pushing.
type pullCommand struct {
	Full bool   `help:"Measure everything, which takes some four hours; some ten minutes without."`
	Only string `help:"Measure only what has this in its name, such as 'heavy-tailed' or '80 %: pull'."`
	Out  string `help:"Folder to write pull.csv, pull.md and the plots to, from the top of the checkout: docs/benchmarks if it is not said, or none with --only."`
	Seed uint64 `help:"Seed of all chance." default:"1"`
}

// Run measures and writes.
func (c *pullCommand) Run(ctx context.Context) error {
	cells := pull.Quick()
	if c.Full {
		cells = pull.Full()
	}
	if cells = pull.Named(cells, c.Only); len(cells) == 0 {
		return fmt.Errorf("--only %q: nothing has this in its name", c.Only)
	}
	folder := c.Out
	if folder == "" && c.Only == "" {
		folder = "docs/benchmarks"
	}
	if folder != "" {
		var err error
		if folder, err = fromTop(folder); err != nil {
			return err
		}
	}
	return c.run(ctx, cells, folder, os.Stdout)
}

// run writes to a folder, if there is one, and says to progress what it sees.
func (c *pullCommand) run(ctx context.Context, cells []pull.Cell, folder string, progress io.Writer) error {
	with := report.Gather(ctx, c.commandLine(), pull.Modules...)
	e := pull.Experiment{Start: startPulled, OwnCPU: ownCPU, Seed: c.Seed, Seen: func(o pull.Outcome) { _, _ = fmt.Fprintln(progress, o) }}
	_, _ = fmt.Fprintf(progress, "%d settings, %v and what is under way at the ends of runs\n", len(cells), pull.About(cells))
	outcomes, err := e.Run(ctx, cells)
	if err != nil || folder == "" {
		return err
	}
	return pull.Write(folder, outcomes, with)
}

// commandLine measures the same again, from the top of the checkout.
func (c *pullCommand) commandLine() string {
	line := "go run -C tools/bench/peers . pull"
	if c.Full {
		line += " --full"
	}
	if c.Only != "" {
		line += fmt.Sprintf(" --only %q", c.Only)
	}
	if c.Seed != 1 {
		line += fmt.Sprintf(" --seed %d", c.Seed)
	}
	return line
}

// ownCPU is the CPU time of this process.
func ownCPU() (time.Duration, error) {
	u, err := ownUsage()
	return u.total(), err
}

// startPulled starts a process of the experiment.
func startPulled(ctx context.Context, role string, args ...string) (pull.Process, error) {
	p, err := start(ctx, role, args...)
	if err != nil {
		return nil, err
	}
	return &pulledProcess{p}, nil
}

// pulledProcess is a process as package pull wants it.
type pulledProcess struct{ process *process }

func (p *pulledProcess) Address() string { return p.process.address }

func (p *pulledProcess) CPU() (time.Duration, error) {
	if state := p.process.cmd.ProcessState; state != nil {
		return state.UserTime() + state.SystemTime(), nil
	}
	u, err := p.process.usage()
	return u.total(), err
}

// Kill waits for the end, so that the process's time is known.
func (p *pulledProcess) Kill() error {
	if err := p.process.cmd.Process.Kill(); err != nil {
		return fmt.Errorf("kill %s: %w", p.process.role, err)
	}
	_ = p.process.in.Close()
	_ = p.process.cmd.Wait() // says that it was killed
	return nil
}

func (p *pulledProcess) Pause() error  { return p.process.cmd.Process.Signal(syscall.SIGSTOP) }
func (p *pulledProcess) Resume() error { return p.process.cmd.Process.Signal(syscall.SIGCONT) }
func (p *pulledProcess) Stop() error   { return p.process.stop() }

// serveInstance is an instance of the experiment.
func serveInstance(ctx context.Context, c *serveCommand, ready func(string)) error {
	i := pull.Instance{NATS: c.NATS, Slots: c.Slots, Slowdown: c.Slowdown, Done: c.Done}
	return i.Serve(ctx, ready)
}
