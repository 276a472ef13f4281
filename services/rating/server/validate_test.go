package server_test

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
)

func TestRequestsAreValidated(t *testing.T) {
	a := newAPI(t)
	long := func(n int) string { return strings.Repeat("é", n) }
	createUser := func(user *ratingv1.User) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := a.CreateUser(ctx, &ratingv1.CreateUserRequest{User: user})
			return err
		}
	}
	createRating := func(rating *ratingv1.Rating) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := a.CreateRating(ctx, &ratingv1.CreateRatingRequest{Rating: rating})
			return err
		}
	}
	for _, test := range []struct {
		name       string
		call       func(context.Context) error
		violations []string
	}{
		{"no user", createUser(nil), []string{"user", "value is required"}},
		{"empty user", createUser(&ratingv1.User{}), []string{"user.display_name", "must be at least 1 characters"}},
		{"long name", createUser(&ratingv1.User{DisplayName: long(101)}), []string{"user.display_name", "must be at most 100 characters"}},
		{"email", createUser(&ratingv1.User{DisplayName: "Ada", Email: "ada"}), []string{"user.email", "must be a valid email address"}},
		{"several", createUser(&ratingv1.User{Email: "ada"}), []string{
			"user.display_name", "must be at least 1 characters", "user.email", "must be a valid email address",
		}},
		{"no score", createRating(&ratingv1.Rating{User: "users/a", Service: "services/b"}), []string{"rating.score", "value is required"}},
		{"score 9", createRating(newRating("users/a", "services/b", 9)), []string{
			"rating.score", "must be greater than or equal to 0 and less than or equal to 5",
		}},
		{"score -1", createRating(newRating("users/a", "services/b", -1)), []string{
			"rating.score", "must be greater than or equal to 0 and less than or equal to 5",
		}},
		{"names", createRating(newRating("services/b", "services/b/c", 1)), []string{
			"rating.user", "does not match regex pattern `^users/[^/]+$`",
			"rating.service", "does not match regex pattern `^services/[^/]+$`",
		}},
		{"long comment", createRating(&ratingv1.Rating{
			User: "users/a", Service: "services/b", Score: proto.Int32(1), Comment: long(2001),
		}), []string{"rating.comment", "must be at most 2000 characters"}},
		{"batch", func(ctx context.Context) error {
			req := &ratingv1.BatchCreateRatingsRequest{}
			for _, score := range []int32{1, 2, 3, 6} {
				req.Requests = append(req.Requests, &ratingv1.CreateRatingRequest{Rating: newRating("users/a", "services/b", score)})
			}
			req.Requests = append(req.Requests, &ratingv1.CreateRatingRequest{})
			_, err := a.BatchCreateRatings(ctx, req)
			return err
		}, []string{
			"requests[3].rating.score", "must be greater than or equal to 0 and less than or equal to 5",
			"requests[4].rating", "value is required",
		}},
		{"empty batch", func(ctx context.Context) error {
			_, err := a.BatchCreateRatings(ctx, &ratingv1.BatchCreateRatingsRequest{})
			return err
		}, []string{"requests", "must contain at least 1 item(s)"}},
		{"get", func(ctx context.Context) error {
			_, err := a.GetUser(ctx, &ratingv1.GetUserRequest{Name: "services/a"})
			return err
		}, []string{"name", "does not match regex pattern `^users/[^/]+$`"}},
		{"page size", func(ctx context.Context) error {
			_, err := a.ListUsers(ctx, &ratingv1.ListUsersRequest{PageSize: -1})
			return err
		}, []string{"page_size", "must be greater than or equal to 0"}},
		{"filter", func(ctx context.Context) error {
			_, err := a.ListRatings(ctx, &ratingv1.ListRatingsRequest{User: "x"})
			return err
		}, []string{"user", "does not match regex pattern `^users/[^/]+$`"}},
		{"U+0000", createUser(&ratingv1.User{DisplayName: "A\x00da"}), []string{"user.display_name", "must not contain the character U+0000"}},
		{"U+0000 in a batch", func(ctx context.Context) error {
			_, err := a.BatchCreateRatings(ctx, &ratingv1.BatchCreateRatingsRequest{Requests: []*ratingv1.CreateRatingRequest{
				{Rating: newRating("users/a", "services/b", 1)},
				{Rating: &ratingv1.Rating{User: "users/\x00", Service: "services/b", Score: proto.Int32(1), Comment: "\x00"}},
			}})
			return err
		}, []string{
			"requests[1].rating.user", "must not contain the character U+0000",
			"requests[1].rating.comment", "must not contain the character U+0000",
		}},
		{"U+0000 in a filter", func(ctx context.Context) error {
			_, err := a.ListUsers(ctx, &ratingv1.ListUsersRequest{DisplayNamePrefix: "\x00"})
			return err
		}, []string{"display_name_prefix", "must not contain the character U+0000"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			requireInvalid(t, test.call(t.Context()), test.violations...)
		})
	}
}
