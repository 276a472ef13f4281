package storetest

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
	"github.com/codingflow/rating/services/rating/store"
)

func testListEmpty(t *testing.T, st store.Store) {
	users, err := st.ListUsers(t.Context(), store.UserQuery{Limit: 10})
	require.NoError(t, err)
	require.Empty(t, users)
	services, err := st.ListServices(t.Context(), store.ServiceQuery{DisplayNamePrefix: "x", Limit: 10})
	require.NoError(t, err)
	require.Empty(t, services)
	ratings, err := st.ListRatings(t.Context(), store.RatingQuery{User: "users/" + unknownID, Limit: 10})
	require.NoError(t, err)
	require.Empty(t, ratings)
}

func testListPages(t *testing.T, st store.Store) {
	var want, got []string
	create := func() { want = append(want, createUser(t, st, fmt.Sprint("User ", len(want))).GetName()) }
	for range 10 {
		create()
	}
	for page, after := 0, ""; ; page++ {
		users, err := st.ListUsers(t.Context(), store.UserQuery{After: after, Limit: 3})
		require.NoError(t, err)
		require.LessOrEqual(t, len(users), 3)
		for _, user := range users {
			got = append(got, user.GetName())
		}
		if len(users) < 3 {
			break
		}
		after = users[2].GetName()
		if page < 5 {
			create()
		}
	}
	require.Equal(t, want, got)
}

func testListAfterDeleted(t *testing.T, st store.Store) {
	first, second, third := createUser(t, st, "A"), createUser(t, st, "B"), createUser(t, st, "C")
	require.NoError(t, do(t, st, func(ctx context.Context, tx store.Tx) error {
		return tx.DeleteUser(ctx, second.GetName(), "", false)
	}))
	users, err := st.ListUsers(t.Context(), store.UserQuery{After: second.GetName(), Limit: 10})
	require.NoError(t, err)
	requireEqual(t, []*ratingv1.User{third}, users)
	users, err = st.ListUsers(t.Context(), store.UserQuery{Limit: 10})
	require.NoError(t, err)
	requireEqual(t, []*ratingv1.User{first, third}, users)
}

func testListLarge(t *testing.T, st store.Store) {
	const count = 1500
	require.NoError(t, do(t, st, func(ctx context.Context, tx store.Tx) error {
		for i := range count {
			if _, err := tx.CreateService(ctx, &ratingv1.Service{DisplayName: fmt.Sprint(i)}, ""); err != nil {
				return err
			}
		}
		return nil
	}))
	services, err := st.ListServices(t.Context(), store.ServiceQuery{Limit: count + 1})
	require.NoError(t, err)
	require.Len(t, services, count)
	for i, service := range services {
		require.Equal(t, fmt.Sprint(i), service.GetDisplayName(), "the order of creation")
	}
}

// prefixNames are display names of which prefixTests find some.
var prefixNames = []string{
	"Anna", "anton", "ANNEGRET", "Ärger", "ärztin", "Ábel", "Straße", "STRASSE", "100% Wool", "100 Percent", "a_b", "aXb",
	"Ωmega", "ωMEGA 2", "Жук", "жар", "E\u0301cole", "École 2", "\U0010FFFFx", "a\\b", "İzmir", "😀 smile", "",
}

