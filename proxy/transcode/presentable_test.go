package transcode

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
)

// detailsOf encodes details.
func detailsOf(t testing.TB, details ...proto.Message) []*anypb.Any {
	t.Helper()
	var encoded []*anypb.Any
	for _, detail := range details {
		detail, err := anypb.New(detail)
		require.NoError(t, err)
		encoded = append(encoded, detail)
	}
	return encoded
}

func TestPresentable(t *testing.T) {
	info := &errdetails.ErrorInfo{Reason: "MAINTENANCE", Domain: "d"}
	debug := &errdetails.DebugInfo{Detail: "secret"}
	unknown := &anypb.Any{TypeUrl: "type.googleapis.com/unknown.v1.Type", Value: []byte{8, 1}}
	wrap := func(inner *anypb.Any) *spb.Status { return &spb.Status{Message: "w", Details: []*anypb.Any{inner}} }
	of := func(code codes.Code, message string, details ...proto.Message) *spb.Status {
		return &spb.Status{Code: int32(code), Message: message, Details: detailsOf(t, details...)}
	}
	with := func(st *spb.Status, details ...*anypb.Any) *spb.Status {
		st.Details = append(st.Details, details...)
		return st
	}
	tests := []struct {
		name     string
		st, want *spb.Status
	}{
		{"OK", of(codes.OK, ""), of(codes.OK, "")},
		{"a message", of(codes.NotFound, "none"), of(codes.NotFound, "none")},
		{"with details", of(codes.NotFound, "none", info), of(codes.NotFound, "none", info)},
		{"INTERNAL", of(codes.Internal, "secret", info), of(codes.Internal, "internal error")},
		{"UNKNOWN", of(codes.Unknown, "secret", info), of(codes.Unknown, "internal error")},
		{"DATA_LOSS", of(codes.DataLoss, "secret", info), of(codes.DataLoss, "internal error")},
		{"no such code", of(17, "secret", info), of(codes.Unknown, "internal error")},
		{"a negative code", &spb.Status{Code: -1, Message: "secret"}, of(codes.Unknown, "internal error")},

		{"UNAVAILABLE", of(codes.Unavailable, "secret"), of(codes.Unavailable, "the service is unavailable")},
		{"DEADLINE_EXCEEDED", of(codes.DeadlineExceeded, "secret"), of(codes.DeadlineExceeded, "the call took too long")},
		{"CANCELLED", of(codes.Canceled, "secret"), of(codes.Canceled, "the call was cancelled")},
		{"UNAVAILABLE of a service", of(codes.Unavailable, "at noon", info), of(codes.Unavailable, "at noon", info)},
		{"UNAVAILABLE with what is not shown", with(of(codes.Unavailable, "secret", debug), unknown, nil), of(codes.Unavailable, "the service is unavailable")},

		{"DebugInfo among others", of(codes.NotFound, "none", info, debug, info), of(codes.NotFound, "none", info, info)},
		{"DebugInfo in a detail", of(codes.NotFound, "none", wrap(detailsOf(t, debug)[0])), of(codes.NotFound, "none")},
		{"DebugInfo deep in a detail", of(codes.NotFound, "none", wrap(detailsOf(t, wrap(detailsOf(t, debug)[0]))[0])), of(codes.NotFound, "none")},
		{"an unknown type in a detail", of(codes.NotFound, "none", wrap(unknown)), of(codes.NotFound, "none")},
		{"a known type in a detail", of(codes.NotFound, "none", wrap(detailsOf(t, info)[0])), of(codes.NotFound, "none", wrap(detailsOf(t, info)[0]))},
		{
			"malformed details",
			with(of(codes.NotFound, "none"), &anypb.Any{TypeUrl: "type.googleapis.com/google.rpc.ErrorInfo", Value: []byte{0xff}}, &anypb.Any{}, nil),
			of(codes.NotFound, "none"),
		},
		{"an invalid duration", of(codes.NotFound, "none", &errdetails.RetryInfo{RetryDelay: &durationpb.Duration{Nanos: -1, Seconds: 1}}), of(codes.NotFound, "none")},

		{"the longest message", of(codes.NotFound, strings.Repeat("m", 8<<10)), of(codes.NotFound, strings.Repeat("m", 8<<10))},
		{"too long a message", of(codes.NotFound, strings.Repeat("m", 8<<10+1)), of(codes.NotFound, strings.Repeat("m", 8<<10)+"…")},
		{"cut in a character", of(codes.NotFound, strings.Repeat("m", 8<<10-1)+"é"), of(codes.NotFound, strings.Repeat("m", 8<<10-1)+"…")},
		{"not UTF-8", of(codes.NotFound, "a\xffb"), of(codes.NotFound, "a\uFFFDb")},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			before := proto.Clone(test.st)
			st := status.FromProto(test.st)
			got := Presentable(st)
			require.Empty(t, cmp.Diff(test.want, got.Proto(), protocmp.Transform()))
			require.Empty(t, cmp.Diff(test.want, Presentable(got).Proto(), protocmp.Transform()), "twice is as good as once")
			require.Empty(t, cmp.Diff(before, st.Proto(), protocmp.Transform()), "the status itself stays")
		})
	}
	require.Equal(t, codes.OK, Presentable(nil).Code())
}

