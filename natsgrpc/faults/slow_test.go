package faults_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A client does not read for a while: large answers pile up, and the NATS server cuts it off as a slow consumer. It gets
// them when it is back.
func TestAClientThatDoesNotReadGetsItsAnswersLater(t *testing.T) {
	n := newNATS(t)
	n.WriteDeadline = 500 * time.Millisecond
	s := newScenarioOn(t, usual, n)
	startPool(t, 2, s.worker(s.url()))
	l := newLink(t, n)
	nc := connect(t, l.url())
	begin := make(chan struct{}) // of the calls with large answers
	kind := func(i int) string {
		if i <= size()/2 {
			return goodPayload
		}
		<-begin
		if i <= size()/2+2*callers {
			return largePayload
		}
		return goodPayload
	}
	calls := run(t, size(), commandOf(newConn(t, nc, s.delivery), kind), func(calls *load) {
		begun := sync.OnceFunc(func() { close(begin) })
		defer begun() // also where this ends the test
		js := s.js()
		require.Eventually(t, func() bool { return calls.returned() == size()/2 }, patience, time.Millisecond) // the others wait
		begun()
		// They are at work for a while, so that the link stalls before they are answered.
		require.Eventually(t, func() bool { return messages(t, js, commandStream) >= callers/2 }, patience, time.Millisecond)
		l.set(false, true)
		time.Sleep(outage()) // the fault
		l.set(false, false)
		calls.await(callers)
	})
	s.requireOnceOf(calls, kind)
	require.Positive(t, nc.Stats().Reconnects, "the NATS server did not cut it off")
	requireEmpty(t, s.js(), commandStream)
}

// A worker stands still for several ack waits, with commands in hand that others get meanwhile. When it goes on, its
// acknowledgements are too late and must not delete the others' work.
func TestAPausedWorkerSpoilsNoCommand(t *testing.T) {
	s := newScenario(t, usual)
	w := s.worker(s.url())
	w.Work = 5 * time.Millisecond
	workers := startPool(t, 2, w)
	pauses := 1
	if full() {
		pauses = 5
	}
	calls := run(t, size(), command(s.conn(s.url())), func(calls *load) {
		for i := range pauses {
			calls.await(2 * callers)
			worker := workers.worker(i % 2)
			worker.pause(t)
			time.Sleep(outage()) // the fault
			worker.resume(t)
		}
		calls.await(2 * callers)
	})
	got := s.requireOnce(calls)
	require.Positive(t, got.redelivered+got.replays, "the pauses hit no command")
	require.Zero(t, workers.replacements())
	requireEmpty(t, s.js(), commandStream)
}
