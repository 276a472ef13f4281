package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"syscall"
	"time"
)

// connection is one connection that sends the same request again and again, by HTTP/1.1. It is for one goroutine.
type connection struct {
	client  net.IP // where it comes from
	server  string // host and port
	request []byte
	answer  []byte // what is expected
	timeout time.Duration

	conn   net.Conn // nil while it is closed
	reader *bufio.Reader
	body   bytes.Buffer
}

// clientAddress returns the loopback address of a client, by its number from 0 to mostConnections - 1. On Linux all of 127.0.0.0/8
// is there without more.
func clientAddress(n int) net.IP { return net.IPv4(127, 1, byte(n>>8), byte(n)) }

func newConnection(base string, n int, r request, answer []byte, timeout time.Duration) (*connection, error) {
	target, err := url.Parse(base + r.path)
	if err != nil {
		return nil, err
	}
	text := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: %s\r\n\r\n", r.method, target.RequestURI(), target.Host)
	return &connection{
		client: clientAddress(n), server: target.Host, request: []byte(text), answer: answer, timeout: timeout,
	}, nil
}

// open opens the connection.
func (c *connection) open(ctx context.Context) error {
	dialer := net.Dialer{Timeout: c.timeout, LocalAddr: &net.TCPAddr{IP: c.client}}
	conn, err := dialer.DialContext(ctx, "tcp", c.server)
	if err != nil {
		return err
	}
	c.conn = conn
	if c.reader == nil {
		c.reader = bufio.NewReaderSize(conn, 1024)
	} else {
		c.reader.Reset(conn)
	}
	return nil
}

func (c *connection) close() {
	if c.conn != nil {
		_ = c.conn.Close()
		c.conn = nil
	}
}

// statusError is an answer with another status than 200.
type statusError int

func (e statusError) Error() string { return fmt.Sprintf("status %d", int(e)) }

// errAnswer means an answer other than the first one, which came before the load.
var errAnswer = errors.New("another answer than the first one")

// send sends the request and reads the answer. It opens the connection anew if the last request has ended it.
func (c *connection) send(ctx context.Context) (err error) {
	if c.conn == nil {
		if err := c.open(ctx); err != nil {
			return err
		}
	}
	keep := false
	defer func() {
		if !keep {
			c.close()
		}
	}()
	if err := c.conn.SetDeadline(time.Now().Add(c.timeout)); err != nil {
		return err
	}
	if _, err := c.conn.Write(c.request); err != nil {
		return err
	}
	resp, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		return err
	}
	c.body.Reset()
	_, err = c.body.ReadFrom(resp.Body)
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return err
	}
	keep = !resp.Close
	switch {
	case resp.StatusCode != http.StatusOK:
		return statusError(resp.StatusCode)
	case !bytes.Equal(c.body.Bytes(), c.answer):
		return errAnswer
	default:
		return nil
	}
}

// kind returns what sort of failure an error is, so that failures can be counted.
func kind(err error) string {
	var status statusError
	var op *net.OpError
	switch {
	case errors.As(err, &status), errors.Is(err, errAnswer), errors.Is(err, errNotSent):
		return err.Error()
	case errors.As(err, &op) && op.Op == "dial":
		return "cannot connect: " + op.Err.Error()
	case errors.As(err, &op) && op.Timeout():
		return "timeout"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "closed by the proxy"
	default:
		return err.Error()
	}
}

// errNotSent means a request whose turn did not come within the timeout after the end: its connection waited for others.
var errNotSent = errors.New("not sent: the requests before it took too long")

// openLoad is what an open load showed: sorted, how long each answered request took from when it was due, and how long after that
// each was sent; and how many failed, by kind.
type openLoad struct {
	took, late []time.Duration
	failed     map[string]int
}

func (l *openLoad) failures() int {
	sum := 0
	for _, n := range l.failed {
		sum += n
	}
	return sum
}

func (l *openLoad) requests() int { return len(l.took) + l.failures() }

func (l *openLoad) err() error {
	if n := l.failures(); n > 0 {
		return fmt.Errorf("%d of %d requests failed", n, l.requests())
	}
	return nil
}

// send sends the requests of all connections when they are due: each one every interval, evenly spread over it.
func (c *connectionsCommand) send(ctx context.Context, all []*connection) (openLoad, error) {
	each := make([]openLoad, len(all))
	start := time.Now()
	var group sync.WaitGroup
	for i, conn := range all {
		group.Go(func() {
			first := start.Add(c.Interval * time.Duration(i) / time.Duration(len(all)))
			each[i] = c.sendOne(ctx, conn, first, start.Add(c.Duration))
		})
	}
	group.Wait()
	if err := context.Cause(ctx); err != nil {
		return openLoad{}, err
	}
	sum := openLoad{failed: make(map[string]int)}
	for _, one := range each {
		sum.took, sum.late = append(sum.took, one.took...), append(sum.late, one.late...)
		for kind, n := range one.failed {
			sum.failed[kind] += n
		}
	}
	slices.Sort(sum.took)
	slices.Sort(sum.late)
	return sum, nil
}

// sendOne sends the requests of one connection that are due before the end.
func (c *connectionsCommand) sendOne(ctx context.Context, conn *connection, due, end time.Time) openLoad {
	seen := openLoad{failed: make(map[string]int)}
	timer := time.NewTimer(time.Until(due))
	defer timer.Stop()
	for ; due.Before(end); due = due.Add(c.Interval) {
		select {
		case <-ctx.Done():
			return seen
		case <-timer.C:
		}
		sent := time.Now()
		err := errNotSent
		if sent.Before(end.Add(c.Timeout)) {
			seen.late = append(seen.late, sent.Sub(due))
			err = conn.send(ctx)
		}
		if err == nil {
			seen.took = append(seen.took, time.Since(due))
		} else {
			seen.failed[kind(err)]++
		}
		timer.Reset(time.Until(due.Add(c.Interval)))
	}
	return seen
}
