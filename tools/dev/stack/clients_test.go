package stack_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsdial"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
	"github.com/codingflow/rating/tools/dev/stack"
)

// The functions below are Go's part of docs/clients.md, word by word.

func callOverGRPC(ctx context.Context, target, key string) (*ratingv1.User, error) {
	conn, err := grpc.NewClient(target,
		grpc.WithTransportCredentials(insecure.NewCredentials()), // credentials.NewTLS(nil) for https
		grpc.WithDefaultServiceConfig(`{"methodConfig": [{"name": [{}], "retryPolicy": {"maxAttempts": 4,
			"initialBackoff": "0.2s", "maxBackoff": "5s", "backoffMultiplier": 2,
			"retryableStatusCodes": ["UNAVAILABLE", "RESOURCE_EXHAUSTED"]}}]}`))
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	ctx = metadata.AppendToOutgoingContext(ctx, "idempotency-key", key)
	return ratingv1.NewUserServiceClient(conn).CreateUser(ctx, &ratingv1.CreateUserRequest{User: &ratingv1.User{DisplayName: "Ada"}})
}

func callOverHTTP(ctx context.Context, address, key string) (*ratingv1.User, error) {
	createUser := connect.NewClient[ratingv1.CreateUserRequest, ratingv1.User](
		http.DefaultClient, address+ratingv1.UserService_CreateUser_FullMethodName)
	request := connect.NewRequest(&ratingv1.CreateUserRequest{User: &ratingv1.User{DisplayName: "Ada"}})
	request.Header().Set("Idempotency-Key", key)
	answer, err := createUser.CallUnary(ctx, request)
	if err != nil {
		return nil, err
	}
	return answer.Msg, nil
}

func callOverNATS(ctx context.Context, nc *nats.Conn, key string) (*ratingv1.User, error) {
	conn, err := natsgrpc.NewConn(nc) // one for the whole program
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	ctx = metadata.AppendToOutgoingContext(ctx, "x-auth-issuer", "services", "x-auth-subject", "signup")
	return ratingv1.NewUserServiceClient(conn).CreateUser(ctx,
		&ratingv1.CreateUserRequest{User: &ratingv1.User{DisplayName: "Ada"}},
		natsgrpc.IdempotencyKey("signup", key))
}

func violations(err error) map[string]string {
	fields := map[string]string{}
	for _, detail := range status.Convert(err).Details() {
		if bad, ok := detail.(*errdetails.BadRequest); ok {
			for _, violation := range bad.GetFieldViolations() {
				fields[violation.GetField()] = violation.GetDescription()
			}
		}
	}
	return fields
}

func TestGoClientsReachTheSameAPI(t *testing.T) {
	ns := natsgrpctest.NewServerWith(t, &server.Options{})
	api, _ := up(t, stack.Config{Data: t.TempDir(), NATS: natsdial.Config{URL: ns.ClientURL()}})
	root := strings.TrimSuffix(api, "/api")
	nc := natsgrpctest.Connect(t, ns)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	calls := map[string]func(key string) (*ratingv1.User, error){
		"gRPC": func(key string) (*ratingv1.User, error) {
			return callOverGRPC(ctx, strings.TrimPrefix(root, "http://"), key)
		},
		"Connect": func(key string) (*ratingv1.User, error) { return callOverHTTP(ctx, root, key) },
		"NATS":    func(key string) (*ratingv1.User, error) { return callOverNATS(ctx, nc, key) },
	}
	var names []string
	for way, call := range calls {
		first, err := call(way)
		require.NoError(t, err, way)
		again, err := call(way)
		require.NoError(t, err, way)
		require.Equal(t, first.GetName(), again.GetName(), "%s: one key, one user", way)
		got := request(t, "GET", api+"/"+first.GetName(), "")
		require.Equal(t, "Ada", got.field(t, "displayName"), way)
		names = append(names, first.GetName())
	}
	require.Len(t, names, 3)
	require.NotEqual(t, names[0], names[1])
	require.NotEqual(t, names[1], names[2])
}

func TestErrorsTellGoClientsWhichFieldsAreAtFault(t *testing.T) {
	api, _ := up(t, stack.Config{Data: t.TempDir()})
	conn, err := grpc.NewClient(strings.TrimPrefix(strings.TrimSuffix(api, "/api"), "http://"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	_, err = ratingv1.NewUserServiceClient(conn).CreateUser(t.Context(), &ratingv1.CreateUserRequest{User: &ratingv1.User{}})
	require.Equal(t, codes.InvalidArgument, status.Code(err))
	require.Equal(t, map[string]string{"user.display_name": "must be at least 1 characters"}, violations(err))
}
