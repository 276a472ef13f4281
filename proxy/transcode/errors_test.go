package transcode

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
)

// requireFault checks that an answer is a 400 with this description, and a violation of the field if there is one.
func requireFault(t *testing.T, w *httptest.ResponseRecorder, field, description string) {
	t.Helper()
	message := description
	var details []any
	if field != "" {
		message = field + ": " + description
		details = []any{map[string]any{
			"@type":           "type.googleapis.com/google.rpc.BadRequest",
			"fieldViolations": []any{map[string]any{"field": field, "description": description}},
		}}
	}
	want := map[string]any{"code": 400.0, "message": message, "status": "INVALID_ARGUMENT"}
	if details != nil {
		want["details"] = details
	}
	var got map[string]any
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &got), w.Body)
	require.Equal(t, map[string]any{"error": want}, got)
	require.Equal(t, 400, w.Code)
}

// withDetails returns a status with details.
func withDetails(t testing.TB, code codes.Code, message string, details ...protoadapt.MessageV1) *status.Status {
	t.Helper()
	st, err := status.New(code, message).WithDetails(details...)
	require.NoError(t, err)
	return st
}

// textDetail returns a detail written in the text format.
func textDetail[T protoadapt.MessageV2](t testing.TB, into T, text string) protoadapt.MessageV1 {
	t.Helper()
	require.NoError(t, prototext.Unmarshal([]byte(text), into))
	return protoadapt.MessageV1Of(into)
}

// TestErrorCodes has a handler of a real gRPC server return each of the codes, 0 apart, which is no error.
func TestErrorCodes(t *testing.T) {
	tests := []struct {
		err               error
		httpStatus        int
		title, code, told string
	}{
		{status.Error(codes.Canceled, "stop"), 499, "Client Closed Request", "CANCELLED", "the call was cancelled"},
		{errors.New("sql: secret"), 500, "Internal Server Error", "UNKNOWN", "internal error"},
		{status.Error(codes.InvalidArgument, "bad"), 400, "Bad Request", "INVALID_ARGUMENT", "bad"},
		{status.Error(codes.DeadlineExceeded, "slow"), 504, "Gateway Timeout", "DEADLINE_EXCEEDED", "the call took too long"},
		{status.Error(codes.NotFound, "no user users/1"), 404, "Not Found", "NOT_FOUND", "no user users/1"},
		{status.Error(codes.AlreadyExists, "twice"), 409, "Conflict", "ALREADY_EXISTS", "twice"},
		{status.Error(codes.PermissionDenied, "no"), 403, "Forbidden", "PERMISSION_DENIED", "no"},
		{status.Error(codes.ResourceExhausted, "much"), 429, "Too Many Requests", "RESOURCE_EXHAUSTED", "much"},
		{status.Error(codes.FailedPrecondition, "first"), 400, "Bad Request", "FAILED_PRECONDITION", "first"},
		{status.Error(codes.Aborted, "etag"), 409, "Conflict", "ABORTED", "etag"},
		{status.Error(codes.OutOfRange, "end"), 400, "Bad Request", "OUT_OF_RANGE", "end"},
		{status.Error(codes.Unimplemented, "later"), 501, "Not Implemented", "UNIMPLEMENTED", "later"},
		{status.Error(codes.Internal, "secret"), 500, "Internal Server Error", "INTERNAL", "internal error"},
		{status.Error(codes.Unavailable, "dial 10.0.0.1: secret"), 503, "Service Unavailable", "UNAVAILABLE", "the service is unavailable"},
		{status.Error(codes.DataLoss, "secret"), 500, "Internal Server Error", "DATA_LOSS", "internal error"},
		{status.Error(codes.Unauthenticated, "who"), 401, "Unauthorized", "UNAUTHENTICATED", "who"},
		{status.Error(codes.Code(77), "secret"), 500, "Internal Server Error", "UNKNOWN", "internal error"},
		{status.Error(codes.NotFound, ""), 404, "Not Found", "NOT_FOUND", ""},
		{status.Error(codes.NotFound, "<a> & \"b\""), 404, "Not Found", "NOT_FOUND", `<a> & \"b\"`}, // no HTML escapes
	}
	backend := newBackend(t)
	handler := newHandler(t, backend, `get: "/x"`)
	for _, test := range tests {
		t.Run(test.code+" "+test.told, func(t *testing.T) {
			backend.answer(func(context.Context, []byte) ([]byte, error) { return nil, test.err })
			number := strconv.Itoa(test.httpStatus)
			requireError(t, handler, "GET", "/x", "", test.httpStatus,
				`{"error":{"code":`+number+`,"message":"`+test.told+`","status":"`+test.code+`"}}`,
				problemJSON(test.httpStatus, test.title, test.told, test.code))
		})
	}
}

