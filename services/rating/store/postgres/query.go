package postgres

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/codingflow/rating/services/rating/store"
)

// minID sorts before every id.
const minID = "00000000-0000-0000-0000-000000000000"

// get returns the resource with a name, which a query for its id finds.
func get[R any](ctx context.Context, q querier, c store.Collection, name, query string, scan pgx.RowToFunc[R]) (R, error) {
	var none R
	id, err := c.ID(name)
	if err != nil {
		return none, err
	}
	rows, err := q.Query(ctx, query, id)
	if err != nil {
		return none, failure(ctx, "get "+name, err)
	}
	resource, err := pgx.CollectExactlyOneRow(rows, scan)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return none, &store.ResourceError{Name: name, Err: store.ErrNotFound}
	case err != nil:
		return none, failure(ctx, "get "+name, err)
	}
	return resource, nil
}

// getToChange returns the resource with a name, and its id, after it has checked an etag that the change depends on. The
// query locks it.
func getToChange[R interface{ GetEtag() string }](
	ctx context.Context, q querier, c store.Collection, name, etag, query string, scan pgx.RowToFunc[R],
) (resource R, id string, err error) {
	if resource, err = get(ctx, q, c, name, query, scan); err != nil {
		return resource, "", err
	}
	if etag != "" && etag != resource.GetEtag() {
		return resource, "", &store.ResourceError{Name: name, Err: store.ErrStale}
	}
	id, err = c.ID(name)
	return resource, id, err
}

// list returns all resources that a query finds.
func list[R any](ctx context.Context, p pool, c store.Collection, scan pgx.RowToFunc[R], query string, args ...any) ([]R, error) {
	return read(ctx, p, func(q querier) ([]R, error) {
		rows, err := q.Query(ctx, query, args...)
		if err != nil {
			return nil, failure(ctx, "list "+string(c), err)
		}
		resources, err := pgx.AppendRows([]R(nil), rows, scan)
		return resources, failure(ctx, "list "+string(c), err)
	})
}

// after returns the id after which a page starts, which is that of a name unless the name is empty.
func after(c store.Collection, name string) (string, error) {
	if name == "" {
		return minID, nil
	}
	return c.ID(name)
}

// maxKey sorts after every folded display name: those have 100 code points at most, which are 300 once folded.
var maxKey = strings.Repeat("\U0010FFFF", 1000)

// keyRange returns the range of a column of folded display names that start with a prefix.
func keyRange(prefix string) (from, to string) {
	from, to = store.PrefixRange(prefix)
	if to == "" {
		to = maxKey
	}
	return from, to
}

// checkUnrated checks that a user or a service, whose id a query takes, has no ratings.
func checkUnrated(ctx context.Context, q querier, name, query, id string) error {
	var rated bool
	err := q.QueryRow(ctx, query, id).Scan(&rated)
	if rated {
		return &store.ResourceError{Name: name, Err: store.ErrHasRatings}
	}
	return failure(ctx, "look for ratings of "+name, err)
}

// execute runs a statement that changes data.
func execute(ctx context.Context, q querier, operation, statement string, args ...any) error {
	_, err := q.Exec(ctx, statement, args...)
	return failure(ctx, operation, err)
}

// now returns the time in the precision in which times are kept.
func now() time.Time { return time.Now().Truncate(time.Microsecond) }

// timestamp returns the API's form of a time that is kept.
func timestamp(t time.Time) *timestamppb.Timestamp { return timestamppb.New(t) }
