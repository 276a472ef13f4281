package sqlite_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/codingflow/rating/natsgrpc/once"
	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
	"github.com/codingflow/rating/services/rating/store"
	"github.com/codingflow/rating/services/rating/store/sqlite"
)

const (
	runs = 1000
	// noise is by how many allocations two stores differ: identifiers are random, and pools warm. A sampled statement has a
	// dozen more.
	noise = 4
)

// Calls that are not sampled allocate as much as without traces.
func TestACallThatIsNotSampledPaysNothingForTraces(t *testing.T) {
	tracers := sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.NeverSample()))
	ctx, _ := tracers.Tracer("test").Start(t.Context(), "a request")
	allocations := func(opts ...sqlite.Option) (get, list float64) {
		st, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "rating.db"), opts...)
		require.NoError(t, err)
		defer st.Close()
		var user *ratingv1.User
		_, err = st.Do(ctx, once.Request{}, func(ctx context.Context, tx store.Tx) ([]byte, error) {
			user, err = tx.CreateUser(ctx, &ratingv1.User{DisplayName: "Ada"}, "")
			return nil, err
		})
		require.NoError(t, err)
		get = testing.AllocsPerRun(runs, func() {
			_, err := st.GetUser(ctx, user.GetName())
			require.NoError(t, err)
		})
		list = testing.AllocsPerRun(runs, func() {
			_, err := st.ListUsers(ctx, store.UserQuery{Limit: 10})
			require.NoError(t, err)
		})
		return get, list
	}
	get, list := allocations()
	tracedGet, tracedList := allocations(sqlite.WithTracerProvider(tracers))
	require.InDelta(t, get, tracedGet, noise)
	require.InDelta(t, list, tracedList, noise)
}
