package server

import (
	"context"

	"google.golang.org/protobuf/proto"

	"github.com/codingflow/rating/natsgrpc/once"
	"github.com/codingflow/rating/services/rating/store"
)

// A message is a pointer to a generated message struct.
type message[M any] interface {
	*M
	proto.Message
}

// maxAnswerBytes is what fits into a NATS message of the default size, beside its headers.
const maxAnswerBytes = 1<<20 - 64<<10

var errAnswerTooLarge = invalidError{fieldViolation("requests", "are too large together: send fewer at a time")}

// command runs a command in one transaction, if its caller may, and returns its answer, or the status of its error. With a request id it acts
// once. The answer is decoded from what the store keeps, also on the first run, so that no rerun can differ from it.
func command[M any, A message[M]](
	ctx context.Context, s *Server, req proto.Message, run func(ctx context.Context, tx store.Tx, who caller) (A, error),
) (A, error) {
	who, err := s.callerOf(ctx)
	if err != nil {
		return nil, s.status(ctx, err)
	}
	request, err := once.NewRequest(s.requestID(ctx), req)
	if err != nil {
		return nil, s.status(ctx, err)
	}
	encoded, err := s.store.Do(ctx, request, func(ctx context.Context, tx store.Tx) ([]byte, error) {
		if err := permit(ctx, tx, who, req); err != nil {
			return nil, err
		}
		answer, err := run(ctx, tx, who)
		if err != nil {
			return nil, err
		}
		encoded, err := proto.Marshal(answer)
		if len(encoded) > maxAnswerBytes { // before the commit: an answer that cannot be sent must not have an effect
			return nil, errAnswerTooLarge
		}
		return encoded, err
	})
	if err != nil {
		return nil, s.status(ctx, err)
	}
	answer := A(new(M))
	if err := proto.Unmarshal(encoded, answer); err != nil {
		return nil, s.status(ctx, err)
	}
	return answer, nil
}
