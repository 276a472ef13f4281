package store

import (
	"testing"

	"github.com/stretchr/testify/require"
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

func TestNewRatingSummary(t *testing.T) {
	require.Zero(t, NewRatingSummary("services/1", [MaxScore + 1]int64{}).GetAverageScore())
	summary := NewRatingSummary("services/1", [MaxScore + 1]int64{1, 0, 0, 0, 0, 2})
	require.InDelta(t, 10.0/3, summary.GetAverageScore(), 0)
	require.EqualValues(t, 3, summary.GetRatingCount())
}
