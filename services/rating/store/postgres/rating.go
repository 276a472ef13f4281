package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
	"github.com/codingflow/rating/services/rating/store"
)

const (
	ratingColumns = `id, user_id, service_id, score, comment, create_time, update_time, etag`

	selectRating         = `SELECT ` + ratingColumns + ` FROM ratings WHERE id = $1::uuid`
	selectRatingToUpdate = selectRating + ` FOR NO KEY UPDATE`
	selectRatingToDelete = selectRating + ` FOR UPDATE`

	selectRatings = `SELECT ` + ratingColumns + ` FROM ratings WHERE id > $1::uuid ORDER BY id LIMIT $2::int`

	// By ranges and not by equality, so that the order is that of an index on both columns and no other: where one user has
	// many of the ratings the planner might walk the table in the order of ids instead, past any number of other users' rows.
	selectRatingsByUser = `
SELECT ` + ratingColumns + ` FROM ratings
WHERE (user_id, id) > ($1::uuid, $2::uuid) AND user_id <= $1::uuid ORDER BY user_id, id LIMIT $3::int`
	selectRatingsByService = `
SELECT ` + ratingColumns + ` FROM ratings
WHERE (service_id, id) > ($1::uuid, $2::uuid) AND service_id <= $1::uuid ORDER BY service_id, id LIMIT $3::int`

	// At most one.
	selectRatingsByBoth = `
SELECT ` + ratingColumns + ` FROM ratings WHERE user_id = $1::uuid AND service_id = $2::uuid AND id > $3::uuid LIMIT $4::int`

	updateRating = `
UPDATE ratings SET score = $2::smallint, comment = $3::text, update_time = $4::timestamptz, etag = $5::text
WHERE id = $1::uuid`

	deleteRating = `DELETE FROM ratings WHERE id = $1::uuid`
)

func scanRating(row pgx.CollectableRow) (*ratingv1.Rating, error) {
	var id, userID, serviceID string
	var score int32
	var created, updated time.Time
	var rating ratingv1.Rating
	if err := row.Scan(&id, &userID, &serviceID, &score, &rating.Comment, &created, &updated, &rating.Etag); err != nil {
		return nil, err
	}
	rating.Name, rating.User, rating.Service = store.Ratings.Name(id), store.Users.Name(userID), store.Services.Name(serviceID)
	rating.Score = &score
	rating.CreateTime, rating.UpdateTime = timestamp(created), timestamp(updated)
	return &rating, nil
}

// GetRating implements [store.Reader].
func (r reader) GetRating(ctx context.Context, name string) (*ratingv1.Rating, error) {
	return read(ctx, r.read, func(q querier) (*ratingv1.Rating, error) {
		return get(ctx, q, store.Ratings, name, selectRating, scanRating)
	})
}

// ListRatings implements [store.Reader].
func (r reader) ListRatings(ctx context.Context, query store.RatingQuery) ([]*ratingv1.Rating, error) {
	start, err := after(store.Ratings, query.After)
	if err != nil {
		return nil, err
	}
	// A name that no user or service can have selects nothing.
	userID, userErr := store.Users.ID(query.User)
	serviceID, serviceErr := store.Services.ID(query.Service)
	if query.User != "" && userErr != nil || query.Service != "" && serviceErr != nil {
		return nil, nil
	}
	switch {
	case query.User != "" && query.Service != "":
		return list(ctx, r.read, store.Ratings, scanRating, selectRatingsByBoth, userID, serviceID, start, query.Limit)
	case query.User != "":
		return list(ctx, r.read, store.Ratings, scanRating, selectRatingsByUser, userID, start, query.Limit)
	case query.Service != "":
		return list(ctx, r.read, store.Ratings, scanRating, selectRatingsByService, serviceID, start, query.Limit)
	}
	return list(ctx, r.read, store.Ratings, scanRating, selectRatings, start, query.Limit)
}

// CreateRating implements [store.Tx].
func (t tx) CreateRating(ctx context.Context, rating *ratingv1.Rating) (*ratingv1.Rating, error) {
	created, err := t.CreateRatings(ctx, []*ratingv1.Rating{rating})
	if at, ok := errors.AsType[*store.BatchError](err); ok {
		return nil, at.Err
	}
	if err != nil {
		return nil, err
	}
	return created[0], nil
}

// UpdateRating implements [store.Tx].
func (t tx) UpdateRating(ctx context.Context, name, etag string, change func(*ratingv1.Rating) error) (*ratingv1.Rating, error) {
	current, id, err := getToChange(ctx, t.q, store.Ratings, name, etag, selectRatingToUpdate, scanRating)
	if err != nil {
		return nil, err
	}
	changed := proto.CloneOf(current)
	if err := change(changed); err != nil {
		return nil, err
	}
	if changed.GetScore() == current.GetScore() && changed.Comment == current.Comment {
		return current, nil
	}
	now := now()
	current.Score, current.Comment = proto.Int32(changed.GetScore()), changed.Comment
	current.UpdateTime, current.Etag = timestamp(now), store.NewEtag()
	err = execute(ctx, t.q, "update "+name, updateRating, id, current.GetScore(), current.Comment, now, current.Etag)
	if err != nil {
		return nil, err
	}
	return current, nil
}

// DeleteRating implements [store.Tx].
func (t tx) DeleteRating(ctx context.Context, name, etag string) error {
	_, id, err := getToChange(ctx, t.q, store.Ratings, name, etag, selectRatingToDelete, scanRating)
	if err != nil {
		return err
	}
	return execute(ctx, t.q, "delete "+name, deleteRating, id)
}

// alreadyRated returns the error for a rating that a user has given a service already.
func alreadyRated(rating *ratingv1.Rating, id string) error {
	return fmt.Errorf("%s has rated %s: %w", rating.GetUser(), rating.GetService(),
		&store.ResourceError{Name: store.Ratings.Name(id), Err: store.ErrAlreadyExists})
}
