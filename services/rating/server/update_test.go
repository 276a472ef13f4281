package server_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
)

func TestUpdateUser(t *testing.T) {
	a := newAPI(t)
	for _, test := range []struct {
		name   string
		update *ratingv1.User
		mask   []string
		want   *ratingv1.User // display name and e-mail
	}{
		{"no mask takes the fields that are set", &ratingv1.User{DisplayName: "Grace"}, nil,
			&ratingv1.User{DisplayName: "Grace", Email: "a@example.com"}},
		{"no mask and nothing set changes nothing", &ratingv1.User{}, nil,
			&ratingv1.User{DisplayName: "Ada", Email: "a@example.com"}},
		{"no mask ignores outputs", &ratingv1.User{DisplayName: "Grace", CreateTime: &timestamppb.Timestamp{Seconds: 1}}, nil,
			&ratingv1.User{DisplayName: "Grace", Email: "a@example.com"}},
		{"a mask takes its fields only", &ratingv1.User{DisplayName: "Grace", Email: "g@example.com"}, []string{"email"},
			&ratingv1.User{DisplayName: "Ada", Email: "g@example.com"}},
		{"a mask clears", &ratingv1.User{}, []string{"email"}, &ratingv1.User{DisplayName: "Ada"}},
		{"fields outside the mask may have any value", &ratingv1.User{Email: "no address", DisplayName: "Grace"}, []string{"display_name"},
			&ratingv1.User{DisplayName: "Grace", Email: "a@example.com"}},
		{"* replaces all", &ratingv1.User{DisplayName: "Grace"}, []string{"*"}, &ratingv1.User{DisplayName: "Grace"}},
		{"etag in the mask is no change", &ratingv1.User{}, []string{"etag"},
			&ratingv1.User{DisplayName: "Ada", Email: "a@example.com"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			created, err := a.CreateUser(t.Context(), &ratingv1.CreateUserRequest{
				User: &ratingv1.User{DisplayName: "Ada", Email: "a@example.com"},
			})
			require.NoError(t, err)
			test.update.Name = created.GetName()
			req := &ratingv1.UpdateUserRequest{User: test.update}
			if test.mask != nil {
				req.UpdateMask = &fieldmaskpb.FieldMask{Paths: test.mask}
			}
			updated, err := a.UpdateUser(t.Context(), req)
			require.NoError(t, err)

			want := proto.CloneOf(created)
			want.DisplayName, want.Email = test.want.GetDisplayName(), test.want.GetEmail()
			want.UpdateTime, want.Etag = updated.GetUpdateTime(), updated.GetEtag()
			requireEqual(t, want, updated)
			got, err := a.GetUser(t.Context(), &ratingv1.GetUserRequest{Name: created.GetName()})
			require.NoError(t, err)
			requireEqual(t, updated, got)
		})
	}
}