// The transport's messages are not for clients, and its reasons are.
func TestPresentableTransport(t *testing.T) {
	tests := []struct {
		code           codes.Code
		domain, reason string
		want           string
	}{
		{codes.ResourceExhausted, "natsgrpc", "QUEUE_FULL", "too many requests are waiting; try again later"},
		{codes.ResourceExhausted, "natsgrpc", "BACKLOG", "so many requests are waiting that the answer would come too late; try again later"},
		{codes.ResourceExhausted, "natsgrpc", "MESSAGE_TOO_LARGE", "the request or its answer is too large"},
		{codes.Unavailable, "natsgrpc", "NO_WORKERS", "no instance of the service is running"},
		{codes.Unavailable, "natsgrpc", "NO_QUEUE", "the service takes no requests at the moment"},
		{codes.Unavailable, "natsgrpc", "NOT_CONNECTED", "the service cannot be reached at the moment"},
		{codes.Unavailable, "natsgrpc", "PARTS_LOST", "a part of the request or of its answer was lost"},
		{codes.Unavailable, "natsgrpc", "STREAM_NOT_CLAIMED", "the service had no room for the stream"},
		{codes.Unavailable, "natsgrpc", "STREAM_BROKEN", "the stream is broken"},
		{codes.DeadlineExceeded, "natsgrpc", "NOT_CONFIRMED", "the request was not accepted in time"},
		{codes.InvalidArgument, "natsgrpc", "IDEMPOTENCY_KEY_REUSED", "the idempotency key was used for a request with another body"},
		{codes.Unavailable, "natsgrpc", "A_LATER_ONE", "the call failed"},
		{codes.Unavailable, "rating.example.com", "NO_WORKERS", "m"},
		{codes.ResourceExhausted, "", "QUEUE_FULL", "m"},
	}
	for _, test := range tests {
		t.Run(test.domain+" "+test.reason, func(t *testing.T) {
			info := &errdetails.ErrorInfo{Reason: test.reason, Domain: test.domain}
			got := Presentable(withDetails(t, test.code, "m", info))
			require.Equal(t, test.want, got.Message())
			require.Equal(t, test.code, got.Code())
			require.Empty(t, cmp.Diff(detailsOf(t, info), got.Proto().GetDetails(), protocmp.Transform()))
		})
	}
}

// Details of a service's own types are kept where its types are given.
func TestPresentableTypes(t *testing.T) {
	service := thingsService(t, `get: "/x"`)
	own := &anypb.Any{TypeUrl: "type.googleapis.com/test.v1.Sub", Value: []byte{16, 7}}
	st := status.FromProto(&spb.Status{Code: int32(codes.NotFound), Message: "none", Details: []*anypb.Any{own}})
	require.Empty(t, Presentable(st).Proto().GetDetails())
	got := Presentable(st, typesOf([]protoreflect.ServiceDescriptor{service}))
	require.Empty(t, cmp.Diff([]*anypb.Any{own}, got.Proto().GetDetails(), protocmp.Transform()))
}

