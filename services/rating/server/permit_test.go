package server_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
	"github.com/codingflow/rating/services/rating/server"
)

// The callers, by the metadata that the proxy gives them.
var (
	owner  = []string{"x-auth-issuer", "https://issuer.example", "x-auth-subject", "ada"}
	other  = []string{"x-auth-issuer", "https://issuer.example", "x-auth-subject", "eve", "x-auth-claim-roles", "reader"}
	admin  = []string{"x-auth-issuer", "https://issuer.example", "x-auth-subject", "root", "x-auth-claim-roles", "reader", "x-auth-claim-roles", "rating%20admin"}
	dev    = []string{"x-auth-issuer", "development", "x-auth-subject", "developer"}
	nobody []string
)

// A world is what the owner has made, and what is nobody's: the development principal made it. Several share a database, and
// have their own people.
type world struct {
	*api
	people                            string
	user, rated, unrated, rating      string // the owner's
	nobodysUser, nobodysService, free string
}

func newWorld(t *testing.T, a *api) *world {
	t.Helper()
	w := &world{api: a, people: "of-" + rand.Text(), nobodysUser: a.user(t, "Nobody").GetName(), nobodysService: a.service(t, "Nobody's").GetName()}
	w.free = a.service(t, "Not rated").GetName()
	ctx := w.as(t, owner...)
	user, err := a.CreateUser(ctx, &ratingv1.CreateUserRequest{User: &ratingv1.User{DisplayName: "Ada"}})
	require.NoError(t, err)
	w.user = user.GetName()
	for _, name := range []*string{&w.rated, &w.unrated} {
		service, err := a.CreateService(ctx, &ratingv1.CreateServiceRequest{Service: &ratingv1.Service{DisplayName: "Café"}})
		require.NoError(t, err)
		*name = service.GetName()
	}
	rating, err := a.CreateRating(ctx, &ratingv1.CreateRatingRequest{Rating: newRating(w.user, w.rated, 4)})
	require.NoError(t, err)
	w.rating = rating.GetName()
	a.rating(t, w.nobodysUser, w.rated, 1)
	return w
}

// as returns the context of calls by one of the world's people. The development principal is the same everywhere.
func (w *world) as(t *testing.T, keysAndValues ...string) context.Context {
	t.Helper()
	theirs := slices.Clone(keysAndValues)
	for i := 0; i+1 < len(theirs); i += 2 {
		if theirs[i] == "x-auth-subject" && theirs[i+1] != "developer" && theirs[i+1] != "" {
			theirs[i+1] += w.people
		}
	}
	return as(t, theirs...)
}

