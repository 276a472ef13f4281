package transcode

import (
	"net/http"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// HTTPStatus returns the HTTP status of a gRPC status, by its code:
//
//	200  OK                   409  ABORTED
//	400  INVALID_ARGUMENT     409  ALREADY_EXISTS
//	400  FAILED_PRECONDITION  429  RESOURCE_EXHAUSTED
//	400  OUT_OF_RANGE         499  CANCELLED
//	401  UNAUTHENTICATED      500  UNKNOWN, INTERNAL, DATA_LOSS, and a code that does not exist
//	403  PERMISSION_DENIED    501  UNIMPLEMENTED
//	404  NOT_FOUND            503  UNAVAILABLE
//	                          504  DEADLINE_EXCEEDED
//
// This is the mapping of google/rpc/code.proto, which grpc-gateway has too. There are two exceptions, for reasons of the
// transport: a RESOURCE_EXHAUSTED with MESSAGE_TOO_LARGE is 413, and an INVALID_ARGUMENT with IDEMPOTENCY_KEY_REUSED is 422, as
// the draft of the header Idempotency-Key has it.
func HTTPStatus(st *status.Status) int {
	switch code := st.Code(); {
	case code == codes.ResourceExhausted && transportReason(st) == reasonMessageTooLarge:
		return http.StatusRequestEntityTooLarge
	case code == codes.InvalidArgument && transportReason(st) == reasonKeyReused:
		return http.StatusUnprocessableEntity
	}
	return runtime.HTTPStatusFromCode(st.Code())
}

// statusTitle returns the phrase of an HTTP status.
func statusTitle(httpStatus int) string {
	if httpStatus == statusClientGone { // not a registered one
		return "Client Closed Request"
	}
	return http.StatusText(httpStatus)
}
