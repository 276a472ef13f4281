package natsgrpc_test

import (
	"context"
	"testing"
	"time"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// retryAfter returns the RetryInfo of an error, 0 if it has none.
func retryAfter(err error) time.Duration {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.RetryInfo); ok {
			return info.GetRetryDelay().AsDuration()
		}
	}
	return 0
}

func TestACallThatABacklogWouldFailIsRefusedAtOnce(t *testing.T) {
	for name, call := range shapes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ns := natsgrpctest.NewServer(t)
			nc := natsgrpctest.Connect(t, ns)
			const work = 30 * time.Millisecond
			serve(t, nc, register(func(_ context.Context, payload []byte) ([]byte, error) {
				time.Sleep(work)
				return payload, nil
			}), natsgrpc.WithSlots(1, 1))
			conn := connect(t, natsgrpctest.Connect(t, ns))
			var calls []<-chan result
			for range 90 { // of the 100 that the queue holds: 2.7 s of work
				calls = append(calls, begin(t.Context(), func(ctx context.Context) (string, error) { return call(ctx, conn, "x") }))
			}
			// The rate is known when two answers have told the backlog.
			var refused error
			require.Eventually(t, func() bool {
				ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
				defer cancel()
				start := time.Now()
				_, refused = call(ctx, conn, "late")
				return reason(refused) == natsgrpc.ReasonBacklog && time.Since(start) < 90*time.Millisecond
			}, soon, time.Millisecond)
			require.Equal(t, codes.ResourceExhausted, status.Code(refused))
			require.Regexp(t, `^natsgrpc: the queue's backlog takes about [0-9.]+m?s; the call has [0-9]+ms$`, status.Convert(refused).Message())
			require.GreaterOrEqual(t, retryAfter(refused), time.Second)
			require.Less(t, retryAfter(refused), 10*time.Second)

			var patient []<-chan result
			for range 20 { // these have the time; there is room for all only where a slow machine has drained the queue before
				patient = append(patient, begin(t.Context(), func(ctx context.Context) (string, error) { return call(ctx, conn, "patient") }))
			}
			for _, waiting := range patient {
				if full := await(t, "a patient call", waiting).err; full != nil {
					// The second where a slow machine takes for the queue more than half of the call's time.
					require.Contains(t, []string{natsgrpc.ReasonQueueFull, natsgrpc.ReasonBacklog}, reason(full), "%v", full)
					require.Equal(t, codes.ResourceExhausted, status.Code(full))
					require.GreaterOrEqual(t, retryAfter(full), time.Second)
					require.Less(t, retryAfter(full), 10*time.Second)
				}
			}
			for _, waiting := range calls {
				require.NoError(t, await(t, "an admitted call", waiting).err)
			}
			for range 3 {
				ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
				defer cancel()
				_, err := call(ctx, conn, "after the backlog")
				require.NoError(t, err)
			}
		})
	}
}
