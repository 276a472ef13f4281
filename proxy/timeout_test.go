package main

import (
	"context"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
	"github.com/codingflow/rating/proxy/server"
)

// timedUsers tells how much time its calls have.
type timedUsers struct {
	ratingv1.UnimplementedUserServiceServer
	times chan time.Duration
}

func (u timedUsers) GetUser(ctx context.Context, r *ratingv1.GetUserRequest) (*ratingv1.User, error) {
	deadline, _ := ctx.Deadline()
	u.times <- time.Until(deadline)
	return &ratingv1.User{Name: r.GetName()}, nil
}

// A client's deadline reaches the service whatever the protocol, and is capped by the method's own timeout, 10 seconds by
// default, where the proxy allows 30.
func TestClientDeadlinesReachTheService(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	users := timedUsers{times: make(chan time.Duration, 1)}
	startWorker(t, ns, users)
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	conn, err := natsgrpc.NewConn(natsgrpctest.Connect(t, ns))
	require.NoError(t, err)
	defer conn.Close()
	proxy, err := server.New(conn, server.Config{})
	require.NoError(t, err)
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go func() { served <- proxy.Serve(ctx, listener) }()
	transport := &http.Transport{}
	send := func(request *http.Request, err error, name, value string) {
		t.Helper()
		require.NoError(t, err)
		request.Header.Set(name, value)
		response, err := transport.RoundTrip(request)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, 200, response.StatusCode)
	}
	rest := func(header, value string) func() {
		return func() {
			request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+listener.Addr().String()+"/api/users/ada", nil)
			send(request, err, header, value)
		}
	}
	connect := func(value string) func() {
		return func() {
			request, err := http.NewRequestWithContext(ctx, http.MethodPost,
				"http://"+listener.Addr().String()+ratingv1.UserService_GetUser_FullMethodName, strings.NewReader(`{"name":"users/ada"}`))
			request.Header.Set("Content-Type", "application/json")
			send(request, err, "Connect-Timeout-Ms", value)
		}
	}
	caller, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	overGRPC := func(timeout time.Duration) func() {
		return func() {
			ctx, cancel := context.WithTimeout(ctx, timeout)
			defer cancel()
			_, err := ratingv1.NewUserServiceClient(caller).GetUser(ctx, &ratingv1.GetUserRequest{Name: "users/ada"})
			require.NoError(t, err)
		}
	}
	for _, test := range []struct {
		name        string
		call        func()
		least, most time.Duration
	}{
		{"REST, less", rest("Request-Timeout", "8"), 0, 8 * time.Second},
		{"REST, more", rest("Request-Timeout", "60"), 8 * time.Second, 10 * time.Second},
		{"REST, Grpc-Timeout", rest("Grpc-Timeout", "8000m"), 0, 8 * time.Second},
		{"Connect, less", connect("8000"), 0, 8 * time.Second},
		{"Connect, more", connect("60000"), 8 * time.Second, 10 * time.Second},
		{"gRPC, less", overGRPC(8 * time.Second), 0, 8 * time.Second},
		{"gRPC, more", overGRPC(time.Minute), 8 * time.Second, 10 * time.Second},
	} {
		test.call()
		got := <-users.times
		require.Greater(t, got, test.least, test.name)
		require.LessOrEqual(t, got, test.most, test.name)
	}
	require.NoError(t, caller.Close())
	transport.CloseIdleConnections()
	stop()
	require.NoError(t, <-served)
}
