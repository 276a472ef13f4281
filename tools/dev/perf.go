package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/codingflow/rating/tools/dev/perf"
	"github.com/codingflow/rating/tools/dev/stack"
	"github.com/codingflow/rating/tools/dev/workspace"
)

type perfCommand struct {
	Script string `arg:"" optional:"" enum:"smoke,load,spike,breakpoint,soak" default:"smoke" help:"What for: smoke (does everything work?), load (the load of an ordinary day), spike (ten times that at once), breakpoint (how much can it do?) or soak (a moderate load for an hour)."`

	URL string `help:"Where the API is mounted. What is made there is deleted at the end." default:"http://localhost:8080/api" env:"DEV_ADDRESS"`
	Up  bool   `help:"Start a system for it in this process, with data of its own, instead of going to --url."`

	Rate     int           `help:"Visits that begin in a second; the peak of breakpoint, and a tenth of that of spike. Default: the script's." placeholder:"N"`
	Duration time.Duration `help:"How long visits begin, such as 30s. Default: the script's." placeholder:"TIME"`
	P95      time.Duration `name:"p95" help:"Time in which 95 of 100 answers of each route must be there. Default: 250ms." placeholder:"TIME"`
	P99      time.Duration `name:"p99" help:"Time in which 99 of 100 must be there. Default: 1s." placeholder:"TIME"`
	K6       string        `name:"k6" help:"The program k6. Default: the one on PATH." placeholder:"PATH" env:"DEV_K6"`
}

// Validate is called by kong.
func (c *perfCommand) Validate() error {
	if c.Rate < 0 {
		return fmt.Errorf("--rate %d: want at least 1", c.Rate)
	}
	least := time.Second
	if c.Script == "spike" {
		least = 6 * time.Second
	}
	if c.Duration != 0 && c.Duration < least {
		return fmt.Errorf("--duration %v: %s wants at least %v", c.Duration, c.Script, least)
	}
	if c.P95 < 0 || c.P99 < 0 {
		return errors.New("--p95 and --p99 must not be negative")
	}
	return nil
}

// Run runs the script.
func (c *perfCommand) Run(ctx context.Context) error {
	root, err := workspace.Find()
	if err != nil {
		return err
	}
	config := perf.Config{
		Script: c.Script, URL: c.URL, Rate: c.Rate, Duration: c.Duration, P95: c.P95, P99: c.P99, K6: c.K6,
	}
	if c.Up {
		return perfUp(ctx, root, config)
	}
	return perf.Run(ctx, root, config)
}

// perfUp runs the script on a stack of its own, whose data is thrown away. Ctrl-C ends the script first.
func perfUp(ctx context.Context, root workspace.Root, config perf.Config) (err error) {
	data, err := os.MkdirTemp("", "perf")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(data)) }()
	logger := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	s, err := stack.Start(ctx, stack.Config{Listen: "127.0.0.1:0", Data: data, Logger: logger})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	config.URL = "http://" + s.Addr().String() + "/api"
	up, down := context.WithCancel(context.WithoutCancel(ctx))
	defer down()
	var running error
	err = s.Run(up, func() {
		running = perf.Run(ctx, root, config)
		down()
	})
	return errors.Join(err, running)
}
