package storetest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
	"github.com/codingflow/rating/services/rating/store"
)

func testCreateService(t *testing.T, st store.Store) {
	var created *ratingv1.Service
	require.NoError(t, do(t, st, func(ctx context.Context, tx store.Tx) (err error) {
		created, err = tx.CreateService(ctx, &ratingv1.Service{
			Name: "services/mine", DisplayName: "Café", Description: "Coffee", AverageScore: 5, RatingCount: 7, Etag: "mine",
		}, "")
		return err
	}))
	require.Regexp(t, `^services/[0-9a-f]{8}-[0-9a-f]{4}-7`, created.GetName())
	require.NotNil(t, created.GetCreateTime())
	require.NotEmpty(t, created.GetEtag())
	requireEqual(t, &ratingv1.Service{
		Name: created.GetName(), DisplayName: "Café", Description: "Coffee",
		CreateTime: created.GetCreateTime(), UpdateTime: created.GetCreateTime(), Etag: created.GetEtag(),
	}, created)

	got, err := st.GetService(t.Context(), created.GetName())
	require.NoError(t, err)
	requireEqual(t, created, got)
}

func testUpdateService(t *testing.T, st store.Store) {
	created, user := createService(t, st, "Café"), createUser(t, st, "Ada")
	createRating(t, st, user.GetName(), created.GetName(), 4)
	rated, err := st.GetService(t.Context(), created.GetName())
	require.NoError(t, err)
	require.Equal(t, created.GetEtag(), rated.GetEtag(), "ratings do not change the etag of their service")

	var updated *ratingv1.Service
	require.NoError(t, do(t, st, func(ctx context.Context, tx store.Tx) (err error) {
		updated, err = tx.UpdateService(ctx, created.GetName(), created.GetEtag(), func(service *ratingv1.Service) error {
			requireEqual(t, rated, service)
			service.Description, service.AverageScore, service.RatingCount = "Tea", 1, 9
			return nil
		})
		return err
	}))
	require.NotEqual(t, created.GetEtag(), updated.GetEtag())
	requireEqual(t, &ratingv1.Service{
		Name: created.GetName(), DisplayName: "Café", Description: "Tea", AverageScore: 4, RatingCount: 1,
		CreateTime: created.GetCreateTime(), UpdateTime: updated.GetUpdateTime(), Etag: updated.GetEtag(),
	}, updated)
	got, err := st.GetService(t.Context(), created.GetName())
	require.NoError(t, err)
	requireEqual(t, updated, got)
}

func testServiceEtag(t *testing.T, st store.Store) {
	created := createService(t, st, "Café")
	err := do(t, st, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.UpdateService(ctx, created.GetName(), "old", func(*ratingv1.Service) error { return errTest })
		return err
	})
	requireResourceError(t, err, created.GetName(), store.ErrStale)
	err = do(t, st, func(ctx context.Context, tx store.Tx) error {
		return tx.DeleteService(ctx, created.GetName(), "old", true)
	})
	requireResourceError(t, err, created.GetName(), store.ErrStale)
	require.NoError(t, do(t, st, func(ctx context.Context, tx store.Tx) error {
		return tx.DeleteService(ctx, created.GetName(), created.GetEtag(), false)
	}))
	_, err = st.GetService(t.Context(), created.GetName())
	requireResourceError(t, err, created.GetName(), store.ErrNotFound)
}

func testDeleteServiceWithRatings(t *testing.T, st store.Store) {
	user, cafe, cinema := createUser(t, st, "Ada"), createService(t, st, "Café"), createService(t, st, "Cinema")
	rating := createRating(t, st, user.GetName(), cafe.GetName(), 5)
	createRating(t, st, user.GetName(), cinema.GetName(), 1)
	remove := func(force bool) error {
		return do(t, st, func(ctx context.Context, tx store.Tx) error {
			return tx.DeleteService(ctx, cafe.GetName(), "", force)
		})
	}
	requireResourceError(t, remove(false), cafe.GetName(), store.ErrHasRatings)
	requireAggregates(t, st, cafe.GetName(), 5)

	require.NoError(t, remove(true))
	_, err := st.GetService(t.Context(), cafe.GetName())
	require.ErrorIs(t, err, store.ErrNotFound)
	_, err = st.GetRating(t.Context(), rating.GetName())
	require.ErrorIs(t, err, store.ErrNotFound)
	requireAggregates(t, st, cinema.GetName(), 1)
}

func testAggregates(t *testing.T, st store.Store) {
	service, other := createService(t, st, "Café"), createService(t, st, "Cinema")
	requireAggregates(t, st, service.GetName())
	var ratings []*ratingv1.Rating
	for _, score := range []int32{0, 5, 5, 3} {
		ratings = append(ratings, createRating(t, st, createUser(t, st, "Ada").GetName(), service.GetName(), score))
	}
	requireAggregates(t, st, service.GetName(), 0, 5, 5, 3)

	require.NoError(t, do(t, st, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.UpdateRating(ctx, ratings[1].GetName(), "", func(rating *ratingv1.Rating) error {
			*rating.Score = 1
			return nil
		})
		return err
	}))
	requireAggregates(t, st, service.GetName(), 0, 1, 5, 3)

	require.NoError(t, do(t, st, func(ctx context.Context, tx store.Tx) error {
		return tx.DeleteRating(ctx, ratings[0].GetName(), "")
	}))
	requireAggregates(t, st, service.GetName(), 1, 5, 3)
	requireAggregates(t, st, other.GetName())
}

// requireAggregates requires that everything which is read about a service follows from these scores.
func requireAggregates(t *testing.T, st store.Store, name string, scores ...int32) {
	t.Helper()
	want := &ratingv1.RatingSummary{Name: name + "/ratingSummary", RatingCount: int64(len(scores))}
	for score := range int32(store.MaxScore + 1) {
		want.ScoreCounts = append(want.ScoreCounts, &ratingv1.ScoreCount{Score: score})
	}
	var sum int64
	for _, score := range scores {
		want.ScoreCounts[score].Count++
		sum += int64(score)
	}
	want.AverageScore = store.Average(sum, int64(len(scores)))

	summary, err := st.GetRatingSummary(t.Context(), name)
	require.NoError(t, err)
	requireEqual(t, want, summary)
	service, err := st.GetService(t.Context(), name)
	require.NoError(t, err)
	services, err := st.ListServices(t.Context(), store.ServiceQuery{Limit: 1000})
	require.NoError(t, err)
	prefixed, err := st.ListServices(t.Context(), store.ServiceQuery{DisplayNamePrefix: service.GetDisplayName(), Limit: 1000})
	require.NoError(t, err)
	seen := 0
	for _, got := range append(append(services, prefixed...), service) {
		if got.GetName() == name {
			seen++
			require.Equal(t, want.AverageScore, got.GetAverageScore())
			require.Equal(t, want.RatingCount, got.GetRatingCount())
		}
	}
	require.Equal(t, 3, seen)
}
