package storetest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
	"github.com/codingflow/rating/services/rating/store"
)

func testCreateRating(t *testing.T, st store.Store) {
	user, service := createUser(t, st, "Ada"), createService(t, st, "Café")
	var created *ratingv1.Rating
	require.NoError(t, do(t, st, func(ctx context.Context, tx store.Tx) (err error) {
		created, err = tx.CreateRating(ctx, &ratingv1.Rating{
			Name: "ratings/mine", User: user.GetName(), Service: service.GetName(), Score: proto.Int32(0), Comment: "Bad",
			Etag: "mine",
		})
		return err
	}))
	require.Regexp(t, `^ratings/[0-9a-f]{8}-[0-9a-f]{4}-7`, created.GetName())
	require.NotNil(t, created.GetCreateTime())
	require.NotEmpty(t, created.GetEtag())
	requireEqual(t, &ratingv1.Rating{
		Name: created.GetName(), User: user.GetName(), Service: service.GetName(), Score: proto.Int32(0), Comment: "Bad",
		CreateTime: created.GetCreateTime(), UpdateTime: created.GetCreateTime(), Etag: created.GetEtag(),
	}, created)

	got, err := st.GetRating(t.Context(), created.GetName())
	require.NoError(t, err)
	requireEqual(t, created, got)
}

func testRatingReferences(t *testing.T, st store.Store) {
	user, service := createUser(t, st, "Ada"), createService(t, st, "Café")
	for _, test := range []struct{ user, service, missing string }{
		{"users/" + unknownID, service.GetName(), "users/" + unknownID},
		{user.GetName(), "services/" + unknownID, "services/" + unknownID},
		{"users/x", service.GetName(), "users/x"},
		{user.GetName(), user.GetName(), user.GetName()},
		{"", "", ""},
	} {
		err := do(t, st, func(ctx context.Context, tx store.Tx) error {
			_, err := tx.CreateRating(ctx, &ratingv1.Rating{User: test.user, Service: test.service, Score: proto.Int32(1)})
			return err
		})
		requireResourceError(t, err, test.missing, store.ErrNotFound)
	}
	ratings, err := st.ListRatings(t.Context(), store.RatingQuery{Limit: 10})
	require.NoError(t, err)
	require.Empty(t, ratings)
}

func testRatingUnique(t *testing.T, st store.Store) {
	user, service := createUser(t, st, "Ada"), createService(t, st, "Café")
	first := createRating(t, st, user.GetName(), service.GetName(), 4)
	err := do(t, st, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.CreateRating(ctx, &ratingv1.Rating{User: user.GetName(), Service: service.GetName(), Score: proto.Int32(1)})
		return err
	})
	requireResourceError(t, err, first.GetName(), store.ErrAlreadyExists)
	require.EqualError(t, err, user.GetName()+" has rated "+service.GetName()+": "+first.GetName()+": already exists")
	requireAggregates(t, st, service.GetName(), 4)
	createRating(t, st, user.GetName(), createService(t, st, "Cinema").GetName(), 4)
	createRating(t, st, createUser(t, st, "Grace").GetName(), service.GetName(), 4)
}

func testUpdateRating(t *testing.T, st store.Store) {
	user, service := createUser(t, st, "Ada"), createService(t, st, "Café")
	created := createRating(t, st, user.GetName(), service.GetName(), 4)
	var updated *ratingv1.Rating
	require.NoError(t, do(t, st, func(ctx context.Context, tx store.Tx) (err error) {
		updated, err = tx.UpdateRating(ctx, created.GetName(), created.GetEtag(), func(rating *ratingv1.Rating) error {
			requireEqual(t, created, rating)
			rating.User, rating.Service, rating.Score, rating.Comment = "users/x", "services/x", proto.Int32(0), "Bad"
			return nil
		})
		return err
	}))
	require.NotEqual(t, created.GetEtag(), updated.GetEtag())
	requireEqual(t, &ratingv1.Rating{
		Name: created.GetName(), User: user.GetName(), Service: service.GetName(), Score: proto.Int32(0), Comment: "Bad",
		CreateTime: created.GetCreateTime(), UpdateTime: updated.GetUpdateTime(), Etag: updated.GetEtag(),
	}, updated)
	got, err := st.GetRating(t.Context(), created.GetName())
	require.NoError(t, err)
	requireEqual(t, updated, got)
}

func testRatingEtag(t *testing.T, st store.Store) {
	created := createRating(t, st, createUser(t, st, "Ada").GetName(), createService(t, st, "Café").GetName(), 4)
	err := do(t, st, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.UpdateRating(ctx, created.GetName(), "old", func(*ratingv1.Rating) error { return errTest })
		return err
	})
	requireResourceError(t, err, created.GetName(), store.ErrStale)
	err = do(t, st, func(ctx context.Context, tx store.Tx) error {
		return tx.DeleteRating(ctx, created.GetName(), "old")
	})
	requireResourceError(t, err, created.GetName(), store.ErrStale)
	require.NoError(t, do(t, st, func(ctx context.Context, tx store.Tx) error {
		return tx.DeleteRating(ctx, created.GetName(), created.GetEtag())
	}))
}

func testDeleteRating(t *testing.T, st store.Store) {
	user, service := createUser(t, st, "Ada"), createService(t, st, "Café")
	created := createRating(t, st, user.GetName(), service.GetName(), 4)
	remove := func() error {
		return do(t, st, func(ctx context.Context, tx store.Tx) error { return tx.DeleteRating(ctx, created.GetName(), "") })
	}
	require.NoError(t, remove())
	_, err := st.GetRating(t.Context(), created.GetName())
	requireResourceError(t, err, created.GetName(), store.ErrNotFound)
	requireResourceError(t, remove(), created.GetName(), store.ErrNotFound)
	again := createRating(t, st, user.GetName(), service.GetName(), 2)
	require.Greater(t, again.GetName(), created.GetName())
	requireAggregates(t, st, service.GetName(), 2)
}
