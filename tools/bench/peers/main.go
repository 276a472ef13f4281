// Command peers measures what a request costs the process that takes HTTP from clients, for three of them side by side in
// one run:
//
//	proxy         this project's proxy, which calls over NATS
//	grpc-gateway  its generated handlers, which call over gRPC
//	vanguard      its transcoder and a reverse proxy, which call over gRPC
//
// All call one process of the rating service, whose handlers answer at once over both transports. Each front, the NATS server
// and the service are processes of their own; CPU time is what a process says of itself (getrusage), user and system. From
// the top of the checkout:
//
//	go run -C tools/bench/peers . --rounds 9
//
// lab measures the whole of each of these systems instead, with two instances of the service, beside the bare JetStream work
// queue, and writes a page with tables and plots:
//
//	go run -C tools/bench/peers . lab [--full] [--out FOLDER]
//
// Its other command compares instances that pull their calls with instances that a balancer pushes them to (package pull):
//
//	go run -C tools/bench/peers . pull --out ../../../docs/benchmarks
//
// It has a go.mod of its own, so that the product's has no vanguard. docs/benchmarks.md has results.
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
	Compare compareCommand `cmd:"" default:"withargs" help:"Measure the fronts in turns (the default)."`
	Lab     labCommand     `cmd:"" help:"Measure whole systems beside the bare work queue, and write tables and plots."`
	Pull    pullCommand    `cmd:"" help:"Compare pulling with pushing."`
	Serve   serveCommand   `cmd:"" hidden:"" help:"Be one of the processes, for the other commands."`

	Connections connectionsCommand `cmd:"" help:"Measure what many open connections cost the proxy."`
}

func main() {
	var c cli
	parser := kong.Parse(&c, kong.Name("peers"), kong.UsageOnError(),
		kong.Description("Measures what a request costs this project's proxy, grpc-gateway and vanguard."))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	parser.BindTo(ctx, (*context.Context)(nil))
	if err := parser.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}
