// Command peers measures this project beside what one would use instead, in one run each. From the top of the checkout:
//
//	go run -C tools/bench/peers . [compare]      what a request costs this proxy, grpc-gateway and vanguard
//	go run -C tools/bench/peers . lab            whole systems beside the bare JetStream work queue
//	go run -C tools/bench/peers . lab-compare    whether one run of the lab repeats another
//	go run -C tools/bench/peers . pull           instances that pull their calls, and instances that a balancer pushes them to
//	go run -C tools/bench/peers . simulate       the same by a simulation, with up to 10,000 instances
//	go run -C tools/bench/peers . connections    what many open connections cost the proxy
//
// The NATS server, the fronts and the instances are processes of their own; CPU time is what a process says of itself
// (getrusage), user and system. docs/benchmarks.md says what each command measures, and has results.
//
// It has a go.mod of its own, so that the product's has no vanguard.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

type cli struct {
	Compare     compareCommand     `cmd:"" default:"withargs" help:"Measure what a request costs the fronts, in turns (the default)."`
	Lab         labCommand         `cmd:"" help:"Measure whole systems beside the bare work queue, and write tables and plots."`
	LabCompare  labCompareCommand  `cmd:"" help:"Say how far one run of the lab repeats another, and fail if it does not."`
	Pull        pullCommand        `cmd:"" help:"Compare pulling with pushing."`
	Simulate    simulateCommand    `cmd:"" help:"Simulate pulling and pushing with 10 to 10,000 instances."`
	Connections connectionsCommand `cmd:"" help:"Measure what many open connections cost the proxy."`
	Serve       serveCommand       `cmd:"" hidden:"" help:"Be one of the processes, for the other commands."`
}

func main() {
	var c cli
	parser := kong.Parse(&c, kong.Name("peers"), kong.UsageOnError(),
		kong.Description("Measures this project beside what one would use instead."))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	parser.BindTo(ctx, (*context.Context)(nil))
	if err := parser.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}