// Every method, called by everybody who differs.
func TestWhoMayCallWhat(t *testing.T) {
	const (
		ok       = "OK"
		notOwner = "NOT_OWNER"
		admins   = "ADMINISTRATORS_ONLY"
		noToken  = "NO_PRINCIPAL"
		notFound = "NOT_FOUND"
		exists   = "ALREADY_EXISTS"
	)
	everybody := []string{ok, ok, ok, ok, ok}
	owned := []string{ok, notOwner, ok, ok, noToken}
	nobodys := []string{notOwner, notOwner, ok, ok, noToken}
	tests := []struct {
		name string
		call func(context.Context, *world) error
		want []string // of owner, other, admin, dev, nobody
	}{
		{"ListUsers", func(ctx context.Context, w *world) error {
			return errorOf(w.ListUsers(ctx, &ratingv1.ListUsersRequest{}))
		}, everybody},
		{"GetUser", func(ctx context.Context, w *world) error {
			return errorOf(w.GetUser(ctx, &ratingv1.GetUserRequest{Name: w.user}))
		}, everybody},
		{"GetUser users/me", func(ctx context.Context, w *world) error {
			return errorOf(w.GetUser(ctx, &ratingv1.GetUserRequest{Name: "users/me"}))
		}, []string{ok, notFound, notFound, notFound, noToken}},
		{"CreateUser", func(ctx context.Context, w *world) error {
			return errorOf(w.CreateUser(ctx, &ratingv1.CreateUserRequest{User: &ratingv1.User{DisplayName: "Ada"}}))
		}, []string{exists, ok, ok, ok, noToken}},
		{"UpdateUser", func(ctx context.Context, w *world) error {
			return errorOf(w.UpdateUser(ctx, &ratingv1.UpdateUserRequest{User: &ratingv1.User{Name: w.user, DisplayName: "A"}}))
		}, owned},
		{"UpdateUser nobody's", func(ctx context.Context, w *world) error {
			return errorOf(w.UpdateUser(ctx, &ratingv1.UpdateUserRequest{User: &ratingv1.User{Name: w.nobodysUser, DisplayName: "A"}}))
		}, nobodys},
		{"DeleteUser", func(ctx context.Context, w *world) error {
			return errorOf(w.DeleteUser(ctx, &ratingv1.DeleteUserRequest{Name: w.user, Force: true}))
		}, owned},
		{"DeleteUser nobody's", func(ctx context.Context, w *world) error {
			return errorOf(w.DeleteUser(ctx, &ratingv1.DeleteUserRequest{Name: w.nobodysUser, Force: true}))
		}, nobodys},

		{"ListServices", func(ctx context.Context, w *world) error {
			return errorOf(w.ListServices(ctx, &ratingv1.ListServicesRequest{}))
		}, everybody},
		{"GetService", func(ctx context.Context, w *world) error {
			return errorOf(w.GetService(ctx, &ratingv1.GetServiceRequest{Name: w.rated}))
		}, everybody},
		{"GetRatingSummary", func(ctx context.Context, w *world) error {
			return errorOf(w.GetRatingSummary(ctx, &ratingv1.GetRatingSummaryRequest{Name: w.rated + "/ratingSummary"}))
		}, everybody},
		{"CreateService", func(ctx context.Context, w *world) error {
			return errorOf(w.CreateService(ctx, &ratingv1.CreateServiceRequest{Service: &ratingv1.Service{DisplayName: "Café"}}))
		}, []string{ok, ok, ok, ok, noToken}},
		{"UpdateService", func(ctx context.Context, w *world) error {
			return errorOf(w.UpdateService(ctx, &ratingv1.UpdateServiceRequest{Service: &ratingv1.Service{Name: w.rated, DisplayName: "C"}}))
		}, owned},
		{"UpdateService nobody's", func(ctx context.Context, w *world) error {
			return errorOf(w.UpdateService(ctx, &ratingv1.UpdateServiceRequest{Service: &ratingv1.Service{Name: w.nobodysService, DisplayName: "C"}}))
		}, nobodys},
		{"DeleteService", func(ctx context.Context, w *world) error {
			return errorOf(w.DeleteService(ctx, &ratingv1.DeleteServiceRequest{Name: w.unrated}))
		}, owned},
		{"DeleteService with ratings", func(ctx context.Context, w *world) error {
			return errorOf(w.DeleteService(ctx, &ratingv1.DeleteServiceRequest{Name: w.rated, Force: true}))
		}, []string{admins, notOwner, ok, ok, noToken}},
		{"DeleteService nobody's", func(ctx context.Context, w *world) error {
			return errorOf(w.DeleteService(ctx, &ratingv1.DeleteServiceRequest{Name: w.nobodysService}))
		}, nobodys},

		{"ListRatings", func(ctx context.Context, w *world) error {
			return errorOf(w.ListRatings(ctx, &ratingv1.ListRatingsRequest{User: w.user}))
		}, everybody},
		{"GetRating", func(ctx context.Context, w *world) error {
			return errorOf(w.GetRating(ctx, &ratingv1.GetRatingRequest{Name: w.rating}))
		}, everybody},
		{"CreateRating", func(ctx context.Context, w *world) error {
			return errorOf(w.CreateRating(ctx, &ratingv1.CreateRatingRequest{Rating: newRating(w.user, w.unrated, 1)}))
		}, owned},
		{"CreateRating nobody's", func(ctx context.Context, w *world) error {
			return errorOf(w.CreateRating(ctx, &ratingv1.CreateRatingRequest{Rating: newRating(w.nobodysUser, w.unrated, 1)}))
		}, nobodys},
		{"BatchCreateRatings", func(ctx context.Context, w *world) error {
			return errorOf(w.BatchCreateRatings(ctx, batch(w.user, w.unrated, w.free)))
		}, owned},
		{"BatchCreateRatings nobody's", func(ctx context.Context, w *world) error {
			return errorOf(w.BatchCreateRatings(ctx, batch(w.nobodysUser, w.unrated, w.free)))
		}, nobodys},
		{"UpdateRating", func(ctx context.Context, w *world) error {
			return errorOf(w.UpdateRating(ctx, &ratingv1.UpdateRatingRequest{Rating: &ratingv1.Rating{Name: w.rating, Score: proto.Int32(0)}}))
		}, owned},
		{"DeleteRating", func(ctx context.Context, w *world) error {
			return errorOf(w.DeleteRating(ctx, &ratingv1.DeleteRatingRequest{Name: w.rating}))
		}, owned},
	}
	untested, a := methods(), newAPI(t)
	for _, test := range tests {
		delete(untested, strings.Fields(test.name)[0])
		t.Run(test.name, func(t *testing.T) {
			for i, who := range [][]string{owner, other, admin, dev, nobody} {
				w := newWorld(t, a)
				require.Equal(t, test.want[i], reasonOf(test.call(w.as(t, who...), w)), "caller %d", i)
			}
		})
	}
	require.Empty(t, untested)
}

