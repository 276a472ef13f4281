package server_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
)

func TestAnAnswerNamesABoundedNumberOfViolations(t *testing.T) {
	a := newAPI(t)
	req := &ratingv1.BatchCreateRatingsRequest{}
	for range 1000 {
		req.Requests = append(req.Requests, &ratingv1.CreateRatingRequest{Rating: &ratingv1.Rating{User: "x", Service: "y"}})
	}
	_, err := a.BatchCreateRatings(t.Context(), req)
	require.Equal(t, codes.InvalidArgument, status.Code(err))
	require.Less(t, proto.Size(status.Convert(err).Proto()), 16<<10)
	for _, detail := range status.Convert(err).Details() {
		if bad, ok := detail.(*errdetails.BadRequest); ok {
			require.Len(t, bad.GetFieldViolations(), 20)
		}
	}
	req.Requests = append(req.Requests, &ratingv1.CreateRatingRequest{})
	_, err = a.BatchCreateRatings(t.Context(), req)
	requireInvalid(t, err, "requests", "must contain no more than 1000 item(s)")
}

func TestABatchWhoseAnswerIsTooLargeHasNoEffect(t *testing.T) {
	a := newAPI(t)
	service := a.service(t, "Café").GetName()
	req := &ratingv1.BatchCreateRatingsRequest{}
	for range 500 {
		req.Requests = append(req.Requests, &ratingv1.CreateRatingRequest{Rating: &ratingv1.Rating{
			User: a.user(t, "Ada").GetName(), Service: service, Score: proto.Int32(3), Comment: strings.Repeat("x", 1900),
		}})
	}
	_, err := a.BatchCreateRatings(t.Context(), req)
	requireInvalid(t, err, "requests", "are too large together: send fewer at a time")
	list, err := a.ListRatings(t.Context(), &ratingv1.ListRatingsRequest{})
	require.NoError(t, err)
	require.Empty(t, list.GetRatings())
}

func TestALargePageSizeIsTheLargest(t *testing.T) {
	a := newAPI(t)
	a.user(t, "Ada")
	list, err := a.ListUsers(t.Context(), &ratingv1.ListUsersRequest{PageSize: 1 << 30})
	require.NoError(t, err)
	require.Len(t, list.GetUsers(), 1)
}
