package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/pprof"

	"github.com/codingflow/rating/tools/bench/peers/pull"
)

// The lines that a process and the one that started it exchange over the process's input and output: each question has one
// answer. At the end of its input a process ends, so that none is left when the one that started it is killed.
const (
	readyLine  = "ready"  // and the address: the first line that a process says
	usageLine  = "usage"  // a question, which usage.String answers
	memoryLine = "memory" // another, which memory.String answers
)

// serveCommand is one of the processes.
type serveCommand struct {
	Role           string   `arg:"" help:"Which one."`
	NATS           string   `name:"nats" help:"URL of the NATS server."`
	GRPC           []string `name:"grpc" help:"Addresses of the service's instances for gRPC. Calls go to them in turns."`
	Store          string   `help:"Folder of the NATS server's streams."`
	Payload        int      `help:"Bytes of the comment in each rating that the service has."`
	AccessLog      string   `help:"File that requests are logged to; none without it."`
	Profile        string   `help:"Folder for profiles of the process."`
	Slots          int      `help:"How many calls an instance serves at once."`
	Slowdown       int      `help:"How many times as long an instance takes as it is asked to."`
	Done           string   `help:"File of the jobs that instances have done."`
	MaxConnections int      `help:"Connections that the proxy admits; its default without it."`
}

// role is what a process does: it tells its address when it serves, and serves until ctx ends.
type role func(ctx context.Context, c *serveCommand, ready func(address string)) error

var roles = map[string]role{
	"nats": serveNATS, "service": serveService, "grpc-service": serveDirect, "nats-service": serveQueued, "bare-worker": serveBareWorker,
	bareFrontRole: serveBareFront, "proxy": serveProxy, "grpc-gateway": serveGateway, "vanguard": serveVanguard,
	pull.InstanceRole: serveInstance,
}

// Run serves until the input ends.
func (c *serveCommand) Run(ctx context.Context) error {
	signal.Ignore(os.Interrupt) // it is for compare, which ends its processes in order
	play, known := roles[c.Role]
	if !known {
		return fmt.Errorf("unknown role %q", c.Role)
	}
	if err := c.run(context.WithoutCancel(ctx), play, os.Stdin, os.Stdout); err != nil {
		return fmt.Errorf("%s: %w", c.Role, err)
	}
	return nil
}

func (c *serveCommand) run(ctx context.Context, play role, in io.Reader, out io.Writer) (err error) {
	if c.Profile != "" {
		stop, err := profile(filepath.Join(c.Profile, c.Role))
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, stop()) }()
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ready := make(chan string, 1)
	done := make(chan error, 1)
	go func() { done <- play(ctx, c, func(address string) { ready <- address }) }()
	select {
	case err := <-done:
		return err
	case address := <-ready:
		if _, err := fmt.Fprintln(out, readyLine, address); err != nil {
			return err
		}
	}
	err = answer(in, out)
	cancel()
	return errors.Join(err, <-done)
}

// answer answers questions until there are no more.
func answer(in io.Reader, out io.Writer) error {
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		var about fmt.Stringer
		var err error
		switch lines.Text() {
		case usageLine:
			about, err = ownUsage()
		case memoryLine:
			about, err = ownMemory()
		default:
			err = fmt.Errorf("unknown question %q", lines.Text())
		}
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintln(out, about); err != nil {
			return err
		}
	}
	return lines.Err()
}

// profile begins a CPU profile, <path>.cpu.pprof. The returned function ends it, and writes what was allocated since the
// process began to <path>.allocs.pprof.
func profile(path string) (stop func() error, err error) {
	cpu, err := os.Create(path + ".cpu.pprof")
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(cpu); err != nil {
		return nil, errors.Join(err, cpu.Close())
	}
	return func() error {
		pprof.StopCPUProfile()
		allocs, err := os.Create(path + ".allocs.pprof")
		if err != nil {
			return errors.Join(err, cpu.Close())
		}
		return errors.Join(pprof.Lookup("allocs").WriteTo(allocs, 0), allocs.Close(), cpu.Close())
	}, nil
}
