package transcode

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoregistry"
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
	st := InvalidArgument(fault.Error(), fault.Field, fault.Description)
	return &httpError{httpStatus: http.StatusBadRequest, status: st, cause: fault}
}

// unsupportedType returns the 415 for a body of none of the media types that are accepted. It says these in the headers
// that are made for it: Accept (RFC 9110, section 15.5.16), and for their methods Accept-Post (of the Linked Data
// Platform) and Accept-Patch (RFC 5789).
func unsupportedType(w http.ResponseWriter, r *http.Request, accepted ...string) *httpError {
	list := strings.Join(accepted, ", ")
	w.Header().Set("Accept", list)
	switch r.Method {
	case http.MethodPost:
		w.Header().Set("Accept-Post", list)
	case http.MethodPatch:
		w.Header().Set("Accept-Patch", list)
	}
	return newHTTPError(http.StatusUnsupportedMediaType, codes.InvalidArgument,
		"the content type must be "+strings.Join(accepted, " or "))
}

// unsupportedCoding returns the 415 for a compressed body. Its Accept-Encoding tells it from the one for a wrong media
// type (RFC 9110, section 12.5.3).
func unsupportedCoding(w http.ResponseWriter) *httpError {
	w.Header().Set("Accept-Encoding", "identity")
	return newHTTPError(http.StatusUnsupportedMediaType, codes.InvalidArgument, "the body must not be compressed")
}

// WriteError answers a request with what [Presentable] leaves of a status, in one of two shapes. AIP-193's is
// application/json:
//
//	{"error":{"code":404,"message":"…","status":"NOT_FOUND","details":[{"@type":"type.googleapis.com/…",…}]}}
//
// RFC 9457's is application/problem+json, for clients whose Accept header likes it better than application/json:
//
//	{"type":"about:blank","title":"Not Found","status":404,"detail":"…","code":"NOT_FOUND",
//	"reason":"…","domain":"…","metadata":{…},"errors":[{"field":"…","detail":"…"}],"links":[{"description":"…","url":"…"}],
//	"details":[…]}
//
// There the google.rpc.ErrorInfo has become reason, domain and metadata, the violations of a BadRequest errors, and the
// links of a Help links; details are all others. What an error does not have is left out.
//
// The HTTP status is that of [HTTPStatus]. With 429 and 503 a google.rpc.RetryInfo becomes a Retry-After header, in whole
// seconds rounded up; without one it is 5 where the transport's reason is QUEUE_FULL, BACKLOG, NO_WORKERS or
// NOT_CONNECTED. To answer OK is a mistake of the caller, and becomes INTERNAL.
func WriteError(w http.ResponseWriter, r *http.Request, st *status.Status) {
	if st.Code() == codes.OK {
		st = status.New(codes.Internal, "")
	}
	st = Presentable(st)
	writeStatus(w, r, HTTPStatus(st), st, protoregistry.GlobalTypes)
}

// WriteErrorAs is [WriteError] with an HTTP status of its own, for what HTTP tells apart and gRPC does not. It writes the
// status as it is.
func WriteErrorAs(w http.ResponseWriter, r *http.Request, httpStatus int, st *status.Status) {
	writeStatus(w, r, httpStatus, st, protoregistry.GlobalTypes)
}

// writeStatus answers with a status that clients may see, in the shape that this one likes.
func writeStatus(w http.ResponseWriter, r *http.Request, httpStatus int, st *status.Status, types Types) {
	header := w.Header()
	header.Add("Vary", "Accept")
	if seconds, ok := retryAfter(httpStatus, st); ok {
		header.Set("Retry-After", strconv.FormatInt(seconds, 10))
	}
	if negotiate(r.Header["Accept"], contentTypeJSON, contentTypeProblem) == contentTypeProblem {
		writeBody(w, r, httpStatus, contentTypeProblem, errorJSON(newProblem(httpStatus, st, types)))
		return
	}
	writeBody(w, r, httpStatus, contentTypeJSON, errorJSON(newErrorBody(httpStatus, st, types)))
}

// errorJSON returns an errorBody or a problem as JSON. Strings, numbers and valid raw JSON cannot fail.
func errorJSON(body any) []byte {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(body)
	return bytes.TrimSuffix(buffer.Bytes(), []byte{'\n'})
}

// writeBody answers with a body, or with its headers alone if the request is a HEAD.
func writeBody(w http.ResponseWriter, r *http.Request, httpStatus int, contentType string, body []byte) {
	header := w.Header()
	header.Set("Content-Type", contentType)
	header.Set("Content-Length", strconv.Itoa(len(body)))
	header.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(httpStatus)
	if r.Method != http.MethodHead {
		// An error means that the client has left; nobody else is to be told.
		_, _ = w.Write(body)
	}
}
