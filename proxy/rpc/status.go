package rpc

import (
	"context"
	"errors"
	"strings"

	"connectrpc.com/connect"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/codingflow/rating/proxy/jsonwire"
	"github.com/codingflow/rating/proxy/transcode"
)

// statusOf returns the status of an error of a call.
func statusOf(err error) *status.Status {
	if st, ok := status.FromError(err); ok {
		return st
	}
	return status.FromContextError(err)
}

// connectError returns a status in connect's form.
func connectError(st *status.Status) *connect.Error {
	// A message that is not UTF-8 could not be written with details.
	converted := connect.NewError(connect.Code(st.Code()), errors.New(strings.ToValidUTF8(st.Message(), "\uFFFD")))
	for _, detail := range st.Proto().GetDetails() {
		// An Any is taken as it is, without an error.
		if added, err := connect.NewErrorDetail(detail); err == nil {
			converted.AddDetail(added)
		}
	}
	return converted
}

// malformed returns the INVALID_ARGUMENT for what a client has sent wrong, with the field if there is one.
func malformed(err error) *connect.Error {
	var fault *jsonwire.Error
	if !errors.As(err, &fault) {
		fault = &jsonwire.Error{}
	}
	return connectError(transcode.InvalidArgument(err.Error(), fault.Field, fault.Description))
}

// codeOf returns the gRPC code of an error that connect is given.
func codeOf(err error) codes.Code {
	var coded *connect.Error
	switch {
	case err == nil:
		return codes.OK
	case errors.As(err, &coded):
		return codes.Code(coded.Code())
	case errors.Is(err, context.Canceled):
		return codes.Canceled
	case errors.Is(err, context.DeadlineExceeded):
		return codes.DeadlineExceeded
	}
	return codes.Unknown
}
