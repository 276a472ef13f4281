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
	userColumns = `id, display_name, email, create_time, update_time, etag`

	selectUser = `SELECT ` + userColumns + ` FROM users WHERE id = ?`

	// At most one.
	selectUserByOwner = `SELECT ` + userColumns + ` FROM users WHERE owner = ?`

	selectUsers = `SELECT ` + userColumns + ` FROM users WHERE id > ? ORDER BY id LIMIT ?`

	// The inner query sorts the ids of all that match, from the index alone; only the page's rows are read. INDEXED BY,
	// because the planner does not know how few a prefix selects and may read the whole table instead.
	selectUsersByPrefix = `
SELECT ` + userColumns + ` FROM users WHERE id IN (
    SELECT id FROM users INDEXED BY users_by_display_name
    WHERE display_name_key >= ? AND display_name_key < ? AND id > ? ORDER BY id LIMIT ?
) ORDER BY id`

	insertUser = `
INSERT INTO users (id, display_name, display_name_key, email, create_time, update_time, etag, owner)
VALUES (?, ?, ?, ?, ?, ?, ?, nullif(?, ''))`

	updateUser = `
UPDATE users SET display_name = ?, display_name_key = ?, email = ?, update_time = ?, etag = ? WHERE id = ?`

	deleteUser = `DELETE FROM users WHERE id = ?`

	userExists          = `SELECT EXISTS (SELECT 1 FROM users WHERE id = ?)`
	userHasRatings      = `SELECT EXISTS (SELECT 1 FROM ratings WHERE user_id = ?)`
	deleteRatingsByUser = `DELETE FROM ratings WHERE user_id = ?`
)

func scanUser(row scanner) (*ratingv1.User, error) {
	var id string
	var created, updated int64
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
	return get(ctx, r.q, store.Users, name, selectUser, scanUser)
}

// GetOwnUser implements [store.Reader].
func (r reader) GetOwnUser(ctx context.Context, owner string) (*ratingv1.User, error) {
	user, err := scanUser(r.q.queryRow(ctx, selectUserByOwner, owner))
	switch {
	case errors.Is(err, sql.ErrNoRows):
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
		return list(ctx, r.q, store.Users, scanUser, selectUsers, start, query.Limit)
	}
	from, to := keyRange(query.DisplayNamePrefix)
	return list(ctx, r.q, store.Users, scanUser, selectUsersByPrefix, from, to, start, query.Limit)
}

// CreateUser implements [store.Tx].
func (t tx) CreateUser(ctx context.Context, user *ratingv1.User, owner string) (*ratingv1.User, error) {
	if err := checkNoUser(ctx, t, owner); err != nil {
		return nil, err
	}
	id, err := store.NewID()
	if err != nil {
		return nil, err
	}
	micros := now()
	created := &ratingv1.User{
		Name:        store.Users.Name(id),
		DisplayName: user.GetDisplayName(),
		Email:       user.GetEmail(),
		CreateTime:  timestamp(micros),
		UpdateTime:  timestamp(micros),
		Etag:        store.NewEtag(),
	}
	err = execute(ctx, t.q, "create user", insertUser,
		id, created.DisplayName, store.Fold(created.DisplayName), created.Email, micros, micros, created.Etag, owner)
	if err != nil {
		return nil, err
	}
	return created, nil
}

// checkNoUser checks that an owner has no user. None can come between this and the end of the transaction.
func checkNoUser(ctx context.Context, t tx, owner string) error {
	user, err := reader(t).GetOwnUser(ctx, owner)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil
	case err != nil:
		return err
	}
	return fmt.Errorf("the owner has a user: %w", &store.ResourceError{Name: user.GetName(), Err: store.ErrAlreadyExists})
}

// UpdateUser implements [store.Tx].
func (t tx) UpdateUser(ctx context.Context, name, etag string, change func(*ratingv1.User) error) (*ratingv1.User, error) {
	current, id, err := getToChange(ctx, t.q, store.Users, name, etag, selectUser, scanUser)
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
	micros := now()
	current.DisplayName, current.Email = changed.DisplayName, changed.Email
	current.UpdateTime, current.Etag = timestamp(micros), store.NewEtag()
	err = execute(ctx, t.q, "update "+name, updateUser,
		current.DisplayName, store.Fold(current.DisplayName), current.Email, micros, current.Etag, id)
	if err != nil {
		return nil, err
	}
	return current, nil
}

// DeleteUser implements [store.Tx].
func (t tx) DeleteUser(ctx context.Context, name, etag string, force bool) error {
	_, id, err := getToChange(ctx, t.q, store.Users, name, etag, selectUser, scanUser)
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
