// Package storetest is the conformance suite of [store.Store]: what it tests is what a store must do.
package storetest

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/codingflow/rating/natsgrpc/once"
	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
	"github.com/codingflow/rating/services/rating/store"
)

// An Opener opens a store, which the test that it was made for closes at its end.
type Opener func() store.Store

// Run runs the suite. Each test has a database of its own, which newDatabase makes empty.
func Run(t *testing.T, newDatabase func(t *testing.T) Opener) {
	tests := []struct {
		name string
		test func(*testing.T, store.Store)
	}{
		{"a created user has outputs and can be read", testCreateUser},
		{"an updated user keeps its outputs", testUpdateUser},
		{"an update that changes nothing keeps the etag", testUpdateNothing},
		{"an update that is refused changes nothing", testUpdateRefused},
		{"a user is changed under its etag only", testUserEtag},
		{"a deleted user is gone", testDeleteUser},
		{"a user with ratings is deleted by force only", testDeleteUserWithRatings},
		{"names that cannot exist are not found", testNotFound},
		{"text is kept as it is", testText},

		{"a created service has outputs and can be read", testCreateService},
		{"an updated service keeps its outputs", testUpdateService},
		{"a service is changed under its etag only", testServiceEtag},
		{"a service with ratings is deleted by force only", testDeleteServiceWithRatings},
		{"aggregates follow ratings", testAggregates},

		{"a created rating has outputs and can be read", testCreateRating},
		{"a rating needs its user and its service", testRatingReferences},
		{"a user rates a service once", testRatingUnique},
		{"an updated rating keeps user and service", testUpdateRating},
		{"a rating is changed under its etag only", testRatingEtag},
		{"a deleted rating is gone and may be created again", testDeleteRating},

		{"users, services and ratings have the owners they were made for", testOwners},
		{"an owner has one user, who is found by it", testOwnUser},

		{"an empty store lists nothing", testListEmpty},
		{"pages cover a list that grows", testListPages},
		{"a page continues after a deleted resource", testListAfterDeleted},
		{"a large page has all", testListLarge},
		{"users are found by prefix", testPrefixUsers},
		{"services are found by prefix", testPrefixServices},
		{"pages cover a search", testPrefixPages},
		{"ratings are filtered", testListRatings},

		{"a rerun returns the answer and has no effect", testRerun},
		{"a request id is for one request", testRequestReused},
		{"an error is not recorded and has no effect", testErrorNotRecorded},
		{"a panic has no effect and leaves the store usable", testPanic},
		{"a request without id is not recorded", testNoRequestID},
		{"concurrent runs of one request act once", testConcurrentRerun},
		{"a batch is created whole or not at all", testBatch},
		{"a batch names the first rating that cannot be", testBatchError},
		{"a large batch counts", testBatchLarge},
		{"old requests are deleted in bounds", testDeleteRequests},
		{"a canceled context ends calls", testCanceled},

		{"averages are right at every moment", testConcurrentAverages},
		{"one of many concurrent ratings of a pair is created", testConcurrentUnique},
		{"one of many concurrent users of an owner is created", testConcurrentOwner},
		{"one of many concurrent updates under an etag wins", testConcurrentEtag},
		{"no concurrent update is lost", testConcurrentUpdates},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			st := newDatabase(t)()
			require.NoError(t, st.Ping(t.Context()))
			test.test(t, st)
		})
	}
	for _, test := range []struct {
		name string
		test func(t *testing.T, first, second store.Store)
	}{
		{"averages are right whichever of two stores rates", testConcurrentCounts},
		{"concurrent runs of one request by two stores act once", testConcurrentStores},
		{"nobody waits in a circle", testNoDeadlock},
		{"commands that wait in a circle are run again", testCircle},
	} {
		t.Run(test.name, func(t *testing.T) {
			open := newDatabase(t)
			test.test(t, open(), open())
		})
	}
}

// unknownID is the id of nothing.
const unknownID = "01900000-0000-7000-8000-000000000000"

var errTest = errors.New("refused by the test")

// do runs a command that is not recorded.
func do(t *testing.T, st store.Store, fn func(ctx context.Context, tx store.Tx) error) error {
	t.Helper()
	_, err := st.Do(t.Context(), once.Request{}, func(ctx context.Context, tx store.Tx) ([]byte, error) {
		return nil, fn(ctx, tx)
	})
	return err
}

func createUser(t *testing.T, st store.Store, displayName string) *ratingv1.User {
	t.Helper()
	var user *ratingv1.User
	require.NoError(t, do(t, st, func(ctx context.Context, tx store.Tx) (err error) {
		user, err = tx.CreateUser(ctx, &ratingv1.User{DisplayName: displayName}, "")
		return err
	}))
	return user
}

func createService(t *testing.T, st store.Store, displayName string) *ratingv1.Service {
	t.Helper()
	var service *ratingv1.Service
	require.NoError(t, do(t, st, func(ctx context.Context, tx store.Tx) (err error) {
		service, err = tx.CreateService(ctx, &ratingv1.Service{DisplayName: displayName}, "")
		return err
	}))
	return service
}

func createRating(t *testing.T, st store.Store, user, service string, score int32) *ratingv1.Rating {
	t.Helper()
	var rating *ratingv1.Rating
	require.NoError(t, do(t, st, func(ctx context.Context, tx store.Tx) (err error) {
		rating, err = tx.CreateRating(ctx, &ratingv1.Rating{User: user, Service: service, Score: proto.Int32(score)})
		return err
	}))
	return rating
}

// requireResourceError requires that an error says what is wrong with which resource.
func requireResourceError(t *testing.T, err error, name string, want error) {
	t.Helper()
	require.ErrorIs(t, err, want)
	resourceErr, ok := errors.AsType[*store.ResourceError](err)
	require.True(t, ok, "%v is no ResourceError", err)
	require.Equal(t, name, resourceErr.Name)
}

// requireEqual requires that two messages, or slices of them, are equal.
func requireEqual(t *testing.T, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		require.FailNow(t, "not equal (-want +got):\n"+diff)
	}
}
