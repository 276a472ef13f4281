package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
	"github.com/codingflow/rating/proxy/server"
	"github.com/codingflow/rating/proxy/transcode"
)

// failingUsers fails with a given error.
type failingUsers struct {
	ratingv1.UnimplementedUserServiceServer
	err error
}

func (u failingUsers) GetUser(context.Context, *ratingv1.GetUserRequest) (*ratingv1.User, error) {
	return nil, u.err
}

// TestErrorsOfTheQueue has each error of natsgrpc that a queue can be brought to reach an HTTP client, one after the
// other: transcode may not import natsgrpc, so here is where the reasons of both must be the same.
func TestErrorsOfTheQueue(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	nc := natsgrpctest.Connect(t, ns)
	conn, err := natsgrpc.NewConn(nc)
	require.NoError(t, err)
	defer conn.Close()
	const header = "X-Large"
	proxy, err := server.New(conn, server.Config{RequestHeaders: []string{header}})
	require.NoError(t, err)
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	users := ratingv1.File_rating_v1_user_proto.Services().ByName("UserService")

	requireProblem := func(r *http.Request, httpStatus int, retryAfter, want string) {
		t.Helper()
		r.Header.Set("Accept", "application/problem+json")
		w := httptest.NewRecorder()
		proxy.ServeHTTP(w, r)
		require.Equal(t, want, w.Body.String())
		require.Equal(t, httpStatus, w.Code)
		require.Equal(t, retryAfter, w.Header().Get("Retry-After"))
	}
	get := func() *http.Request { return httptest.NewRequest(http.MethodGet, "/api/users/ada", nil) }
	create := func() *http.Request {
		r := httptest.NewRequest(http.MethodPost, "/api/users", strings.NewReader(`{"displayName":"Ada"}`))
		r.Header.Set("Content-Type", "application/json")
		return r
	}
	unavailable := func(detail, reason string) string {
		return `{"type":"about:blank","title":"Service Unavailable","status":503,"detail":"` + detail + `","code":"UNAVAILABLE","reason":"` +
			reason + `","domain":"` + natsgrpc.ErrorDomain + `"}`
	}

	requireProblem(get(), 503, "", unavailable("the service takes no requests at the moment", natsgrpc.ReasonNoQueue))

	require.NoError(t, natsgrpc.Ensure(t.Context(), js, users))
	requireProblem(get(), 503, "5", unavailable("no instance of the service is running", natsgrpc.ReasonNoWorkers))

	for _, queue := range natsgrpc.Queues(users) {
		queue.Stream.MaxMsgs = 1
		_, err = js.UpdateStream(t.Context(), queue.Stream)
		require.NoError(t, err)
	}
	_, err = js.Publish(t.Context(), "cmd.rating_v1_UserService.0.CreateUser.other", nil)
	require.NoError(t, err)
	requireProblem(create(), 429, "1", `{"type":"about:blank","title":"Too Many Requests","status":429,`+
		`"detail":"too many requests are waiting; try again later","code":"RESOURCE_EXHAUSTED","reason":"`+natsgrpc.ReasonQueueFull+
		`","domain":"natsgrpc","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"1s"}]}`)

	large := get()
	large.Header.Set(header, strings.Repeat("x", 70_000))
	requireProblem(large, 413, "", `{"type":"about:blank","title":"Request Entity Too Large","status":413,`+
		`"detail":"the request or its answer is too large","code":"RESOURCE_EXHAUSTED","reason":"`+natsgrpc.ReasonMessageTooLarge+`","domain":"natsgrpc"}`)

	// A service's own reason means what the service says.
	st, err := status.New(codes.ResourceExhausted, "the picture is too large").WithDetails(
		&errdetails.ErrorInfo{Reason: natsgrpc.ReasonMessageTooLarge, Domain: "rating.example.com"},
		&errdetails.RetryInfo{RetryDelay: durationpb.New(90 * time.Second)})
	require.NoError(t, err)
	stop := startWorker(t, ns, failingUsers{err: st.Err()})
	requireProblem(get(), 429, "90", `{"type":"about:blank","title":"Too Many Requests","status":429,`+
		`"detail":"the picture is too large","code":"RESOURCE_EXHAUSTED","reason":"MESSAGE_TOO_LARGE","domain":"rating.example.com",`+
		`"details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"90s"}]}`)
	stop()

	ns.Shutdown()
	require.Eventually(t, func() bool { return !nc.IsConnected() }, 20*time.Second, time.Millisecond)
	requireProblem(get(), 503, "5", unavailable("the service cannot be reached at the moment", natsgrpc.ReasonNotConnected))
}

// TestEveryReasonHasAText has the reasons that TestErrorsOfTheQueue has not, too.
func TestEveryReasonHasAText(t *testing.T) {
	for _, reason := range []string{
		natsgrpc.ReasonQueueFull, natsgrpc.ReasonBacklog, natsgrpc.ReasonNoWorkers, natsgrpc.ReasonMessageTooLarge,
		natsgrpc.ReasonNoQueue, natsgrpc.ReasonNotConnected, natsgrpc.ReasonNotConfirmed, natsgrpc.ReasonPartsLost,
		natsgrpc.ReasonStreamNotClaimed, natsgrpc.ReasonStreamBroken, natsgrpc.ReasonIdempotencyKeyReused,
	} {
		st, err := status.New(codes.Unavailable, "natsgrpc: m").WithDetails(&errdetails.ErrorInfo{Reason: reason, Domain: natsgrpc.ErrorDomain})
		require.NoError(t, err)
		got := transcode.Presentable(st).Message()
		require.NotContains(t, []string{"natsgrpc: m", "the call failed"}, got, reason)
	}
}
