package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
	"github.com/codingflow/rating/services/rating/store"
)

const (
	ratingColumns = `id, user_id, service_id, score, comment, create_time, update_time, etag`

	selectRating = `SELECT ` + ratingColumns + ` FROM ratings WHERE id = ?`

	selectRatings          = `SELECT ` + ratingColumns + ` FROM ratings WHERE id > ? ORDER BY id LIMIT ?`
	selectRatingsByUser    = `SELECT ` + ratingColumns + ` FROM ratings WHERE user_id = ? AND id > ? ORDER BY id LIMIT ?`
	selectRatingsByService = `SELECT ` + ratingColumns + ` FROM ratings WHERE service_id = ? AND id > ? ORDER BY id LIMIT ?`
	// At most one.
	selectRatingsByBoth = `SELECT ` + ratingColumns + ` FROM ratings WHERE user_id = ? AND service_id = ? AND id > ? LIMIT ?`

	selectRatingID = `SELECT id FROM ratings WHERE user_id = ? AND service_id = ?`

	insertRating = `
INSERT INTO ratings (id, user_id, service_id, score, comment, create_time, update_time, etag)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)`

	updateRating = `UPDATE ratings SET score = ?, comment = ?, update_time = ?, etag = ? WHERE id = ?`

	deleteRating = `DELETE FROM ratings WHERE id = ?`
)

func scanRating(row scanner) (*ratingv1.Rating, error) {
	var id, userID, serviceID string
	var score int32
	var created, updated int64
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
	return get(ctx, r.q, store.Ratings, name, selectRating, scanRating)
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
		return list(ctx, r.q, store.Ratings, scanRating, selectRatingsByBoth, userID, serviceID, start, query.Limit)
	case query.User != "":
		return list(ctx, r.q, store.Ratings, scanRating, selectRatingsByUser, userID, start, query.Limit)
	case query.Service != "":
		return list(ctx, r.q, store.Ratings, scanRating, selectRatingsByService, serviceID, start, query.Limit)
	}
	return list(ctx, r.q, store.Ratings, scanRating, selectRatings, start, query.Limit)
}

// CreateRating implements [store.Tx].
func (t tx) CreateRating(ctx context.Context, rating *ratingv1.Rating) (*ratingv1.Rating, error) {
	userID, err := existing(ctx, t.q, store.Users, rating.GetUser(), userExists)
	if err != nil {
		return nil, err
	}
	serviceID, err := existing(ctx, t.q, store.Services, rating.GetService(), serviceExists)
	if err != nil {
		return nil, err
	}
	if err := checkFirst(ctx, t.q, userID, serviceID); err != nil {
		return nil, err
	}
	id, err := store.NewID()
	if err != nil {
		return nil, err
	}
	micros := now()
	created := &ratingv1.Rating{
		Name:       store.Ratings.Name(id),
		User:       rating.GetUser(),
		Service:    rating.GetService(),
		Score:      proto.Int32(rating.GetScore()),
		Comment:    rating.GetComment(),
		CreateTime: timestamp(micros),
		UpdateTime: timestamp(micros),
		Etag:       store.NewEtag(),
	}
	err = execute(ctx, t.q, "create rating", insertRating,
		id, userID, serviceID, created.GetScore(), created.Comment, micros, micros, created.Etag)
	if err != nil {
		return nil, err
	}
	return created, nil
}

// CreateRatings implements [store.Tx].
func (t tx) CreateRatings(ctx context.Context, ratings []*ratingv1.Rating) ([]*ratingv1.Rating, error) {
	var created []*ratingv1.Rating
	for i, rating := range ratings {
		one, err := t.CreateRating(ctx, rating)
		if err != nil {
			return nil, &store.BatchError{Index: i, Err: err}
		}
		created = append(created, one)
	}
	return created, nil
}

// existing returns the id of a resource which must exist.
func existing(ctx context.Context, q querier, c store.Collection, name, query string) (string, error) {
	id, err := c.ID(name)
	if err != nil {
		return "", err
	}
	found, err := exists(ctx, q, query, id)
	if err == nil && !found {
		err = &store.ResourceError{Name: name, Err: store.ErrNotFound}
	}
	return id, err
}

// checkFirst checks that a user has not rated a service. Nobody can between this and the end of the transaction.
func checkFirst(ctx context.Context, q querier, userID, serviceID string) error {
	var id string
	err := q.queryRow(ctx, selectRatingID, userID, serviceID).Scan(&id)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil
	case err != nil:
		return failure(ctx, "look rating up", err)
	}
	return fmt.Errorf("%s has rated %s: %w", store.Users.Name(userID), store.Services.Name(serviceID),
		&store.ResourceError{Name: store.Ratings.Name(id), Err: store.ErrAlreadyExists})
}

// UpdateRating implements [store.Tx].
func (t tx) UpdateRating(ctx context.Context, name, etag string, change func(*ratingv1.Rating) error) (*ratingv1.Rating, error) {
	current, id, err := getToChange(ctx, t.q, store.Ratings, name, etag, selectRating, scanRating)
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
	micros := now()
	current.Score, current.Comment = proto.Int32(changed.GetScore()), changed.Comment
	current.UpdateTime, current.Etag = timestamp(micros), store.NewEtag()
	err = execute(ctx, t.q, "update "+name, updateRating, current.GetScore(), current.Comment, micros, current.Etag, id)
	if err != nil {
		return nil, err
	}
	return current, nil
}

// DeleteRating implements [store.Tx].
func (t tx) DeleteRating(ctx context.Context, name, etag string) error {
	_, id, err := getToChange(ctx, t.q, store.Ratings, name, etag, selectRating, scanRating)
	if err != nil {
		return err
	}
	return execute(ctx, t.q, "delete "+name, deleteRating, id)
}
