package transcode

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
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

func TestErrorShapes(t *testing.T) {
	withDetails := func(code codes.Code, message string, details ...protoadapt.MessageV1) error {
		st, err := status.New(code, message).WithDetails(details...)
		require.NoError(t, err)
		return st.Err()
	}
	info := func(reason string) *errdetails.ErrorInfo { return &errdetails.ErrorInfo{Reason: reason, Domain: "d"} }
	retry := func(delay time.Duration) *errdetails.RetryInfo {
		return &errdetails.RetryInfo{RetryDelay: durationpb.New(delay)}
	}
	infoJSON := func(reason string) string {
		return `{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"` + reason + `","domain":"d"}`
	}
	retryJSON := func(delay string) string {
		return `{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"` + delay + `"}`
	}
	unknown := status.New(codes.NotFound, "gone").Proto()
	unknown.Details = []*anypb.Any{
		{TypeUrl: "type.googleapis.com/unknown.v1.Type", Value: []byte{8, 1}},
		{TypeUrl: "type.googleapis.com/google.rpc.ErrorInfo", Value: []byte{0xff}},
		nil,
	}
	const hidden = `{"error":{"code":500,"message":"internal error","status":`
	tests := []struct {
		name       string
		err        error
		code       int
		retryAfter string
		want       string
	}{
		{"not found", status.Error(codes.NotFound, "no user users/1"), 404, "", `{"error":{"code":404,"message":"no user users/1","status":"NOT_FOUND"}}`},
		{"cancelled", status.Error(codes.Canceled, "stop"), 499, "", `{"error":{"code":499,"message":"the call was cancelled","status":"CANCELLED"}}`},
		{"invalid", status.Error(codes.InvalidArgument, "bad"), 400, "", `{"error":{"code":400,"message":"bad","status":"INVALID_ARGUMENT"}}`},
		{"deadline", status.Error(codes.DeadlineExceeded, "slow"), 504, "", `{"error":{"code":504,"message":"the call took too long","status":"DEADLINE_EXCEEDED"}}`},
		{"exists", status.Error(codes.AlreadyExists, "twice"), 409, "", `{"error":{"code":409,"message":"twice","status":"ALREADY_EXISTS"}}`},
		{"denied", status.Error(codes.PermissionDenied, "no"), 403, "", `{"error":{"code":403,"message":"no","status":"PERMISSION_DENIED"}}`},
		{"unauthenticated", status.Error(codes.Unauthenticated, "who"), 401, "", `{"error":{"code":401,"message":"who","status":"UNAUTHENTICATED"}}`},
		{"exhausted", status.Error(codes.ResourceExhausted, "much"), 429, "", `{"error":{"code":429,"message":"much","status":"RESOURCE_EXHAUSTED"}}`},
		{"precondition", status.Error(codes.FailedPrecondition, "first"), 400, "", `{"error":{"code":400,"message":"first","status":"FAILED_PRECONDITION"}}`},
		{"aborted", status.Error(codes.Aborted, "etag"), 409, "", `{"error":{"code":409,"message":"etag","status":"ABORTED"}}`},
		{"range", status.Error(codes.OutOfRange, "end"), 400, "", `{"error":{"code":400,"message":"end","status":"OUT_OF_RANGE"}}`},
		{"unimplemented", status.Error(codes.Unimplemented, "later"), 501, "", `{"error":{"code":501,"message":"later","status":"UNIMPLEMENTED"}}`},
		{"internal", status.Error(codes.Internal, "secret"), 500, "", hidden + `"INTERNAL"}}`},
		{"data loss", status.Error(codes.DataLoss, "secret"), 500, "", hidden + `"DATA_LOSS"}}`},
		{"unknown", errors.New("sql: secret"), 500, "", hidden + `"UNKNOWN"}}`},
		{"no such code", status.Error(codes.Code(77), "secret"), 500, "", hidden + `"UNKNOWN"}}`},
		{"internal with details", withDetails(codes.Internal, "secret", info("X")), 500, "", hidden + `"INTERNAL"}}`},
		{"unavailable", status.Error(codes.Unavailable, "dial 10.0.0.1: secret"), 503, "", `{"error":{"code":503,"message":"the service is unavailable","status":"UNAVAILABLE"}}`},
		{"deadline with details", withDetails(codes.DeadlineExceeded, "slow", info("X")), 504, "", `{"error":{"code":504,"message":"slow","status":"DEADLINE_EXCEEDED","details":[` + infoJSON("X") + `]}}`},
		{"unavailable with details", withDetails(codes.Unavailable, "maintenance", info("MAINTENANCE")), 503, "", `{"error":{"code":503,"message":"maintenance","status":"UNAVAILABLE","details":[` + infoJSON("MAINTENANCE") + `]}}`},
		{"queue full", withDetails(codes.ResourceExhausted, "full", info("QUEUE_FULL"), retry(1200*time.Millisecond)), 429, "2", `{"error":{"code":429,"message":"full","status":"RESOURCE_EXHAUSTED","details":[` + infoJSON("QUEUE_FULL") + `,` + retryJSON("1.200s") + `]}}`},
		{"too large", withDetails(codes.ResourceExhausted, "large", info("MESSAGE_TOO_LARGE")), 413, "", `{"error":{"code":413,"message":"large","status":"RESOURCE_EXHAUSTED","details":[` + infoJSON("MESSAGE_TOO_LARGE") + `]}}`},
		{"no workers", withDetails(codes.Unavailable, "nobody", info("NO_WORKERS"), retry(0)), 503, "0", `{"error":{"code":503,"message":"nobody","status":"UNAVAILABLE","details":[` + infoJSON("NO_WORKERS") + `,` + retryJSON("0s") + `]}}`},
		{"a service's own reason", withDetails(codes.FailedPrecondition, "full", info("QUEUE_FULL")), 400, "", `{"error":{"code":400,"message":"full","status":"FAILED_PRECONDITION","details":[` + infoJSON("QUEUE_FULL") + `]}}`},
		{"retry with another code", withDetails(codes.Aborted, "again", retry(time.Second)), 409, "", `{"error":{"code":409,"message":"again","status":"ABORTED","details":[` + retryJSON("1s") + `]}}`},
		{"negative delay", withDetails(codes.ResourceExhausted, "again", retry(-time.Second)), 429, "0", `{"error":{"code":429,"message":"again","status":"RESOURCE_EXHAUSTED","details":[` + retryJSON("-1s") + `]}}`},
		{"debug info", withDetails(codes.NotFound, "x", &errdetails.DebugInfo{Detail: "secret"}), 404, "", `{"error":{"code":404,"message":"x","status":"NOT_FOUND"}}`},
		{"unknown details", status.FromProto(unknown).Err(), 404, "", `{"error":{"code":404,"message":"gone","status":"NOT_FOUND"}}`},
		{"no HTML escapes", status.Error(codes.NotFound, "<a> & \"b\""), 404, "", `{"error":{"code":404,"message":"<a> & \"b\"","status":"NOT_FOUND"}}`},
	}
	backend := newBackend(t)
	handler := newHandler(t, backend, `get: "/x"`)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			backend.answer(func(context.Context, []byte) ([]byte, error) { return nil, test.err })
			w := do(handler, "GET", "/x", "")
			require.Equal(t, test.want, w.Body.String())
			require.Equal(t, test.code, w.Code)
			require.Equal(t, test.retryAfter, w.Header().Get("Retry-After"))
			require.Equal(t, "application/json", w.Header().Get("Content-Type"))
			require.Equal(t, "nosniff", w.Header().Get("X-Content-Type-Options"))
		})
	}
}

func TestWriteErrorHidesInternals(t *testing.T) {
	w := httptest.NewRecorder()
	WriteError(w, httptest.NewRequest(http.MethodGet, "/", nil), status.New(codes.Internal, "secret"))
	require.Equal(t, 500, w.Code)
	require.Equal(t, `{"error":{"code":500,"message":"internal error","status":"INTERNAL"}}`, w.Body.String())
}
