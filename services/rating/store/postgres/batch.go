package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
	"github.com/codingflow/rating/services/rating/store"
)

const (
	// Those who exist, which stay so until the end of the transaction.
	selectUsersToRate    = `SELECT id FROM users WHERE id = ANY ($1::uuid[]) ORDER BY id FOR KEY SHARE`
	selectServicesToRate = `SELECT id FROM services WHERE id = ANY ($1::uuid[]) ORDER BY id FOR KEY SHARE`

	// In the order of the unique key, for whose entries two batches with the same ratings wait. What it cannot insert it leaves
	// out: an error would end the transaction, and not say what is wrong with the others.
	insertRatings = `
INSERT INTO ratings (id, user_id, service_id, score, comment, create_time, update_time, etag)
SELECT id, user_id, service_id, score, comment, $7::timestamptz, $7::timestamptz, etag
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::smallint[], $5::text[], $6::text[])
    AS new (id, user_id, service_id, score, comment, etag)
WHERE EXISTS (SELECT 1 FROM users WHERE users.id = new.user_id)
    AND EXISTS (SELECT 1 FROM services WHERE services.id = new.service_id)
ORDER BY user_id, service_id, id
ON CONFLICT (user_id, service_id) DO NOTHING
RETURNING id`

	selectRatingID = `SELECT id FROM ratings WHERE user_id = $1::uuid AND service_id = $2::uuid`
)

// newRatings are the columns of ratings to insert.
type newRatings struct {
	created                        []*ratingv1.Rating
	ids, users, services           []string
	scores                         []int16
	comments, etags                []string
	time                           time.Time
	knownUsers, knownServices, new map[string]bool // ids that were found, or inserted
}

// CreateRatings implements [store.Tx]: in one round trip, unless one of them cannot be created.
func (t tx) CreateRatings(ctx context.Context, ratings []*ratingv1.Rating) ([]*ratingv1.Rating, error) {
	rows := newRatings{time: now()}
	var impossible error
	for i, rating := range ratings {
		if err := rows.add(rating); err != nil {
			impossible = &store.BatchError{Index: i, Err: err}
			break // the ones before it come first
		}
	}
	if err := rows.insert(ctx, t.q); err != nil {
		return nil, err
	}
	if impossible != nil {
		return nil, impossible
	}
	return rows.created, nil
}

// add adds a rating with its outputs. Errors: [store.ErrNotFound], for a name that no user or service can have.
func (n *newRatings) add(rating *ratingv1.Rating) error {
	userID, err := store.Users.ID(rating.GetUser())
	if err != nil {
		return err
	}
	serviceID, err := store.Services.ID(rating.GetService())
	if err != nil {
		return err
	}
	id, err := store.NewID()
	if err != nil {
		return err
	}
	created := &ratingv1.Rating{
		Name:       store.Ratings.Name(id),
		User:       rating.GetUser(),
		Service:    rating.GetService(),
		Score:      proto.Int32(rating.GetScore()),
		Comment:    rating.GetComment(),
		CreateTime: timestamp(n.time),
		UpdateTime: timestamp(n.time),
		Etag:       store.NewEtag(),
	}
	n.created = append(n.created, created)
	n.ids, n.users, n.services = append(n.ids, id), append(n.users, userID), append(n.services, serviceID)
	n.scores = append(n.scores, int16(created.GetScore()))
	n.comments, n.etags = append(n.comments, created.Comment), append(n.etags, created.Etag)
	return nil
}

// insert inserts the ratings. Errors: a [store.BatchError] for the first that cannot be inserted.
func (n *newRatings) insert(ctx context.Context, q querier) error {
	if len(n.ids) == 0 {
		return nil
	}
	var batch pgx.Batch
	queue := func(found *map[string]bool, statement string, args ...any) {
		*found = map[string]bool{}
		batch.Queue(statement, args...).Query(func(rows pgx.Rows) error {
			ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
			for _, id := range ids {
				(*found)[id] = true
			}
			return err
		})
	}
	queue(&n.knownUsers, selectUsersToRate, n.users)
	queue(&n.knownServices, selectServicesToRate, n.services)
	queue(&n.new, insertRatings, n.ids, n.users, n.services, n.scores, n.comments, n.etags, n.time)
	if err := q.SendBatch(ctx, &batch).Close(); err != nil {
		return failure(ctx, "create ratings", err)
	}
	if len(n.new) == len(n.ids) {
		return nil
	}
	for i := range n.ids {
		if err := n.check(ctx, q, i); err != nil {
			return err
		}
	}
	return errVanished
}

// check returns why a rating was not inserted, if it was not.
func (n *newRatings) check(ctx context.Context, q querier, i int) error {
	rating := n.created[i]
	switch {
	case !n.knownUsers[n.users[i]]:
		return &store.BatchError{Index: i, Err: &store.ResourceError{Name: rating.GetUser(), Err: store.ErrNotFound}}
	case !n.knownServices[n.services[i]]:
		return &store.BatchError{Index: i, Err: &store.ResourceError{Name: rating.GetService(), Err: store.ErrNotFound}}
	case n.new[n.ids[i]]:
		return nil
	}
	var id string
	err := q.QueryRow(ctx, selectRatingID, n.users[i], n.services[i]).Scan(&id)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return errVanished // deleted since
	case err != nil:
		return failure(ctx, "look rating up", err)
	}
	return &store.BatchError{Index: i, Err: alreadyRated(rating, id)}
}