func TestUpdateIsValidated(t *testing.T) {
	a := newAPI(t)
	user, service := a.user(t, "Ada"), a.service(t, "Café")
	rating := a.rating(t, user.GetName(), service.GetName(), 3)
	other := a.user(t, "Grace")
	updateUser := func(user *ratingv1.User, mask ...string) error {
		_, err := a.UpdateUser(t.Context(), &ratingv1.UpdateUserRequest{User: user, UpdateMask: newMask(mask)})
		return err
	}
	updateService := func(service *ratingv1.Service, mask ...string) error {
		_, err := a.UpdateService(t.Context(), &ratingv1.UpdateServiceRequest{Service: service, UpdateMask: newMask(mask)})
		return err
	}
	updateRating := func(rating *ratingv1.Rating, mask ...string) error {
		_, err := a.UpdateRating(t.Context(), &ratingv1.UpdateRatingRequest{Rating: rating, UpdateMask: newMask(mask)})
		return err
	}
	name := user.GetName()
	const range0to5 = "must be greater than or equal to 0 and less than or equal to 5"
	for _, test := range []struct {
		name       string
		err        error
		violations []string
	}{
		{"no user", updateUser(nil), []string{"user", "value is required"}},
		{"no name", updateUser(&ratingv1.User{}), []string{"user.name", "does not match regex pattern `^users/[^/]+$`"}},
		{"another kind of name", updateUser(&ratingv1.User{Name: service.GetName()}), []string{"user.name", "does not match regex pattern `^users/[^/]+$`"}},
		{"merged", updateUser(&ratingv1.User{Name: name}, "display_name"), []string{"user.display_name", "must be at least 1 characters"}},
		{"merged by *", updateUser(&ratingv1.User{Name: name, Email: "x"}, "*"), []string{
			"user.display_name", "must be at least 1 characters", "user.email", "must be a valid email address",
		}},
		{"merged without mask", updateUser(&ratingv1.User{Name: name, Email: "x"}), []string{"user.email", "must be a valid email address"}},
		{"unknown field", updateUser(&ratingv1.User{Name: name}, "nickname"), []string{"update_mask", `"nickname" is not a field of User`}},
		{"JSON name", updateUser(&ratingv1.User{Name: name}, "displayName"), []string{"update_mask", `"displayName" is not a field of User`}},
		{"below a scalar", updateUser(&ratingv1.User{Name: name}, "email.x"), []string{"update_mask", `"email.x" is not a field of User`}},
		{"empty path", updateUser(&ratingv1.User{Name: name}, ""), []string{"update_mask", `"" is not a field of User`}},
		{"* beside others", updateUser(&ratingv1.User{Name: name}, "*", "email"), []string{"update_mask", `"*" stands alone or not at all`}},
		{"several", updateUser(&ratingv1.User{Name: name}, "x", "update_time", "y"), []string{
			"update_mask", `"x" is not a field of User`, "update_mask", `"y" is not a field of User`,
		}},
		{"service", updateService(&ratingv1.Service{Name: service.GetName()}, "display_name"), []string{"service.display_name", "must be at least 1 characters"}},
		{"score", updateRating(&ratingv1.Rating{Name: rating.GetName(), Score: proto.Int32(9)}), []string{"rating.score", range0to5}},
		{"cleared score", updateRating(&ratingv1.Rating{Name: rating.GetName()}, "score"), []string{"rating.score", "value is required"}},
		{"immutable in mask", updateRating(&ratingv1.Rating{Name: rating.GetName(), User: other.GetName()}, "user", "service"), []string{
			"rating.user", "is immutable", "rating.service", "is immutable",
		}},
		{"immutable without mask", updateRating(&ratingv1.Rating{Name: rating.GetName(), User: other.GetName(), Service: "services/x"}), []string{
			"rating.user", "is immutable", "rating.service", "is immutable",
		}},
		{"immutable by *", updateRating(&ratingv1.Rating{Name: rating.GetName(), User: other.GetName(), Score: proto.Int32(1)}, "*"), []string{
			"rating.user", "is immutable",
		}},
	} {
		t.Run(test.name, func(t *testing.T) { requireInvalid(t, test.err, test.violations...) })
	}
	got, err := a.GetRating(t.Context(), &ratingv1.GetRatingRequest{Name: rating.GetName()})
	require.NoError(t, err)
	requireEqual(t, rating, got)
}

func TestUpdateRating(t *testing.T) {
	a := newAPI(t)
	user, service := a.user(t, "Ada"), a.service(t, "Café")
	rating := a.rating(t, user.GetName(), service.GetName(), 3)

	// What a client got, changed and sends back as a whole.
	rating.Score, rating.Comment = proto.Int32(0), "Closed"
	updated, err := a.UpdateRating(t.Context(), &ratingv1.UpdateRatingRequest{Rating: rating})
	require.NoError(t, err)
	require.EqualValues(t, 0, updated.GetScore())
	require.Equal(t, "Closed", updated.GetComment())

	// Full replacement keeps the immutable fields that it leaves out.
	replaced, err := a.UpdateRating(t.Context(), &ratingv1.UpdateRatingRequest{
		Rating: &ratingv1.Rating{Name: rating.GetName(), Score: proto.Int32(5)}, UpdateMask: newMask([]string{"*"}),
	})
	require.NoError(t, err)
	requireEqual(t, &ratingv1.Rating{
		Name: rating.GetName(), User: user.GetName(), Service: service.GetName(), Score: proto.Int32(5),
		CreateTime: rating.GetCreateTime(), UpdateTime: replaced.GetUpdateTime(), Etag: replaced.GetEtag(),
	}, replaced)
	got, err := a.GetService(t.Context(), &ratingv1.GetServiceRequest{Name: service.GetName()})
	require.NoError(t, err)
	require.InDelta(t, 5, got.GetAverageScore(), 0)

	// Outputs and unchanged immutable fields may be in the mask, as when a PATCH sends all that it got.
	replaced.Score = proto.Int32(2)
	masked, err := a.UpdateRating(t.Context(), &ratingv1.UpdateRatingRequest{
		Rating: replaced, UpdateMask: newMask([]string{"name", "user", "service", "score", "create_time", "update_time", "etag"}),
	})
	require.NoError(t, err)
	require.EqualValues(t, 2, masked.GetScore())
	requireEqual(t, rating.GetCreateTime(), masked.GetCreateTime())

	rating.Etag = updated.GetEtag()
	_, err = a.UpdateRating(t.Context(), &ratingv1.UpdateRatingRequest{Rating: rating})
	requireStatus(t, err, codes.Aborted, "STALE_ETAG", rating.GetName()+": the etag is not the current one")
}

func newMask(paths []string) *fieldmaskpb.FieldMask {
	if len(paths) == 0 {
		return nil
	}
	return &fieldmaskpb.FieldMask{Paths: paths}
}
