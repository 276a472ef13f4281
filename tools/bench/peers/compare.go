package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"
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
	case c.Payload < 1 || c.Payload > 2000:
		return fmt.Errorf("--payload %d: want 1 to 2000", c.Payload)
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
	l, err := newLab(ctx, c, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	logs := "no access log"
	if c.AccessLog {
		logs = "access log to a file"
	}
	_, _ = fmt.Fprintf(out, "%s %s/%s, %d CPUs; %s; comments of %d bytes, %d rounds of %d requests, %s\n\n", runtime.Version(), runtime.GOOS,
		runtime.GOARCH, runtime.NumCPU(), versions("google.golang.org/grpc", "github.com/grpc-ecosystem/grpc-gateway/v2", "connectrpc.com/vanguard"),
		c.Payload, c.Rounds, c.Calls, logs)
	writeHeader(out)
	for _, r := range requests(c.Payload) {
		if !slices.Contains(c.Requests, r.name) {
			continue
		}
		if err := l.agree(ctx, r); err != nil {
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

// versions returns the names and versions of modules that are linked in.
func versions(paths ...string) string {
	info, _ := debug.ReadBuildInfo()
	var all []string
	for _, path := range paths {
		for _, module := range info.Deps {
			if module.Path == path {
				name := strings.TrimSuffix(path, "/v2")
				all = append(all, name[strings.LastIndexByte(name, '/')+1:]+" "+module.Version)
			}
		}
	}
	return strings.Join(all, ", ")
}

// lab is everything that runs.
type lab struct {
	command       *compareCommand
	nats, service *process
	fronts        []*process // in the order of fronts
	client        *client
}

func newLab(ctx context.Context, c *compareCommand, dir string) (*lab, error) {
	l := &lab{command: c, client: newClient(slices.Max(c.Clients))}
	if err := l.start(ctx, dir); err != nil {
		return nil, errors.Join(err, l.close())
	}
	return l, nil
}

func (l *lab) start(ctx context.Context, dir string) (err error) {
	run := func(role string, args ...string) (*process, error) {
		if l.command.Profile != "" {
			args = append(args, "--profile="+l.command.Profile)
		}
		return start(ctx, role, args...)
	}
	if l.nats, err = run("nats", "--store="+dir); err != nil {
		return err
	}
	nats := "--nats=" + l.nats.address
	if l.service, err = run("service", nats, "--payload="+strconv.Itoa(l.command.Payload)); err != nil {
		return err
	}
	for _, name := range fronts {
		args := []string{nats, "--grpc=" + l.service.address}
		if l.command.AccessLog {
			args = append(args, "--access-log="+filepath.Join(dir, name+".log"))
		}
		front, err := run(name, args...)
		if err != nil {
			return err
		}
		l.fronts = append(l.fronts, front)
	}
	return nil
}

// close ends all processes, the last started first.
func (l *lab) close() error {
	l.client.close()
	var errs []error
	for _, p := range slices.Backward(append([]*process{l.nats, l.service}, l.fronts...)) {
		if p != nil {
			errs = append(errs, p.stop())
		}
	}
	return errors.Join(errs...)
}

// agree checks that all fronts answer a request alike, so that they do the same work.
func (l *lab) agree(ctx context.Context, r request) error {
	var first []byte
	for i, front := range l.fronts {
		answer, err := l.client.send(ctx, front.address, r)
		if err != nil {
			return fmt.Errorf("%s: %w", front.role, err)
		}
		if i == 0 {
			first = answer
		}
		if err := sameJSON(first, answer); err != nil {
			return fmt.Errorf("%s and %s: %w", l.fronts[0].role, front.role, err)
		}
	}
	return nil
}

// measure measures all fronts in turns. The first round is to warm up and does not count.
func (l *lab) measure(ctx context.Context, r request, clients int) ([][]round, error) {
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

func (l *lab) round(ctx context.Context, front *process, r request, clients int) (round, error) {
	taken := []*process{front, l.nats, l.service}
	before, err := usages(taken)
	if err != nil {
		return round{}, err
	}
	seen, err := load(ctx, clients, l.command.Calls, func(ctx context.Context) error {
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

func usages(of []*process) ([]usage, error) {
	all := make([]usage, len(of))
	for i, p := range of {
		u, err := p.usage()
		if err != nil {
			return nil, err
		}
		all[i] = u
	}
	return all, nil
}
