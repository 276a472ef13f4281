package faults_test

import (
	"testing"

	"google.golang.org/grpc"
)

// The NATS server is killed and started again on its store, with calls in flight. Commands wait on its disk. Queries
// are lost with its memory, and are published again.
func TestAKilledNATSServerLosesNoCall(t *testing.T) {
	for name, make := range map[string]func(grpc.ClientConnInterface) call{"commands": command, "queries": query} {
		t.Run(name, func(t *testing.T) {
			s := newScenario(t, usual)
			startPool(t, 2, s.worker(s.url()))
			kills := 2
			if full() {
				kills = 10
			}
			calls := run(t, size(), make(s.conn(s.url())), func(calls *load) {
				for range kills {
					calls.await(size() / 2 / kills)
					s.servers[0].kill()
					s.restart(0)
				}
				calls.await(callers)
			})
			if name == "commands" {
				s.requireOnce(calls)
				requireEmpty(t, s.js(), commandStream)
				return
			}
			t.Logf("%d queries, %d answered; the longest call took %v", calls.made(), calls.answered, calls.longest)
			calls.requireNoFailure()
		})
	}
}