// problemJSON returns a problem without details.
func problemJSON(httpStatus int, title, detail, code string) string {
	if detail != "" {
		detail = `"detail":"` + detail + `",`
	}
	return `{"type":"about:blank","title":"` + title + `","status":` + strconv.Itoa(httpStatus) + `,` + detail + `"code":"` + code + `"}`
}

// requireError checks an error in both of its shapes, and that HEAD gets the same headers. It returns the headers.
func requireError(t *testing.T, handler http.Handler, method, target, body string, httpStatus int, want, wantProblem string, headers ...string) http.Header {
	t.Helper()
	var header http.Header
	for _, shape := range []struct{ accept, contentType, want string }{
		{"*/*", "application/json", want},
		{"application/problem+json", "application/problem+json", wantProblem},
	} {
		w := do(handler, method, target, body, append(headers, "Accept: "+shape.accept)...)
		require.Equal(t, shape.want, w.Body.String())
		require.Equal(t, httpStatus, w.Code)
		header = w.Header()
		require.Equal(t, shape.contentType, header.Get("Content-Type"))
		require.Equal(t, strconv.Itoa(len(shape.want)), header.Get("Content-Length"))
		require.Equal(t, "nosniff", header.Get("X-Content-Type-Options"))
		require.Equal(t, []string{"Accept"}, header.Values("Vary"))
		if method == "GET" {
			head := do(handler, "HEAD", target, body, append(headers, "Accept: "+shape.accept)...)
			require.Equal(t, httpStatus, head.Code)
			require.Equal(t, header, head.Header())
			require.Empty(t, head.Body.String())
		}
	}
	return header
}

func TestErrorDetails(t *testing.T) {
	message := func(code codes.Code, details ...protoadapt.MessageV1) *status.Status {
		return withDetails(t, code, "m", details...)
	}
	unknown := status.New(codes.NotFound, "m").Proto()
	unknown.Details = []*anypb.Any{
		{TypeUrl: "type.googleapis.com/unknown.v1.Type", Value: []byte{8, 1}},
		{TypeUrl: "type.googleapis.com/google.rpc.ErrorInfo", Value: []byte{0xff}},
		{TypeUrl: "", Value: []byte{8, 1}},
		nil,
	}
	const at = `"@type":"type.googleapis.com/google.rpc.`
	tests := []struct {
		name    string
		st      *status.Status
		details string // in AIP-193's shape
		members string // of the problem, beyond those that every problem has
	}{
		{
			"ErrorInfo", message(codes.NotFound, textDetail(t, &errdetails.ErrorInfo{}, `reason: "GONE" domain: "d" metadata { key: "b" value: "2" } metadata { key: "a" value: "1" }`)),
			`{` + at + `ErrorInfo","reason":"GONE","domain":"d","metadata":{"a":"1","b":"2"}}`,
			`"reason":"GONE","domain":"d","metadata":{"a":"1","b":"2"}`,
		},
		{
			"two ErrorInfos", message(codes.NotFound, &errdetails.ErrorInfo{Reason: "A"}, &errdetails.ErrorInfo{Reason: "B"}),
			`{` + at + `ErrorInfo","reason":"A"},{` + at + `ErrorInfo","reason":"B"}`,
			`"reason":"A","details":[{` + at + `ErrorInfo","reason":"B"}]`,
		},
		{
			"BadRequest", message(codes.NotFound, textDetail(t, &errdetails.BadRequest{}, `field_violations { field: "user.email" description: "is taken" reason: "TAKEN"
				localized_message { locale: "de" message: "schon vergeben" } } field_violations { description: "too many fields" }`)),
			`{` + at + `BadRequest","fieldViolations":[{"field":"user.email","description":"is taken","reason":"TAKEN",` +
				`"localizedMessage":{"locale":"de","message":"schon vergeben"}},{"description":"too many fields"}]}`,
			`"errors":[{"field":"user.email","detail":"is taken","reason":"TAKEN",` +
				`"localizedMessage":{"locale":"de","message":"schon vergeben"}},{"detail":"too many fields"}]`,
		},
		{
			"Help", message(codes.NotFound, textDetail(t, &errdetails.Help{}, `links { description: "how" url: "https://example.com/?a&b" } links { url: "https://example.com" }`)),
			`{` + at + `Help","links":[{"description":"how","url":"https://example.com/?a&b"},{"url":"https://example.com"}]}`,
			`"links":[{"description":"how","url":"https://example.com/?a&b"},{"url":"https://example.com"}]`,
		},
		{
			"LocalizedMessage", message(codes.NotFound, &errdetails.LocalizedMessage{Locale: "de", Message: "weg"}),
			`{` + at + `LocalizedMessage","locale":"de","message":"weg"}`, "",
		},
		{
			"PreconditionFailure", message(codes.NotFound, textDetail(t, &errdetails.PreconditionFailure{}, `violations { type: "TOS" subject: "s" description: "not accepted" }`)),
			`{` + at + `PreconditionFailure","violations":[{"type":"TOS","subject":"s","description":"not accepted"}]}`, "",
		},
		{
			"QuotaFailure", message(codes.NotFound, textDetail(t, &errdetails.QuotaFailure{}, `violations { subject: "user:1" description: "daily limit" quota_value: 10 }`)),
			`{` + at + `QuotaFailure","violations":[{"subject":"user:1","description":"daily limit","quotaValue":"10"}]}`, "",
		},
		{
			"ResourceInfo", message(codes.NotFound, &errdetails.ResourceInfo{ResourceType: "user", ResourceName: "users/1"}),
			`{` + at + `ResourceInfo","resourceType":"user","resourceName":"users/1"}`, "",
		},
		{
			"RequestInfo", message(codes.NotFound, &errdetails.RequestInfo{RequestId: "1"}),
			`{` + at + `RequestInfo","requestId":"1"}`, "",
		},
		{
			"RetryInfo", message(codes.NotFound, &errdetails.RetryInfo{RetryDelay: durationpb.New(1200 * time.Millisecond)}),
			`{` + at + `RetryInfo","retryDelay":"1.200s"}`, "",
		},
		{
			"all that become members, and one that does not", message(codes.NotFound, textDetail(t, &errdetails.Help{}, `links { url: "u" }`), &errdetails.RequestInfo{RequestId: "1"},
				textDetail(t, &errdetails.BadRequest{}, `field_violations { field: "f" description: "d" }`), &errdetails.ErrorInfo{Reason: "R", Domain: "d"}),
			`{` + at + `Help","links":[{"url":"u"}]},{` + at + `RequestInfo","requestId":"1"},` +
				`{` + at + `BadRequest","fieldViolations":[{"field":"f","description":"d"}]},{` + at + `ErrorInfo","reason":"R","domain":"d"}`,
			`"reason":"R","domain":"d","errors":[{"field":"f","detail":"d"}],"links":[{"url":"u"}],"details":[{` + at + `RequestInfo","requestId":"1"}]`,
		},
		{"DebugInfo", message(codes.NotFound, &errdetails.DebugInfo{Detail: "secret"}), "", ""},
		{"unknown and malformed", status.FromProto(unknown), "", ""},
	}
	backend := newBackend(t)
	handler := newHandler(t, backend, `get: "/x"`)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			backend.answer(func(context.Context, []byte) ([]byte, error) { return nil, test.st.Err() })
			want := `{"error":{"code":404,"message":"m","status":"NOT_FOUND"}}`
			problem := problemJSON(404, "Not Found", "m", "NOT_FOUND")
			if test.details != "" {
				want = strings.TrimSuffix(want, "}}") + `,"details":[` + test.details + `]}}`
				if test.members == "" {
					test.members = `"details":[` + test.details + `]`
				}
				problem = strings.TrimSuffix(problem, "}") + `,` + test.members + `}`
			}
			requireError(t, handler, "GET", "/x", "", 404, want, problem)
		})
	}
}

