package transcode

import (
	"bytes"
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/anypb"
)

// httpError is a status with an HTTP status of its own, for what HTTP tells apart and gRPC does not.
type httpError struct {
	httpStatus int
	status     *status.Status
	// cause is for the observer; clients see the status only.
	cause error
}

func (e *httpError) Error() string {
	if e.cause != nil {
		return e.cause.Error()
	}
	return e.status.Message()
}

func (e *httpError) Unwrap() error { return e.cause }

func newHTTPError(httpStatus int, code codes.Code, message string) *httpError {
	return &httpError{httpStatus: httpStatus, status: status.New(code, message)}
}

// malformed returns the 400 for what a client has sent wrong, with the field if there is one.
func malformed(fault *FieldError) *httpError {
	st := status.New(codes.InvalidArgument, fault.Error())
	if fault.Field != "" {
		violation := &errdetails.BadRequest_FieldViolation{Field: fault.Field, Description: fault.Description}
		detailed, err := st.WithDetails(&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{violation}})
		if err == nil {
			st = detailed
		}
	}
	return &httpError{httpStatus: http.StatusBadRequest, status: st, cause: fault}
}

// HTTPStatus returns the HTTP status of a gRPC status: grpc-gateway's mapping, in which RESOURCE_EXHAUSTED is 429 and
// UNAVAILABLE 503, whatever the reason in a google.rpc.ErrorInfo (QUEUE_FULL, NO_WORKERS); but a RESOURCE_EXHAUSTED with
// the reason MESSAGE_TOO_LARGE is 413.
func HTTPStatus(st *status.Status) int {
	if st.Code() == codes.ResourceExhausted {
		for _, detail := range st.Details() {
			if info, ok := detail.(*errdetails.ErrorInfo); ok && info.GetReason() == "MESSAGE_TOO_LARGE" {
				return http.StatusRequestEntityTooLarge
			}
		}
	}
	return runtime.HTTPStatusFromCode(st.Code())
}

// WriteError answers a request with a status in the JSON shape of AIP-193:
//
//	{"error":{"code":404,"message":"…","status":"NOT_FOUND","details":[{"@type":"type.googleapis.com/…",…}]}}
//
// The HTTP status is that of [HTTPStatus]. A google.rpc.RetryInfo becomes a Retry-After header, in whole seconds rounded
// up, with 429 and 503. Details of an unknown type are left out, and so is google.rpc.DebugInfo. Never told are the
// message and the details of UNKNOWN, INTERNAL and DATA_LOSS, where plain errors of handlers end up, and the message of
// UNAVAILABLE, DEADLINE_EXCEEDED and CANCELLED without details, where grpc-go puts what befell the connection.
func WriteError(w http.ResponseWriter, r *http.Request, st *status.Status) {
	st = presentable(st)
	writeStatus(w, r, HTTPStatus(st), st, protoregistry.GlobalTypes)
}

// presentable returns what clients may know of a status.
func presentable(st *status.Status) *status.Status {
	switch {
	case st.Code() > codes.Unauthenticated:
		return status.New(codes.Unknown, "internal error") // there is no such code
	case st.Code() == codes.Unknown, st.Code() == codes.Internal, st.Code() == codes.DataLoss:
		return status.New(st.Code(), "internal error")
	case len(st.Proto().GetDetails()) > 0:
		return st
	case st.Code() == codes.Unavailable:
		return status.New(st.Code(), "the service is unavailable")
	case st.Code() == codes.DeadlineExceeded:
		return status.New(st.Code(), "the call took too long")
	case st.Code() == codes.Canceled:
		return status.New(st.Code(), "the call was cancelled")
	}
	return st
}

// errorBody is the JSON shape of AIP-193.
type errorBody struct {
	Error errorStatus `json:"error"`
}

type errorStatus struct {
	Code    int               `json:"code"`
	Message string            `json:"message"`
	Status  string            `json:"status"`
	Details []json.RawMessage `json:"details,omitempty"`
}

func writeStatus(w http.ResponseWriter, r *http.Request, httpStatus int, st *status.Status, types Types) {
	body := errorBody{Error: errorStatus{
		Code:    httpStatus,
		Message: st.Message(),
		Status:  code.Code(st.Code()).String(),
	}}
	for _, detail := range st.Proto().GetDetails() {
		if data, ok := detailJSON(detail, types); ok {
			body.Error.Details = append(body.Error.Details, data)
		}
	}
	if httpStatus == http.StatusTooManyRequests || httpStatus == http.StatusServiceUnavailable {
		if delay, ok := retryDelay(st); ok {
			w.Header().Set("Retry-After", strconv.FormatInt(delay, 10))
		}
	}
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	// Strings, a number and valid raw JSON cannot fail.
	_ = encoder.Encode(body)
	writeJSON(w, r, httpStatus, bytes.TrimSuffix(buffer.Bytes(), []byte{'\n'}))
}

// detailJSON returns a detail as JSON, and false if clients get none.
func detailJSON(detail *anypb.Any, types Types) (json.RawMessage, bool) {
	if detail.GetTypeUrl() == "" || detail.MessageIs((*errdetails.DebugInfo)(nil)) {
		return nil, false
	}
	data, err := protojson.MarshalOptions{Resolver: types}.Marshal(detail)
	if err != nil {
		return nil, false
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, data); err != nil {
		return nil, false
	}
	return compact.Bytes(), true
}

// retryDelay returns the delay of a google.rpc.RetryInfo in whole seconds, rounded up.
func retryDelay(st *status.Status) (int64, bool) {
	for _, detail := range st.Proto().GetDetails() {
		info := &errdetails.RetryInfo{}
		if !detail.MessageIs(info) || proto.Unmarshal(detail.GetValue(), info) != nil {
			continue
		}
		delay := max(0, info.GetRetryDelay().AsDuration())
		return int64(math.Ceil(float64(delay) / float64(time.Second))), true
	}
	return 0, false
}

// writeJSON answers with a body, or with its headers alone if the request is a HEAD.
func writeJSON(w http.ResponseWriter, r *http.Request, httpStatus int, body []byte) {
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("Content-Length", strconv.Itoa(len(body)))
	header.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(httpStatus)
	if r.Method != http.MethodHead {
		// An error means that the client has left; nobody else is to be told.
		_, _ = w.Write(body) //nolint:gosec // no browser takes application/json with nosniff for a page
	}
}
