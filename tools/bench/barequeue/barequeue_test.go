package barequeue

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
)

// Each call has its own answer, whichever of two requesters makes it, though they number their calls alike, and whichever of
// two workers handles it. No request is left.
func TestCallsAreAnsweredByWorkers(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	connect := func() *nats.Conn { return natsgrpctest.Connect(t, ns) }
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, kind := range []Kind{Query, Command} {
		t.Run(string(kind), func(t *testing.T) {
			js, err := jetstream.New(connect())
			require.NoError(t, err)
			require.NoError(t, Create(ctx, js, kind))
			var handled [2]atomic.Int64
			for i := range handled {
				_, err := NewWorker(connect(), kind, 4, func(request []byte) []byte {
					handled[i].Add(1)
					return bytes.ToUpper(request)
				})
				require.NoError(t, err)
			}
			var requesters [2]*Requester
			for i := range requesters {
				requesters[i], err = NewRequester(connect(), kind)
				require.NoError(t, err)
			}
			const clients, calls = 20, 50
			var group sync.WaitGroup
			failures := make(chan error, clients*calls)
			for i := range clients {
				group.Go(func() {
					for j := range calls {
						text := fmt.Sprintf("call %d of %d", j, i)
						answer, err := requesters[i%2].Call(ctx, []byte(text))
						if err != nil || string(answer) != fmt.Sprintf("CALL %d OF %d", j, i) {
							failures <- fmt.Errorf("%s: %q %w", text, answer, err)
						}
					}
				})
			}
			group.Wait()
			require.Empty(t, failures)
			require.EqualValues(t, clients*calls, handled[0].Load()+handled[1].Load())
			require.Positive(t, handled[0].Load())
			require.Positive(t, handled[1].Load())
			require.Empty(t, requesters[0].waiting)
			require.Empty(t, requesters[1].waiting)
			stream, err := js.Stream(ctx, kind.queue())
			require.NoError(t, err)
			require.Eventually(t, func() bool {
				info, err := stream.Info(ctx)
				return err == nil && info.State.Msgs == 0
			}, 10*time.Second, time.Millisecond)
		})
	}
}

func TestACallEndsWithItsContext(t *testing.T) {
	nc := natsgrpctest.Connect(t, natsgrpctest.NewServer(t))
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	require.NoError(t, Create(t.Context(), js, Query))
	require.ErrorContains(t, Create(t.Context(), js, Kind("query.other")), "create BARE_query.other: ")
	requester, err := NewRequester(nc, Query)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err = requester.Call(ctx, nil)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Empty(t, requester.waiting)
	_, err = NewWorker(nc, Query, 3, nil)
	require.EqualError(t, err, "3 slots: want at least 4")
	nc.Close()
	_, err = NewRequester(nc, Query)
	require.EqualError(t, err, "bare requester: nats: connection closed")
}