// A detail of a type that only the services' descriptors have is shown by their handler.
func TestErrorDetailOfTheServices(t *testing.T) {
	backend := newBackend(t)
	handler := newHandler(t, backend, `get: "/x"`)
	st := status.New(codes.Unavailable, "maintenance").Proto()
	st.Details = []*anypb.Any{{TypeUrl: "type.googleapis.com/test.v1.Sub", Value: []byte{16, 7}}}
	backend.answer(func(context.Context, []byte) ([]byte, error) { return nil, status.FromProto(st).Err() })
	const detail = `"details":[{"@type":"type.googleapis.com/test.v1.Sub","count":7}]`
	requireError(t, handler, "GET", "/x", "", 503,
		`{"error":{"code":503,"message":"maintenance","status":"UNAVAILABLE",`+detail+`}}`,
		`{"type":"about:blank","title":"Service Unavailable","status":503,"detail":"maintenance","code":"UNAVAILABLE",`+detail+`}`)
}

// TestErrorsOfHTTP has what goes wrong before there is a call.
func TestErrorsOfHTTP(t *testing.T) {
	handler, err := New(newBackend(t).conn, []protoreflect.ServiceDescriptor{
		thingsService(t, `get: "/x/{page_size}"`, `post: "/x" body: "*"`, `patch: "/x" body: "sub"`, `put: "/x" body: "*"`),
	}, WithMaxBody(20))
	require.NoError(t, err)
	const allow = "OPTIONS, PATCH, POST, PUT"
	const wrongType = "the content type must be application/json"
	tests := []struct {
		name, method, target, body string
		headers                    []string
		httpStatus                 int
		title, code, told          string
		want                       map[string]string // headers
	}{
		{"no route", "GET", "/nothing", "", nil, 404, "Not Found", "NOT_FOUND", "there is nothing at this path", nil},
		{
			"other method", "DELETE", "/x", "", nil, 405, "Method Not Allowed", "UNIMPLEMENTED",
			"method DELETE is not allowed here; allowed are " + allow, map[string]string{"Allow": allow},
		},
		{
			"wrong type of a POST", "POST", "/x", "{}", []string{"Content-Type: text/plain"}, 415, "Unsupported Media Type", "INVALID_ARGUMENT", wrongType,
			map[string]string{"Accept": "application/json", "Accept-Post": "application/json", "Accept-Patch": "", "Accept-Encoding": ""},
		},
		{
			"wrong type of a PATCH", "PATCH", "/x", "{}", []string{"Content-Type: text/plain"}, 415, "Unsupported Media Type", "INVALID_ARGUMENT", wrongType,
			map[string]string{"Accept": "application/json", "Accept-Post": "", "Accept-Patch": "application/json", "Accept-Encoding": ""},
		},
		{
			"wrong type of a PUT", "PUT", "/x", "{}", []string{"Content-Type: text/plain"}, 415, "Unsupported Media Type", "INVALID_ARGUMENT", wrongType,
			map[string]string{"Accept": "application/json", "Accept-Post": "", "Accept-Patch": "", "Accept-Encoding": ""},
		},
		{
			"compressed", "POST", "/x", "{}", []string{"Content-Encoding: gzip"}, 415, "Unsupported Media Type", "INVALID_ARGUMENT", "the body must not be compressed",
			map[string]string{"Accept": "", "Accept-Post": "", "Accept-Encoding": "identity"},
		},
		{
			"too large", "POST", "/x", `{"name":"1234567890"}`, nil, 413, "Request Entity Too Large", "RESOURCE_EXHAUSTED", "the body is larger than 20 bytes",
			map[string]string{"Connection": "close", "Retry-After": ""},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			header := requireError(t, handler, test.method, test.target, test.body, test.httpStatus,
				`{"error":{"code":`+strconv.Itoa(test.httpStatus)+`,"message":"`+test.told+`","status":"`+test.code+`"}}`,
				problemJSON(test.httpStatus, test.title, test.told, test.code), test.headers...)
			for name, value := range test.want {
				require.Equal(t, value, header.Get(name), name)
			}
		})
	}

	t.Run("malformed", func(t *testing.T) {
		const description = `\"many\" is not a valid int32`
		requireError(t, handler, "GET", "/x/many", "", 400,
			`{"error":{"code":400,"message":"page_size: `+description+`","status":"INVALID_ARGUMENT","details":[`+
				`{"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"field":"page_size","description":"`+description+`"}]}]}}`,
			`{"type":"about:blank","title":"Bad Request","status":400,"detail":"page_size: `+description+`","code":"INVALID_ARGUMENT",`+
				`"errors":[{"field":"page_size","detail":"`+description+`"}]}`)
	})

	t.Run("slow body", func(t *testing.T) {
		requireError(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Method, r.Body, r.ContentLength = "POST", io.NopCloser(errReader{os.ErrDeadlineExceeded}), -1
			handler.ServeHTTP(w, r)
		}), "POST", "/x", "{}", 408,
			`{"error":{"code":408,"message":"the body took too long","status":"DEADLINE_EXCEEDED"}}`,
			problemJSON(408, "Request Timeout", "the body took too long", "DEADLINE_EXCEEDED"))
	})
}

