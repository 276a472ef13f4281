package gatewaytest

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	gatewayratingv1 "github.com/codingflow/rating/proto/gateway/rating/v1"
	gatewaytranscodetestv1 "github.com/codingflow/rating/proto/gateway/transcodetest/v1"
	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
	transcodetestv1 "github.com/codingflow/rating/proto/transcodetest/v1"
	"github.com/codingflow/rating/proxy/grpctest"
	"github.com/codingflow/rating/proxy/transcode"
)

// pair is a handler of each kind in front of one gRPC server. It serves one request at a time.
type pair struct {
	transcode, gateway http.Handler
	// called is the call of the current request: the server is in this process, and answers after it has written here.
	called call
}

// call is what a gRPC server gets.
type call struct {
	method  string // empty without a call
	request proto.Message
}

// newPair serves transcodetest.v1 and rating.v1. The gateway works as it does by default, with two exceptions: it writes
// no null for unset messages, which would be a difference of every answer, and keeps %2F in variables of several segments,
// as http.proto has it.
func newPair(t testing.TB) *pair {
	t.Helper()
	p := &pair{}
	conn := p.serve(t)
	services := []protoreflect.ServiceDescriptor{}
	for _, file := range []protoreflect.FileDescriptor{
		transcodetestv1.File_transcodetest_v1_specimen_proto, ratingv1.File_rating_v1_user_proto,
		ratingv1.File_rating_v1_service_proto, ratingv1.File_rating_v1_rating_proto,
	} {
		services = append(services, file.Services().Get(0))
	}
	handler, err := transcode.New(conn, services)
	require.NoError(t, err)
	p.transcode = handler

	mux := runtime.NewServeMux(
		runtime.WithUnescapingMode(runtime.UnescapingModeAllExceptSlash),
		runtime.WithMarshalerOption(runtime.MIMEWildcard, &runtime.HTTPBodyMarshaler{Marshaler: &runtime.JSONPb{
			MarshalOptions:   protojson.MarshalOptions{EmitDefaultValues: true},
			UnmarshalOptions: protojson.UnmarshalOptions{DiscardUnknown: true},
		}}))
	for _, register := range []func(context.Context, *runtime.ServeMux, *grpc.ClientConn) error{
		gatewaytranscodetestv1.RegisterSpecimenServiceHandler, gatewayratingv1.RegisterUserServiceHandler,
		gatewayratingv1.RegisterCatalogServiceHandler, gatewayratingv1.RegisterRatingServiceHandler,
	} {
		require.NoError(t, register(t.Context(), mux, conn))
	}
	p.gateway = mux
	return p
}

// serve runs the gRPC server until the test ends. It answers by answer, whatever the method.
func (p *pair) serve(t testing.TB) *grpc.ClientConn {
	t.Helper()
	return grpctest.Serve(t, func(server grpc.ServiceRegistrar) {
		transcodetestv1.RegisterSpecimenServiceServer(server, transcodetestv1.UnimplementedSpecimenServiceServer{})
		ratingv1.RegisterUserServiceServer(server, ratingv1.UnimplementedUserServiceServer{})
		ratingv1.RegisterCatalogServiceServer(server, ratingv1.UnimplementedCatalogServiceServer{})
		ratingv1.RegisterRatingServiceServer(server, ratingv1.UnimplementedRatingServiceServer{})
	}, grpc.UnaryInterceptor(
		func(_ context.Context, request any, info *grpc.UnaryServerInfo, _ grpc.UnaryHandler) (any, error) {
			p.called = call{method: info.FullMethod, request: request.(proto.Message)}
			return answer(info.FullMethod, request)
		}))
}

