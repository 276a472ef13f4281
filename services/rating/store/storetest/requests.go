package storetest

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/natsgrpc/once"
	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
	"github.com/codingflow/rating/services/rating/store"
)

// request returns a request that asks for a user with a display name.
func request(t *testing.T, id, displayName string) once.Request {
	t.Helper()
	req, err := once.NewRequest(id, &ratingv1.CreateUserRequest{User: &ratingv1.User{DisplayName: displayName}})
	require.NoError(t, err)
	return req
}

// createRecorded creates a user under a request; its answer is the user's name.
func createRecorded(ctx context.Context, st store.Store, req once.Request) (string, error) {
	answer, err := st.Do(ctx, req, func(ctx context.Context, tx store.Tx) ([]byte, error) {
		user, err := tx.CreateUser(ctx, &ratingv1.User{DisplayName: "Ada"}, "")
		return []byte(user.GetName()), err
	})
	return string(answer), err
}

func requireUsers(t *testing.T, st store.Store, count int) {
	t.Helper()
	users, err := st.ListUsers(t.Context(), store.UserQuery{Limit: count + 1})
	require.NoError(t, err)
	require.Len(t, users, count)
}

func testRerun(t *testing.T, st store.Store) {
	first, err := createRecorded(t.Context(), st, request(t, "a", "Ada"))
	require.NoError(t, err)
	again, err := createRecorded(t.Context(), st, request(t, "a", "Ada"))
	require.NoError(t, err)
	require.Equal(t, first, again)
	requireUsers(t, st, 1)

	other, err := createRecorded(t.Context(), st, request(t, "b", "Ada"))
	require.NoError(t, err)
	require.NotEqual(t, first, other)
	requireUsers(t, st, 2)

	// An empty answer is an answer too.
	for range 2 {
		runs := 0
		answer, err := st.Do(t.Context(), request(t, "empty", ""), func(context.Context, store.Tx) ([]byte, error) {
			runs++
			return nil, nil
		})
		require.NoError(t, err)
		require.Empty(t, answer)
		require.LessOrEqual(t, runs, 1)
	}
}

func testRequestReused(t *testing.T, st store.Store) {
	_, err := createRecorded(t.Context(), st, request(t, "a", "Ada"))
	require.NoError(t, err)
	_, err = createRecorded(t.Context(), st, request(t, "a", "Grace"))
	require.ErrorIs(t, err, once.ErrReused)

	// The same bytes, but another method.
	other, err := once.NewRequest("a", &ratingv1.CreateServiceRequest{Service: &ratingv1.Service{DisplayName: "Ada"}})
	require.NoError(t, err)
	_, err = createRecorded(t.Context(), st, other)
	require.ErrorIs(t, err, once.ErrReused)
	requireUsers(t, st, 1)
}

func testErrorNotRecorded(t *testing.T, st store.Store) {
	_, err := st.Do(t.Context(), request(t, "a", "Ada"), func(ctx context.Context, tx store.Tx) ([]byte, error) {
		_, err := tx.CreateUser(ctx, &ratingv1.User{DisplayName: "Ada"}, "")
		require.NoError(t, err)
		return nil, errTest
	})
	require.Equal(t, errTest, err)
	requireUsers(t, st, 0)
	_, err = createRecorded(t.Context(), st, request(t, "a", "Ada"))
	require.NoError(t, err)
	requireUsers(t, st, 1)
}

func testPanic(t *testing.T, st store.Store) {
	require.PanicsWithValue(t, "test", func() {
		_, _ = st.Do(t.Context(), request(t, "a", "Ada"), func(ctx context.Context, tx store.Tx) ([]byte, error) {
			_, err := tx.CreateUser(ctx, &ratingv1.User{DisplayName: "Ada"}, "")
			require.NoError(t, err)
			panic("test")
		})
	})
	requireUsers(t, st, 0)
	_, err := createRecorded(t.Context(), st, request(t, "a", "Ada"))
	require.NoError(t, err)
}

func testNoRequestID(t *testing.T, st store.Store) {
	for range 2 {
		_, err := createRecorded(t.Context(), st, once.Request{})
		require.NoError(t, err)
	}
	requireUsers(t, st, 2)
}

func testConcurrentRerun(t *testing.T, st store.Store) {
	const ids, callers = 10, 8
	var runs atomic.Int64
	answers := make([][callers]string, ids)
	var group sync.WaitGroup
	for id := range ids {
		req := request(t, fmt.Sprint(id), "Ada")
		for caller := range callers {
			group.Go(func() {
				answer, err := st.Do(t.Context(), req, func(ctx context.Context, tx store.Tx) ([]byte, error) {
					runs.Add(1)
					user, err := tx.CreateUser(ctx, &ratingv1.User{DisplayName: "Ada"}, "")
					return []byte(user.GetName()), err
				})
				if err != nil {
					t.Error(err)
				}
				answers[id][caller] = string(answer)
			})
		}
	}
	group.Wait()
	for _, same := range answers {
		for _, answer := range same {
			require.Equal(t, same[0], answer)
		}
	}
	require.GreaterOrEqual(t, runs.Load(), int64(ids))
	requireUsers(t, st, ids)
}

func testDeleteRequests(t *testing.T, st store.Store) {
	names := map[string]string{}
	for _, id := range []string{"a", "b", "c"} {
		name, err := createRecorded(t.Context(), st, request(t, id, "Ada"))
		require.NoError(t, err)
		names[id] = name
	}
	deleted, err := st.DeleteRequests(t.Context(), time.Now().Add(-time.Hour), 10)
	require.NoError(t, err)
	require.Zero(t, deleted, "none is as old")

	future := time.Now().Add(time.Hour)
	for _, want := range []int{2, 1, 0} {
		deleted, err = st.DeleteRequests(t.Context(), future, 2)
		require.NoError(t, err)
		require.Equal(t, want, deleted)
	}
	requireUsers(t, st, 3)
	name, err := createRecorded(t.Context(), st, request(t, "a", "Ada"))
	require.NoError(t, err)
	require.NotEqual(t, names["a"], name, "a forgotten request runs again")
}

func testCanceled(t *testing.T, st store.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	_, err := st.Do(ctx, request(t, "a", "Ada"), func(ctx context.Context, tx store.Tx) ([]byte, error) {
		_, err := tx.CreateUser(ctx, &ratingv1.User{DisplayName: "Ada"}, "")
		require.NoError(t, err)
		cancel()
		return nil, nil
	})
	require.ErrorIs(t, err, context.Canceled)
	_, err = st.ListUsers(ctx, store.UserQuery{Limit: 1})
	require.ErrorIs(t, err, context.Canceled)
	_, err = st.GetUser(ctx, "users/"+unknownID)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, st.Ping(ctx), context.Canceled)
	requireUsers(t, st, 0)

	// One who waits for the right to write gives up as well.
	_, err = st.Do(t.Context(), once.Request{}, func(context.Context, store.Tx) ([]byte, error) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		errs := make(chan error)
		go func() {
			_, err := createRecorded(ctx, st, request(t, "b", "Ada"))
			errs <- err
		}()
		err := <-errs
		if err != nil { // a database without a single writer lets it in
			require.ErrorIs(t, err, context.DeadlineExceeded)
		}
		return nil, nil
	})
	require.NoError(t, err)
}