// What the client likes decides the shape of errors, never whether there is an answer.
func TestAcceptRefusesNothing(t *testing.T) {
	handler := newHandler(t, nil, `get: "/x"`)
	for _, accept := range []string{"text/html", "application/json;q=0", "*/*;q=0", "application/problem+json", "nonsense"} {
		require.Equal(t, 200, do(handler, "GET", "/x", "", "Accept: "+accept).Code)
		require.Equal(t, 404, do(handler, "GET", "/nothing", "", "Accept: "+accept).Code)
	}
}

func TestWriteError(t *testing.T) {
	tests := []struct {
		name, accept, want string
		st                 *status.Status
	}{
		{"hides internals", "", `{"error":{"code":500,"message":"internal error","status":"INTERNAL"}}`, status.New(codes.Internal, "secret")},
		{"a problem", "application/problem+json", problemJSON(404, "Not Found", "none", "NOT_FOUND"), status.New(codes.NotFound, "none")},
		{"OK", "", `{"error":{"code":500,"message":"internal error","status":"INTERNAL"}}`, status.New(codes.OK, "")},
		{"nil", "", `{"error":{"code":500,"message":"internal error","status":"INTERNAL"}}`, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := do(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { WriteError(w, r, test.st) }), "GET", "/", "", "Accept: "+test.accept)
			require.Equal(t, test.want, w.Body.String())
		})
	}
}
