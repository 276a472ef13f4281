package store

import (
	"testing"

	"github.com/stretchr/testify/require"

	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
)

func TestNewIDsSortByCreation(t *testing.T) {
	var last string
	for range 10_000 {
		id, err := NewID()
		require.NoError(t, err)
		require.Greater(t, id, last)
		last = id
	}
}

func TestNewRequest(t *testing.T) {
	digest := func(name string) Request {
		req, err := NewRequest("id", &ratingv1.CreateUserRequest{User: &ratingv1.User{DisplayName: name}})
		require.NoError(t, err)
		require.Equal(t, "id", req.ID)
		return req
	}
	require.Equal(t, digest("a"), digest("a"))
	require.NotEqual(t, digest("a"), digest("b"))
}

func TestNewRatingSummary(t *testing.T) {
	require.Zero(t, NewRatingSummary("services/1", [MaxScore + 1]int64{}).GetAverageScore())
	summary := NewRatingSummary("services/1", [MaxScore + 1]int64{1, 0, 0, 0, 0, 2})
	require.InDelta(t, 10.0/3, summary.GetAverageScore(), 0)
	require.EqualValues(t, 3, summary.GetRatingCount())
}
