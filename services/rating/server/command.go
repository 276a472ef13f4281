package server

import (
	"context"

	"google.golang.org/protobuf/proto"

	"github.com/codingflow/rating/services/rating/store"
)

// A message is a pointer to a generated message struct.
type message[M any] interface {
	*M
	proto.Message
}

// command runs a command in one transaction and returns its answer, or the status of its error. With a request id it acts
// once. The answer is decoded from what the store keeps, also on the first run, so that no rerun can differ from it.
func command[M any, A message[M]](
	ctx context.Context, s *Server, req proto.Message, run func(ctx context.Context, tx store.Tx) (A, error),
) (A, error) {
	request, err := store.NewRequest(s.requestID(ctx), req)
	if err != nil {
		return nil, s.status(ctx, err)
	}
	encoded, err := s.store.Do(ctx, request, func(ctx context.Context, tx store.Tx) ([]byte, error) {
		answer, err := run(ctx, tx)
		if err != nil {
			return nil, err
		}
		return proto.Marshal(answer)
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
