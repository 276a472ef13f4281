package faults_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/codingflow/rating/natsgrpc"
	pb "github.com/codingflow/rating/proto/natsgrpctest/v1"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// There is room for a quarter of the callers. What the queue refuses has no effect, so the callers can repeat it; what
// it accepts is executed.
func TestAFullQueueLosesNoneThatItAccepts(t *testing.T) {
	narrow := usual
	narrow.MaxPending = callers / 4
	s := newScenario(t, narrow)
	w := s.worker(s.url())
	w.Slots = 4
	startPool(t, 2, w)
	send := command(s.conn(s.url()))
	var refused atomic.Int64
	calls := run(t, size(), func(ctx context.Context, i int) error {
		for {
			err := send(ctx, i)
			if status.Code(err) != codes.ResourceExhausted || reason(err) != natsgrpc.ReasonQueueFull {
				return err
			}
			refused.Add(1)
			time.Sleep(5 * time.Millisecond) // the client's back-off
		}
	}, nil)
	s.requireOnce(calls)
	t.Logf("the queue refused %d times", refused.Load())
	require.Positive(t, refused.Load())
	requireEmpty(t, s.js(), commandStream)
}

// One command in fifty fails at each attempt. It becomes a dead letter, and its caller is told; the others are answered
// as ever.
func TestPoisonAmongGoodCommandsBecomesDeadLetters(t *testing.T) {
	few := usual
	few.Attempts = 3
	s := newScenario(t, few)
	startPool(t, 2, s.worker(s.url()))
	kind := func(i int) string {
		if i%50 == 0 {
			return poisonPayload
		}
		return goodPayload
	}
	calls := run(t, size(), commandOf(s.conn(s.url()), kind), nil)
	got := s.requireOnceOf(calls, kind)
	require.Zero(t, got.redelivered+got.replays, "good commands that were tried again")
	requireEmpty(t, s.js(), commandStream)
	require.Len(t, s.deadLetters(), calls.made()/50)
}

// A command kills each worker that gets it, sooner or later, and after its attempts it is a dead letter. The commands that
// were in the same worker's hands come back together with it, and are done before it kills again. One that always kills
// at once, or always after the same time, can take a neighbour along through all attempts: both come back after
// the same ack wait, and an attempt that is lost with its worker counts for both.
func TestACommandThatKillsItsWorkersEndsAlone(t *testing.T) {
	few := usual
	few.Attempts = 3
	s := newScenario(t, few)
	workers := startPool(t, 3, s.worker(s.url()))
	kind := func(i int) string {
		if i == size()/2 {
			return deadlyPayload
		}
		return goodPayload
	}
	calls := run(t, size(), commandOf(s.conn(s.url()), kind), nil)
	s.requireOnceOf(calls, kind)
	require.Equal(t, int(few.Attempts), workers.replacements())
	requireEmpty(t, s.js(), commandStream)
	require.Equal(t, []string{payload(deadlyPayload, size()/2)}, s.deadLetters())
}

// deadLetters returns the payloads of the dead letters.
func (s *scenario) deadLetters() []string {
	s.t.Helper()
	letters, err := natsgrpc.NewDeadLetters(connect(s.t, s.url()))
	require.NoError(s.t, err)
	var payloads []string
	for letter, err := range letters.All(s.t.Context()) {
		require.NoError(s.t, err)
		var request pb.CommandRequest
		require.NoError(s.t, proto.Unmarshal(letter.Request, &request))
		payloads = append(payloads, string(request.GetPayload()))
	}
	return payloads
}

// The commands' deadlines pass while there is no worker. Their callers are told in time, and the workers that come later
// execute none of them.
func TestADeadlineThatPassesInTheQueueHasNoEffect(t *testing.T) {
	wide := usual
	wide.MaxPending = 20_000
	s := newScenario(t, wide)
	service, err := wide.service()
	require.NoError(t, err)
	js := s.js()
	require.NoError(t, natsgrpc.Ensure(t.Context(), js, service))
	conn := s.conn(s.url())
	const deadline = 200 * time.Millisecond
	send := command(conn)
	late := run(t, size(), func(ctx context.Context, i int) error {
		ctx, cancel := context.WithTimeout(ctx, deadline)
		defer cancel()
		return send(ctx, i)
	}, nil)
	t.Logf("%d commands, %d answered; the longest call took %v", late.made(), late.answered, late.longest)
	require.Len(t, late.failed, late.made())
	for _, err := range late.failed {
		require.Equal(t, codes.DeadlineExceeded, status.Code(err))
	}
	require.EqualValues(t, late.made(), messages(t, js, commandStream), "commands in the queue")

	startPool(t, 2, s.worker(s.url()))
	requireEmpty(t, js, commandStream)
	require.Empty(t, s.outcome().effects)
	require.EqualValues(t, late.made(), messages(t, js, natsgrpc.Responses().Name), "answers")
	s.requireOnce(run(t, callers, command(conn), nil))
}