var prefixTests = []struct {
	prefix string
	want   []string
}{
	{"an", []string{"Anna", "anton", "ANNEGRET"}},
	{"ANN", []string{"Anna", "ANNEGRET"}},
	{"Anna", []string{"Anna"}},
	{"Annab", nil},
	{"nn", nil},
	{"är", []string{"Ärger", "ärztin"}},
	{"ÄR", []string{"Ärger", "ärztin"}},
	{"á", []string{"Ábel"}},
	{"stras", []string{"Straße", "STRASSE"}},
	{"straß", []string{"Straße", "STRASSE"}},
	{"100%", []string{"100% Wool"}},
	{"100", []string{"100% Wool", "100 Percent"}},
	{"%", nil},
	{"_", nil},
	{"a_", []string{"a_b"}},
	{`a\`, []string{`a\b`}},
	{"ω", []string{"Ωmega", "ωMEGA 2"}},
	{"Ж", []string{"Жук", "жар"}},
	{"é", []string{"E\u0301cole", "École 2"}},
	{"E\u0301C", []string{"E\u0301cole", "École 2"}},
	{"\U0010FFFF", []string{"\U0010FFFFx"}},
	{"😀", []string{"😀 smile"}},
	{"'", nil},
	{"*", nil},
}

func testPrefixUsers(t *testing.T, st store.Store) {
	for _, name := range prefixNames {
		createUser(t, st, name)
	}
	for _, test := range prefixTests {
		users, err := st.ListUsers(t.Context(), store.UserQuery{DisplayNamePrefix: test.prefix, Limit: 100})
		require.NoError(t, err)
		var got []string
		for _, user := range users {
			got = append(got, user.GetDisplayName())
		}
		require.Equal(t, test.want, got, "prefix %q", test.prefix)
	}
}

func testPrefixServices(t *testing.T, st store.Store) {
	for _, name := range prefixNames {
		createService(t, st, name)
	}
	for _, test := range prefixTests {
		services, err := st.ListServices(t.Context(), store.ServiceQuery{DisplayNamePrefix: test.prefix, Limit: 100})
		require.NoError(t, err)
		var got []string
		for _, service := range services {
			got = append(got, service.GetDisplayName())
		}
		require.Equal(t, test.want, got, "prefix %q", test.prefix)
	}
}

func testPrefixPages(t *testing.T, st store.Store) {
	var want, got []string
	for i := range 11 {
		createUser(t, st, "Other")
		// Names that fall while the order of creation rises.
		want = append(want, createUser(t, st, fmt.Sprintf("Same %02d", 99-i)).GetName())
	}
	for after := ""; ; {
		users, err := st.ListUsers(t.Context(), store.UserQuery{DisplayNamePrefix: "same", After: after, Limit: 4})
		require.NoError(t, err)
		for _, user := range users {
			got = append(got, user.GetName())
		}
		if len(users) < 4 {
			break
		}
		after = users[3].GetName()
	}
	require.Equal(t, want, got)
}

func testListRatings(t *testing.T, st store.Store) {
	var users, services []string
	for range 3 {
		users = append(users, createUser(t, st, "Ada").GetName())
		services = append(services, createService(t, st, "Café").GetName())
	}
	var all []*ratingv1.Rating
	for i, user := range users {
		for j, service := range services {
			all = append(all, createRating(t, st, user, service, int32(i+j)))
		}
	}
	for _, test := range []struct {
		name  string
		query store.RatingQuery
		want  []*ratingv1.Rating
	}{
		{"all", store.RatingQuery{}, all},
		{"limit", store.RatingQuery{Limit: 2}, all[:2]},
		{"after", store.RatingQuery{After: all[3].GetName()}, all[4:]},
		{"user", store.RatingQuery{User: users[1]}, all[3:6]},
		{"user after", store.RatingQuery{User: users[1], After: all[4].GetName()}, all[5:6]},
		{"user limit", store.RatingQuery{User: users[1], Limit: 1}, all[3:4]},
		{"service", store.RatingQuery{Service: services[0]}, []*ratingv1.Rating{all[0], all[3], all[6]}},
		{"service after", store.RatingQuery{Service: services[0], After: all[1].GetName()}, []*ratingv1.Rating{all[3], all[6]}},
		{"service limit", store.RatingQuery{Service: services[0], Limit: 1}, all[:1]},
		{"both", store.RatingQuery{User: users[2], Service: services[1]}, all[7:8]},
		{"both after", store.RatingQuery{User: users[2], Service: services[1], After: all[7].GetName()}, nil},
		{"unknown user", store.RatingQuery{User: "users/" + unknownID}, nil},
		{"impossible user", store.RatingQuery{User: "users/x"}, nil},
		{"impossible service", store.RatingQuery{User: users[0], Service: "services/x"}, nil},
	} {
		if test.query.Limit == 0 {
			test.query.Limit = 100
		}
		got, err := st.ListRatings(t.Context(), test.query)
		require.NoError(t, err, test.name)
		requireEqual(t, test.want, got)
	}
}
