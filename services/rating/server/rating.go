package server

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/protobuf/types/known/emptypb"

	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
	"github.com/codingflow/rating/services/rating/store"
)

// A ratingServer handles the calls of RatingService.
type ratingServer struct {
	ratingv1.UnimplementedRatingServiceServer
	*Server
}

func (s *ratingServer) ListRatings(ctx context.Context, req *ratingv1.ListRatingsRequest) (*ratingv1.ListRatingsResponse, error) {
	ratings, next, err := page(ctx, s.Server, req, func(ctx context.Context, after string, limit int) ([]*ratingv1.Rating, error) {
		return s.store.ListRatings(ctx, store.RatingQuery{
			User: req.GetUser(), Service: req.GetService(), After: after, Limit: limit,
		})
	})
	if err != nil {
		return nil, err
	}
	return &ratingv1.ListRatingsResponse{Ratings: ratings, NextPageToken: next}, nil
}

func (s *ratingServer) GetRating(ctx context.Context, req *ratingv1.GetRatingRequest) (*ratingv1.Rating, error) {
	rating, err := s.store.GetRating(ctx, req.GetName())
	if err != nil {
		return nil, s.status(ctx, err)
	}
	return rating, nil
}

func (s *ratingServer) CreateRating(ctx context.Context, req *ratingv1.CreateRatingRequest) (*ratingv1.Rating, error) {
	return command(ctx, s.Server, req, func(ctx context.Context, tx store.Tx, _ caller) (*ratingv1.Rating, error) {
		return tx.CreateRating(ctx, req.GetRating())
	})
}

func (s *ratingServer) BatchCreateRatings(
	ctx context.Context, req *ratingv1.BatchCreateRatingsRequest,
) (*ratingv1.BatchCreateRatingsResponse, error) {
	return command(ctx, s.Server, req, func(ctx context.Context, tx store.Tx, _ caller) (*ratingv1.BatchCreateRatingsResponse, error) {
		var ratings []*ratingv1.Rating
		for _, create := range req.GetRequests() {
			ratings = append(ratings, create.GetRating())
		}
		created, err := tx.CreateRatings(ctx, ratings)
		if at, ok := errors.AsType[*store.BatchError](err); ok {
			err = fmt.Errorf("requests[%d]: %w", at.Index, at.Err)
		}
		return &ratingv1.BatchCreateRatingsResponse{Ratings: created}, err
	})
}

func (s *ratingServer) UpdateRating(ctx context.Context, req *ratingv1.UpdateRatingRequest) (*ratingv1.Rating, error) {
	rating, mask := req.GetRating(), req.GetUpdateMask()
	if err := s.checkUpdate("rating", rating, &ratingv1.GetRatingRequest{Name: rating.GetName()}, mask); err != nil {
		return nil, s.status(ctx, err)
	}
	return command(ctx, s.Server, req, func(ctx context.Context, tx store.Tx, _ caller) (*ratingv1.Rating, error) {
		return tx.UpdateRating(ctx, rating.GetName(), rating.GetEtag(), func(current *ratingv1.Rating) error {
			return s.merge("rating", current, rating, mask)
		})
	})
}

func (s *ratingServer) DeleteRating(ctx context.Context, req *ratingv1.DeleteRatingRequest) (*emptypb.Empty, error) {
	return command(ctx, s.Server, req, func(ctx context.Context, tx store.Tx, _ caller) (*emptypb.Empty, error) {
		return &emptypb.Empty{}, tx.DeleteRating(ctx, req.GetName(), req.GetEtag())
	})
}
