package postgres

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/codingflow/rating/services/rating/store"
)

const (
	selectUserOwner    = `SELECT coalesce(owner, '') FROM users WHERE id = $1::uuid`
	selectServiceOwner = `SELECT coalesce(owner, '') FROM services WHERE id = $1::uuid`
	selectRatingOwner  = `
SELECT coalesce(owner, '') FROM ratings JOIN users ON users.id = user_id WHERE ratings.id = $1::uuid`
)

// Owner implements [store.Tx]. It locks nothing, for an owner never changes.
func (t tx) Owner(ctx context.Context, name string) (string, error) {
	collection, _, _ := strings.Cut(name, "/")
	switch c := store.Collection(collection); c {
	case store.Services:
		return get(ctx, t.q, c, name, selectServiceOwner, pgx.RowTo[string])
	case store.Ratings:
		return get(ctx, t.q, c, name, selectRatingOwner, pgx.RowTo[string])
	default: // a name of no collection is no user's either
		return get(ctx, t.q, store.Users, name, selectUserOwner, pgx.RowTo[string])
	}
}