// methods returns the names of all methods of the API.
func methods() map[string]bool {
	names := map[string]bool{}
	for _, file := range []protoreflect.FileDescriptor{
		ratingv1.File_rating_v1_user_proto, ratingv1.File_rating_v1_service_proto, ratingv1.File_rating_v1_rating_proto,
	} {
		for i := range file.Services().Get(0).Methods().Len() {
			names[string(file.Services().Get(0).Methods().Get(i).Name())] = true
		}
	}
	return names
}

// errorOf drops the answer of a call.
func errorOf(_ proto.Message, err error) error { return err }

func batch(user string, services ...string) *ratingv1.BatchCreateRatingsRequest {
	req := &ratingv1.BatchCreateRatingsRequest{}
	for _, service := range services {
		req.Requests = append(req.Requests, &ratingv1.CreateRatingRequest{Rating: newRating(user, service, 1)})
	}
	return req
}

// reasonOf returns the reason of an error, "OK" for none.
func reasonOf(err error) string {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(interface{ GetReason() string }); ok {
			return info.GetReason()
		}
	}
	return status.Code(err).String()
}

func TestARefusalSaysWhyAndHasNoEffect(t *testing.T) {
	w := newWorld(t, newAPI(t))
	before, err := w.GetRating(t.Context(), &ratingv1.GetRatingRequest{Name: w.rating})
	require.NoError(t, err)
	eve := w.as(t, other...)
	eves, err := w.CreateUser(eve, &ratingv1.CreateUserRequest{User: &ratingv1.User{DisplayName: "Eve"}})
	require.NoError(t, err)

	_, err = w.UpdateRating(eve, &ratingv1.UpdateRatingRequest{Rating: &ratingv1.Rating{Name: w.rating, Score: proto.Int32(0)}})
	requireStatus(t, err, codes.PermissionDenied, "NOT_OWNER", w.rating+" is not the caller's")
	mixed := batch(eves.GetName(), w.unrated)
	mixed.Requests = append(mixed.Requests, batch(w.user, w.unrated).GetRequests()...)
	_, err = w.BatchCreateRatings(eve, mixed)
	requireStatus(t, err, codes.PermissionDenied, "NOT_OWNER", "requests[1]: "+w.user+" is not the caller's")
	_, err = w.CreateUser(eve, &ratingv1.CreateUserRequest{User: &ratingv1.User{DisplayName: "Eve"}})
	requireStatus(t, err, codes.AlreadyExists, "ALREADY_EXISTS", "the owner has a user: "+eves.GetName()+": already exists")
	_, err = w.DeleteService(w.as(t, owner...), &ratingv1.DeleteServiceRequest{Name: w.rated, Force: true})
	requireStatus(t, err, codes.PermissionDenied, "ADMINISTRATORS_ONLY", "force deletes the ratings of others: only an administrator may do this")
	_, err = w.DeleteRating(as(t), &ratingv1.DeleteRatingRequest{Name: w.rating})
	requireStatus(t, err, codes.Unauthenticated, "NO_PRINCIPAL", "who calls is not known: this needs a token")
	// What does not exist is not found, whoever asks.
	_, err = w.DeleteRating(eve, &ratingv1.DeleteRatingRequest{Name: "ratings/none"})
	requireStatus(t, err, codes.NotFound, "NOT_FOUND", "ratings/none: not found")

	after, err := w.GetRating(t.Context(), &ratingv1.GetRatingRequest{Name: w.rating})
	require.NoError(t, err)
	requireEqual(t, before, after)
	ratings, err := w.ListRatings(t.Context(), &ratingv1.ListRatingsRequest{Service: w.unrated})
	require.NoError(t, err)
	require.Empty(t, ratings.GetRatings())
}

