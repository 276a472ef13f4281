package sqlite_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/natsgrpc/once"
	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
	"github.com/codingflow/rating/services/rating/store"
	"github.com/codingflow/rating/services/rating/store/sqlite"
)

// BenchmarkCreate measures recorded creations of users by 1 and by 64 callers, with the disk and without.
func BenchmarkCreate(b *testing.B) {
	for _, synchronous := range []sqlite.Synchronous{sqlite.Full, sqlite.Normal} {
		for _, callers := range []int{1, 64} {
			b.Run(fmt.Sprintf("%s/callers=%d", synchronous, callers), func(b *testing.B) {
				st, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "rating.db"), sqlite.WithSynchronous(synchronous))
				require.NoError(b, err)
				defer st.Close()
				var id atomic.Int64
				b.ReportAllocs()
				b.SetParallelism(callers)
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						req := once.Request{ID: fmt.Sprint(id.Add(1))}
						_, err := st.Do(b.Context(), req, func(ctx context.Context, tx store.Tx) ([]byte, error) {
							_, err := tx.CreateUser(ctx, &ratingv1.User{DisplayName: "Ada Lovelace"}, "")
							return []byte("an answer of about one hundred bytes ........................................................"), err
						})
						if err != nil {
							b.Error(err)
						}
					}
				})
			})
		}
	}
}

// BenchmarkGet measures reads of one user.
func BenchmarkGet(b *testing.B) {
	st, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "rating.db"))
	require.NoError(b, err)
	defer st.Close()
	var name string
	_, err = st.Do(b.Context(), once.Request{}, func(ctx context.Context, tx store.Tx) ([]byte, error) {
		user, err := tx.CreateUser(ctx, &ratingv1.User{DisplayName: "Ada Lovelace"}, "")
		name = user.GetName()
		return nil, err
	})
	require.NoError(b, err)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := st.GetUser(b.Context(), name); err != nil {
				b.Error(err)
			}
		}
	})
}