func TestPresentableBoundsDetails(t *testing.T) {
	const headOfJSON = len(`{"@type":"type.googleapis.com/google.rpc.LocalizedMessage","message":""}`)
	localized := func(message string) protoadapt.MessageV1 { return &errdetails.LocalizedMessage{Message: message} }
	exact := localized(strings.Repeat("m", maxDetails-headOfJSON))
	tests := []struct {
		name    string
		details []protoadapt.MessageV1
		kept    []int
	}{
		{"the largest", []protoadapt.MessageV1{exact}, []int{0}},
		{"too large", []protoadapt.MessageV1{localized(strings.Repeat("m", maxDetails-headOfJSON+1))}, nil},
		{"much too large", []protoadapt.MessageV1{localized(strings.Repeat("m", 8<<20)), localized("m")}, []int{1}},
		{"too large as JSON", []protoadapt.MessageV1{localized(strings.Repeat("\x01", maxDetails/4)), localized("m")}, []int{1}},
		{"much that is not shown at once", []protoadapt.MessageV1{&errdetails.DebugInfo{Detail: strings.Repeat("m", maxDetails/2)}, exact}, []int{1}},
		{
			"much that is not shown in the end",
			[]protoadapt.MessageV1{&spb.Status{Message: strings.Repeat("m", maxDetails/2), Details: []*anypb.Any{{TypeUrl: "unknown"}}}, localized(strings.Repeat("m", maxDetails/2)), localized("m")},
			[]int{2},
		},
		{"too many", []protoadapt.MessageV1{localized("m"), exact, localized("n")}, []int{0, 2}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			st := withDetails(t, codes.NotFound, "m", test.details...)
			var want []*anypb.Any
			for _, i := range test.kept {
				want = append(want, st.Proto().GetDetails()[i])
			}
			require.Empty(t, cmp.Diff(want, Presentable(st).Proto().GetDetails(), protocmp.Transform()))
		})
	}
}

// FuzzPresentable: whatever a service or an attacker behind it returns, the answer is valid JSON of a bounded size in both
// shapes, and what is presentable stays so.
func FuzzPresentable(f *testing.F) {
	for _, st := range []*spb.Status{
		{Code: int32(codes.NotFound), Message: "none", Details: detailsOf(f,
			&errdetails.ErrorInfo{Reason: "R", Domain: "natsgrpc", Metadata: map[string]string{"k": "v"}},
			&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{{Field: "f", LocalizedMessage: &errdetails.LocalizedMessage{}}}},
			&errdetails.RetryInfo{RetryDelay: durationpb.New(1)}, &errdetails.Help{Links: []*errdetails.Help_Link{{}}})},
		{Code: int32(codes.Unavailable), Details: detailsOf(f, &errdetails.DebugInfo{Detail: "secret"},
			&spb.Status{Details: detailsOf(f, &errdetails.DebugInfo{Detail: "secret"})})},
	} {
		seed, err := proto.Marshal(st)
		require.NoError(f, err)
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		st := &spb.Status{}
		if proto.Unmarshal(data, st) != nil {
			return
		}
		got := Presentable(status.FromProto(st))
		require.Empty(t, cmp.Diff(got.Proto(), Presentable(got).Proto(), protocmp.Transform()))
		for _, accept := range []string{contentTypeJSON, contentTypeProblem} {
			w := do(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { WriteError(w, r, status.FromProto(st)) }),
				"GET", "/", "", "Accept: "+accept)
			require.True(t, json.Valid(w.Body.Bytes()), w.Body)
			// One byte of a message may take six, and encoding/json escapes some that protojson does not.
			require.Less(t, w.Body.Len(), 6*maxMessage+2*maxDetails)
			require.NotContains(t, w.Body.String(), "google.rpc.DebugInfo\"")
		}
	})
}
