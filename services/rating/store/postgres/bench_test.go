//go:build integration

package postgres_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/codingflow/rating/natsgrpc/once"
	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
	"github.com/codingflow/rating/services/rating/store"
	"github.com/codingflow/rating/services/rating/store/postgres"
	"github.com/codingflow/rating/services/rating/store/postgres/postgrestest"
	"github.com/codingflow/rating/services/rating/store/sqlite"
)

// BenchmarkCommands measures recorded commands on both databases, each of which waits for the same disk at every commit:
// users are created by 1 and by 64 callers, users rate one service and a service each, and ratings are created 1,000 at a time.
//
//	go test -tags integration ./services/rating/store/postgres -run '^$' -bench Commands -benchtime 3s
func BenchmarkCommands(b *testing.B) {
	server := postgrestest.NewServer(b)
	require.NoError(b, postgres.Migrate(b.Context(), server.URL("postgres"), discard))
	file, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "rating.db"))
	require.NoError(b, err)
	defer file.Close()
	for _, database := range []struct {
		name string
		st   store.Store
	}{{"SQLite", file}, {"PostgreSQL", open(b, server.URL("postgres"))}} {
		for _, callers := range []int{1, 64} {
			b.Run(fmt.Sprintf("create user/%s/callers=%d", database.name, callers), func(b *testing.B) {
				benchmark(b, database.st, callers, func(ctx context.Context, tx store.Tx, _ int64) error {
					_, err := createUser(ctx, tx)
					return err
				})
			})
		}
		for _, services := range []int{1, 100} {
			b.Run(fmt.Sprintf("rate/%s/services=%d", database.name, services), func(b *testing.B) {
				names := createServices(b, database.st, services)
				benchmark(b, database.st, 64, func(ctx context.Context, tx store.Tx, i int64) error {
					user, err := tx.CreateUser(ctx, newUser("Ada"), "")
					if err != nil {
						return err
					}
					_, err = tx.CreateRating(ctx, newRating(user.GetName(), names[i%int64(services)]))
					return err
				})
			})
		}
		b.Run("batch of 1000 ratings/"+database.name, func(b *testing.B) {
			services := createServices(b, database.st, 1000)
			benchmark(b, database.st, 1, func(ctx context.Context, tx store.Tx, _ int64) error {
				user, err := tx.CreateUser(ctx, newUser("Ada"), "")
				if err != nil {
					return err
				}
				var ratings []*ratingv1.Rating
				for _, service := range services {
					ratings = append(ratings, newRating(user.GetName(), service))
				}
				_, err = tx.CreateRatings(ctx, ratings)
				return err
			})
		})
	}
}

// requestNumber makes request ids.
var requestNumber atomic.Int64

// benchmark runs recorded commands by many callers.
func benchmark(b *testing.B, st store.Store, callers int, command func(ctx context.Context, tx store.Tx, i int64) error) {
	b.ReportAllocs()
	var left atomic.Int64
	left.Store(int64(b.N))
	var group sync.WaitGroup
	b.ResetTimer()
	for range callers {
		group.Go(func() {
			for left.Add(-1) >= 0 {
				i := requestNumber.Add(1)
				_, err := st.Do(b.Context(), once.Request{ID: fmt.Sprint(i)}, func(ctx context.Context, tx store.Tx) ([]byte, error) {
					return []byte("an answer of about one hundred bytes ........................................................"), command(ctx, tx, i)
				})
				if err != nil {
					b.Error(err)
				}
			}
		})
	}
	group.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commands/s")
}

func createServices(b testing.TB, st store.Store, n int) (names []string) {
	b.Helper()
	_, err := st.Do(b.Context(), once.Request{}, func(ctx context.Context, tx store.Tx) ([]byte, error) {
		for range n {
			service, err := tx.CreateService(ctx, &ratingv1.Service{DisplayName: "Café"}, "")
			if err != nil {
				return nil, err
			}
			names = append(names, service.GetName())
		}
		return nil, nil
	})
	require.NoError(b, err)
	return names
}

func newRating(user, service string) *ratingv1.Rating {
	return &ratingv1.Rating{User: user, Service: service, Score: proto.Int32(4)}
}