// The same subject of another issuer, and half a principal, are somebody else.
func TestThePrincipalIsIssuerAndSubject(t *testing.T) {
	w := newWorld(t, newAPI(t))
	remove := func(metadata ...string) error {
		return errorOf(w.DeleteRating(w.as(t, metadata...), &ratingv1.DeleteRatingRequest{Name: w.rating}))
	}
	long := strings.Repeat("a", 1024-len(w.people))
	for _, test := range []struct {
		metadata []string
		want     string
	}{
		{[]string{"x-auth-issuer", "https://other.example", "x-auth-subject", "ada"}, "NOT_OWNER"},
		{[]string{"x-auth-issuer", "https://issuer.example", "x-auth-subject", "Ada"}, "NOT_OWNER"},
		{[]string{"x-auth-issuer", "https://issuer.example", "x-auth-subject", ""}, "NOT_OWNER"},
		{[]string{"x-auth-issuer", "", "x-auth-subject", ""}, "NOT_OWNER"},
		{[]string{"x-auth-issuer", "development", "x-auth-subject", "ada"}, "NOT_OWNER"},
		{[]string{"x-auth-issuer", "https://issuer.example"}, "NO_PRINCIPAL"},
		{[]string{"x-auth-subject", "ada"}, "NO_PRINCIPAL"},
		{append([]string{"x-auth-subject", "eve"}, owner...), "NO_PRINCIPAL"},
		{[]string{"x-auth-issuer", "https://issuer.example", "x-auth-subject", long}, "PRINCIPAL_TOO_LONG"},
		{[]string{"x-auth-issuer", "i", "x-auth-subject", long[:1022-len(w.people)]}, "NOT_OWNER"},
		{append([]string{"x-auth-claim-roles", "%zz", "x-auth-claim-roles", "rating admin x"}, other...), "NOT_OWNER"},
		{append([]string{"x-auth-claim-groups", "rating%20admin"}, other...), "NOT_OWNER"},
		{owner, "OK"},
	} {
		require.Equal(t, test.want, reasonOf(remove(test.metadata...)), "%q", test.metadata)
	}
}

// A rerun is answered as the first run was, though what it changed is gone.
func TestARerunOfADeletionIsAnsweredAgain(t *testing.T) {
	w := newWorld(t, newAPI(t))
	ctx := w.as(t, append([]string{requestIDKey, "1"}, owner...)...)
	for range 2 {
		_, err := w.DeleteRating(ctx, &ratingv1.DeleteRatingRequest{Name: w.rating})
		require.NoError(t, err)
	}
}

// Nothing that is read says whose it is.
func TestOwnersAreNotShown(t *testing.T) {
	w := newWorld(t, newAPI(t))
	users, err := w.ListUsers(t.Context(), &ratingv1.ListUsersRequest{})
	require.NoError(t, err)
	services, err := w.ListServices(t.Context(), &ratingv1.ListServicesRequest{})
	require.NoError(t, err)
	ratings, err := w.ListRatings(t.Context(), &ratingv1.ListRatingsRequest{})
	require.NoError(t, err)
	require.NotContains(t, fmt.Sprint(users, services, ratings), "issuer.example")
}

func TestAdminClaimsAreChecked(t *testing.T) {
	for _, text := range []string{"", "roles", "=admin", "roles=", "Roles=admin", "ro les=admin"} {
		_, err := server.New(newStore(t), server.WithAdminClaims("groups=admins", text))
		require.EqualError(t, err, fmt.Sprintf("server: administrator's claim %q is not NAME=VALUE: the name must be of a-z, 0-9, -, _ and . only", text))
	}
}
