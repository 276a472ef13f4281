package server_test

import (
	"context"
	"net"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
	"github.com/codingflow/rating/services/rating/server"
	"github.com/codingflow/rating/services/rating/store/sqlite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// An api is the rating API as a client sees it.
type api struct {
	ratingv1.UserServiceClient
	ratingv1.CatalogServiceClient
	ratingv1.RatingServiceClient
}

// requestIDKey is the metadata in which the tests send request ids.
const requestIDKey = "request-id"

// newAPI serves an empty database over gRPC, until the end of the test. Calls are the development principal's, unless their
// context says whose they are: see as.
func newAPI(t *testing.T) *api {
	t.Helper()
	return serve(t, newStore(t))
}

func newStore(t *testing.T) *sqlite.Store {
	t.Helper()
	st, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "rating.db"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, st.Close()) })
	return st
}

func serve(t *testing.T, st *sqlite.Store) *api {
	t.Helper()
	srv, err := server.New(st, server.WithAdminClaims("roles=rating admin"), server.WithRequestID(func(ctx context.Context) string {
		md, _ := metadata.FromIncomingContext(ctx)
		for _, id := range md.Get(requestIDKey) {
			return id
		}
		return ""
	}))
	require.NoError(t, err)
	transport := grpc.NewServer(grpc.UnaryInterceptor(srv.Interceptor()))
	srv.Register(transport)
	listener := bufconn.Listen(1 << 20)
	served := make(chan error)
	go func() { served <- transport.Serve(listener) }()

	conn, err := grpc.NewClient("passthrough:rating",
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithUnaryInterceptor(asDeveloper),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, conn.Close())
		transport.Stop()
		require.NoError(t, <-served)
	})
	return &api{
		ratingv1.NewUserServiceClient(conn), ratingv1.NewCatalogServiceClient(conn), ratingv1.NewRatingServiceClient(conn),
	}
}

// as returns the context of calls that have metadata as the proxy gives it: key, value, key, ….
func as(t *testing.T, keysAndValues ...string) context.Context {
	t.Helper()
	return metadata.NewOutgoingContext(t.Context(), metadata.Pairs(append(keysAndValues, "x-test", "as")...))
}

// asDeveloper makes a call the development principal's that is nobody's by as.
func asDeveloper(
	ctx context.Context, method string, req, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption,
) error {
	if md, _ := metadata.FromOutgoingContext(ctx); len(md.Get("x-test")) == 0 {
		ctx = metadata.AppendToOutgoingContext(ctx, "x-auth-issuer", "development", "x-auth-subject", "developer")
	}
	return invoke(ctx, method, req, reply, conn, opts...)
}

func (a *api) user(t *testing.T, displayName string) *ratingv1.User {
	t.Helper()
	user, err := a.CreateUser(t.Context(), &ratingv1.CreateUserRequest{User: &ratingv1.User{DisplayName: displayName}})
	require.NoError(t, err)
	return user
}

func (a *api) service(t *testing.T, displayName string) *ratingv1.Service {
	t.Helper()
	service, err := a.CreateService(t.Context(), &ratingv1.CreateServiceRequest{
		Service: &ratingv1.Service{DisplayName: displayName},
	})
	require.NoError(t, err)
	return service
}

func (a *api) rating(t *testing.T, user, service string, score int32) *ratingv1.Rating {
	t.Helper()
	rating, err := a.CreateRating(t.Context(), &ratingv1.CreateRatingRequest{Rating: newRating(user, service, score)})
	require.NoError(t, err)
	return rating
}

func newRating(user, service string, score int32) *ratingv1.Rating {
	return &ratingv1.Rating{User: user, Service: service, Score: proto.Int32(score)}
}

// requireStatus requires the code, the message and the reason of an error.
func requireStatus(t *testing.T, err error, code codes.Code, reason, message string) {
	t.Helper()
	st := status.Convert(err)
	require.Equal(t, code, st.Code(), "%v", err)
	require.Equal(t, message, st.Message())
	for _, detail := range st.Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			requireEqual(t, &errdetails.ErrorInfo{Reason: reason, Domain: "rating.codingflow.com"}, info)
			return
		}
	}
	require.Fail(t, "no ErrorInfo")
}

// requireInvalid requires an INVALID_ARGUMENT with exactly these field violations: field, description, field, ….
func requireInvalid(t *testing.T, err error, violations ...string) {
	t.Helper()
	var message string
	want := &errdetails.BadRequest{}
	for i := 0; i < len(violations); i += 2 {
		if i > 0 {
			message += "; "
		}
		message += violations[i] + ": " + violations[i+1]
		want.FieldViolations = append(want.FieldViolations,
			&errdetails.BadRequest_FieldViolation{Field: violations[i], Description: violations[i+1]})
	}
	requireStatus(t, err, codes.InvalidArgument, "INVALID_FIELDS", message)
	requireEqual(t, want, status.Convert(err).Details()[0])
}

// requireEqual requires that two messages, or slices of them, are equal.
func requireEqual(t *testing.T, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		require.FailNow(t, "not equal (-want +got):\n"+diff)
	}
}
