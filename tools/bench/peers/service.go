package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/nats-io/nats.go"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/codingflow/rating/natsgrpc"
	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
)

// serveService is the rating service, over gRPC at its address and over NATS.
func serveService(ctx context.Context, c *serveCommand, ready func(string)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	address := make(chan string, 1)
	direct := make(chan error, 1)
	go func() { direct <- serveDirect(ctx, c, func(at string) { address <- at }) }()
	select {
	case err := <-direct:
		return err
	case at := <-address:
		err := serveQueued(ctx, c, func(string) { ready(at) })
		cancel()
		return errors.Join(err, <-direct)
	}
}

// serveDirect is the service over gRPC alone.
func serveDirect(ctx context.Context, c *serveCommand, ready func(string)) error {
	listener, err := listen(ctx)
	if err != nil {
		return err
	}
	srv := grpc.NewServer()
	ratingv1.RegisterRatingServiceServer(srv, newRatings(c.Payload))
	done := make(chan error, 1)
	go func() { done <- srv.Serve(listener) }()
	ready(listener.Addr().String())
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	srv.Stop()
	if err := <-done; !errors.Is(err, grpc.ErrServerStopped) {
		return err
	}
	return nil
}

// serveQueued is the service over NATS alone. Its address is NATS's.
func serveQueued(ctx context.Context, c *serveCommand, ready func(string)) error {
	nc, err := nats.Connect(c.NATS)
	if err != nil {
		return err
	}
	defer nc.Close()
	srv, err := natsgrpc.NewServer(nc, natsgrpc.WithSlots(slots, slots), natsgrpc.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		return err
	}
	ratingv1.RegisterRatingServiceServer(srv, newRatings(c.Payload))
	done := make(chan error, 1)
	go func() { done <- srv.Serve(ctx) }()
	select {
	case <-srv.Ready():
		ready(c.NATS)
		return <-done
	case err := <-done:
		return err
	}
}

// listLength is how many ratings there are.
const listLength = 100

// ratings answers at once: what is measured is the way.
type ratings struct {
	ratingv1.UnimplementedRatingServiceServer
	list *ratingv1.ListRatingsResponse
}

// newRatings returns ratings with comments of so many bytes.
func newRatings(payload int) *ratings {
	r := &ratings{list: &ratingv1.ListRatingsResponse{NextPageToken: "more"}}
	created := &timestamppb.Timestamp{Seconds: 1_790_000_000, Nanos: 123_456_000}
	for i := range listLength {
		r.list.Ratings = append(r.list.Ratings, &ratingv1.Rating{
			Name:       fmt.Sprintf("ratings/%d", i),
			User:       fmt.Sprintf("users/%d", i%10),
			Service:    fmt.Sprintf("services/%d", i%7),
			Score:      proto.Int32(int32(i % 6)),
			Comment:    strings.Repeat("x", payload),
			CreateTime: created,
			UpdateTime: created,
			Etag:       fmt.Sprintf(`"%d"`, i),
		})
	}
	return r
}

// GetRating answers with a rating.
func (r *ratings) GetRating(_ context.Context, req *ratingv1.GetRatingRequest) (*ratingv1.Rating, error) {
	return r.named(req.GetName()), nil
}

// ListRatings answers with all ratings.
func (r *ratings) ListRatings(context.Context, *ratingv1.ListRatingsRequest) (*ratingv1.ListRatingsResponse, error) {
	return r.list, nil
}

// CreateRating answers with what it was sent, under a name.
func (r *ratings) CreateRating(_ context.Context, req *ratingv1.CreateRatingRequest) (*ratingv1.Rating, error) {
	created := r.named("ratings/new")
	created.User, created.Service = req.GetRating().GetUser(), req.GetRating().GetService()
	created.Score, created.Comment = req.GetRating().Score, req.GetRating().GetComment()
	return created, nil
}

// named returns a rating with a name.
func (r *ratings) named(name string) *ratingv1.Rating {
	one := r.list.GetRatings()[1]
	return &ratingv1.Rating{
		Name: name, User: one.GetUser(), Service: one.GetService(), Score: one.Score, Comment: one.GetComment(),
		CreateTime: one.GetCreateTime(), UpdateTime: one.GetUpdateTime(), Etag: one.GetEtag(),
	}
}
