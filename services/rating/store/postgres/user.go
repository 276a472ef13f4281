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
	userColumns = `id, display_name, email, create_time, update_time, etag`

	selectUser         = `SELECT ` + userColumns + ` FROM users WHERE id = $1::uuid`
	selectUserToUpdate = selectUser + ` FOR NO KEY UPDATE`
	selectUserToDelete = selectUser + ` FOR UPDATE`

	// At most one.
	selectUserByOwner = `SELECT ` + userColumns + ` FROM users WHERE owner = $1::text`

	selectUsers = `SELECT ` + userColumns + ` FROM users WHERE id > $1::uuid ORDER BY id LIMIT $2::int`

	// The first query reads the ids of all that match, from the index alone; the second reads the page's rows, each by its id.
	// MATERIALIZED and OFFSET 0 keep the planner from merging them: it does not know how few a prefix selects and may walk the
	// whole table instead.
	selectUsersByPrefix = `
WITH matches AS MATERIALIZED (
    SELECT id FROM users WHERE display_name_key >= $1::text AND display_name_key < $2::text AND id > $3::uuid
)
SELECT found.* FROM (SELECT id FROM matches ORDER BY id LIMIT $4::int) AS page
CROSS JOIN LATERAL (SELECT ` + userColumns + ` FROM users WHERE id = page.id OFFSET 0) AS found
ORDER BY page.id`

	// An owner who has a user gets no other one. Two who insert for one owner wait for each other.
	insertUser = `
INSERT INTO users (id, display_name, display_name_key, email, create_time, update_time, etag, owner)
VALUES ($1::uuid, $2::text, $3::text, $4::text, $5::timestamptz, $5::timestamptz, $6::text, nullif($7::text, ''))
ON CONFLICT (owner) WHERE owner IS NOT NULL DO NOTHING`

	updateUser = `
UPDATE users SET display_name = $2::text, display_name_key = $3::text, email = $4::text, update_time = $5::timestamptz,
    etag = $6::text
WHERE id = $1::uuid`

	deleteUser = `DELETE FROM users WHERE id = $1::uuid`

	userHasRatings = `SELECT EXISTS (SELECT 1 FROM ratings WHERE user_id = $1::uuid)`
	// In the order of ids, in which everybody locks ratings.
	deleteRatingsByUser = `
DELETE FROM ratings WHERE id IN (SELECT id FROM ratings WHERE user_id = $1::uuid ORDER BY id FOR UPDATE)`
)

func scanUser(row pgx.CollectableRow) (*ratingv1.User, error) {
	var id string
	var created, updated time.Time
	var user ratingv1.User
	if err := row.Scan(&id, &user.DisplayName, &user.Email, &created, &updated, &user.Etag); err != nil {
		return nil, err
	}
	user.Name = store.Users.Name(id)
	user.CreateTime, user.UpdateTime = timestamp(created), timestamp(updated)
	return &user, nil
}

// GetUser implements [store.Reader].
func (r reader) GetUser(ctx context.Context, name string) (*ratingv1.User, error) {
	return read(ctx, r.read, func(q querier) (*ratingv1.User, error) {
		return get(ctx, q, store.Users, name, selectUser, scanUser)
	})
}

// GetOwnUser implements [store.Reader].
func (r reader) GetOwnUser(ctx context.Context, owner string) (*ratingv1.User, error) {
	return read(ctx, r.read, func(q querier) (*ratingv1.User, error) { return getOwnUser(ctx, q, owner) })
}

func getOwnUser(ctx context.Context, q querier, owner string) (*ratingv1.User, error) {
	rows, err := q.Query(ctx, selectUserByOwner, owner)
	if err != nil {
		return nil, failure(ctx, "get an owner's user", err)
	}
	user, err := pgx.CollectExactlyOneRow(rows, scanUser)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, &store.ResourceError{Name: store.OwnUser, Err: store.ErrNotFound}
	case err != nil:
		return nil, failure(ctx, "get an owner's user", err)
	}
	return user, nil
}

// ListUsers implements [store.Reader].
func (r reader) ListUsers(ctx context.Context, query store.UserQuery) ([]*ratingv1.User, error) {
	start, err := after(store.Users, query.After)
	if err != nil {
		return nil, err
	}
	if query.DisplayNamePrefix == "" {
		return list(ctx, r.read, store.Users, scanUser, selectUsers, start, query.Limit)
	}
	from, to := keyRange(query.DisplayNamePrefix)
	return list(ctx, r.read, store.Users, scanUser, selectUsersByPrefix, from, to, start, query.Limit)
}

// CreateUser implements [store.Tx].
func (t tx) CreateUser(ctx context.Context, user *ratingv1.User, owner string) (*ratingv1.User, error) {
	id, err := store.NewID()
	if err != nil {
		return nil, err
	}
	now := now()
	created := &ratingv1.User{
		Name:        store.Users.Name(id),
		DisplayName: user.GetDisplayName(),
		Email:       user.GetEmail(),
		CreateTime:  timestamp(now),
		UpdateTime:  timestamp(now),
		Etag:        store.NewEtag(),
	}
	tag, err := t.q.Exec(ctx, insertUser,
		id, created.DisplayName, store.Fold(created.DisplayName), created.Email, now, created.Etag, owner)
	switch {
	case err != nil:
		return nil, failure(ctx, "create user", err)
	case tag.RowsAffected() == 0:
		return nil, hasUser(ctx, t.q, owner)
	}
	return created, nil
}

// hasUser returns the error for an owner who has a user.
func hasUser(ctx context.Context, q querier, owner string) error {
	user, err := getOwnUser(ctx, q, owner)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return errVanished // deleted since
	case err != nil:
		return err
	}
	return fmt.Errorf("the owner has a user: %w", &store.ResourceError{Name: user.GetName(), Err: store.ErrAlreadyExists})
}

// UpdateUser implements [store.Tx].
func (t tx) UpdateUser(ctx context.Context, name, etag string, change func(*ratingv1.User) error) (*ratingv1.User, error) {
	current, id, err := getToChange(ctx, t.q, store.Users, name, etag, selectUserToUpdate, scanUser)
	if err != nil {
		return nil, err
	}
	changed := proto.CloneOf(current)
	if err := change(changed); err != nil {
		return nil, err
	}
	if changed.DisplayName == current.DisplayName && changed.Email == current.Email {
		return current, nil
	}
	now := now()
	current.DisplayName, current.Email = changed.DisplayName, changed.Email
	current.UpdateTime, current.Etag = timestamp(now), store.NewEtag()
	err = execute(ctx, t.q, "update "+name, updateUser,
		id, current.DisplayName, store.Fold(current.DisplayName), current.Email, now, current.Etag)
	if err != nil {
		return nil, err
	}
	return current, nil
}

// DeleteUser implements [store.Tx].
func (t tx) DeleteUser(ctx context.Context, name, etag string, force bool) error {
	_, id, err := getToChange(ctx, t.q, store.Users, name, etag, selectUserToDelete, scanUser)
	if err != nil {
		return err
	}
	if force {
		err = execute(ctx, t.q, "delete the ratings of "+name, deleteRatingsByUser, id)
	} else {
		err = checkUnrated(ctx, t.q, name, userHasRatings, id)
	}
	if err != nil {
		return err
	}
	return execute(ctx, t.q, "delete "+name, deleteUser, id)
}
