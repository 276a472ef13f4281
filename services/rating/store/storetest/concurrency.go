package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/codingflow/rating/natsgrpc/once"
	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
	"github.com/codingflow/rating/services/rating/store"
)

// testConcurrentAverages lets many create, change and delete ratings of one service, while others check that what they
// read of it at any moment agrees with itself.
func testConcurrentAverages(t *testing.T, st store.Store) {
	const writers, rounds = 8, 10
	service := createService(t, st, "Café").GetName()
	var users [writers][rounds]string
	for writer := range writers {
		for round := range rounds {
			users[writer][round] = createUser(t, st, "Ada").GetName()
		}
	}
	writing, stop := context.WithCancel(t.Context())
	var writerGroup, readerGroup sync.WaitGroup
	for writer := range writers {
		writerGroup.Go(func() {
			for round, user := range users[writer] {
				if err := rateAndChange(t.Context(), st, user, service, int32(round%6)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 2 {
		readerGroup.Go(func() {
			for writing.Err() == nil {
				if err := checkSummary(t.Context(), st, service); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writerGroup.Wait()
	stop()
	readerGroup.Wait()

	var scores []int32
	ratings, err := st.ListRatings(t.Context(), store.RatingQuery{Service: service, Limit: writers*rounds + 1})
	require.NoError(t, err)
	for _, rating := range ratings {
		scores = append(scores, rating.GetScore())
	}
	require.Len(t, scores, writers*rounds/2)
	requireAggregates(t, st, service, scores...)
}

// rateAndChange creates a rating, then changes it when its score is even and deletes it when it is odd.
func rateAndChange(ctx context.Context, st store.Store, user, service string, score int32) error {
	var rating *ratingv1.Rating
	_, err := st.Do(ctx, once.Request{}, func(ctx context.Context, tx store.Tx) (_ []byte, err error) {
		rating, err = tx.CreateRating(ctx, &ratingv1.Rating{User: user, Service: service, Score: &score})
		return nil, err
	})
	if err != nil {
		return err
	}
	_, err = st.Do(ctx, once.Request{}, func(ctx context.Context, tx store.Tx) ([]byte, error) {
		if score%2 == 1 {
			return nil, tx.DeleteRating(ctx, rating.GetName(), rating.GetEtag())
		}
		_, err := tx.UpdateRating(ctx, rating.GetName(), rating.GetEtag(), func(rating *ratingv1.Rating) error {
			rating.Score = proto.Int32(5 - score)
			return nil
		})
		return nil, err
	})
	return err
}

// checkSummary checks that a summary agrees with itself.
func checkSummary(ctx context.Context, st store.Store, service string) error {
	summary, err := st.GetRatingSummary(ctx, service)
	if err != nil {
		return err
	}
	var sum, count int64
	for _, c := range summary.GetScoreCounts() {
		sum += int64(c.GetScore()) * c.GetCount()
		count += c.GetCount()
	}
	if count != summary.GetRatingCount() || store.Average(sum, count) != summary.GetAverageScore() {
		return fmt.Errorf("summary disagrees with itself: %v", summary)
	}
	return nil
}

func testConcurrentUnique(t *testing.T, st store.Store) {
	user, service := createUser(t, st, "Ada").GetName(), createService(t, st, "Café").GetName()
	var created, refused atomic.Int64
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			_, err := st.Do(t.Context(), once.Request{}, func(ctx context.Context, tx store.Tx) ([]byte, error) {
				_, err := tx.CreateRating(ctx, &ratingv1.Rating{User: user, Service: service, Score: proto.Int32(3)})
				return nil, err
			})
			switch {
			case err == nil:
				created.Add(1)
			case errors.Is(err, store.ErrAlreadyExists):
				refused.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	group.Wait()
	require.EqualValues(t, 1, created.Load())
	require.EqualValues(t, 15, refused.Load())
	requireAggregates(t, st, service, 3)
}

func testConcurrentEtag(t *testing.T, st store.Store) {
	user := createUser(t, st, "Ada")
	var won, lost atomic.Int64
	var group sync.WaitGroup
	for i := range 16 {
		group.Go(func() {
			_, err := st.Do(t.Context(), once.Request{}, func(ctx context.Context, tx store.Tx) ([]byte, error) {
				_, err := tx.UpdateUser(ctx, user.GetName(), user.GetEtag(), func(user *ratingv1.User) error {
					user.DisplayName = fmt.Sprint("Winner ", i)
					return nil
				})
				return nil, err
			})
			switch {
			case err == nil:
				won.Add(1)
			case errors.Is(err, store.ErrStale):
				lost.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	group.Wait()
	require.EqualValues(t, 1, won.Load())
	require.EqualValues(t, 15, lost.Load())
}

// testConcurrentUpdates lets many append to one description without an etag: each change starts from the one before.
func testConcurrentUpdates(t *testing.T, st store.Store) {
	service := createService(t, st, "Café").GetName()
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			_, err := st.Do(t.Context(), once.Request{}, func(ctx context.Context, tx store.Tx) ([]byte, error) {
				_, err := tx.UpdateService(ctx, service, "", func(service *ratingv1.Service) error {
					service.Description += "x"
					return nil
				})
				return nil, err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	got, err := st.GetService(t.Context(), service)
	require.NoError(t, err)
	require.Len(t, got.GetDescription(), 16)
}
