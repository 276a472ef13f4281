package faults_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	pb "github.com/codingflow/rating/proto/natsgrpctest/v1"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
)

const (
	// callers is how many calls a scenario has in flight.
	callers = 64
	// patience bounds each wait of a scenario, far beyond what it takes on a busy machine.
	patience = 2 * time.Minute
)

// call makes the i-th call of a load.
type call func(ctx context.Context, i int) error

// load is many calls, 64 at a time.
type load struct {
	t    *testing.T
	call call

	mu       sync.Mutex
	next     int
	over     bool // the fault: no more calls are needed for it
	answered int
	longest  time.Duration
	failed   map[int]error
}

// run makes calls at least n, and for as long as fault takes. It returns when every call has returned.
func run(t *testing.T, n int, call call, fault func(*load)) *load {
	t.Helper()
	l := &load{t: t, call: call, failed: map[int]error{}}
	var group sync.WaitGroup
	for range callers {
		group.Go(func() { l.loop(n) })
	}
	func() {
		defer group.Wait() // also where fault ends the test
		defer l.end()
		if fault != nil {
			fault(l)
		}
	}()
	return l
}

// loop is one caller.
func (l *load) loop(n int) {
	for {
		l.mu.Lock()
		if l.over && l.next >= n || l.t.Failed() {
			l.mu.Unlock()
			return
		}
		l.next++
		i := l.next
		l.mu.Unlock()

		start := time.Now()
		err := l.call(l.t.Context(), i)
		took := time.Since(start)

		l.mu.Lock()
		if err != nil {
			l.failed[i] = err
		} else {
			l.answered++
		}
		l.longest = max(l.longest, took)
		l.mu.Unlock()
	}
}

// end lets the callers stop.
func (l *load) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = true
}

// returned is how many calls have returned so far.
func (l *load) returned() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.answered + len(l.failed)
}

// await returns when n more calls have returned.
func (l *load) await(n int) {
	l.t.Helper()
	want := l.returned() + n
	require.Eventually(l.t, func() bool { return l.returned() >= want }, patience, time.Millisecond, "the calls come to a standstill")
}

// awaitAtMost returns when n more calls have returned, or when d has passed.
func (l *load) awaitAtMost(n int, d time.Duration) {
	want := l.returned() + n
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(d); l.returned() < want && time.Now().Before(end); {
		<-tick.C
	}
}

// made returns how many calls there were.
func (l *load) made() int { return l.next }

// requireNoFailure requires that each call was answered with success.
func (l *load) requireNoFailure() {
	l.t.Helper()
	for i, err := range l.failed {
		require.Failf(l.t, "a call failed", "%d of %d; call %d: %v", len(l.failed), l.made(), i, err)
	}
}

// payload is that of the i-th call of a kind.
func payload(kind string, i int) string { return fmt.Sprintf("%s %d", kind, i) }

// command returns a call of a command, which waits for a connection and for its queue.
func command(conn grpc.ClientConnInterface) call {
	return commandOf(conn, func(int) string { return goodPayload })
}

// commandOf is command with payloads of the kinds that kind says.
func commandOf(conn grpc.ClientConnInterface, kind func(i int) string) call {
	client := pb.NewEchoServiceClient(conn)
	return func(ctx context.Context, i int) error {
		return sendCommand(ctx, client, payload(kind(i), i))
	}
}

func sendCommand(ctx context.Context, client pb.EchoServiceClient, payload string, options ...grpc.CallOption) error {
	options = append(options, grpc.WaitForReady(true))
	reply, err := client.Command(ctx, &pb.CommandRequest{Payload: []byte(payload)}, options...)
	if err != nil {
		return err
	}
	return checkAnswer(payload, string(reply.GetPayload()))
}

// query is command for a query.
func query(conn grpc.ClientConnInterface) call {
	client := pb.NewEchoServiceClient(conn)
	return func(ctx context.Context, i int) error {
		payload := payload("query", i)
		reply, err := client.Query(ctx, &pb.QueryRequest{Payload: []byte(payload)}, grpc.WaitForReady(true))
		if err != nil {
			return err
		}
		return checkAnswer(payload, string(reply.GetPayload()))
	}
}

func checkAnswer(payload, got string) error {
	if want := answerTo(payload); strings.TrimRight(got, " ") != want {
		return fmt.Errorf("the answer to %q is %q", payload, got)
	}
	return nil
}
