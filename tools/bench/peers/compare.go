package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"time"

	"github.com/codingflow/rating/tools/bench/peers/report"
)

// compareCommand measures.
type compareCommand struct {
	Rounds    int      `help:"Rounds; medians count." default:"9"`
	Calls     int      `help:"Requests in each round of each front." default:"2000"`
	Clients   []int    `help:"Clients, each with one request at a time on a connection of its own." default:"1,16,64"`
	Requests  []string `help:"Kinds of requests: get, list, create." default:"get,list,create"`
	Payload   int      `help:"Bytes of the comment in each rating." default:"100"`
	AccessLog bool     `help:"Have every front log each request to a file as a line of JSON; none does otherwise."`
	Profile   string   `help:"Write profiles of the CPU time and the allocations of each process to this folder." type:"path"`
}

// Validate is called by kong.
func (c *compareCommand) Validate() error {
	switch {
	case c.Rounds < 1:
		return fmt.Errorf("--rounds %d: want at least 1", c.Rounds)
	case c.Calls < 1:
		return fmt.Errorf("--calls %d: want at least 1", c.Calls)
	}
	if err := checkPayload(c.Payload); err != nil {
		return err
	}
	for _, n := range c.Clients {
		if n < 1 {
			return fmt.Errorf("--clients %d: want at least 1", n)
		}
	}
	for _, name := range c.Requests {
		if !slices.ContainsFunc(requests(c.Payload), func(r request) bool { return r.name == name }) {
			return fmt.Errorf("--requests %s: there is no such kind", name)
		}
	}
	return nil
}

// Run measures and writes a table.
func (c *compareCommand) Run(ctx context.Context) error { return c.run(ctx, os.Stdout) }

func (c *compareCommand) run(ctx context.Context, out io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "peers")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	l, err := newComparison(ctx, c, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	logs := "no access log"
	if c.AccessLog {
		logs = "access log to a file"
	}
	_, _ = fmt.Fprintf(out, "%s %s/%s, %d CPUs; %s; comments of %d bytes, %d rounds of %d requests, %s\n\n", runtime.Version(), runtime.GOOS,
		runtime.GOARCH, runtime.NumCPU(), report.Versions(peerModules...),
		c.Payload, c.Rounds, c.Calls, logs)
	writeHeader(out)
	for _, r := range requests(c.Payload) {
		if !slices.Contains(c.Requests, r.name) {
			continue
		}
		if err := agree(ctx, l.answerers(r)); err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
		for _, clients := range c.Clients {
			rounds, err := l.measure(ctx, r, clients)
			if err != nil {
				return fmt.Errorf("%s: %w", r.name, err)
			}
			writeRows(out, r, clients, rounds)
		}
	}
	return nil
}

// comparison is everything that runs.
type comparison struct {
	command       *compareCommand
	fleet         fleet
	nats, service *process
	fronts        []*process // in the order of fronts
	client        *client
}

func newComparison(ctx context.Context, c *compareCommand, dir string) (*comparison, error) {
	l := &comparison{command: c, fleet: fleet{profile: c.Profile}, client: newClient(slices.Max(c.Clients))}
	if err := l.start(ctx, dir); err != nil {
		return nil, errors.Join(err, l.close())
	}
	return l, nil
}

func (l *comparison) start(ctx context.Context, dir string) (err error) {
	if l.nats, err = l.fleet.start(ctx, "nats", "--store="+dir); err != nil {
		return err
	}
	nats := "--nats=" + l.nats.address
	if l.service, err = l.fleet.start(ctx, "service", nats, "--payload="+strconv.Itoa(l.command.Payload)); err != nil {
		return err
	}
	for _, name := range fronts {
		args := []string{nats, "--grpc=" + l.service.address}
		if l.command.AccessLog {
			args = append(args, "--access-log="+filepath.Join(dir, name+".log"))
		}
		front, err := l.fleet.start(ctx, name, args...)
		if err != nil {
			return err
		}
		l.fronts = append(l.fronts, front)
	}
	return nil
}

// close ends all processes.
func (l *comparison) close() error {
	l.client.close()
	return l.fleet.stop()
}

// answerers are the fronts, asked for a request.
func (l *comparison) answerers(r request) []answerer {
	var all []answerer
	for _, front := range l.fronts {
		all = append(all, answerer{front.role, func(ctx context.Context) ([]byte, error) { return l.client.send(ctx, front.address, r) }})
	}
	return all
}

// measure measures all fronts in turns. The first round is to warm up and does not count.
func (l *comparison) measure(ctx context.Context, r request, clients int) ([][]round, error) {
	rounds := make([][]round, len(l.fronts))
	for n := range l.command.Rounds + 1 {
		for i, front := range l.fronts {
			measured, err := l.round(ctx, front, r, clients)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", front.role, err)
			}
			if n > 0 {
				rounds[i] = append(rounds[i], measured)
			}
		}
	}
	return rounds, nil
}

func (l *comparison) round(ctx context.Context, front *process, r request, clients int) (round, error) {
	taken := []*process{front, l.nats, l.service}
	before, err := usages(taken)
	if err != nil {
		return round{}, err
	}
	seen, err := load(ctx, closedLoop{clients: clients, calls: l.command.Calls}, func(ctx context.Context) error {
		_, err := l.client.send(ctx, front.address, r)
		return err
	})
	if err != nil {
		return round{}, err
	}
	after, err := usages(taken)
	if err != nil {
		return round{}, err
	}
	each := func(i int) time.Duration { return after[i].since(before[i]).total() / time.Duration(l.command.Calls) }
	return round{latencies: seen, front: each(0), nats: each(1), service: each(2)}, nil
}