// answer gives a Specimen back, fails for a name `users/code-N` with the code N, and has an answer for each other method.
func answer(method string, request any) (any, error) {
	if specimen, ok := request.(*transcodetestv1.Specimen); ok {
		return specimen, nil
	}
	if named, ok := request.(interface{ GetName() string }); ok {
		if number, ok := strings.CutPrefix(named.GetName(), "users/code-"); ok {
			if n, err := strconv.ParseUint(number, 10, 32); err == nil {
				return nil, status.Error(codes.Code(n), "the server says no")
			}
		}
	}
	score := int32(0)
	user := &ratingv1.User{Name: "users/1", DisplayName: "Ann <&>", CreateTime: &timestamppb.Timestamp{Seconds: 1, Nanos: 5e8}}
	rated := &ratingv1.Service{Name: "services/1", AverageScore: 4.25, RatingCount: 1 << 60}
	rating := &ratingv1.Rating{Name: "ratings/1", User: "users/1", Service: "services/1", Score: &score}
	switch _, name, _ := strings.Cut(strings.TrimPrefix(method, "/"), "/"); name {
	case "ListUsers":
		return &ratingv1.ListUsersResponse{Users: []*ratingv1.User{user, {}}, NextPageToken: "next"}, nil
	case "GetUser", "CreateUser", "UpdateUser":
		return user, nil
	case "ListServices":
		return &ratingv1.ListServicesResponse{Services: []*ratingv1.Service{rated}}, nil
	case "GetService", "CreateService", "UpdateService":
		return rated, nil
	case "GetRatingSummary":
		return &ratingv1.RatingSummary{ScoreCounts: []*ratingv1.ScoreCount{{Score: 5, Count: 1}, {}}}, nil
	case "ListRatings":
		return &ratingv1.ListRatingsResponse{}, nil
	case "GetRating", "CreateRating", "UpdateRating":
		return rating, nil
	case "BatchCreateRatings":
		return &ratingv1.BatchCreateRatingsResponse{Ratings: []*ratingv1.Rating{rating, {}}}, nil
	default:
		return &emptypb.Empty{}, nil
	}
}

// request is an HTTP request: METHOD TARGET, then the body if there is one, then `| Name: value` for a header.
type request string

func (r request) parts() (method, target, body, header string) {
	line, header, _ := strings.Cut(string(r), " | ")
	method, rest, _ := strings.Cut(line, " ")
	target, body, _ = strings.Cut(rest, " ")
	return method, target, body, header
}

func (r request) http() *http.Request {
	method, target, body, header := r.parts()
	h := httptest.NewRequest(method, target, strings.NewReader(body))
	if body != "" {
		h.Header.Set("Content-Type", "application/json")
	}
	if name, value, ok := strings.Cut(header, ": "); ok {
		h.Header.Set(name, value)
	}
	return h
}

// outcome is what comes of a request.
type outcome struct {
	call   call
	status int
	// answer is the decoded JSON of a 200, nil for a HEAD.
	answer any
	// code and message are those of an error.
	code, message string
}

// send serves a request with both.
func (p *pair) send(t testing.TB, r request) (ours, theirs outcome) {
	t.Helper()
	return p.serveOne(t, p.transcode, r), p.serveOne(t, p.gateway, r)
}

func (p *pair) serveOne(t testing.TB, handler http.Handler, r request) outcome {
	t.Helper()
	p.called = call{}
	w := httptest.NewRecorder()
	h := r.http()
	handler.ServeHTTP(w, h)
	o := outcome{call: p.called, status: w.Code}
	if w.Body.Len() == 0 || h.Method == http.MethodHead {
		return o
	}
	decoder := json.NewDecoder(bytes.NewReader(w.Body.Bytes()))
	decoder.UseNumber()
	if w.Code == http.StatusOK {
		require.NoError(t, decoder.Decode(&o.answer), "%s\n%s", r, w.Body)
		return o
	}
	var failure struct {
		Error struct { // AIP-193
			Status, Message string
		}
		Code    int32 // grpc-gateway
		Message string
	}
	require.NoError(t, decoder.Decode(&failure), "%s\n%s", r, w.Body)
	o.code, o.message = failure.Error.Status, failure.Error.Message
	if o.code == "" {
		o.code, o.message = code.Code_name[failure.Code], failure.Message
	}
	return o
}

// equal compares all that both should have in common. The message of an error is the server's only if there was a call.
func (o outcome) equal(other outcome) bool {
	return o.call.method == other.call.method && proto.Equal(o.call.request, other.call.request) &&
		o.status == other.status && o.code == other.code && equalJSON(o.answer, other.answer) &&
		(o.call.method == "" || o.message == other.message)
}

func equalJSON(a, b any) bool {
	left, errLeft := json.Marshal(a) // sorts the members of objects
	right, errRight := json.Marshal(b)
	return errLeft == nil && errRight == nil && bytes.Equal(left, right)
}

func (o outcome) String() string {
	var b strings.Builder
	b.WriteString(strconv.Itoa(o.status))
	if o.code != "" {
		b.WriteString(" " + o.code + " " + strconv.Quote(o.message))
	}
	if o.call.method != "" {
		b.WriteString(" " + o.call.method + " {" + prototext.MarshalOptions{}.Format(o.call.request) + "}")
	}
	if o.answer != nil {
		text, _ := json.Marshal(o.answer)
		b.WriteString(" " + string(text))
	}
	return b.String()
}
