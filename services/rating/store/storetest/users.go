package storetest

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/timestamppb"

	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
	"github.com/codingflow/rating/services/rating/store"
)

func testCreateUser(t *testing.T, st store.Store) {
	before := time.Now().Truncate(time.Microsecond)
	var created *ratingv1.User
	require.NoError(t, do(t, st, func(ctx context.Context, tx store.Tx) (err error) {
		created, err = tx.CreateUser(ctx, &ratingv1.User{
			Name: "users/mine", DisplayName: "Ada", Email: "ada@example.com",
			CreateTime: &timestamppb.Timestamp{Seconds: 1}, UpdateTime: &timestamppb.Timestamp{Seconds: 1}, Etag: "mine",
		}, "")
		return err
	}))
	after := time.Now()

	require.Regexp(t, `^users/[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`, created.GetName())
	require.WithinRange(t, created.GetCreateTime().AsTime(), before, after)
	require.NotEmpty(t, created.GetEtag())
	requireEqual(t, &ratingv1.User{
		Name: created.GetName(), DisplayName: "Ada", Email: "ada@example.com",
		CreateTime: created.GetCreateTime(), UpdateTime: created.GetCreateTime(), Etag: created.GetEtag(),
	}, created)

	got, err := st.GetUser(t.Context(), created.GetName())
	require.NoError(t, err)
	requireEqual(t, created, got)
}

func testUpdateUser(t *testing.T, st store.Store) {
	created := createUser(t, st, "Ada")
	var updated *ratingv1.User
	require.NoError(t, do(t, st, func(ctx context.Context, tx store.Tx) (err error) {
		updated, err = tx.UpdateUser(ctx, created.GetName(), "", func(user *ratingv1.User) error {
			requireEqual(t, created, user)
			user.Name, user.DisplayName, user.Email, user.CreateTime, user.Etag = "users/x", "Grace", "g@example.com", nil, "x"
			return nil
		})
		return err
	}))
	require.NotEqual(t, created.GetEtag(), updated.GetEtag())
	require.False(t, updated.GetUpdateTime().AsTime().Before(created.GetUpdateTime().AsTime()))
	requireEqual(t, &ratingv1.User{
		Name: created.GetName(), DisplayName: "Grace", Email: "g@example.com",
		CreateTime: created.GetCreateTime(), UpdateTime: updated.GetUpdateTime(), Etag: updated.GetEtag(),
	}, updated)

	got, err := st.GetUser(t.Context(), created.GetName())
	require.NoError(t, err)
	requireEqual(t, updated, got)
	found, err := st.ListUsers(t.Context(), store.UserQuery{DisplayNamePrefix: "gra", Limit: 10})
	require.NoError(t, err)
	requireEqual(t, []*ratingv1.User{updated}, found)
}

func testUpdateNothing(t *testing.T, st store.Store) {
	created := createUser(t, st, "Ada")
	require.NoError(t, do(t, st, func(ctx context.Context, tx store.Tx) error {
		updated, err := tx.UpdateUser(ctx, created.GetName(), created.GetEtag(), func(user *ratingv1.User) error {
			user.Etag = "x"
			return nil
		})
		requireEqual(t, created, updated)
		return err
	}))
	got, err := st.GetUser(t.Context(), created.GetName())
	require.NoError(t, err)
	requireEqual(t, created, got)
}

func testUpdateRefused(t *testing.T, st store.Store) {
	created := createUser(t, st, "Ada")
	err := do(t, st, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.UpdateUser(ctx, created.GetName(), "", func(user *ratingv1.User) error {
			user.DisplayName = "Grace"
			return errTest
		})
		return err
	})
	require.Equal(t, errTest, err)
	got, err := st.GetUser(t.Context(), created.GetName())
	require.NoError(t, err)
	requireEqual(t, created, got)
}

