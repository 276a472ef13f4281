package natsgrpc_test

import (
	"bytes"
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// trustScenario is a server with one slot, whose handler is fast but for payloads that begin with "slow": then it takes from
// release.
type trustScenario struct {
	nc          *nats.Conn
	conn, other *natsgrpc.Conn     // of two processes
	requests    *nats.Subscription // all of the kind
	inboxes     *nats.Subscription // all PubAcks
	release     chan struct{}
	slow        atomic.Int32 // how often the slow handler ran
	calls       atomic.Int32

	call  func(context.Context, grpc.ClientConnInterface, string) (string, error)
	queue string // its stream
}

// testTrust runs a test with queries and with commands.
func testTrust(t *testing.T, test func(*testing.T, *trustScenario)) {
	t.Run("query", func(t *testing.T) {
		test(t, newTrustScenario(t, &trustScenario{call: query, queue: queryStream}, "qry.>"))
	})
	t.Run("command", func(t *testing.T) {
		test(t, newTrustScenario(t, &trustScenario{call: command, queue: commandStream}, "cmd.>"))
	})
}

func newTrustScenario(t *testing.T, s *trustScenario, subjects string) *trustScenario {
	t.Helper()
	ns := natsgrpctest.NewServer(t)
	s.nc, s.release = natsgrpctest.Connect(t, ns), make(chan struct{})
	serve(t, s.nc, register(func(_ context.Context, payload []byte) ([]byte, error) {
		if bytes.HasPrefix(payload, []byte("slow")) {
			s.slow.Add(1)
			<-s.release
		}
		return payload, nil
	}), natsgrpc.WithSlots(1, 1))
	var err error
	s.requests, err = s.nc.SubscribeSync(subjects)
	require.NoError(t, err)
	s.inboxes, err = s.nc.SubscribeSync("_INBOX.>")
	require.NoError(t, err)
	require.NoError(t, s.nc.Flush())
	s.conn, s.other = connect(t, natsgrpctest.Connect(t, ns)), connect(t, natsgrpctest.Connect(t, ns))
	return s
}

// payload makes a payload that no other call has.
func (s *trustScenario) payload(kind string) string {
	return fmt.Sprintf("%s %d.", kind, s.calls.Add(1))
}

// request returns the next request with a payload that was published, and drops others: on a busy machine an earlier one may
// have been published again.
func (s *trustScenario) request(t *testing.T, payload string) *nats.Msg {
	t.Helper()
	for {
		msg, err := s.requests.NextMsg(soon)
		require.NoError(t, err)
		if bytes.Contains(msg.Data, []byte(payload)) {
			return msg
		}
	}
}

// acknowledged waits for the queue's word on a request.
func (s *trustScenario) acknowledged(t *testing.T, request *nats.Msg) {
	t.Helper()
	for {
		msg, err := s.inboxes.NextMsg(soon)
		require.NoError(t, err)
		if msg.Subject == request.Reply {
			return
		}
	}
}

// begin begins a call.
func (s *trustScenario) begin(t *testing.T, conn *natsgrpc.Conn, payload string) <-chan result {
	t.Helper()
	return begin(t.Context(), func(ctx context.Context) (string, error) { return s.call(ctx, conn, payload) })
}

// trust makes fast calls until one asks for no PubAck.
func (s *trustScenario) trust(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool {
		fast := s.payload("fast")
		got, err := s.call(t.Context(), s.conn, fast)
		require.NoError(t, err)
		require.Equal(t, fast, got)
		return s.request(t, fast).Reply == ""
	}, soon, time.Microsecond, "every call asks for a PubAck")
}

// A call whose method answers fast is published without a reply subject. When its answer does not come, it is published
// again with one, which its queue does not take since it has it: the handler runs once. After that the method is not fast.
func TestACallIsConfirmedWhenItsAnswerDoesNotCome(t *testing.T) {
	testTrust(t, aCallIsConfirmedWhenItsAnswerDoesNotCome)
}

