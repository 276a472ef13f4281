package server_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
)

// unknownID is the id of nothing.
const unknownID = "01900000-0000-7000-8000-000000000000"

func TestRatings(t *testing.T) {
	a := newAPI(t)
	ada, grace, cafe := a.user(t, "Ada"), a.user(t, "Grace"), a.service(t, "Café")
	first := a.rating(t, ada.GetName(), cafe.GetName(), 0)
	a.rating(t, grace.GetName(), cafe.GetName(), 5)

	got, err := a.GetRating(t.Context(), &ratingv1.GetRatingRequest{Name: first.GetName()})
	require.NoError(t, err)
	requireEqual(t, first, got)
	page, err := a.ListRatings(t.Context(), &ratingv1.ListRatingsRequest{User: ada.GetName(), Service: cafe.GetName()})
	require.NoError(t, err)
	requireEqual(t, &ratingv1.ListRatingsResponse{Ratings: []*ratingv1.Rating{first}}, page)

	service, err := a.GetService(t.Context(), &ratingv1.GetServiceRequest{Name: cafe.GetName()})
	require.NoError(t, err)
	cafe.AverageScore, cafe.RatingCount = 2.5, 2
	requireEqual(t, cafe, service)
	summary, err := a.GetRatingSummary(t.Context(), &ratingv1.GetRatingSummaryRequest{Name: cafe.GetName() + "/ratingSummary"})
	require.NoError(t, err)
	requireEqual(t, &ratingv1.RatingSummary{
		Name: cafe.GetName() + "/ratingSummary", AverageScore: 2.5, RatingCount: 2,
		ScoreCounts: []*ratingv1.ScoreCount{{Score: 0, Count: 1}, {Score: 1}, {Score: 2}, {Score: 3}, {Score: 4}, {Score: 5, Count: 1}},
	}, summary)

	_, err = a.DeleteRating(t.Context(), &ratingv1.DeleteRatingRequest{Name: first.GetName(), Etag: first.GetEtag()})
	require.NoError(t, err)
	_, err = a.GetRating(t.Context(), &ratingv1.GetRatingRequest{Name: first.GetName()})
	requireStatus(t, err, codes.NotFound, "NOT_FOUND", first.GetName()+": not found")
}

func TestBatchCreateRatings(t *testing.T) {
	a := newAPI(t)
	service := a.service(t, "Café").GetName()
	req := &ratingv1.BatchCreateRatingsRequest{}
	for score := range int32(3) {
		req.Requests = append(req.Requests, &ratingv1.CreateRatingRequest{Rating: newRating(a.user(t, "Ada").GetName(), service, score)})
	}
	failing := proto.CloneOf(req)
	failing.Requests[2].Rating.User = "users/" + unknownID
	_, err := a.BatchCreateRatings(t.Context(), failing)
	requireStatus(t, err, codes.NotFound, "NOT_FOUND", "requests[2]: users/"+unknownID+": not found")
	page, err := a.ListRatings(t.Context(), &ratingv1.ListRatingsRequest{})
	require.NoError(t, err)
	require.Empty(t, page.GetRatings())

	created, err := a.BatchCreateRatings(t.Context(), req)
	require.NoError(t, err)
	require.Len(t, created.GetRatings(), 3)
	for i, rating := range created.GetRatings() {
		require.Equal(t, req.GetRequests()[i].GetRating().GetUser(), rating.GetUser())
	}
	page, err = a.ListRatings(t.Context(), &ratingv1.ListRatingsRequest{})
	require.NoError(t, err)
	requireEqual(t, created.GetRatings(), page.GetRatings())

	_, err = a.BatchCreateRatings(t.Context(), req)
	require.Equal(t, codes.AlreadyExists.String(), statusCode(err))
	require.True(t, strings.Contains(err.Error(), "requests[0]: "+created.GetRatings()[0].GetUser()+" has rated "+service), err.Error())
}

func TestErrors(t *testing.T) {
	a := newAPI(t)
	user, service := a.user(t, "Ada"), a.service(t, "Café")
	rating := a.rating(t, user.GetName(), service.GetName(), 3)
	noUser, noService, noRating := "users/"+unknownID, "services/"+unknownID, "ratings/x"

	_, err := a.GetUser(t.Context(), &ratingv1.GetUserRequest{Name: noUser})
	requireStatus(t, err, codes.NotFound, "NOT_FOUND", noUser+": not found")
	_, err = a.GetService(t.Context(), &ratingv1.GetServiceRequest{Name: noService})
	requireStatus(t, err, codes.NotFound, "NOT_FOUND", noService+": not found")
	_, err = a.GetRatingSummary(t.Context(), &ratingv1.GetRatingSummaryRequest{Name: noService + "/ratingSummary"})
	requireStatus(t, err, codes.NotFound, "NOT_FOUND", noService+": not found")
	_, err = a.UpdateUser(t.Context(), &ratingv1.UpdateUserRequest{User: &ratingv1.User{Name: noUser}})
	requireStatus(t, err, codes.NotFound, "NOT_FOUND", noUser+": not found")
	_, err = a.DeleteRating(t.Context(), &ratingv1.DeleteRatingRequest{Name: noRating})
	requireStatus(t, err, codes.NotFound, "NOT_FOUND", noRating+": not found")
	_, err = a.CreateRating(t.Context(), &ratingv1.CreateRatingRequest{Rating: newRating(noUser, service.GetName(), 1)})
	requireStatus(t, err, codes.NotFound, "NOT_FOUND", noUser+": not found")
	_, err = a.CreateRating(t.Context(), &ratingv1.CreateRatingRequest{Rating: newRating(user.GetName(), noService, 1)})
	requireStatus(t, err, codes.NotFound, "NOT_FOUND", noService+": not found")

	_, err = a.CreateRating(t.Context(), &ratingv1.CreateRatingRequest{Rating: newRating(user.GetName(), service.GetName(), 1)})
	requireStatus(t, err, codes.AlreadyExists, "ALREADY_EXISTS",
		user.GetName()+" has rated "+service.GetName()+": "+rating.GetName()+": already exists")

	_, err = a.DeleteUser(t.Context(), &ratingv1.DeleteUserRequest{Name: user.GetName()})
	requireStatus(t, err, codes.FailedPrecondition, "HAS_RATINGS", user.GetName()+": has ratings, and force is not set")
	_, err = a.DeleteService(t.Context(), &ratingv1.DeleteServiceRequest{Name: service.GetName()})
	requireStatus(t, err, codes.FailedPrecondition, "HAS_RATINGS", service.GetName()+": has ratings, and force is not set")

	_, err = a.DeleteUser(t.Context(), &ratingv1.DeleteUserRequest{Name: user.GetName(), Etag: "old", Force: true})
	requireStatus(t, err, codes.Aborted, "STALE_ETAG", user.GetName()+": the etag is not the current one")
	_, err = a.DeleteUser(t.Context(), &ratingv1.DeleteUserRequest{Name: user.GetName(), Force: true})
	require.NoError(t, err)
	_, err = a.DeleteService(t.Context(), &ratingv1.DeleteServiceRequest{Name: service.GetName(), Etag: service.GetEtag()})
	require.NoError(t, err)
}
