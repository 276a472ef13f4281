package faults_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/codingflow/rating/natsgrpc"
	pb "github.com/codingflow/rating/proto/natsgrpctest/v1"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
)

// keyedCommand is command with an idempotency key for each number, the same in all processes.
func keyedCommand(conn grpc.ClientConnInterface) call {
	client := pb.NewEchoServiceClient(conn)
	return func(ctx context.Context, i int) error {
		p := payload(goodPayload, i)
		return sendCommand(ctx, client, p, natsgrpc.IdempotencyKey("faults", p))
	}
}

// A client process is killed with calls in flight. Another repeats all its calls with the same keys: it gets the answers
// that the first has got, and those that the first was waiting for.
func TestAKilledClientsAnswersGoToAnother(t *testing.T) {
	s := newScenario(t, usual)
	startPool(t, 2, s.worker(s.url()))
	var answered atomic.Int64
	first := start(t, role{Client: &clientRole{URL: s.url(), Delivery: s.delivery, Commands: size()}}, func(line string) {
		if !strings.HasSuffix(line, answeredLine) {
			t.Error("the first client:", line)
		}
		answered.Add(1)
	})
	require.Eventually(t, func() bool { return answered.Load() >= int64(size()/2) }, patience, time.Millisecond)
	first.kill()
	require.Less(t, answered.Load(), int64(size()), "the client was killed too late")
	t.Logf("the first client got %d answers", answered.Load())
	s.requireOnce(run(t, size(), keyedCommand(s.conn(s.url())), nil))
	requireEmpty(t, s.js(), commandStream)
}

// Two clients make each command at the same time with the same key, while the NATS server is killed and comes back. Both get the
// answer of the one effect.
func TestCallersWithTheSameKeyGetOneAnswer(t *testing.T) {
	s := newScenario(t, usual)
	startPool(t, 2, s.worker(s.url()))
	one, other := keyedCommand(s.conn(s.url())), keyedCommand(s.conn(s.url()))
	calls := run(t, size(), func(ctx context.Context, i int) error {
		result := make(chan error, 1)
		go func() { result <- other(ctx, i) }()
		return errors.Join(one(ctx, i), <-result)
	}, func(calls *load) {
		calls.await(size() / 2)
		s.servers[0].kill()
		s.restart(0)
		calls.await(callers)
	})
	s.requireOnce(calls)
	requireEmpty(t, s.js(), commandStream)
}

// The NATS server is killed between the acknowledgement of commands and their repetition with the same keys, so that it
// has forgotten their message ids. The repetition gets the kept answers.
func TestAKeyOutlivesTheNATSServersMemory(t *testing.T) {
	s := newScenario(t, usual)
	startPool(t, 2, s.worker(s.url()))
	conn := s.conn(s.url())
	s.requireOnce(run(t, size(), keyedCommand(conn), nil))
	requireEmpty(t, s.js(), commandStream)
	s.servers[0].kill()
	s.restart(0)
	s.requireOnce(run(t, size(), keyedCommand(conn), nil))
}
