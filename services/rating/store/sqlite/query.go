package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/codingflow/rating/services/rating/store"
)

// minID sorts before every id.
const minID = ""

// get returns the resource with a name, which a query for its id finds.
func get[R any](
	ctx context.Context, q querier, c store.Collection, name, query string, scan func(scanner) (R, error),
) (R, error) {
	var none R
	id, err := c.ID(name)
	if err != nil {
		return none, err
	}
	resource, err := scan(q.queryRow(ctx, query, id))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return none, &store.ResourceError{Name: name, Err: store.ErrNotFound}
	case err != nil:
		return none, failure(ctx, "get "+name, err)
	}
	return resource, nil
}

// getToChange returns the resource with a name, and its id, after it has checked an etag that the change depends on.
func getToChange[R interface{ GetEtag() string }](
	ctx context.Context, q querier, c store.Collection, name, etag, query string, scan func(scanner) (R, error),
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
func list[R any](
	ctx context.Context, q querier, c store.Collection, scan func(scanner) (R, error), query string, args ...any,
) ([]R, error) {
	operation := "list " + string(c)
	rows, err := q.query(ctx, query, args...)
	if err != nil {
		return nil, failure(ctx, operation, err)
	}
	defer rows.Close()
	var resources []R
	for rows.Next() {
		resource, err := scan(rows)
		if err != nil {
			return nil, failure(ctx, operation, err)
		}
		resources = append(resources, resource)
	}
	return resources, failure(ctx, operation, rows.Err())
}

// after returns the id after which a page starts, which is that of a name unless the name is empty.
func after(c store.Collection, name string) (string, error) {
	if name == "" {
		return minID, nil
	}
	return c.ID(name)
}

// keyRange returns the range of a column of folded display names that start with a prefix.
func keyRange(prefix string) (from, to any) {
	from, end := store.PrefixRange(prefix)
	if end == "" {
		return from, []byte{} // SQLite sorts every BLOB after every TEXT
	}
	return from, end
}

// checkUnrated checks that a user or a service, whose id a query takes, has no ratings.
func checkUnrated(ctx context.Context, q querier, name, query, id string) error {
	rated, err := exists(ctx, q, query, id)
	if rated {
		return &store.ResourceError{Name: name, Err: store.ErrHasRatings}
	}
	return err
}

// exists runs a query for whether something exists.
func exists(ctx context.Context, q querier, query string, args ...any) (bool, error) {
	var found bool
	err := q.queryRow(ctx, query, args...).Scan(&found)
	return found, failure(ctx, "read database", err)
}

// execute runs a statement that changes data.
func execute(ctx context.Context, q querier, operation, statement string, args ...any) error {
	_, err := q.exec(ctx, statement, args...)
	return failure(ctx, operation, err)
}

// now returns the time in the unit in which times are kept: microseconds since 1970.
func now() int64 { return time.Now().UnixMicro() }

// timestamp returns the API's form of a time that is kept.
func timestamp(micros int64) *timestamppb.Timestamp {
	return timestamppb.New(time.UnixMicro(micros))
}
