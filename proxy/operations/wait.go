package operations

import (
	"context"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/codingflow/rating/natsgrpc"
	operationsv1 "github.com/codingflow/rating/proto/operations/v1"
)

// answerMargin is how long before the end of its call a wait ends, so that there is time to answer.
const answerMargin = 500 * time.Millisecond

// WaitOperation waits until an operation of the caller is done, the timeout has passed, or the call is about to end.
func (s *Service) WaitOperation(ctx context.Context, req *operationsv1.WaitOperationRequest) (*longrunningpb.Operation, error) {
	r, err := s.find(ctx, req.GetName())
	if err != nil {
		return nil, err
	}
	wait := s.timing.lifetime
	if req.GetTimeout() != nil {
		wait = min(wait, req.GetTimeout().AsDuration())
	}
	if deadline, limited := ctx.Deadline(); limited {
		wait = min(wait, time.Until(deadline)-answerMargin)
	}
	return s.state(ctx, r, s.await(wait))
}

// await returns what looks an answer up and, while it is not there, waits for a time.
func (s *Service) await(wait time.Duration) lookUp {
	return func(ctx context.Context, method, id string, reply any, opts ...grpc.CallOption) error {
		if wait <= 0 {
			return s.conn.Answer(ctx, method, id, reply, opts...)
		}
		waiting, cancel := context.WithTimeout(ctx, wait)
		defer cancel()
		err := s.conn.Await(waiting, method, id, reply, opts...)
		if err != nil && waiting.Err() != nil && ctx.Err() == nil {
			return s.conn.Answer(ctx, method, id, reply, opts...) // where it is now
		}
		return err
	}
}

// Await waits until ctx ends for the response of an operation that Start has returned, encoded. It reports false where there is
// none by then, or it cannot be got; otherwise the error is what the operation ends with. Of the call options those count
// that concern an answer.
func (s *Service) Await(
	ctx context.Context, operation *longrunningpb.Operation, response *[]byte, opts ...grpc.CallOption,
) (answered bool, err error) {
	metadata := &operationsv1.OperationMetadata{}
	if err := operation.GetMetadata().UnmarshalTo(metadata); err != nil {
		return false, err
	}
	id, _ := parseName(operation.GetName())
	r := &record{Method: protoreflect.FullName(metadata.GetMethod()), id: id}
	err = s.conn.Await(ctx, r.path(), r.id, response, append(opts, natsgrpc.Answered(&answered))...)
	return answered, err
}
