package server

import (
	"context"
	"strings"

	"google.golang.org/protobuf/types/known/emptypb"

	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
	"github.com/codingflow/rating/services/rating/store"
)

// A catalogServer handles the calls of CatalogService.
type catalogServer struct {
	ratingv1.UnimplementedCatalogServiceServer
	*Server
}

func (s *catalogServer) ListServices(ctx context.Context, req *ratingv1.ListServicesRequest) (*ratingv1.ListServicesResponse, error) {
	services, next, err := page(ctx, s.Server, req, func(ctx context.Context, after string, limit int) ([]*ratingv1.Service, error) {
		return s.store.ListServices(ctx, store.ServiceQuery{
			DisplayNamePrefix: req.GetDisplayNamePrefix(), After: after, Limit: limit,
		})
	})
	if err != nil {
		return nil, err
	}
	return &ratingv1.ListServicesResponse{Services: services, NextPageToken: next}, nil
}

func (s *catalogServer) GetService(ctx context.Context, req *ratingv1.GetServiceRequest) (*ratingv1.Service, error) {
	service, err := s.store.GetService(ctx, req.GetName())
	if err != nil {
		return nil, s.status(ctx, err)
	}
	return service, nil
}

func (s *catalogServer) GetRatingSummary(ctx context.Context, req *ratingv1.GetRatingSummaryRequest) (*ratingv1.RatingSummary, error) {
	summary, err := s.store.GetRatingSummary(ctx, strings.TrimSuffix(req.GetName(), "/ratingSummary"))
	if err != nil {
		return nil, s.status(ctx, err)
	}
	return summary, nil
}

func (s *catalogServer) CreateService(ctx context.Context, req *ratingv1.CreateServiceRequest) (*ratingv1.Service, error) {
	return command(ctx, s.Server, req, func(ctx context.Context, tx store.Tx, who caller) (*ratingv1.Service, error) {
		return tx.CreateService(ctx, req.GetService(), who.owner)
	})
}

func (s *catalogServer) UpdateService(ctx context.Context, req *ratingv1.UpdateServiceRequest) (*ratingv1.Service, error) {
	service, mask := req.GetService(), req.GetUpdateMask()
	if err := s.checkUpdate("service", service, &ratingv1.GetServiceRequest{Name: service.GetName()}, mask); err != nil {
		return nil, s.status(ctx, err)
	}
	return command(ctx, s.Server, req, func(ctx context.Context, tx store.Tx, _ caller) (*ratingv1.Service, error) {
		return tx.UpdateService(ctx, service.GetName(), service.GetEtag(), func(current *ratingv1.Service) error {
			return s.merge("service", current, service, mask)
		})
	})
}

func (s *catalogServer) DeleteService(ctx context.Context, req *ratingv1.DeleteServiceRequest) (*emptypb.Empty, error) {
	return command(ctx, s.Server, req, func(ctx context.Context, tx store.Tx, _ caller) (*emptypb.Empty, error) {
		return &emptypb.Empty{}, tx.DeleteService(ctx, req.GetName(), req.GetEtag(), req.GetForce())
	})
}
