package server_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/codingflow/rating/natsgrpc/once"
	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
	"github.com/codingflow/rating/services/rating/store"
	"github.com/codingflow/rating/services/rating/store/sqlite"
)

func withRequestID(t *testing.T, id string) context.Context {
	t.Helper()
	return metadata.AppendToOutgoingContext(t.Context(), requestIDKey, id)
}

func statusCode(err error) string { return status.Code(err).String() }

func TestRerunOfACommandActsOnce(t *testing.T) {
	a := newAPI(t)
	req := &ratingv1.CreateUserRequest{User: &ratingv1.User{DisplayName: "Ada"}}
	first, err := a.CreateUser(withRequestID(t, "1"), req)
	require.NoError(t, err)
	again, err := a.CreateUser(withRequestID(t, "1"), req)
	require.NoError(t, err)
	requireEqual(t, first, again)

	// The answer of then, whatever has happened since.
	remove := &ratingv1.DeleteUserRequest{Name: first.GetName()}
	for range 2 {
		_, err = a.DeleteUser(withRequestID(t, "2"), remove)
		require.NoError(t, err)
	}
	again, err = a.CreateUser(withRequestID(t, "1"), req)
	require.NoError(t, err)
	requireEqual(t, first, again)
	page, err := a.ListUsers(t.Context(), &ratingv1.ListUsersRequest{})
	require.NoError(t, err)
	require.Empty(t, page.GetUsers())

	_, err = a.CreateUser(withRequestID(t, "1"), &ratingv1.CreateUserRequest{User: &ratingv1.User{DisplayName: "Grace"}})
	requireStatus(t, err, codes.InvalidArgument, "REQUEST_ID_REUSED", "the request id was used for another request")
	_, err = a.CreateService(withRequestID(t, "1"), &ratingv1.CreateServiceRequest{Service: &ratingv1.Service{DisplayName: "Ada"}})
	requireStatus(t, err, codes.InvalidArgument, "REQUEST_ID_REUSED", "the request id was used for another request")
}

func TestErrorIsComputedAgain(t *testing.T) {
	a := newAPI(t)
	user, service := a.user(t, "Ada"), a.service(t, "Café")
	rating := a.rating(t, user.GetName(), service.GetName(), 1)
	req := &ratingv1.DeleteUserRequest{Name: user.GetName()}
	_, err := a.DeleteUser(withRequestID(t, "1"), req)
	require.Equal(t, "FailedPrecondition", statusCode(err))
	_, err = a.DeleteRating(t.Context(), &ratingv1.DeleteRatingRequest{Name: rating.GetName()})
	require.NoError(t, err)
	_, err = a.DeleteUser(withRequestID(t, "1"), req)
	require.NoError(t, err)
}

func TestDatabaseErrorsHaveTheirStatus(t *testing.T) {
	file := filepath.Join(t.TempDir(), "rating.db")
	st, err := sqlite.Open(t.Context(), file, sqlite.WithBusyTimeout(10*time.Millisecond))
	require.NoError(t, err)
	other, err := sqlite.Open(t.Context(), file)
	require.NoError(t, err)
	defer other.Close()
	a := serve(t, st)
	create := func() error {
		_, err := a.CreateUser(t.Context(), &ratingv1.CreateUserRequest{User: &ratingv1.User{DisplayName: "Ada"}})
		return err
	}
	_, err = other.Do(t.Context(), once.Request{}, func(context.Context, store.Tx) ([]byte, error) {
		busy := create()
		requireStatus(t, busy, codes.Unavailable, "DATABASE_BUSY", "the database is busy")
		requireEqual(t, &errdetails.RetryInfo{RetryDelay: durationpb.New(time.Second)}, status.Convert(busy).Details()[0])
		return nil, nil
	})
	require.NoError(t, err)

	require.NoError(t, st.Close())
	requireStatus(t, create(), codes.Internal, "INTERNAL", "internal error")
}
