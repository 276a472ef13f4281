package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/codingflow/rating/tools/bench/peers/report"
	"github.com/codingflow/rating/tools/bench/peers/sim"
)

// simulateCommand simulates what a machine has no room for.
type simulateCommand struct {
	Check       string `help:"A file that the command pull has written as CSV: simulate what was measured there, and print both." type:"existingfile"`
	Calibration string `help:"A JSON file of what the parts cost; see package sim. Default: what docs/scaling.md says, and with --check what the file's calls that are answered at once took." type:"existingfile"`
	Out         string `help:"Folder to write simulation.csv, .md and .svg to." type:"path" default:"../../../docs/benchmarks"`
	Seed        uint64 `help:"Seed of all chance." default:"1"`
	Sizes       []int  `help:"Numbers of instances." default:"10,100,1000,10000"`
}

// Run checks, or simulates and writes.
func (c *simulateCommand) Run(ctx context.Context) error { return c.run(ctx, os.Stdout) }

func (c *simulateCommand) run(ctx context.Context, out io.Writer) error {
	calibration := sim.DefaultCalibration()
	if c.Calibration != "" {
		var err error
		if calibration, err = sim.ReadCalibration(c.Calibration); err != nil {
			return err
		}
	}
	if c.Check != "" {
		return c.check(ctx, calibration, out)
	}
	provenance := report.Gather(ctx, c.command(), "github.com/HdrHistogram/hdrhistogram-go")
	swept, err := sim.Sweep(ctx, c.Sizes, calibration, c.Seed)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.Out, 0o750); err != nil {
		return err
	}
	table := sim.Table(swept)
	for name, write := range map[string]func(io.Writer) error{
		"simulation.csv": func(to io.Writer) error { return table.WriteCSV(to, provenance) },
		"simulation.svg": func(to io.Writer) error { return sim.Plot(swept, sim.Settings[1]).WriteSVG(to, provenance) },
		"simulation.md":  func(to io.Writer) error { return writeSimulation(to, provenance, calibration, table) },
	} {
		if err := report.WriteFile(filepath.Join(c.Out, name), write); err != nil {
			return err
		}
	}
	return table.WriteMarkdown(out)
}

// command is what simulates the same again.
func (c *simulateCommand) command() string {
	text := fmt.Sprintf("go run -C tools/bench/peers . simulate --seed=%d", c.Seed)
	if c.Calibration != "" {
		text += " --calibration=" + c.Calibration
	}
	sizes := make([]string, len(c.Sizes))
	for i, size := range c.Sizes {
		sizes[i] = strconv.Itoa(size)
	}
	return text + " --sizes=" + strings.Join(sizes, ",")
}

// writeSimulation writes a table and what it rests on.
func writeSimulation(to io.Writer, provenance report.Provenance, calibration sim.Calibration, table report.Table) error {
	_, err := fmt.Fprintf(to, `# Simulated, not measured

Discrete events, as package sim of tools/bench/peers has them; [scaling.md](../scaling.md) says what it means. Each instance has
four slots and calls take 20 ms in the mean; a hop to or from NATS takes %v, a pushed call's way there and back %v, a call at its
stream %v. There are as many streams as keep each half busy at most.

![99th percentile by the number of instances](simulation.svg)

`, out(calibration.Hop), out(calibration.PushTrip), out(calibration.StreamTime))
	if err != nil {
		return err
	}
	if err := table.WriteMarkdown(to); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(to); err != nil {
		return err
	}
	return provenance.WriteMarkdown(to)
}

// out is a duration as text.
func out(d sim.Duration) string {
	text, _ := d.MarshalText() // never fails
	return string(text)
}

// check simulates what was measured.
func (c *simulateCommand) check(ctx context.Context, calibration sim.Calibration, out io.Writer) error {
	file, err := os.Open(c.Check)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	table, err := report.ReadCSV(file)
	if err != nil {
		return fmt.Errorf("%s: %w", c.Check, err)
	}
	measured, err := sim.ReadMeasured(table)
	if err != nil {
		return fmt.Errorf("%s: %w", c.Check, err)
	}
	if c.Calibration == "" {
		calibration = calibration.Calibrated(measured)
	}
	checked, err := sim.Check(ctx, measured, calibration, c.Seed)
	if err != nil {
		return err
	}
	return checked.WriteMarkdown(out)
}
