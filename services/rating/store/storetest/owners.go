package storetest

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/natsgrpc/once"
	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
	"github.com/codingflow/rating/services/rating/store"
)

// ownedUser creates the user of an owner.
func ownedUser(t *testing.T, st store.Store, owner string) (*ratingv1.User, error) {
	t.Helper()
	var user *ratingv1.User
	err := do(t, st, func(ctx context.Context, tx store.Tx) (err error) {
		user, err = tx.CreateUser(ctx, &ratingv1.User{DisplayName: "Ada"}, owner)
		return err
	})
	return user, err
}

// ownerOf returns the owner of a resource, in a transaction of its own.
func ownerOf(t *testing.T, st store.Store, name string) (string, error) {
	t.Helper()
	var owner string
	err := do(t, st, func(ctx context.Context, tx store.Tx) (err error) {
		owner, err = tx.Owner(ctx, name)
		return err
	})
	return owner, err
}

func testOwners(t *testing.T, st store.Store) {
	owner := "https://issuer.example " + strings.Repeat("a%20", store.MaxOwner/4)[:store.MaxOwner-23]
	require.Len(t, owner, store.MaxOwner)
	user, err := ownedUser(t, st, owner)
	require.NoError(t, err)
	nobodys := createUser(t, st, "Grace")
	var services [2]*ratingv1.Service
	for i := range services {
		require.NoError(t, do(t, st, func(ctx context.Context, tx store.Tx) (err error) {
			services[i], err = tx.CreateService(ctx, &ratingv1.Service{DisplayName: "Café"}, owner)
			return err
		}))
	}
	cinema := createService(t, st, "Cinema")
	for name, want := range map[string]string{
		user.GetName():        owner,
		nobodys.GetName():     "",
		services[0].GetName(): owner,
		services[1].GetName(): owner,
		cinema.GetName():      "",
		createRating(t, st, user.GetName(), cinema.GetName(), 1).GetName():         owner,
		createRating(t, st, nobodys.GetName(), services[0].GetName(), 1).GetName(): "",
	} {
		got, err := ownerOf(t, st, name)
		require.NoError(t, err, name)
		require.Equal(t, want, got, name)
	}
	for _, name := range []string{
		"users/" + unknownID, "services/" + unknownID, "ratings/" + unknownID, "users/x", store.OwnUser, "", "things/" + unknownID,
	} {
		_, err := ownerOf(t, st, name)
		requireResourceError(t, err, name, store.ErrNotFound)
	}
}

func testOwnUser(t *testing.T, st store.Store) {
	createUser(t, st, "Nobody's")
	for _, owner := range []string{"", "ada", "grace"} {
		_, err := st.GetOwnUser(t.Context(), owner)
		requireResourceError(t, err, store.OwnUser, store.ErrNotFound)
	}
	ada, err := ownedUser(t, st, "ada")
	require.NoError(t, err)
	grace, err := ownedUser(t, st, "grace")
	require.NoError(t, err)

	_, err = ownedUser(t, st, "ada")
	requireResourceError(t, err, ada.GetName(), store.ErrAlreadyExists)
	require.EqualError(t, err, "the owner has a user: "+ada.GetName()+": already exists")

	// An update leaves the user to its owner.
	require.NoError(t, do(t, st, func(ctx context.Context, tx store.Tx) (err error) {
		ada, err = tx.UpdateUser(ctx, ada.GetName(), "", func(user *ratingv1.User) error {
			user.DisplayName = "Ada Lovelace"
			return nil
		})
		return err
	}))
	for owner, want := range map[string]*ratingv1.User{"ada": ada, "grace": grace} {
		got, err := st.GetOwnUser(t.Context(), owner)
		require.NoError(t, err)
		requireEqual(t, want, got)
	}
	_, err = st.GetOwnUser(t.Context(), "Ada")
	requireResourceError(t, err, store.OwnUser, store.ErrNotFound)

	// Who has deleted their user may have another.
	require.NoError(t, do(t, st, func(ctx context.Context, tx store.Tx) error {
		return tx.DeleteUser(ctx, ada.GetName(), "", false)
	}))
	again, err := ownedUser(t, st, "ada")
	require.NoError(t, err)
	require.NotEqual(t, ada.GetName(), again.GetName())
}

func testConcurrentOwner(t *testing.T, st store.Store) {
	var created, refused atomic.Int64
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			_, err := st.Do(t.Context(), once.Request{}, func(ctx context.Context, tx store.Tx) ([]byte, error) {
				_, err := tx.CreateUser(ctx, &ratingv1.User{DisplayName: "Ada"}, "ada")
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
	requireUsers(t, st, 1)
}
