//go:build integration

package postgres_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/codingflow/rating/natsgrpc/once"
	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
	"github.com/codingflow/rating/services/rating/store"
	"github.com/codingflow/rating/services/rating/store/postgres"
	"github.com/codingflow/rating/services/rating/store/postgres/postgrestest"
)

func newUser(displayName string) *ratingv1.User { return &ratingv1.User{DisplayName: displayName} }

func createUser(ctx context.Context, tx store.Tx) ([]byte, error) {
	user, err := tx.CreateUser(ctx, newUser("Ada"), "")
	return []byte(user.GetName()), err
}

// useAll creates, changes and deletes one of each, and leaves one of each.
func useAll(ctx context.Context, tx store.Tx, user, service, rating *string) error {
	u, err := tx.CreateUser(ctx, newUser("Ada"), "")
	if err != nil {
		return err
	}
	s, err := tx.CreateService(ctx, &ratingv1.Service{DisplayName: "A café"}, "")
	if err != nil {
		return err
	}
	r, err := tx.CreateRating(ctx, &ratingv1.Rating{User: u.GetName(), Service: s.GetName(), Score: proto.Int32(1), Comment: "a"})
	if err != nil {
		return err
	}
	if err := tx.DeleteRating(ctx, r.GetName(), r.GetEtag()); err != nil {
		return err
	}
	if r, err = tx.CreateRating(ctx, r); err != nil {
		return err
	}
	*user, *service, *rating = u.GetName(), s.GetName(), r.GetName()
	_, userErr := tx.UpdateUser(ctx, *user, "", func(user *ratingv1.User) error { user.Email = "a@example.com"; return nil })
	if userErr != nil {
		return userErr
	}
	_, serviceErr := tx.UpdateService(ctx, *service, "", func(service *ratingv1.Service) error { service.Description = "x"; return nil })
	if serviceErr != nil {
		return serviceErr
	}
	_, err = tx.UpdateRating(ctx, *rating, "", func(rating *ratingv1.Rating) error { rating.Score = proto.Int32(2); return nil })
	return err
}

func TestWhoWaitsTooLongIsToldThatTheDatabaseIsBusy(t *testing.T) {
	database := postgrestest.NewDatabase(t)
	st := open(t, database, postgres.WithConnections(1, 2), postgres.WithBusyTimeout(time.Second))
	user, err := st.Do(t.Context(), once.Request{}, createUser)
	require.NoError(t, err)
	rename := func(ctx context.Context, tx store.Tx) ([]byte, error) {
		_, err := tx.UpdateUser(ctx, string(user), "", func(user *ratingv1.User) error { user.DisplayName += "x"; return nil })
		return nil, err
	}
	_, err = st.Do(t.Context(), once.Request{ID: "a"}, func(ctx context.Context, tx store.Tx) ([]byte, error) {
		_, err := rename(ctx, tx)
		require.NoError(t, err)
		_, locked := st.Do(t.Context(), once.Request{}, rename)
		require.ErrorIs(t, locked, store.ErrBusy, "the user is locked")
		_, running := st.Do(t.Context(), once.Request{ID: "a"}, createUser)
		require.ErrorIs(t, running, store.ErrBusy, "the request runs")
		_, err = st.GetUser(t.Context(), string(user))
		require.NoError(t, err, "readers wait for nobody")
		_, err = st.Do(t.Context(), once.Request{}, func(context.Context, store.Tx) ([]byte, error) {
			_, full := st.Do(t.Context(), once.Request{}, createUser)
			require.ErrorIs(t, full, store.ErrBusy)
			require.EqualError(t, full, "no connection was free within 1s: the database is busy")
			return nil, nil
		})
		return nil, err
	})
	require.NoError(t, err)
}

// A command whose connection is lost is run again on another one, and acts once.
func TestALostConnectionFailsNoCall(t *testing.T) {
	database := postgrestest.NewDatabase(t)
	st, admin := open(t, database), connect(t, database)
	terminate := func() {
		_, err := admin.Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid()`)
		require.NoError(t, err)
	}
	for _, id := range []string{"", "a"} {
		runs := 0
		name, err := st.Do(t.Context(), once.Request{ID: id}, func(ctx context.Context, tx store.Tx) ([]byte, error) {
			if runs++; runs == 1 {
				terminate()
			}
			return createUser(ctx, tx)
		})
		require.NoError(t, err)
		require.Equal(t, 2, runs)
		terminate()
		_, err = st.GetUser(t.Context(), string(name))
		require.NoError(t, err)
	}
	users, err := st.ListUsers(t.Context(), store.UserQuery{Limit: 10})
	require.NoError(t, err)
	require.Len(t, users, 2)
}

// A restart that is shorter than the busy timeout fails no call. Where it lasts, calls are told so: those that were there
// when it began after the timeout, later ones at once.
func TestCallsOutlastARestart(t *testing.T) {
	server := postgrestest.NewServer(t)
	require.NoError(t, postgres.Migrate(t.Context(), server.URL("postgres"), discard))
	const busyTimeout = 3 * time.Second
	patient := open(t, server.URL("postgres"), postgres.WithBusyTimeout(time.Minute))
	st := open(t, server.URL("postgres"), postgres.WithBusyTimeout(busyTimeout))
	require.NoError(t, server.Kill())
	require.ErrorIs(t, st.Ping(t.Context()), store.ErrUnavailable)

	var group sync.WaitGroup
	var created atomic.Int64
	for range 8 {
		group.Go(func() {
			if _, err := patient.Do(t.Context(), once.Request{}, createUser); err != nil {
				t.Error(err)
			}
			created.Add(1)
		})
	}
	began := time.Now()
	_, err := st.Do(t.Context(), once.Request{ID: "a"}, createUser)
	require.ErrorIs(t, err, store.ErrUnavailable)
	require.Greater(t, time.Since(began), busyTimeout/2)
	began = time.Now()
	_, err = st.ListUsers(t.Context(), store.UserQuery{Limit: 1})
	require.ErrorIs(t, err, store.ErrUnavailable)
	require.Less(t, time.Since(began), busyTimeout/2, "who comes late is told at once")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = patient.GetUser(ctx, "users/01900000-0000-7000-8000-000000000000")
	require.ErrorIs(t, err, context.DeadlineExceeded)

	require.Zero(t, created.Load())
	require.NoError(t, server.Start())
	group.Wait()
	require.NoError(t, st.Ping(t.Context()))
	users, err := st.ListUsers(t.Context(), store.UserQuery{Limit: 10})
	require.NoError(t, err)
	require.Len(t, users, 8)
	require.NotContains(t, server.Output(), server.Password())
}
