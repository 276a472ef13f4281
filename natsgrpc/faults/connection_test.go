package faults_test

import (
	"testing"
	"time"
)

// outage is how long connections are lost: many reconnect waits, and several ack waits.
func outage() time.Duration {
	if full() {
		return 8 * time.Second
	}
	return 3 * time.Second
}

// The network between NATS and the client, or one of the workers, or all of them, is lost for several ack waits: once so
// that both ends are told, once so that nothing passes and neither is. In the second case what was sent arrives late,
// acknowledgements included.
func TestALostConnectionLosesNoCommand(t *testing.T) {
	t.Parallel() // most of it is waiting, here and below
	modes := map[string]func(l *link, lost bool){
		"cut":     func(l *link, lost bool) { l.set(lost, false) },
		"stalled": func(l *link, lost bool) { l.set(false, lost) },
	}
	for mode, set := range modes {
		for _, who := range []string{"client", "worker", "all"} {
			t.Run(who+" "+mode, func(t *testing.T) {
				t.Parallel()
				s := newScenario(t, usual)
				l := newLink(t, s.nats[0])
				at := map[string]string{"client": s.url(), "worker": s.url(), "other worker": s.url()}
				if at[who] = l.url(); who == "all" {
					at = map[string]string{"client": l.url(), "worker": l.url(), "other worker": l.url()}
				}
				startPool(t, 1, s.worker(at["worker"]))
				startPool(t, 1, s.worker(at["other worker"]))
				calls := run(t, size(), command(s.conn(at["client"])), func(calls *load) {
					calls.await(size() / 2)
					set(l, true)
					time.Sleep(outage()) // the fault
					set(l, false)
					calls.await(2 * callers)
				})
				s.requireOnce(calls)
				requireEmpty(t, s.js(), commandStream)
			})
		}
	}
}
