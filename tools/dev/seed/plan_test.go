package seed

import (
	"testing"

	"buf.build/go/protovalidate"
	"github.com/stretchr/testify/require"

	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
)

func TestPlansThatCannotBeAreRefused(t *testing.T) {
	tests := []struct {
		plan Plan
		err  string
	}{
		{Plan{Users: -1}, "users: -1 is not within 0 and 100000"},
		{Plan{Services: 10_001}, "services: 10001 is not within 0 and 10000"},
		{Plan{Ratings: 1_000_001}, "ratings: 1000001 is not within 0 and 1000000"},
		{Plan{Users: 3, Services: 2, Ratings: 7}, "ratings: 7 are more than the 6 that 3 users can give 2 services, each once"},
		{Plan{}, "users and services: there is nothing to create"},
	}
	for _, test := range tests {
		require.EqualError(t, test.plan.Check(), test.err)
	}
	require.NoError(t, Plan{Users: 3, Services: 2, Ratings: 6}.Check())
	require.NoError(t, Plan{Users: 1}.Check())
}

func TestTheSameSeedMakesTheSame(t *testing.T) {
	plan := Plan{Seed: 7, Users: 20, Services: 10, Ratings: 100}
	require.Equal(t, plan.ratings(), plan.ratings())
	other := plan
	other.Seed = 8
	require.NotEqual(t, plan.ratings(), other.ratings())
	require.NotEqual(t, plan.user(0).String(), other.user(0).String())
}

func TestEveryRatingIsOneThatTheAPITakes(t *testing.T) {
	for _, plan := range []Plan{
		{Seed: 1, Users: 200, Services: 50, Ratings: 5000}, {Seed: 2, Users: 5, Services: 5, Ratings: 25}, {Seed: 3, Users: 40, Services: 3, Ratings: 1},
	} {
		for i := range plan.Users {
			require.NoError(t, protovalidate.Validate(plan.user(i)))
		}
		for i := range plan.Services {
			service, _ := plan.service(i)
			require.NoError(t, protovalidate.Validate(service))
		}
		pairs := map[[2]int]bool{}
		for _, r := range plan.ratings() {
			pairs[[2]int{r.user, r.service}] = true
			require.NoError(t, protovalidate.Validate(&ratingv1.Rating{User: "users/1", Service: "services/1", Score: &r.score, Comment: r.comment}))
		}
		require.Len(t, pairs, plan.Ratings, "a user rates a service once")
	}
}

func TestServicesDifferInHowManyRatingsTheyHaveAndInTheirScores(t *testing.T) {
	plan := Plan{Seed: 1, Users: 200, Services: 50, Ratings: 5000}
	count, sum, comments := make([]int, plan.Services), make([]int32, plan.Services), 0
	for _, r := range plan.ratings() {
		count[r.service]++
		sum[r.service] += r.score
		if r.comment != "" {
			comments++
		}
	}
	lowest, highest := 5.0, 0.0
	for service := range count {
		mean := float64(sum[service]) / float64(count[service])
		lowest, highest = min(lowest, mean), max(highest, mean)
	}
	require.Less(t, lowest, 2.5)
	require.Greater(t, highest, 4.0)
	require.Greater(t, count[0], 3*count[49])
	require.InDelta(t, 0.4, float64(comments)/float64(plan.Ratings), 0.05)
}

func TestMailNamesAreOfPlainLetters(t *testing.T) {
	for _, name := range append(givenNames, familyNames...) {
		require.Regexp(t, `^[a-z]+$`, mailName(name), name)
	}
}
