package storetest

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/codingflow/rating/natsgrpc/once"
	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
	"github.com/codingflow/rating/services/rating/store"
)

// createBatch creates ratings in one batch.
func createBatch(ctx context.Context, st store.Store, ratings ...*ratingv1.Rating) (created []*ratingv1.Rating, err error) {
	_, err = st.Do(ctx, once.Request{}, func(ctx context.Context, tx store.Tx) (_ []byte, err error) {
		created, err = tx.CreateRatings(ctx, ratings)
		return nil, err
	})
	return created, err
}

// newRating returns the inputs of a rating.
func newRating(user, service string, score int32) *ratingv1.Rating {
	return &ratingv1.Rating{User: user, Service: service, Score: proto.Int32(score)}
}

func testBatch(t *testing.T, st store.Store) {
	service := createService(t, st, "Café").GetName()
	var users []string
	for range 5 {
		users = append(users, createUser(t, st, "Ada").GetName())
	}
	createRating(t, st, users[4], service, 1)
	batch := func(users ...string) ([]*ratingv1.Rating, error) {
		var ratings []*ratingv1.Rating
		for _, user := range users {
			ratings = append(ratings, newRating(user, service, 5))
		}
		return createBatch(t.Context(), st, ratings...)
	}
	_, err := batch(users...)
	require.ErrorIs(t, err, store.ErrAlreadyExists)
	requireAggregates(t, st, service, 1)
	_, err = batch(users[0], users[0])
	require.ErrorIs(t, err, store.ErrAlreadyExists, "twice in one batch")
	requireAggregates(t, st, service, 1)
	created, err := batch(users[3], users[1], users[0], users[2])
	require.NoError(t, err)
	requireAggregates(t, st, service, 1, 5, 5, 5, 5)

	require.Len(t, created, 4)
	for i, user := range []string{users[3], users[1], users[0], users[2]} {
		require.Equal(t, user, created[i].GetUser(), "in the order of the batch")
		got, err := st.GetRating(t.Context(), created[i].GetName())
		require.NoError(t, err)
		requireEqual(t, created[i], got)
	}
	listed, err := st.ListRatings(t.Context(), store.RatingQuery{Service: service, Limit: 10})
	require.NoError(t, err)
	requireEqual(t, created, listed[1:])

	none, err := createBatch(t.Context(), st)
	require.NoError(t, err)
	require.Empty(t, none)
}

func testBatchError(t *testing.T, st store.Store) {
	ada, grace := createUser(t, st, "Ada").GetName(), createUser(t, st, "Grace").GetName()
	cafe, cinema := createService(t, st, "Café").GetName(), createService(t, st, "Cinema").GetName()
	rated := createRating(t, st, ada, cafe, 3)
	good := newRating(grace, cafe, 1)
	noUser, noService := newRating("users/"+unknownID, cafe, 1), newRating(ada, "services/"+unknownID, 1)
	malformed, again := newRating("users/x", cafe, 1), newRating(ada, cafe, 1)
	for _, test := range []struct {
		name    string
		ratings []*ratingv1.Rating
		index   int
		wrong   string
		want    error
	}{
		{"no user", []*ratingv1.Rating{good, noUser, noService}, 1, noUser.GetUser(), store.ErrNotFound},
		{"no service", []*ratingv1.Rating{good, noService, noUser, again}, 1, noService.GetService(), store.ErrNotFound},
		{"a malformed name", []*ratingv1.Rating{good, malformed, noUser}, 1, "users/x", store.ErrNotFound},
		{"a malformed name later", []*ratingv1.Rating{good, again, malformed}, 1, rated.GetName(), store.ErrAlreadyExists},
		{"rated already", []*ratingv1.Rating{newRating(ada, cinema, 1), good, again, noUser}, 2, rated.GetName(), store.ErrAlreadyExists},
		{"the first", []*ratingv1.Rating{again, good}, 0, rated.GetName(), store.ErrAlreadyExists},
	} {
		_, err := createBatch(t.Context(), st, test.ratings...)
		requireResourceError(t, err, test.wrong, test.want)
		at, ok := errors.AsType[*store.BatchError](err)
		require.True(t, ok, test.name)
		require.Equal(t, test.index, at.Index, test.name)
	}
	_, err := createBatch(t.Context(), st, newRating(ada, cinema, 1), newRating(grace, cinema, 1), newRating(ada, cinema, 2))
	at, ok := errors.AsType[*store.BatchError](err)
	require.True(t, ok, "twice in one batch")
	require.Equal(t, 2, at.Index)
	require.Regexp(t, `^\[2\]: users/\S+ has rated services/\S+: ratings/\S+: already exists$`, err.Error())
	requireAggregates(t, st, cafe, 3)
	requireAggregates(t, st, cinema)
}

func testBatchLarge(t *testing.T, st store.Store) {
	const services, users = 10, 100
	var ratings []*ratingv1.Rating
	scores := map[string][]int32{}
	require.NoError(t, do(t, st, func(ctx context.Context, tx store.Tx) error {
		var names []string
		for range services {
			service, err := tx.CreateService(ctx, &ratingv1.Service{DisplayName: "Café"}, "")
			if err != nil {
				return err
			}
			names = append(names, service.GetName())
		}
		for i := range users {
			user, err := tx.CreateUser(ctx, &ratingv1.User{DisplayName: "Ada"}, "")
			if err != nil {
				return err
			}
			for j, service := range names {
				score := int32((i + j) % (store.MaxScore + 1))
				ratings = append(ratings, newRating(user.GetName(), service, score))
				scores[service] = append(scores[service], score)
			}
		}
		return nil
	}))
	created, err := createBatch(t.Context(), st, ratings...)
	require.NoError(t, err)
	require.Len(t, created, services*users)
	for service, scores := range scores {
		requireAggregates(t, st, service, scores...)
	}
}
