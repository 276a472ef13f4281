package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/codingflow/rating/natsgrpc/once"
	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
	"github.com/codingflow/rating/services/rating/store"
)

// requireRecount requires that everything which is read about a service follows from its ratings.
func requireRecount(t *testing.T, st store.Store, service string) (ratings int) {
	t.Helper()
	var scores []int32
	all, err := st.ListRatings(t.Context(), store.RatingQuery{Service: service, Limit: 100_000})
	require.NoError(t, err)
	for _, rating := range all {
		scores = append(scores, rating.GetScore())
	}
	requireAggregates(t, st, service, scores...)
	return len(scores)
}

// testConcurrentCounts lets many rate two services by two stores: one by one, in batches of both, and by deleting users with
// what they have rated.
func testConcurrentCounts(t *testing.T, first, second store.Store) {
	const writers, rounds = 8, 6
	services := []string{createService(t, first, "Café").GetName(), createService(t, first, "Cinema").GetName()}
	var group sync.WaitGroup
	for writer := range writers {
		st := []store.Store{first, second}[writer%2]
		group.Go(func() {
			for round := range rounds {
				if err := rateBoth(t.Context(), st, services, int32((writer+round)%6), round); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	require.Equal(t, writers*rounds*2/3, requireRecount(t, first, services[0]))
	require.Equal(t, writers*rounds*2/3, requireRecount(t, second, services[1]))
}

// rateBoth creates a user who rates both services in one batch and changes one of the ratings. Every third user is deleted.
func rateBoth(ctx context.Context, st store.Store, services []string, score int32, round int) error {
	do := func(fn func(ctx context.Context, tx store.Tx) error) error {
		_, err := st.Do(ctx, once.Request{}, func(ctx context.Context, tx store.Tx) ([]byte, error) { return nil, fn(ctx, tx) })
		return err
	}
	var user *ratingv1.User
	if err := do(func(ctx context.Context, tx store.Tx) (err error) {
		user, err = tx.CreateUser(ctx, &ratingv1.User{DisplayName: "Ada"}, "")
		return err
	}); err != nil {
		return err
	}
	a, b := services[round%2], services[1-round%2]
	ratings, err := createBatch(ctx, st, newRating(user.GetName(), a, score), newRating(user.GetName(), b, 5-score))
	if err != nil {
		return err
	}
	if err := do(func(ctx context.Context, tx store.Tx) error {
		_, err := tx.UpdateRating(ctx, ratings[0].GetName(), "", func(rating *ratingv1.Rating) error {
			rating.Score = proto.Int32((score + 1) % 6)
			return nil
		})
		return err
	}); err != nil {
		return err
	}
	if round%3 != 0 {
		return nil
	}
	return do(func(ctx context.Context, tx store.Tx) error { return tx.DeleteUser(ctx, user.GetName(), "", true) })
}

func testConcurrentStores(t *testing.T, first, second store.Store) {
	const ids, callers = 20, 8
	answers := make([][callers]string, ids)
	var group sync.WaitGroup
	for id := range ids {
		req := request(t, fmt.Sprint(id), "Ada")
		for caller := range callers {
			st := []store.Store{first, second}[caller%2]
			group.Go(func() {
				answer, err := createRecorded(t.Context(), st, req)
				if err != nil {
					t.Error(err)
				}
				answers[id][caller] = answer
			})
		}
	}
	group.Wait()
	for _, same := range answers {
		for _, answer := range same {
			require.Equal(t, same[0], answer)
		}
	}
	requireUsers(t, first, ids)
}

// deadlockTimeout is far longer than what the tests that could wait in a circle take.
const deadlockTimeout = 60 * time.Second

// testNoDeadlock lets many do what needs the same rows in another order: batches for two users and two services, forwards and
// backwards, beside the deletion of each of these users and services with their ratings.
func testNoDeadlock(t *testing.T, first, second store.Store) {
	const rounds = 10
	ctx, cancel := context.WithTimeout(t.Context(), deadlockTimeout)
	defer cancel()
	keeper := createService(t, first, "Kept").GetName()
	for range rounds {
		users := []string{createUser(t, first, "Ada").GetName(), createUser(t, first, "Grace").GetName()}
		services := []string{createService(t, first, "Café").GetName(), createService(t, first, "Cinema").GetName()}
		var forwards []*ratingv1.Rating
		for _, user := range users {
			for _, service := range append(services, keeper) {
				forwards = append(forwards, newRating(user, service, 4))
			}
		}
		backwards := slices.Clone(forwards)
		slices.Reverse(backwards)
		commands := []func(context.Context, store.Tx) error{
			func(ctx context.Context, tx store.Tx) error { _, err := tx.CreateRatings(ctx, forwards); return err },
			func(ctx context.Context, tx store.Tx) error { _, err := tx.CreateRatings(ctx, backwards); return err },
		}
		for i := range 2 {
			commands = append(commands,
				func(ctx context.Context, tx store.Tx) error { return tx.DeleteUser(ctx, users[i], "", true) },
				func(ctx context.Context, tx store.Tx) error { return tx.DeleteService(ctx, services[i], "", true) })
		}
		var group sync.WaitGroup
		for i, command := range commands {
			group.Go(func() {
				_, err := []store.Store{first, second}[i%2].Do(ctx, once.Request{}, func(ctx context.Context, tx store.Tx) ([]byte, error) {
					return nil, command(ctx, tx)
				})
				if err != nil && !errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrAlreadyExists) {
					t.Error(err)
				}
			})
		}
		group.Wait()
	}
	users, err := first.ListUsers(t.Context(), store.UserQuery{Limit: 10})
	require.NoError(t, err)
	require.Empty(t, users, "all were deleted")
	ratings, err := first.ListRatings(t.Context(), store.RatingQuery{Limit: 10})
	require.NoError(t, err)
	require.Empty(t, ratings)
	requireAggregates(t, second, keeper)
}

// testCircle lets commands change the same two users in opposite orders, which a database that locks rows has to break up.
func testCircle(t *testing.T, first, second store.Store) {
	const rounds = 3
	ctx, cancel := context.WithTimeout(t.Context(), deadlockTimeout)
	defer cancel()
	names := []string{createUser(t, first, "").GetName(), createUser(t, first, "").GetName()}
	appendX := func(ctx context.Context, tx store.Tx, name string) error {
		_, err := tx.UpdateUser(ctx, name, "", func(user *ratingv1.User) error {
			user.DisplayName += "x"
			return nil
		})
		return err
	}
	for range rounds {
		var group sync.WaitGroup
		var met atomic.Int32 // how many have changed one user
		both := make(chan struct{})
		for i, st := range []store.Store{first, second} {
			group.Go(func() {
				_, err := st.Do(ctx, once.Request{}, func(ctx context.Context, tx store.Tx) ([]byte, error) {
					if err := appendX(ctx, tx, names[i]); err != nil {
						return nil, err
					}
					if met.Add(1) == 2 {
						close(both)
					}
					select {
					case <-both:
					case <-time.After(100 * time.Millisecond): // this database lets one in at a time
					}
					return nil, appendX(ctx, tx, names[1-i])
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
	}
	for _, name := range names {
		user, err := first.GetUser(t.Context(), name)
		require.NoError(t, err)
		require.Equal(t, "xxxxxx", user.GetDisplayName())
	}
}
