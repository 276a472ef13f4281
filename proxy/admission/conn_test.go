package admission

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
)

// held is a connection whose calls end when they are let go.
type held struct {
	grpc.ClientConnInterface
	begun, release chan struct{}
}

func (h *held) Invoke(context.Context, string, any, any, ...grpc.CallOption) error {
	h.begun <- struct{}{}
	<-h.release
	return nil
}

type clientKey struct{}

func TestACallThatWouldWaitForTooLongIsRefused(t *testing.T) {
	wait := time.Duration(0)
	conn := &held{begun: make(chan struct{}), release: make(chan struct{})}
	c, err := NewConn(conn, ConnOptions{
		ExpectedWait: func(method string) (time.Duration, bool) {
			require.Contains(t, []string{"/a.B/C", "/a.B/D"}, method)
			return wait, wait > 0
		},
		MaxWait: 4 * time.Second,
		Client:  func(ctx context.Context) Client { client, _ := ctx.Value(clientKey{}).(Client); return client },
	})
	require.NoError(t, err)
	results := make(chan error, 100)
	call := func(client, method string) {
		ctx := context.WithValue(t.Context(), clientKey{}, named(client))
		go func() { results <- c.Invoke(ctx, method, nil, nil) }()
	}
	admitted := func(client, method string) {
		t.Helper()
		call(client, method)
		select {
		case <-conn.begun:
		case err := <-results:
			require.NoError(t, err)
		}
	}
	refused := func(client, method, reason string) time.Duration {
		t.Helper()
		call(client, method)
		select {
		case <-conn.begun:
			require.FailNow(t, "it is admitted")
			return 0
		case err := <-results:
			return requireRefusal(t, err, codes.ResourceExhausted, reason)
		}
	}
	for range 5 {
		admitted("noisy", "/a.B/C") // nobody waits
	}
	wait = 2 * time.Second
	admitted("noisy", "/a.B/C") // for half of what is allowed, and all of it is its own
	wait = 2100 * time.Millisecond
	require.Equal(t, time.Second, refused("noisy", "/a.B/C", ReasonFairShare))
	wait = 3 * time.Second
	for range 4 {
		admitted("polite", "/a.B/C") // before the last one a third of the calls are its own, and so is a second of the wait
	}
	refused("polite", "/a.B/C", ReasonFairShare)
	admitted("new", "/a.B/C")
	admitted("noisy", "/a.B/D") // each method counts for itself
	wait = 4 * time.Second
	admitted("newer", "/a.B/C")
	wait = 5 * time.Second
	require.Equal(t, 3*time.Second, refused("polite", "/a.B/C", ReasonBacklog))
	wait = 8 * time.Second
	admitted("newest", "/a.B/C") // it has nothing else
	wait = 9 * time.Second
	require.Equal(t, 7*time.Second, refused("last", "/a.B/C", ReasonBacklog))
	wait = time.Hour
	require.Equal(t, 30*time.Second, refused("last", "/a.B/C", ReasonBacklog))

	close(conn.release)
	for range 14 {
		require.NoError(t, <-results)
	}
	require.Empty(t, c.calls("/a.B/C").inFlight.clients)
	require.Empty(t, c.calls("/a.B/D").inFlight.clients)
}

func TestConnOptionsAreChecked(t *testing.T) {
	whole := ConnOptions{
		ExpectedWait: func(string) (time.Duration, bool) { return 0, false },
		MaxWait:      time.Second,
		Client:       func(context.Context) Client { return Client{} },
	}
	const incomplete = "admission: a connection without all of its options"
	_, err := NewConn(nil, whole)
	require.EqualError(t, err, incomplete)
	for message, spoil := range map[string]func(*ConnOptions){
		incomplete: func(o *ConnOptions) { o.ExpectedWait = nil },
		"admission: longest wait 0s is not positive": func(o *ConnOptions) { o.MaxWait = 0 },
	} {
		options := whole
		spoil(&options)
		_, err := NewConn(&held{}, options)
		require.EqualError(t, err, message)
	}
}
