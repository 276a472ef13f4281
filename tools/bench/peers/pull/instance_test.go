package pull

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	natsgrpctestv1 "github.com/codingflow/rating/proto/natsgrpctest/v1"
)

func TestInstancesSayWhatTheyLack(t *testing.T) {
	right := Instance{NATS: "nats://127.0.0.1", Slots: 1, Slowdown: 1, Done: "done"}
	require.NoError(t, right.Validate())
	for want, change := range map[string]func(*Instance){
		"no URL of a NATS server":            func(i *Instance) { i.NATS = "" },
		"0 slots: want at least 1":           func(i *Instance) { i.Slots = 0 },
		"slowdown 0: want at least 1":        func(i *Instance) { i.Slowdown = 0 },
		"no file for the jobs that are done": func(i *Instance) { i.Done = "" },
	} {
		wrong := right
		change(&wrong)
		require.EqualError(t, wrong.Validate(), want)
		require.EqualError(t, wrong.Serve(t.Context(), nil), want)
	}
}

// Two calls run; the others wait, and one whose caller has left does not run at all.
func TestTheLimitLetsSoManyHandlersRun(t *testing.T) {
	limited := limit(2)
	started, let := make(chan string, 10), make(chan struct{})
	ended := make(chan error, 10)
	call := func(ctx context.Context, name string) {
		_, err := limited(ctx, name, &grpc.UnaryServerInfo{}, func(context.Context, any) (any, error) {
			started <- name
			<-let
			return nil, nil
		})
		ended <- err
	}
	go call(t.Context(), "a")
	require.Equal(t, "a", <-started)
	go call(t.Context(), "b")
	require.Equal(t, "b", <-started)
	left, leave := context.WithCancel(t.Context())
	leave()
	call(left, "c")
	require.Equal(t, codes.Canceled, status.Code(<-ended))
	go call(t.Context(), "d")
	require.Empty(t, started)
	let <- struct{}{}
	require.NoError(t, <-ended)
	require.Equal(t, "d", <-started)
	close(let)
	require.NoError(t, <-ended)
	require.NoError(t, <-ended)
}

func TestAnInstanceNotesWhatItHasDone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "done")
	done, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, done.Close()) })
	s := &sleeper{slowdown: 1, done: done}
	_, err = s.Read(t.Context(), &natsgrpctestv1.ReadRequest{Payload: job{number: 7}.encode()})
	require.NoError(t, err)
	_, err = s.Write(t.Context(), &natsgrpctestv1.WriteRequest{Payload: job{number: 8}.encode()})
	require.NoError(t, err)
	gone, leave := context.WithCancel(t.Context())
	leave()
	_, err = s.Read(gone, &natsgrpctestv1.ReadRequest{Payload: job{number: 9, work: patience}.encode()})
	require.Equal(t, codes.Canceled, status.Code(err))
	_, err = s.Read(t.Context(), &natsgrpctestv1.ReadRequest{Payload: []byte("x")})
	require.EqualError(t, err, "rpc error: code = InvalidArgument desc = a job of 1 bytes: want 16")

	r := &runner{done: path}
	numbers, err := r.newlyDone()
	require.NoError(t, err)
	require.Equal(t, []uint64{7, 8}, numbers)
	numbers, err = r.newlyDone()
	require.NoError(t, err)
	require.Empty(t, numbers)
}
