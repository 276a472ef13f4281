package admission

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func newLimiter(t testing.TB, inFlight, perClient int) *Limiter {
	t.Helper()
	l, err := NewLimiter(Limits{InFlight: inFlight, PerClient: perClient})
	require.NoError(t, err)
	return l
}

// named returns a client.
func named(name any) Client { return Principal("test", fmt.Sprint(name)) }

// enter has a client enter so often that it is refused, and returns how often it was admitted and why it was refused.
func enter(t *testing.T, l *Limiter, c Client) (admitted int, err error) {
	t.Helper()
	for ; ; admitted++ {
		if err := l.Enter(c); err != nil {
			return admitted, err
		}
	}
}

// requireRefusal checks the status of a refusal and returns when to try again.
func requireRefusal(t *testing.T, err error, code codes.Code, reason string) time.Duration {
	t.Helper()
	st, ok := status.FromError(err)
	require.True(t, ok, "%v", err)
	require.Equal(t, code, st.Code(), "%v", err)
	require.Len(t, st.Details(), 2)
	info, ok := st.Details()[0].(*errdetails.ErrorInfo)
	require.True(t, ok)
	require.Equal(t, reason, info.GetReason(), "%v", err)
	require.Equal(t, ErrorDomain, info.GetDomain())
	retry, ok := st.Details()[1].(*errdetails.RetryInfo)
	require.True(t, ok)
	return retry.GetRetryDelay().AsDuration()
}

func TestLimitsAreChecked(t *testing.T) {
	for _, limits := range []Limits{{}, {InFlight: 1}, {PerClient: 1}, {InFlight: -1, PerClient: 1}} {
		_, err := NewLimiter(limits)
		require.EqualError(t, err, fmt.Sprintf("admission: limits of %d in flight and %d per client; want 1 or more", limits.InFlight, limits.PerClient))
	}
}

func TestAClientHasALimit(t *testing.T) {
	l := newLimiter(t, 1000, 10)
	admitted, err := enter(t, l, named(1))
	require.Equal(t, 10, admitted)
	requireRefusal(t, err, codes.ResourceExhausted, ReasonClientLimit)
	require.EqualError(t, err, "rpc error: code = ResourceExhausted desc = too many requests of this client are in flight; try again later")
	require.NoError(t, l.Enter(named(2)), "another client")
	l.Leave(named(1))
	require.NoError(t, l.Enter(named(1)), "the client, when one was answered")
}

func TestAllClientsHaveALimit(t *testing.T) {
	l := newLimiter(t, 16, 16)
	for i := range 16 {
		require.NoError(t, l.Enter(named(i)))
	}
	err := l.Enter(named(16))
	requireRefusal(t, err, codes.Unavailable, ReasonOverloaded)
	require.EqualError(t, err, "rpc error: code = Unavailable desc = too many requests are in flight; try again later")
	l.Leave(named(0))
	require.NoError(t, l.Enter(named(16)))
}

// A client alone leaves a ninth. One that comes gets of that, and then of what the first has to give back, until both have
// as much.
func TestAFairShareIsKept(t *testing.T) {
	l := newLimiter(t, 90, 90)
	noisy, other := named("noisy"), named("other")
	admitted, err := enter(t, l, noisy)
	require.Equal(t, 80, admitted)
	requireRefusal(t, err, codes.ResourceExhausted, ReasonFairShare)
	admitted, _ = enter(t, l, other)
	require.Equal(t, 9, admitted)
	for range 50 {
		l.Leave(noisy)
		_, _ = enter(t, l, noisy)
		_, _ = enter(t, l, other)
	}
	require.InDelta(t, 90*8/17, l.inFlight.clients[noisy], 5)
	require.InDelta(t, 90*8/17, l.inFlight.clients[other], 5)
}

