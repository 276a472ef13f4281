package transcode

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/emptypb"

	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
	"github.com/codingflow/rating/proxy/grpctest"
)

// users is the user service over a map, behind a real gRPC server and generated code.
type users struct {
	ratingv1.UnimplementedUserServiceServer

	mu     sync.Mutex
	byName map[string]*ratingv1.User
	next   int
}

func (u *users) ListUsers(context.Context, *ratingv1.ListUsersRequest) (*ratingv1.ListUsersResponse, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	response := &ratingv1.ListUsersResponse{}
	for _, user := range u.byName {
		response.Users = append(response.Users, user)
	}
	slices.SortFunc(response.Users, func(a, b *ratingv1.User) int { return strings.Compare(a.GetName(), b.GetName()) })
	return response, nil
}

func (u *users) GetUser(_ context.Context, r *ratingv1.GetUserRequest) (*ratingv1.User, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if user := u.byName[r.GetName()]; user != nil {
		return user, nil
	}
	return nil, status.Errorf(codes.NotFound, "no user %s", r.GetName())
}

func (u *users) CreateUser(_ context.Context, r *ratingv1.CreateUserRequest) (*ratingv1.User, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.next++
	r.GetUser().Name = fmt.Sprintf("users/%d", u.next)
	u.byName[r.GetUser().GetName()] = r.GetUser()
	return r.GetUser(), nil
}

func (u *users) UpdateUser(_ context.Context, r *ratingv1.UpdateUserRequest) (*ratingv1.User, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	user := u.byName[r.GetUser().GetName()]
	for _, path := range r.GetUpdateMask().GetPaths() {
		switch path {
		case "display_name":
			user.DisplayName = r.GetUser().GetDisplayName()
		case "email":
			user.Email = r.GetUser().GetEmail()
		default:
			return nil, status.Errorf(codes.InvalidArgument, "unexpected path %q", path)
		}
	}
	return user, nil
}

func (u *users) DeleteUser(_ context.Context, r *ratingv1.DeleteUserRequest) (*emptypb.Empty, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.byName, r.GetName())
	return &emptypb.Empty{}, nil
}

// ratings answers a batch with its requests and refuses a score of 9.
type ratings struct {
	ratingv1.UnimplementedRatingServiceServer
}

func (ratings) BatchCreateRatings(_ context.Context, r *ratingv1.BatchCreateRatingsRequest) (*ratingv1.BatchCreateRatingsResponse, error) {
	response := &ratingv1.BatchCreateRatingsResponse{}
	for _, request := range r.GetRequests() {
		response.Ratings = append(response.Ratings, request.GetRating())
	}
	return response, nil
}

func (ratings) CreateRating(_ context.Context, r *ratingv1.CreateRatingRequest) (*ratingv1.Rating, error) {
	if r.GetRating().GetScore() > 5 {
		st, err := status.New(codes.InvalidArgument, "rating.score: must be at most 5").WithDetails(&errdetails.BadRequest{
			FieldViolations: []*errdetails.BadRequest_FieldViolation{{Field: "rating.score", Description: "must be at most 5"}},
		})
		if err != nil {
			return nil, err
		}
		return nil, st.Err()
	}
	return r.GetRating(), nil
}

// newRatingHandler serves all services of rating.v1; CatalogService has no server.
func newRatingHandler(t testing.TB) *Handler {
	t.Helper()
	conn := grpctest.Serve(t, func(server grpc.ServiceRegistrar) {
		ratingv1.RegisterUserServiceServer(server, &users{byName: map[string]*ratingv1.User{}})
		ratingv1.RegisterRatingServiceServer(server, ratings{})
	})
	var services []protoreflect.ServiceDescriptor
	for _, file := range []protoreflect.FileDescriptor{
		ratingv1.File_rating_v1_user_proto, ratingv1.File_rating_v1_service_proto, ratingv1.File_rating_v1_rating_proto,
	} {
		services = append(services, file.Services().Get(0))
	}
	handler, err := New(conn, services)
	require.NoError(t, err)
	return handler
}

