package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync/atomic"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/codingflow/rating/proxy/server"
)

const (
	// openers is how many connections are opened at a time: fewer than a listener has room for.
	openers = 64
	// spareFiles is how many files a process may have open beside the connections: pipes, listeners, its own connections.
	spareFiles = 256
	// spareConnections is how many connections the proxy admits beside those that count: what asked for the first answer.
	spareConnections = 16
	// mostConnections is how many addresses clientAddress has.
	mostConnections = 65_000
	// acceptTick is how often the proxy is asked whether it has taken all connections.
	acceptTick = 50 * time.Millisecond
	// connectionsPayload is the length of the comment in the answers, in bytes.
	connectionsPayload = 100
)

// connectionsCommand measures what open connections cost the proxy while each has a request now and then: the load is open, so
// a request is sent when it is due, and its time counts from then. The connections are of this process, and each is of a client of
// its own; the NATS server, the service and the proxy are processes of their own.
type connectionsCommand struct {
	Connections int           `help:"Open connections, each from a loopback address of its own." default:"10000"`
	Duration    time.Duration `help:"How long requests are sent." default:"60s"`
	Interval    time.Duration `help:"Time between two requests of a connection; those of all are spread evenly over it." default:"1s"`
	Timeout     time.Duration `help:"How long a request, or a connection's opening, may take." default:"10s"`
}

// Validate is called by kong.
func (c *connectionsCommand) Validate() error {
	if c.Connections < 1 || c.Connections > mostConnections {
		return fmt.Errorf("--connections %d: want 1 to %d", c.Connections, mostConnections)
	}
	for flag, value := range map[string]time.Duration{"interval": c.Interval, "timeout": c.Timeout} {
		if value < time.Millisecond {
			return fmt.Errorf("--%s %v: want at least 1ms", flag, value)
		}
	}
	if c.Duration < c.Interval {
		return fmt.Errorf("--duration %v: want at least the interval, %v", c.Duration, c.Interval)
	}
	return nil
}

// Run measures and writes a report. It fails if a request does.
func (c *connectionsCommand) Run(ctx context.Context) error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("getrlimit: %w", err)
	}
	if err := c.fits(limit.Cur); err != nil {
		return err
	}
	return c.run(ctx, os.Stdout, os.Stderr)
}

// fits checks that a process may have as many files open as it takes. Go has raised the limit as far as the process may.
func (c *connectionsCommand) fits(limit uint64) error {
	if want := uint64(c.Connections) + spareFiles; limit < want {
		return fmt.Errorf("--connections %d: each takes a file descriptor here and one in the proxy, and a process may have %d "+
			"(RLIMIT_NOFILE): raise the limit to %d or more (ulimit -n %d, as root or in limits.conf), or want at most %d",
			c.Connections, limit, want, want, max(0, int64(limit)-spareFiles))
	}
	return nil
}

func (c *connectionsCommand) run(ctx context.Context, out, progress io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "peers")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	running, err := c.start(ctx, dir)
	defer func() { err = errors.Join(err, running.stop()) }()
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(out, "%s %s/%s, %d CPUs; %d connections, each with a request every %v for %v\n"+
		"the proxy admits %d connections (its default is %d), of each client %d (its default); each connection is of another client\n\n",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), c.Connections, c.Interval, c.Duration,
		c.maxConnections(), server.DefaultMaxConnections, server.DefaultMaxConnectionsPerClient)
	seen, err := c.measure(ctx, running.all, progress)
	if err != nil {
		return err
	}
	seen.write(out, c.Connections)
	return seen.err()
}

func (c *connectionsCommand) maxConnections() int { return c.Connections + spareConnections }

// start starts the NATS server, the service and the proxy, and returns those that run, in that order.
func (c *connectionsCommand) start(ctx context.Context, dir string) (fleet, error) {
	var running fleet
	nats, err := running.start(ctx, "nats", "--store="+dir)
	if err != nil {
		return running, err
	}
	for _, args := range [][]string{
		{"service", "--payload=" + strconv.Itoa(connectionsPayload)},
		{"proxy", "--max-connections=" + strconv.Itoa(c.maxConnections())},
	} {
		if _, err := running.start(ctx, args[0], append(args[1:], "--nats="+nats.address)...); err != nil {
			return running, err
		}
	}
	return running, nil
}

// connectionsSeen is what a run showed.
type connectionsSeen struct {
	openLoad
	elapsed time.Duration
	// What the proxy held: before the connections, with them open and before their first request, and with them open after
	// the last one.
	before, opened, used memory
	cpu                  []usage // of the NATS server, the service and the proxy, for all requests
	own                  usage   // of this process
}

