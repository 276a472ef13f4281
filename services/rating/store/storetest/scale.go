package storetest

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/natsgrpc/once"
	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
	"github.com/codingflow/rating/services/rating/store"
)

// A Sample is what is in a store that [Seed] has filled.
type Sample struct {
	// Users, Services and Ratings are how many there are.
	Users, Services, Ratings int
	// User has rated all services.
	User string
	// Service was rated by all users.
	Service string
}

// SampleSize returns how many ratings a large store has in tests: 100,000 where TEST_SIZE is full, otherwise 10,000.
func SampleSize() int {
	if os.Getenv("TEST_SIZE") == "full" {
		return 100_000
	}
	return 10_000
}

// Seed fills an empty store. Nine of ten ratings are for the same ten services, and the others are by the same user.
func Seed(t testing.TB, st store.Store, ratings int) Sample {
	t.Helper()
	const popular, batch = 10, 1000
	sample := Sample{Users: ratings * 9 / 10 / popular, Services: ratings/10 + popular, Ratings: ratings}
	var users, services []string
	_, err := st.Do(t.Context(), once.Request{}, func(ctx context.Context, tx store.Tx) ([]byte, error) {
		users, services = nil, nil
		for i := range sample.Users {
			user, err := tx.CreateUser(ctx, &ratingv1.User{DisplayName: fmt.Sprintf("User %06d", i)}, "")
			if err != nil {
				return nil, err
			}
			users = append(users, user.GetName())
		}
		for i := range sample.Services {
			service, err := tx.CreateService(ctx, &ratingv1.Service{DisplayName: fmt.Sprintf("Service %06d", i)}, "")
			if err != nil {
				return nil, err
			}
			services = append(services, service.GetName())
		}
		return nil, nil
	})
	require.NoError(t, err)
	sample.User, sample.Service = users[sample.Users/2], services[sample.Services/2]
	var all []*ratingv1.Rating
	for i, user := range users {
		for j := range popular {
			service := services[(sample.Services/2+j)%sample.Services]
			all = append(all, newRating(user, service, int32(i+j)%(store.MaxScore+1)))
		}
	}
	for i, service := range services {
		if distance := (i - sample.Services/2 + sample.Services) % sample.Services; distance >= popular {
			all = append(all, newRating(sample.User, service, int32(i%(store.MaxScore+1))))
		}
	}
	require.Len(t, all, ratings)
	for start := 0; start < len(all); start += batch {
		_, err := createBatch(t.Context(), st, all[start:min(start+batch, len(all))]...)
		require.NoError(t, err)
	}
	return sample
}

// RequireFlat requires that a page takes as long at the end of a list as at its start, and that the average of a service with
// many ratings is read as fast as that of another. The bound is wide, since machines are busy: to skip or to count what is
// before a page would take a hundred times as long.
func RequireFlat(t *testing.T, st store.Store, sample Sample) {
	t.Helper()
	const page, tries, bound = 50, 30, 10
	fastest := func(read func() (int, error), want int) time.Duration {
		var best time.Duration
		for i := range tries {
			start := time.Now()
			got, err := read()
			took := time.Since(start)
			require.NoError(t, err)
			require.Equal(t, want, got)
			if i == 0 || took < best {
				best = took
			}
		}
		return best
	}
	for _, list := range []struct {
		name string
		rows int
		read func(after string, limit int) (names []string, err error)
	}{
		{"users", sample.Users, func(after string, limit int) ([]string, error) {
			users, err := st.ListUsers(t.Context(), store.UserQuery{After: after, Limit: limit})
			return namesOf(users), err
		}},
		{"services", sample.Services, func(after string, limit int) ([]string, error) {
			services, err := st.ListServices(t.Context(), store.ServiceQuery{After: after, Limit: limit})
			return namesOf(services), err
		}},
		{"ratings", sample.Ratings, func(after string, limit int) ([]string, error) {
			ratings, err := st.ListRatings(t.Context(), store.RatingQuery{After: after, Limit: limit})
			return namesOf(ratings), err
		}},
		{"ratings of a service", sample.Users, func(after string, limit int) ([]string, error) {
			ratings, err := st.ListRatings(t.Context(), store.RatingQuery{Service: sample.Service, After: after, Limit: limit})
			return namesOf(ratings), err
		}},
		{"ratings by a user", sample.Services, func(after string, limit int) ([]string, error) {
			ratings, err := st.ListRatings(t.Context(), store.RatingQuery{User: sample.User, After: after, Limit: limit})
			return namesOf(ratings), err
		}},
	} {
		all, err := list.read("", sample.Ratings+1)
		require.NoError(t, err)
		require.Len(t, all, list.rows, list.name)
		times := map[string]time.Duration{}
		for depth, after := range map[string]string{"first": "", "middle": all[len(all)/2], "last": all[len(all)-page-1]} {
			times[depth] = fastest(func() (int, error) {
				names, err := list.read(after, page)
				return len(names), err
			}, page)
		}
		t.Logf("%s: page of %d of %d: first %v, middle %v, last %v", list.name, page, list.rows,
			times["first"], times["middle"], times["last"])
		require.Less(t, times["middle"], bound*times["first"], list.name)
		require.Less(t, times["last"], bound*times["first"], list.name)
	}
	average := func(service string, ratings int64) time.Duration {
		return fastest(func() (int, error) {
			summary, err := st.GetRatingSummary(t.Context(), service)
			return int(summary.GetRatingCount()), err
		}, int(ratings))
	}
	services, err := st.ListServices(t.Context(), store.ServiceQuery{Limit: 1})
	require.NoError(t, err)
	few, many := average(services[0].GetName(), 1), average(sample.Service, int64(sample.Users))
	t.Logf("summary of 1 rating %v, of %d %v", few, sample.Users, many)
	require.Less(t, many, bound*few, "a summary")
}

func namesOf[R interface{ GetName() string }](resources []R) []string {
	var names []string
	for _, resource := range resources {
		names = append(names, resource.GetName())
	}
	return names
}