// One client always wants more, twenty others want a quarter of all at random times, and what is in flight ends in the
// order in which it came. None of the others is ever refused, and nothing is left unused.
func TestANoisyClientStarvesNobody(t *testing.T) {
	const limit, steps = 80, 20_000
	l := newLimiter(t, limit, limit)
	noisy := named("noisy")
	chance := rand.New(rand.NewPCG(1, 2))
	var queue []Client // in flight
	admitted := map[Client]int{}
	for step := range steps {
		if len(queue) > 0 { // one ends
			l.Leave(queue[0])
			queue = queue[1:]
		}
		for range 10 { // ten come
			c := noisy
			if chance.IntN(40) == 0 {
				c = named(chance.IntN(20))
			}
			err := l.Enter(c)
			if err != nil {
				require.Equal(t, noisy, c, "a polite client was refused: %v", err)
				continue
			}
			admitted[c]++
			queue = append(queue, c)
		}
		require.Greater(t, len(queue), min(limit*3/4, step))
	}
	require.InEpsilon(t, steps*3/4, admitted[noisy], 0.05, "what the others leave")
}

func TestARequestMovesToItsPrincipal(t *testing.T) {
	l := newLimiter(t, 16, 2)
	address, principal := At("192.0.2.1:1"), named(1)
	for range 2 {
		require.NoError(t, l.Enter(address))
		require.NoError(t, l.Move(address, principal))
	}
	require.NoError(t, l.Enter(address), "the others have left the address")
	err := l.Move(address, principal)
	requireRefusal(t, err, codes.ResourceExhausted, ReasonClientLimit)
	require.Equal(t, map[Client]int{address: 1, principal: 2}, l.inFlight.clients)
	l.Leave(address)
	l.Leave(principal)
	l.Leave(principal)
	require.Empty(t, l.inFlight.clients, "who has nothing in flight is forgotten")
	require.Zero(t, l.inFlight.total)
}

// A full limiter can tell one of its own requests from a new one.
func TestARequestMovesWhereAllAreInFlight(t *testing.T) {
	l := newLimiter(t, 1, 1)
	require.NoError(t, l.Enter(named(1)))
	require.NoError(t, l.Move(named(1), named(2)))
}

func TestRetriesFollowTheDrainRate(t *testing.T) {
	start := time.Now()
	at := func(seconds float64) time.Time { return start.Add(time.Duration(seconds * float64(time.Second))) }
	for _, test := range []struct {
		name  string
		ends  []float64
		asked float64
		want  time.Duration
	}{
		{"nothing is known", nil, 0.5, time.Second},
		{"nothing ends", nil, 1.5, 30 * time.Second},
		{"two a second", []float64{0.5, 1}, 1.1, 10 * time.Second},
		{"then none", []float64{0.5, 1}, 3, 30 * time.Second},
		{"less than asked for", []float64{0.5, 1, 1.1, 1.2, 1.3, 1.4, 2}, 2.1, 4 * time.Second},
	} {
		d := drain{since: start}
		for _, end := range test.ends {
			d.end(at(end))
		}
		require.Equal(t, test.want, d.time(20, at(test.asked)), test.name)
	}
	l := newLimiter(t, 1, 1)
	require.NoError(t, l.Enter(named(1)))
	require.Equal(t, time.Second, requireRefusal(t, l.Enter(named(1)), codes.Unavailable, ReasonOverloaded))
	l.drain = drain{since: start.Add(-time.Hour)}
	require.Equal(t, 30*time.Second, requireRefusal(t, l.Enter(named(1)), codes.Unavailable, ReasonOverloaded))
}

func TestALimiterIsForMany(t *testing.T) {
	l := newLimiter(t, 64, 8)
	var group sync.WaitGroup
	for i := range 16 {
		group.Go(func() {
			for range 1000 {
				if c := named(i % 4); l.Enter(c) == nil {
					l.Leave(c)
				}
			}
		})
	}
	group.Wait()
	require.Zero(t, l.inFlight.total)
	require.Empty(t, l.inFlight.clients)
}

// BenchmarkLimiter is what a request costs that is admitted, by one goroutine for each processor.
func BenchmarkLimiter(b *testing.B) {
	for _, clients := range []int{1, 1000} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			b.ReportAllocs()
			l := newLimiter(b, 1_000_000, 1_000_000)
			all := make([]Client, clients)
			for i := range all {
				all[i] = At(fmt.Sprintf("10.0.%d.%d:80", i/250, i%250))
				require.NoError(b, l.Enter(all[i])) // one is in flight all the time
			}
			b.RunParallel(func(p *testing.PB) {
				for i := 0; p.Next(); i++ {
					c := all[i%clients]
					if err := l.Enter(c); err != nil {
						b.Error(err)
					}
					l.Leave(c)
				}
			})
		})
	}
}
