package server

import (
	"context"

	"google.golang.org/protobuf/types/known/emptypb"

	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
	"github.com/codingflow/rating/services/rating/store"
)

// A userServer handles the calls of UserService.
type userServer struct {
	ratingv1.UnimplementedUserServiceServer
	*Server
}

func (s *userServer) ListUsers(ctx context.Context, req *ratingv1.ListUsersRequest) (*ratingv1.ListUsersResponse, error) {
	users, next, err := page(ctx, s.Server, req, func(ctx context.Context, after string, limit int) ([]*ratingv1.User, error) {
		return s.store.ListUsers(ctx, store.UserQuery{
			DisplayNamePrefix: req.GetDisplayNamePrefix(), After: after, Limit: limit,
		})
	})
	if err != nil {
		return nil, err
	}
	return &ratingv1.ListUsersResponse{Users: users, NextPageToken: next}, nil
}

func (s *userServer) GetUser(ctx context.Context, req *ratingv1.GetUserRequest) (*ratingv1.User, error) {
	if req.GetName() == store.OwnUser {
		return s.getOwnUser(ctx)
	}
	user, err := s.store.GetUser(ctx, req.GetName())
	if err != nil {
		return nil, s.status(ctx, err)
	}
	return user, nil
}

// getOwnUser gets the user of whoever calls.
func (s *userServer) getOwnUser(ctx context.Context) (*ratingv1.User, error) {
	who, err := s.callerOf(ctx)
	if err != nil {
		return nil, s.status(ctx, err)
	}
	user, err := s.store.GetOwnUser(ctx, who.owner)
	if err != nil {
		return nil, s.status(ctx, err)
	}
	return user, nil
}

func (s *userServer) CreateUser(ctx context.Context, req *ratingv1.CreateUserRequest) (*ratingv1.User, error) {
	return command(ctx, s.Server, req, func(ctx context.Context, tx store.Tx, who caller) (*ratingv1.User, error) {
		return tx.CreateUser(ctx, req.GetUser(), who.owner)
	})
}

func (s *userServer) UpdateUser(ctx context.Context, req *ratingv1.UpdateUserRequest) (*ratingv1.User, error) {
	user, mask := req.GetUser(), req.GetUpdateMask()
	if err := s.checkUpdate("user", user, &ratingv1.GetUserRequest{Name: user.GetName()}, mask); err != nil {
		return nil, s.status(ctx, err)
	}
	return command(ctx, s.Server, req, func(ctx context.Context, tx store.Tx, _ caller) (*ratingv1.User, error) {
		return tx.UpdateUser(ctx, user.GetName(), user.GetEtag(), func(current *ratingv1.User) error {
			return s.merge("user", current, user, mask)
		})
	})
}

func (s *userServer) DeleteUser(ctx context.Context, req *ratingv1.DeleteUserRequest) (*emptypb.Empty, error) {
	return command(ctx, s.Server, req, func(ctx context.Context, tx store.Tx, _ caller) (*emptypb.Empty, error) {
		return &emptypb.Empty{}, tx.DeleteUser(ctx, req.GetName(), req.GetEtag(), req.GetForce())
	})
}
