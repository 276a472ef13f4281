package operations

import (
	"context"
	"errors"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/proxy/transcode"
)

// typePrefix begins the type URL of a message in a google.protobuf.Any.
const typePrefix = "type.googleapis.com/"

const (
	// ErrorDomain is the domain of this package's reasons in a google.rpc.ErrorInfo.
	ErrorDomain = "operations.v1"
	// ReasonAnswerUnknown is the reason of an operation that ends with FAILED_PRECONDITION though its command has succeeded: no
	// service that is served describes the message of its answer. The metadata name it: type. When a service that does is
	// published again, the operation ends with its response.
	ReasonAnswerUnknown = "ANSWER_UNKNOWN"
)

// errGone is the error of an operation of which nothing but the record is left.
var errGone = status.Error(codes.NotFound, "there is no such operation, or its answer is not kept any more")

// lookUp is how the answer to a command is got: natsgrpc's Answer or Await.
type lookUp func(ctx context.Context, method, id string, reply any, opts ...grpc.CallOption) error

// state returns an operation as it is now, or as it is when get has waited for its answer.
//
// Errors: errGone, and that the answer cannot be looked up.
func (s *Service) state(ctx context.Context, r *record, get lookUp) (*longrunningpb.Operation, error) {
	var (
		response []byte
		answered bool
	)
	err := get(ctx, r.path(), r.id, &response, natsgrpc.Answered(&answered), grpc.ForceCodecV2(transcode.RawCodec()))
	now := time.Now()
	switch {
	case answered && err == nil && !s.shows(r.Response):
		return r.failed(answerUnknown(r.Response))
	case answered && err == nil:
		return r.done(response)
	case answered:
		return r.failed(presentable(status.Convert(err)))
	case errors.Is(err, natsgrpc.ErrNoAnswer) && now.After(r.stored.Add(s.timing.sending)):
		return nil, errGone
	case errors.Is(err, natsgrpc.ErrNoAnswer):
		return r.pending() // it is being sent
	case errors.Is(err, natsgrpc.ErrPending) && now.After(r.Deadline.Add(s.timing.overdue)):
		return r.failed(presentable(status.FromContextError(context.DeadlineExceeded)))
	case errors.Is(err, natsgrpc.ErrPending):
		return r.pending()
	}
	return nil, err
}

// pending returns the operation while it is not done.
func (r *record) pending() (*longrunningpb.Operation, error) {
	metadata, err := r.metadata()
	if err != nil {
		return nil, err
	}
	return &longrunningpb.Operation{Name: r.name(), Metadata: metadata}, nil
}

// done returns the operation with the encoded response.
func (r *record) done(response []byte) (*longrunningpb.Operation, error) {
	operation, err := r.pending()
	if err != nil {
		return nil, err
	}
	operation.Done = true
	operation.Result = &longrunningpb.Operation_Response{
		Response: &anypb.Any{TypeUrl: typePrefix + string(r.Response), Value: response},
	}
	return operation, nil
}

// failed returns the operation with its error, as clients may know it.
func (r *record) failed(st *status.Status) (*longrunningpb.Operation, error) {
	operation, err := r.pending()
	if err != nil {
		return nil, err
	}
	operation.Done = true
	operation.Result = &longrunningpb.Operation_Error{Error: st.Proto()}
	return operation, nil
}

// shows reports whether an answer of a message can be shown as JSON. In that no protocol differs from the others: an operation
// has one end.
func (s *Service) shows(response protoreflect.FullName) bool {
	if s.types == nil {
		return true
	}
	_, err := s.types.FindMessageByName(response)
	return err == nil
}

// answerUnknown is the error of an operation whose answer cannot be shown.
func answerUnknown(response protoreflect.FullName) *status.Status {
	st := status.Newf(codes.FailedPrecondition, "the command has succeeded, but no service describes its answer, a %s, any more", response)
	told, err := st.WithDetails(&errdetails.ErrorInfo{
		Reason: ReasonAnswerUnknown, Domain: ErrorDomain, Metadata: map[string]string{"type": string(response)},
	})
	if err != nil {
		return st
	}
	return told
}

// presentable returns what clients may know of a status. That all attempts have failed they may, since who polls has to know
// whether it is worth another call.
func presentable(st *status.Status) *status.Status {
	reason := natsgrpc.ReasonOf(st)
	st = transcode.Presentable(st)
	if reason != natsgrpc.ReasonAttemptsExhausted {
		return st
	}
	told, err := st.WithDetails(&errdetails.ErrorInfo{Reason: reason, Domain: natsgrpc.ErrorDomain})
	if err != nil {
		return st
	}
	return told
}
