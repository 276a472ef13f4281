package storetest

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
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
	const page = 50
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
		at := func(name, after string) *reading {
			return &reading{name: name, want: page, read: func() (int, error) {
				names, err := list.read(after, page)
				return len(names), err
			}}
		}
		requireAsFast(t, fmt.Sprintf("%s: page of %d of %d", list.name, page, list.rows),
			at("first", ""), at("middle", all[len(all)/2]), at("last", all[len(all)-page-1]))
	}
	services, err := st.ListServices(t.Context(), store.ServiceQuery{Limit: 1})
	require.NoError(t, err)
	of := func(name, service string, ratings int) *reading {
		return &reading{name: name, want: ratings, read: func() (int, error) {
			summary, err := st.GetRatingSummary(t.Context(), service)
			return int(summary.GetRatingCount()), err
		}}
	}
	requireAsFast(t, "summary", of("of 1 rating", services[0].GetName(), 1), of(fmt.Sprintf("of %d", sample.Users), sample.Service, sample.Users))
}

// A reading is something that is read from a store again and again.
type reading struct {
	name    string
	read    func() (rows int, err error)
	want    int           // rows
	fastest time.Duration // of all times
}

// requireAsFast requires that no reading takes bound times as long as the first of them. How long one takes is how long the fastest
// of many took: whatever else runs can only make it longer. They take turns, so that this has the same chance to meet each, and
// where one seems slow they go on for a while, which changes nothing about one that is.
func requireAsFast(t *testing.T, what string, first *reading, others ...*reading) {
	t.Helper()
	const tries, bound, patience = 30, 10, 10 * time.Second
	all := append([]*reading{first}, others...)
	slow := func() bool {
		return slices.ContainsFunc(others, func(r *reading) bool { return r.fastest >= bound*first.fastest })
	}
	for start, i := time.Now(), 0; i < tries || slow() && time.Since(start) < patience; i++ {
		for _, r := range all {
			began := time.Now()
			got, err := r.read()
			took := time.Since(began)
			require.NoError(t, err)
			require.Equal(t, r.want, got)
			if i == 0 || took < r.fastest {
				r.fastest = took
			}
		}
	}
	var times []string
	for _, r := range all {
		times = append(times, fmt.Sprintf("%s %v", r.name, r.fastest))
	}
	t.Logf("%s: %s", what, strings.Join(times, ", "))
	require.False(t, slow(), "%s: %v", what, times)
}

func namesOf[R interface{ GetName() string }](resources []R) []string {
	var names []string
	for _, resource := range resources {
		names = append(names, resource.GetName())
	}
	return names
}
