package server

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"buf.build/go/protovalidate"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protopath"
	"google.golang.org/protobuf/reflect/protorange"

	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
)

// Interceptor returns an interceptor that lets only those requests through to their handlers which meet the constraints
// that are stated in their protos. Others are answered with INVALID_ARGUMENT.
func (s *Server) Interceptor() grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		if msg, ok := req.(proto.Message); ok {
			err := checkBatch(msg)
			if err == nil {
				err = s.validate("", msg)
			}
			if err == nil {
				err = checkText(msg)
			}
			if err != nil {
				return nil, s.status(ctx, err)
			}
		}
		return handler(ctx, req)
	}
}

// maxBatch is the limit of a batch, as its proto states it.
const maxBatch = 1000

// checkBatch refuses a batch that is far too large before each of its requests is looked at.
func checkBatch(msg proto.Message) error {
	if batch, ok := msg.(*ratingv1.BatchCreateRatingsRequest); ok && len(batch.GetRequests()) > maxBatch {
		return invalidError{fieldViolation("requests", "must contain no more than %d item(s)", maxBatch)}
	}
	return nil
}

// checkText refuses U+0000, in any string: PostgreSQL's texts cannot have it, and no name or comment needs it.
func checkText(msg proto.Message) error {
	var invalid invalidError
	err := protorange.Range(msg.ProtoReflect(), func(values protopath.Values) error {
		text, ok := values.Index(-1).Value.Interface().(string)
		if !ok || !strings.Contains(text, "\x00") {
			return nil
		}
		field := strings.TrimPrefix(values.Path[1:].String(), ".")
		invalid = append(invalid, fieldViolation(field, "must not contain the character U+0000"))
		if len(invalid) == maxViolations {
			return protorange.Terminate
		}
		return nil
	})
	if invalid != nil {
		return invalid
	}
	return err
}

// maxViolations is how many violations an answer names: more help nobody, and a status travels in a header of 64 KiB.
const maxViolations = 20

// validate checks the constraints of a message. Its violations name the fields with a prefix, which is the path of the
// message in the request.
func (s *Server) validate(prefix string, msg proto.Message) error {
	err := s.validator.Validate(msg)
	validationErr, ok := errors.AsType[*protovalidate.ValidationError](err)
	switch {
	case err == nil:
		return nil
	case !ok:
		return fmt.Errorf("validate %s: %w", msg.ProtoReflect().Descriptor().FullName(), err)
	}
	var invalid invalidError
	for i, violation := range validationErr.Violations {
		if i == maxViolations {
			break
		}
		field := prefix + protovalidate.FieldPathString(violation.Proto.GetField())
		invalid = append(invalid, fieldViolation(field, "%s", violation.Proto.GetMessage()))
	}
	return invalid
}

// An invalidError says which fields of a request are wrong.
type invalidError []*errdetails.BadRequest_FieldViolation

// Error returns one sentence for each field.
func (e invalidError) Error() string {
	var sentences []string
	for _, violation := range e {
		sentences = append(sentences, violation.GetField()+": "+violation.GetDescription())
	}
	return strings.Join(sentences, "; ")
}

func fieldViolation(field, format string, args ...any) *errdetails.BadRequest_FieldViolation {
	return &errdetails.BadRequest_FieldViolation{Field: field, Description: fmt.Sprintf(format, args...)}
}
