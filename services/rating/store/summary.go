package store

import ratingv1 "github.com/codingflow/rating/proto/rating/v1"

// MaxScore is the best score; the worst is 0.
const MaxScore = 5

// Average returns the mean of scores from their sum and their number; 0 when there are none.
func Average(sum, count int64) float64 {
	if count == 0 {
		return 0
	}
	return float64(sum) / float64(count)
}

// NewRatingSummary returns the summary of a service from the number of its ratings for each score.
func NewRatingSummary(service string, counts [MaxScore + 1]int64) *ratingv1.RatingSummary {
	summary := &ratingv1.RatingSummary{Name: service + "/ratingSummary"}
	var sum int64
	for score, count := range counts {
		summary.ScoreCounts = append(summary.ScoreCounts, &ratingv1.ScoreCount{Score: int32(score), Count: count})
		summary.RatingCount += count
		sum += int64(score) * count
	}
	summary.AverageScore = Average(sum, summary.RatingCount)
	return summary
}
