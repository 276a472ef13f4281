package operations

import (
	"context"
	"crypto/rand"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/proxy/auth"
	"github.com/codingflow/rating/proxy/transcode"
)

// startTimeout bounds the start of a command.
const startTimeout = 30 * time.Second

// Start sends a command as the operation of the principal that ctx belongs to, and returns the operation when the
// command is in its queue. The request is encoded, and ctx has its metadata. With a key the command is sent once: the
// operation of the same principal, method and key is the same, whatever has become of it.
//
// Errors: UNAUTHENTICATED without a principal, UNAVAILABLE and RESOURCE_EXHAUSTED of the bucket, and those of natsgrpc's Start.
// DEADLINE_EXCEEDED means that the operation may be there.
func (s *Service) Start(
	ctx context.Context, method protoreflect.MethodDescriptor, key string, request []byte,
) (*longrunningpb.Operation, error) {
	principal, err := principalOf(ctx)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if key == "" {
		key = rand.Text()
	}
	now := time.Now()
	r := &record{
		Method: method.FullName(), Response: method.Output().FullName(),
		CreateTime: now, Deadline: now.Add(s.timing.lifetime),
	}
	r.id = natsgrpc.CommandID(principal, r.path(), key)
	fresh, err := s.put(ctx, principal, r)
	if err != nil {
		return nil, err
	}
	_, err = s.conn.Start(ctx, r.path(), request, natsgrpc.IdempotencyKey(principal, key),
		natsgrpc.Lifetime(s.timing.lifetime), grpc.ForceCodecV2(transcode.RawCodec()))
	if err != nil {
		if fresh && refused(err) {
			s.remove(ctx, principal, r)
		}
		return nil, err
	}
	return r.pending()
}

func (s *Service) put(ctx context.Context, principal string, r *record) (fresh bool, err error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	if fresh, err = s.bucket.put(ctx, principal, r); err != nil {
		return false, s.bucketError(ctx, err)
	}
	return fresh, nil
}

// remove removes the record of a command that was refused. One that stays is found to be without a command.
func (s *Service) remove(ctx context.Context, principal string, r *record) {
	ctx, cancel := bounded(context.WithoutCancel(ctx))
	defer cancel()
	if err := s.bucket.remove(ctx, principal, r); err != nil {
		s.logger.WarnContext(ctx, "the record of an operation that was refused stays", "operation", r.id, "error", err)
	}
}

// refused reports whether a command that could not be started is in no queue for certain.
func refused(err error) bool {
	st := status.Convert(err)
	switch st.Code() {
	case codes.DeadlineExceeded, codes.Canceled:
		return false
	case codes.Unavailable:
		return natsgrpc.ReasonOf(st) == natsgrpc.ReasonNoQueue
	default:
		return true
	}
}

// principalOf returns the id of the principal who calls.
func principalOf(ctx context.Context) (string, error) {
	principal, ok := auth.PrincipalFrom(ctx)
	if !ok {
		return "", status.Error(codes.Unauthenticated, "operations belong to principals, and the call has none")
	}
	return principal.ID(), nil
}
