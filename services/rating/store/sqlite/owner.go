package sqlite

import (
	"context"
	"strings"

	"github.com/codingflow/rating/services/rating/store"
)

const (
	selectUserOwner    = `SELECT coalesce(owner, '') FROM users WHERE id = ?`
	selectServiceOwner = `SELECT coalesce(owner, '') FROM services WHERE id = ?`
	selectRatingOwner  = `
SELECT coalesce(owner, '') FROM ratings JOIN users ON users.id = user_id WHERE ratings.id = ?`
)

// Owner implements [store.Tx].
func (t tx) Owner(ctx context.Context, name string) (string, error) {
	collection, _, _ := strings.Cut(name, "/")
	switch c := store.Collection(collection); c {
	case store.Services:
		return get(ctx, t.q, c, name, selectServiceOwner, scanOwner)
	case store.Ratings:
		return get(ctx, t.q, c, name, selectRatingOwner, scanOwner)
	default: // a name of no collection is no user's either
		return get(ctx, t.q, store.Users, name, selectUserOwner, scanOwner)
	}
}

func scanOwner(row scanner) (owner string, err error) { return owner, row.Scan(&owner) }