func TestRatingAPI(t *testing.T) {
	const user1 = `{"name":"users/1","displayName":"Ada","email":"","etag":""}`
	steps := []struct {
		method, target, body string
		code                 int
		want                 string
	}{
		{"GET", "/users", ``, 200, `{"users":[],"nextPageToken":""}`},
		{"POST", "/users", `{"displayName":"Ada"}`, 200, user1},
		{"GET", "/users", ``, 200, `{"users":[` + user1 + `],"nextPageToken":""}`},
		{"GET", "/users/1", ``, 200, user1},
		{"GET", "/users/a%2Fb", ``, 404, `{"error":{"code":404,"message":"no user users/a%2Fb","status":"NOT_FOUND"}}`},
		{"GET", "/users/2", ``, 404, `{"error":{"code":404,"message":"no user users/2","status":"NOT_FOUND"}}`},
		// A client sends back what it has read; the name is the path's and no change.
		{"PATCH", "/users/1", `{"name":"users/1","email":"ada@example.com","createTime":null}`, 200, `{"name":"users/1","displayName":"Ada","email":"ada@example.com","etag":""}`},
		{"PATCH", "/users/1?updateMask=displayName", `{"displayName":"Lovelace","email":"x"}`, 200, `{"name":"users/1","displayName":"Lovelace","email":"ada@example.com","etag":""}`},
		{"DELETE", "/users/1?force=true", ``, 200, `{}`},
		{"GET", "/users", ``, 200, `{"users":[],"nextPageToken":""}`},
		{"POST", "/users", `{`, 400, `{"error":{"code":400,"message":"the body is not valid JSON: unexpected end of JSON input","status":"INVALID_ARGUMENT"}}`},
		{"POST", "/users", `{"displayname":"Ada"}`, 400, `{"error":{"code":400,"message":"user.displayname: unknown field \"displayname\"","status":"INVALID_ARGUMENT","details":[{"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"field":"user.displayname","description":"unknown field \"displayname\""}]}]}}`},
		{"GET", "/users?page_size=x", ``, 400, `{"error":{"code":400,"message":"page_size: \"x\" is not a valid int32","status":"INVALID_ARGUMENT","details":[{"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"field":"page_size","description":"\"x\" is not a valid int32"}]}]}}`},
		{"DELETE", "/users", ``, 405, `{"error":{"code":405,"message":"method DELETE is not allowed here; allowed are GET, HEAD, OPTIONS, POST","status":"UNIMPLEMENTED"}}`},
		{"POST", "/ratings:batchCreate", `{"requests":[{"rating":{"user":"users/1","service":"services/1","score":0}}]}`, 200, `{"ratings":[{"name":"","user":"users/1","service":"services/1","score":0,"comment":"","etag":""}]}`},
		{"POST", "/ratings:batchCreate", `{"requests":[{},{"rating":{"score":"many"}}]}`, 400, `{"error":{"code":400,"message":"requests[1].rating.score: invalid value for int32 field score: \"many\"","status":"INVALID_ARGUMENT","details":[{"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"field":"requests[1].rating.score","description":"invalid value for int32 field score: \"many\""}]}]}}`},
		{"POST", "/ratings", `{"score":9}`, 400, `{"error":{"code":400,"message":"rating.score: must be at most 5","status":"INVALID_ARGUMENT","details":[{"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"field":"rating.score","description":"must be at most 5"}]}]}}`},
		{"GET", "/services", ``, 501, `{"error":{"code":501,"message":"unknown service rating.v1.CatalogService","status":"UNIMPLEMENTED"}}`},
	}
	handler := newRatingHandler(t)
	for _, step := range steps {
		w := do(handler, step.method, step.target, step.body)
		require.Equal(t, step.want, w.Body.String(), "%s %s", step.method, step.target)
		require.Equal(t, step.code, w.Code)
	}
	require.Empty(t, handler.Skipped())
}

func BenchmarkHandler(b *testing.B) {
	handler := newRatingHandler(b)
	b.Run("in=create", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if w := do(handler, "POST", "/ratings", `{"user":"users/1","service":"services/1","score":4,"comment":"Good."}`); w.Code != 200 {
				b.Fatal(w.Body)
			}
		}
	})
}
