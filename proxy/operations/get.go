package operations

import (
	"context"
	"errors"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"github.com/nats-io/nats.go/jetstream"

	operationsv1 "github.com/codingflow/rating/proto/operations/v1"
)

// GetOperation gets an operation of the caller.
func (s *Service) GetOperation(ctx context.Context, req *operationsv1.GetOperationRequest) (*longrunningpb.Operation, error) {
	r, err := s.find(ctx, req.GetName())
	if err != nil {
		return nil, err
	}
	return s.state(ctx, r, s.conn.Answer)
}

// find returns the record of an operation of the caller.
func (s *Service) find(ctx context.Context, name string) (*record, error) {
	principal, err := principalOf(ctx)
	if err != nil {
		return nil, err
	}
	id, ok := parseName(name)
	if !ok {
		return nil, errGone
	}
	ctx, cancel := bounded(ctx)
	defer cancel()
	r, err := s.bucket.get(ctx, principal, id)
	switch {
	case errors.Is(err, jetstream.ErrKeyNotFound):
		return nil, errGone
	case err != nil:
		return nil, s.bucketError(ctx, err)
	}
	return r, nil
}