func testUserEtag(t *testing.T, st store.Store) {
	created := createUser(t, st, "Ada")
	update := func(etag, displayName string) error {
		return do(t, st, func(ctx context.Context, tx store.Tx) error {
			_, err := tx.UpdateUser(ctx, created.GetName(), etag, func(user *ratingv1.User) error {
				user.DisplayName = displayName
				return nil
			})
			return err
		})
	}
	remove := func(etag string) error {
		return do(t, st, func(ctx context.Context, tx store.Tx) error {
			return tx.DeleteUser(ctx, created.GetName(), etag, false)
		})
	}
	require.NoError(t, update(created.GetEtag(), "Grace"))
	requireResourceError(t, update(created.GetEtag(), "Mary"), created.GetName(), store.ErrStale)
	requireResourceError(t, remove(created.GetEtag()), created.GetName(), store.ErrStale)

	current, err := st.GetUser(t.Context(), created.GetName())
	require.NoError(t, err)
	require.Equal(t, "Grace", current.GetDisplayName())
	require.NoError(t, remove(current.GetEtag()))
}

func testDeleteUser(t *testing.T, st store.Store) {
	created := createUser(t, st, "Ada")
	remove := func() error {
		return do(t, st, func(ctx context.Context, tx store.Tx) error {
			return tx.DeleteUser(ctx, created.GetName(), "", false)
		})
	}
	require.NoError(t, remove())
	_, err := st.GetUser(t.Context(), created.GetName())
	requireResourceError(t, err, created.GetName(), store.ErrNotFound)
	requireResourceError(t, remove(), created.GetName(), store.ErrNotFound)
}

func testDeleteUserWithRatings(t *testing.T, st store.Store) {
	ada, grace, cafe := createUser(t, st, "Ada"), createUser(t, st, "Grace"), createService(t, st, "Café")
	rating := createRating(t, st, ada.GetName(), cafe.GetName(), 5)
	kept := createRating(t, st, grace.GetName(), cafe.GetName(), 2)
	remove := func(force bool) error {
		return do(t, st, func(ctx context.Context, tx store.Tx) error {
			return tx.DeleteUser(ctx, ada.GetName(), "", force)
		})
	}
	requireResourceError(t, remove(false), ada.GetName(), store.ErrHasRatings)
	_, err := st.GetRating(t.Context(), rating.GetName())
	require.NoError(t, err)

	require.NoError(t, remove(true))
	_, err = st.GetRating(t.Context(), rating.GetName())
	require.ErrorIs(t, err, store.ErrNotFound)
	_, err = st.GetRating(t.Context(), kept.GetName())
	require.NoError(t, err)
	requireAggregates(t, st, cafe.GetName(), 2)
}

func testNotFound(t *testing.T, st store.Store) {
	user, service := createUser(t, st, "Ada"), createService(t, st, "Café")
	rating := createRating(t, st, user.GetName(), service.GetName(), 3)
	id := strings.TrimPrefix(user.GetName(), "users/")
	upper := strings.ToUpper(id)
	for _, id := range []string{unknownID, "x", "", "é", "a/b", upper, "{" + id + "}", "%", strings.Repeat("x", 300)} {
		for _, collection := range []string{"users", "services", "ratings", "", "userss"} {
			name := collection + "/" + id
			_, err := st.GetUser(t.Context(), name)
			requireResourceError(t, err, name, store.ErrNotFound)
			_, err = st.GetService(t.Context(), name)
			requireResourceError(t, err, name, store.ErrNotFound)
			_, err = st.GetRatingSummary(t.Context(), name)
			requireResourceError(t, err, name, store.ErrNotFound)
			_, err = st.GetRating(t.Context(), name)
			requireResourceError(t, err, name, store.ErrNotFound)
		}
	}
	// The name of another kind of resource.
	_, err := st.GetUser(t.Context(), service.GetName())
	requireResourceError(t, err, service.GetName(), store.ErrNotFound)
	_, err = st.GetService(t.Context(), rating.GetName())
	requireResourceError(t, err, rating.GetName(), store.ErrNotFound)
	_, err = st.GetRating(t.Context(), user.GetName())
	requireResourceError(t, err, user.GetName(), store.ErrNotFound)
}

func testText(t *testing.T, st store.Store) {
	for _, text := range []string{"", " ", "O'Hara; DROP TABLE users --", `"\`, "Ünïcödé 漢字 👩‍👩‍👧", "a\nb\tc", strings.Repeat("é", 2000), "%_?"} {
		created := createUser(t, st, text)
		got, err := st.GetUser(t.Context(), created.GetName())
		require.NoError(t, err)
		require.Equal(t, text, got.GetDisplayName())
	}
}
