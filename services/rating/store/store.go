package store

import (
	"context"
	"time"

	"github.com/codingflow/rating/natsgrpc/once"
	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
)

// A Store keeps users, services and ratings. It is safe for concurrent use, also by other processes on the same database.
//
// storetest.Run is the definition of its behaviour in code.
type Store interface {
	Reader

	// Do runs fn in one transaction and returns the answer that fn returned. When fn returns an error or panics, the
	// transaction is rolled back, and Do returns that error unchanged. When Do returns without an error, the effect and
	// its record are committed.
	//
	// When a request with the same ID has been committed, Do returns its recorded answer without calling fn. While one is
	// running, in this process or another, Do waits for it. The check and the record are part of the transaction, so that
	// two runs of one request cannot both have an effect. A request without an ID is not recorded.
	//
	// fn may be called again after the transaction of its last call was rolled back; it must have no effect but through
	// tx, must not use tx after it returned, and must not call the Store.
	//
	// Errors: [once.ErrReused] when the ID was recorded with another digest; [ErrBusy]; [ErrUnavailable].
	Do(ctx context.Context, req once.Request, fn func(ctx context.Context, tx Tx) (answer []byte, err error)) (answer []byte, err error)

	// DeleteRequests deletes records of requests that were committed before a time, the oldest first and at most limit,
	// and returns how many it deleted.
	DeleteRequests(ctx context.Context, before time.Time, limit int) (int, error)

	// Ping reads from the database, without waiting for one that is away, and returns an error when that fails.
	Ping(ctx context.Context) error

	// Close ends the store's own work, waits for that, and releases the database. Calls that still run may fail, later ones
	// do.
	Close() error
}

// A Reader reads what has been committed. Each method sees one snapshot. Errors of each: [ErrBusy]; [ErrUnavailable].
type Reader interface {
	// GetUser returns a user. Errors: [ErrNotFound].
	GetUser(ctx context.Context, name string) (*ratingv1.User, error)
	// GetOwnUser returns the user that an owner has. Errors: [ErrNotFound] for [OwnUser], also where owner is empty.
	GetOwnUser(ctx context.Context, owner string) (*ratingv1.User, error)
	// ListUsers returns the users that match, at most query.Limit of them.
	ListUsers(ctx context.Context, query UserQuery) ([]*ratingv1.User, error)

	// GetService returns a service with its average score and rating count. Errors: [ErrNotFound].
	GetService(ctx context.Context, name string) (*ratingv1.Service, error)
	// ListServices returns the services that match, at most query.Limit of them.
	ListServices(ctx context.Context, query ServiceQuery) ([]*ratingv1.Service, error)
	// GetRatingSummary returns how a service's ratings are distributed, with an entry for each score from 0 to 5; name is
	// the service's. Errors: [ErrNotFound].
	GetRatingSummary(ctx context.Context, name string) (*ratingv1.RatingSummary, error)

	// GetRating returns a rating. Errors: [ErrNotFound].
	GetRating(ctx context.Context, name string) (*ratingv1.Rating, error)
	// ListRatings returns the ratings that match, at most query.Limit of them.
	ListRatings(ctx context.Context, query RatingQuery) ([]*ratingv1.Rating, error)
}

// A Tx changes data in the transaction of one [Store.Do] and sees its own changes. It is not safe for concurrent use.
//
// After an error the transaction may be unusable: the function that has the Tx returns it.
//
// Where a method takes an etag, the change happens only while it is the resource's; an empty one always matches.
// Errors of each: [ErrNotFound] for the resource that is named, and [ErrStale].
type Tx interface {
	// Owner returns the owner of a user or a service, and for a rating that of its user; empty where it has none. An owner
	// never changes.
	Owner(ctx context.Context, name string) (string, error)

	// CreateUser creates a user from the inputs of user and returns it with its outputs. It is owner's, or nobody's if owner
	// is empty. Errors: [ErrAlreadyExists] for the user that the owner has.
	CreateUser(ctx context.Context, user *ratingv1.User, owner string) (*ratingv1.User, error)
	// UpdateUser lets change alter the current user, writes its inputs and returns it with its outputs. Outputs that change
	// alters stay as they are. When no input differs nothing is written, and update time and etag stay. An error of change
	// is returned unchanged.
	UpdateUser(ctx context.Context, name, etag string, change func(*ratingv1.User) error) (*ratingv1.User, error)
	// DeleteUser deletes a user, with force also the user's ratings. Errors: [ErrHasRatings].
	DeleteUser(ctx context.Context, name, etag string, force bool) error

	// CreateService is like CreateUser, but an owner may have any number of services.
	CreateService(ctx context.Context, service *ratingv1.Service, owner string) (*ratingv1.Service, error)
	// UpdateService is like UpdateUser.
	UpdateService(ctx context.Context, name, etag string, change func(*ratingv1.Service) error) (*ratingv1.Service, error)
	// DeleteService deletes a service, with force also its ratings. Errors: [ErrHasRatings].
	DeleteService(ctx context.Context, name, etag string, force bool) error

	// CreateRating is like CreateUser; a rating is its user's owner's. Errors: [ErrNotFound] for the user or the service; [ErrAlreadyExists] for the
	// rating that the user has given the service.
	CreateRating(ctx context.Context, rating *ratingv1.Rating) (*ratingv1.Rating, error)
	// CreateRatings is like CreateRating for each of several, in their order. Errors: a [BatchError] for the first that
	// cannot be created.
	CreateRatings(ctx context.Context, ratings []*ratingv1.Rating) ([]*ratingv1.Rating, error)
	// UpdateRating is like UpdateUser. User and service stay as they are too.
	UpdateRating(ctx context.Context, name, etag string, change func(*ratingv1.Rating) error) (*ratingv1.Rating, error)
	// DeleteRating deletes a rating.
	DeleteRating(ctx context.Context, name, etag string) error
}

// A UserQuery selects a page of users.
type UserQuery struct {
	// DisplayNamePrefix, if not empty, selects users whose display name starts with it. See [Fold] for what is equal.
	DisplayNamePrefix string
	// After, if not empty, is the name after which the page starts.
	After string
	// Limit is how many to return at most, 1 or more.
	Limit int
}

// A ServiceQuery selects a page of services.
type ServiceQuery struct {
	// DisplayNamePrefix, if not empty, selects services whose display name starts with it. See [Fold] for what is equal.
	DisplayNamePrefix string
	// After, if not empty, is the name after which the page starts.
	After string
	// Limit is how many to return at most, 1 or more.
	Limit int
}

// A RatingQuery selects a page of ratings.
type RatingQuery struct {
	// User, if not empty, selects the ratings by this user.
	User string
	// Service, if not empty, selects the ratings of this service.
	Service string
	// After, if not empty, is the name after which the page starts.
	After string
	// Limit is how many to return at most, 1 or more.
	Limit int
}
