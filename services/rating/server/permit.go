package server

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
	"github.com/codingflow/rating/services/rating/store"
)

var (
	errNotOwner           = errors.New("is not the caller's")
	errAdministratorsOnly = errors.New("only an administrator may do this")
)

// permit checks whether a caller may run a command; the package comment has the rules. It looks owners up in the
// transaction of the command, so a rerun, which has none, is answered as the first run was.
//
// A command that it does not know is refused to all but administrators.
func permit(ctx context.Context, tx store.Tx, who caller, req proto.Message) error {
	if who.administrator {
		return nil
	}
	own := func(name string) error { return checkOwn(ctx, tx, who, name) }
	switch req := req.(type) {
	case *ratingv1.CreateUserRequest, *ratingv1.CreateServiceRequest:
		return nil
	case *ratingv1.UpdateUserRequest:
		return own(req.GetUser().GetName())
	case *ratingv1.DeleteUserRequest:
		return own(req.GetName())
	case *ratingv1.UpdateServiceRequest:
		return own(req.GetService().GetName())
	case *ratingv1.DeleteServiceRequest:
		if err := own(req.GetName()); err != nil || !req.GetForce() {
			return err
		}
		return fmt.Errorf("force deletes the ratings of others: %w", errAdministratorsOnly)
	case *ratingv1.CreateRatingRequest:
		return own(req.GetRating().GetUser())
	case *ratingv1.BatchCreateRatingsRequest:
		return permitBatch(req, own)
	case *ratingv1.UpdateRatingRequest:
		return own(req.GetRating().GetName())
	case *ratingv1.DeleteRatingRequest:
		return own(req.GetName())
	}
	return errAdministratorsOnly
}

// permitBatch asks once for each user.
func permitBatch(req *ratingv1.BatchCreateRatingsRequest, own func(name string) error) error {
	asked := map[string]bool{}
	for i, create := range req.GetRequests() {
		user := create.GetRating().GetUser()
		if asked[user] {
			continue
		}
		asked[user] = true
		if err := own(user); err != nil {
			return fmt.Errorf("requests[%d]: %w", i, err)
		}
	}
	return nil
}

// checkOwn checks that a resource is the caller's.
func checkOwn(ctx context.Context, tx store.Tx, who caller, name string) error {
	owner, err := tx.Owner(ctx, name)
	switch {
	case err != nil:
		return err
	case owner == "" || owner != who.owner:
		return fmt.Errorf("%s %w", name, errNotOwner)
	}
	return nil
}