func (c *connectionsCommand) measure(ctx context.Context, running []*process, progress io.Writer) (connectionsSeen, error) {
	proxy := running[len(running)-1]
	r := requests(connectionsPayload)[0]
	first := newClient(1)
	answer, err := first.send(ctx, proxy.address, r)
	first.close()
	if err != nil {
		return connectionsSeen{}, err
	}
	var seen connectionsSeen
	if seen.before, err = proxy.memory(); err != nil {
		return seen, err
	}
	all, err := c.open(ctx, proxy.address, r, answer)
	defer func() {
		for _, conn := range all {
			conn.close()
		}
	}()
	if err != nil {
		return seen, err
	}
	if seen.opened, err = c.taken(ctx, proxy, seen.before.files); err != nil {
		return seen, err
	}
	_, _ = fmt.Fprintf(progress, "%d connections are open; requests for %v\n", len(all), c.Duration)
	own, err := ownUsage()
	if err != nil {
		return seen, err
	}
	start, err := usages(running)
	if err != nil {
		return seen, err
	}
	began := time.Now()
	if seen.openLoad, err = c.send(ctx, all); err != nil {
		return seen, err
	}
	seen.elapsed = time.Since(began)
	if seen.used, err = proxy.memory(); err != nil {
		return seen, err
	}
	end, err := usages(running)
	if err != nil {
		return seen, err
	}
	for i := range end {
		seen.cpu = append(seen.cpu, end[i].since(start[i]))
	}
	ownEnd, err := ownUsage()
	seen.own = ownEnd.since(own)
	return seen, err
}

// taken waits until the proxy has taken all connections, which the system opens before it does, and returns what it holds then.
// It had so many files open before them, one of which may have been the connection of the first answer.
func (c *connectionsCommand) taken(ctx context.Context, proxy *process, before int64) (memory, error) {
	deadline := time.NewTimer(c.Timeout)
	defer deadline.Stop()
	tick := time.NewTicker(acceptTick)
	defer tick.Stop()
	for {
		m, err := proxy.memory()
		open := m.files - before + 1
		if err != nil || open >= int64(c.Connections) {
			return m, err
		}
		select {
		case <-ctx.Done():
			return m, context.Cause(ctx)
		case <-deadline.C:
			return m, fmt.Errorf("the proxy has taken only %d of %d connections after %v", open, c.Connections, c.Timeout)
		case <-tick.C:
		}
	}
}

// open opens all connections.
func (c *connectionsCommand) open(ctx context.Context, url string, r request, answer []byte) ([]*connection, error) {
	all := make([]*connection, c.Connections)
	for i := range all {
		conn, err := newConnection(url, i, r, answer, c.Timeout)
		if err != nil {
			return nil, err
		}
		all[i] = conn
	}
	var next atomic.Int64
	loop := closedLoop{clients: min(openers, len(all)), calls: len(all)}
	_, err := load(ctx, loop, func(ctx context.Context) error { return all[next.Add(1)-1].open(ctx) })
	return all, err
}

// write writes the report.
func (s *connectionsSeen) write(to io.Writer, connections int) {
	n := time.Duration(max(1, s.requests()))
	_, _ = fmt.Fprintf(to, "requests  %d in %v, %.0f/s; errors %d\n", s.requests(), s.elapsed.Round(time.Millisecond),
		float64(s.requests())/s.elapsed.Seconds(), s.failures())
	for _, kind := range slices.Sorted(maps.Keys(s.failed)) {
		_, _ = fmt.Fprintf(to, "          %d: %s\n", s.failed[kind], kind)
	}
	_, _ = fmt.Fprintf(to, "latency   p50 %v, p99 %v, max %v, from when a request was due\n", rank(s.took, 50), rank(s.took, 99), rank(s.took, 100))
	_, _ = fmt.Fprintf(to, "late      p50 %v, p99 %v, max %v: when a request was sent, from when it was due\n", rank(s.late, 50), rank(s.late, 99), rank(s.late, 100))
	_, _ = fmt.Fprintf(to, "cpu       for each request: proxy %v, nats %v, service %v, this process %v\n\n", micro(s.cpu[2].total()/n), micro(s.cpu[0].total()/n), micro(s.cpu[1].total()/n), micro(s.own.total()/n))

	table := tabwriter.NewWriter(to, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(table, "proxy\tresident\tGo heap\tGo stacks\tfiles\t")
	for _, row := range []struct {
		name string
		m    memory
	}{{"before", s.before}, {"all open", s.opened}, {"after the last request", s.used}} {
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%d\t\n", row.name, mebibytes(row.m.resident), mebibytes(row.m.heap), mebibytes(row.m.stacks), row.m.files)
	}
	for _, row := range []struct {
		name string
		m    memory
	}{{"each connection, idle", s.opened}, {"each connection, used", s.used}} {
		each := func(now, before int64) string {
			return fmt.Sprintf("%.1f KiB", float64(now-before)/float64(connections)/1024)
		}
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t\t\n", row.name, each(row.m.resident, s.before.resident),
			each(row.m.heap, s.before.heap), each(row.m.stacks, s.before.stacks))
	}
	_ = table.Flush()
}

func mebibytes(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }

// rank is a percentile, rounded to microseconds: the smallest of the sorted values that at least p percent of them do not
// exceed (nearest rank); 0 of none.
func rank(sorted []time.Duration, p float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[max(0, int(math.Ceil(float64(len(sorted))*p/100))-1)].Round(time.Microsecond)
}