func aCallIsConfirmedWhenItsAnswerDoesNotCome(t *testing.T, s *trustScenario) {
	fast := s.payload("fast")
	_, err := s.call(t.Context(), s.conn, fast)
	require.NoError(t, err)
	require.NotEmpty(t, s.request(t, fast).Reply, "nothing is known of the queue")
	tries := int32(0)
	require.Eventually(t, func() bool { // on a busy machine the call before the slow one may have been slow too
		s.trust(t)
		tries++
		slow := s.payload("slow")
		waiting := s.begin(t, s.conn, slow)
		first := s.request(t, slow)
		if first.Reply == "" {
			again := s.request(t, slow)
			require.NotEmpty(t, again.Reply)
			require.Equal(t, first.Subject, again.Subject)
			require.Equal(t, first.Data, again.Data)
			s.acknowledged(t, again) // before the first leaves the queue, after which it would take the same request again
		}
		s.release <- struct{}{}
		require.Equal(t, result{answer: slow}, await(t, "an answer", waiting))
		return first.Reply == ""
	}, time.Minute, time.Microsecond)
	require.Equal(t, tries, s.slow.Load())
	fast = s.payload("fast")
	_, err = s.call(t.Context(), s.conn, fast)
	require.NoError(t, err)
	require.NotEmpty(t, s.request(t, fast).Reply, "the last answer was slow")
}

// The queue is filled by another process, of which the caller that trusts it knows nothing.
func TestATrustedCallIsToldThatItsQueueIsFull(t *testing.T) {
	testTrust(t, aTrustedCallIsToldThatItsQueueIsFull)
}

func aTrustedCallIsToldThatItsQueueIsFull(t *testing.T, s *trustScenario) {
	s.trust(t)
	waiting := []<-chan result{s.begin(t, s.other, "slow")}
	require.Eventually(t, func() bool { return s.slow.Load() == 1 }, soon, time.Microsecond, "nobody holds the slot")
	for range 99 {
		waiting = append(waiting, s.begin(t, s.other, "fast"))
	}
	require.Eventually(t, func() bool { return pending(t, stream(t, s.nc, s.queue)) == 100 }, soon, time.Millisecond)
	_, err := s.call(t.Context(), s.conn, "one too many")
	require.Equal(t, codes.ResourceExhausted, status.Code(err))
	require.Equal(t, natsgrpc.ReasonQueueFull, reason(err))
	s.release <- struct{}{}
	for _, each := range waiting {
		require.NoError(t, await(t, "an answer", each).err)
	}
}

// Nobody has asked the queue for its word, so that it is missing means nothing.
func TestATrustedCallsDeadlineSaysNothingOfItsQueue(t *testing.T) {
	testTrust(t, aTrustedCallsDeadlineSaysNothingOfItsQueue)
}

func aTrustedCallsDeadlineSaysNothingOfItsQueue(t *testing.T, s *trustScenario) {
	tries := int32(0)
	require.Eventually(t, func() bool {
		s.trust(t)
		slow, late := s.payload("slow"), s.payload("late")
		waiting := s.begin(t, s.other, slow)
		tries++
		require.Eventually(t, func() bool { return s.slow.Load() == tries }, soon, time.Microsecond, "nobody holds the slot")
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		_, err := s.call(ctx, s.conn, late)
		require.Equal(t, codes.DeadlineExceeded, status.Code(err))
		s.release <- struct{}{}
		require.NoError(t, await(t, "an answer", waiting).err)
		next := s.payload("fast")
		_, failed := s.call(t.Context(), s.conn, next)
		require.NoError(t, failed)
		for { // a busy machine may not have published the late one at all
			switch msg, failed := s.requests.NextMsg(soon); {
			case failed != nil:
				require.NoError(t, failed)
			case bytes.Contains(msg.Data, []byte(late)):
				if msg.Reply == "" {
					require.Empty(t, reason(err))
					return true
				}
			case bytes.Contains(msg.Data, []byte(next)):
				return false
			}
		}
	}, time.Minute, time.Microsecond)
}
