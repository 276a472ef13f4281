package server

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	streampb "github.com/codingflow/rating/proto/natsgrpctest/v1"
	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
	"github.com/codingflow/rating/proxy/auth/authtest"
)

// holding is a user service that holds its calls of users/slow until they are let go.
func holding() (service *users, begun <-chan struct{}, release chan<- struct{}) {
	begins, releases := make(chan struct{}), make(chan struct{})
	return &users{get: func(ctx context.Context, r *ratingv1.GetUserRequest) (*ratingv1.User, error) {
		if r.GetName() == "users/slow" {
			select {
			case begins <- struct{}{}:
			case <-ctx.Done():
				return nil, ctx.Err()
			}
			<-releases
		}
		return &ratingv1.User{Name: r.GetName()}, nil
	}}, begins, releases
}

// from serves one request of an address.
func from(handler http.Handler, address, target string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, target, nil)
	r.RemoteAddr = net.JoinHostPort(address, "1234")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w
}

// hold has an address begin n calls, and returns a function that waits for their answers when they are let go.
func hold(t *testing.T, server *Server, begun <-chan struct{}, n int, address string, headers ...string) func() {
	t.Helper()
	codes := make(chan int, n)
	for range n {
		go func() { codes <- from(server, address, "/api/users/slow", headers...).Code }()
		<-begun
	}
	return func() {
		t.Helper()
		for range n {
			require.Equal(t, 200, <-codes)
		}
	}
}

func refusal(code int, message, status, reason string) string {
	return `{"error":{"code":` + strconv.Itoa(code) + `,"message":"` + message + `; try again later","status":"` + status +
		`","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"` + reason + `","domain":"admission"},` +
		`{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"1s"}]}}`
}

// A client that has all that it may gets 429, while another is served until all that may be are in flight: then there is 503.
// What is no call is served in any case.
func TestWhatIsInFlightIsBounded(t *testing.T) {
	service, begun, release := holding()
	server := newServer(t, service, Config{MaxInFlight: 3, MaxInFlightPerClient: 2})
	noisy := hold(t, server, begun, 2, "192.0.2.1")
	w := from(server, "192.0.2.1", "/api/users/ada")
	require.Equal(t, 429, w.Code)
	require.Equal(t, "1", w.Header().Get("Retry-After"))
	require.Equal(t, refusal(429, "too many requests of this client are in flight", "RESOURCE_EXHAUSTED", "CLIENT_LIMIT"), w.Body.String())
	require.Equal(t, 200, from(server, "192.0.2.2", "/api/users/ada").Code)

	polite := hold(t, server, begun, 1, "192.0.2.2")
	w = from(server, "192.0.2.3", "/api/users/ada")
	require.Equal(t, 503, w.Code)
	require.Equal(t, "1", w.Header().Get("Retry-After"))
	require.Equal(t, refusal(503, "too many requests are in flight", "UNAVAILABLE", "OVERLOADED"), w.Body.String())
	w = from(server, "192.0.2.3", "/api/users/ada", "Accept", "application/problem+json")
	require.Equal(t, `{"type":"about:blank","title":"Service Unavailable","status":503,"detail":"too many requests are in flight; try again later",`+
		`"code":"UNAVAILABLE","reason":"OVERLOADED","domain":"admission","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"1s"}]}`,
		w.Body.String())
	for target, code := range map[string]int{"/healthz": 200, "/readyz": 200, "/ui/": 200, "/docs": 200, "/openapi.json": 200, "/": 302, "/api/nothing": 404} {
		require.Equal(t, code, from(server, "192.0.2.1", target).Code, target)
	}
	close(release)
	noisy()
	polite()
	require.Equal(t, 200, from(server, "192.0.2.1", "/api/users/ada").Code)
}

// One client asks for as much as it can. The others are served all the time.
func TestANoisyClientStarvesNobody(t *testing.T) {
	service, begun, release := holding()
	server := newServer(t, service, Config{MaxInFlight: 36, MaxInFlightPerClient: 36})
	noisy := hold(t, server, begun, 32, "192.0.2.1")
	for range 100 {
		w := from(server, "192.0.2.1", "/api/users/ada")
		require.Equal(t, 429, w.Code)
		require.Equal(t, refusal(429, "there is little room left, and more requests of this client are in flight than of others",
			"RESOURCE_EXHAUSTED", "FAIR_SHARE"), w.Body.String())
		require.Equal(t, 200, from(server, "192.0.2.2", "/api/users/ada").Code)
		require.Equal(t, 200, from(server, "2001:db8::1", "/api/users/ada").Code)
	}
	polite := hold(t, server, begun, 3, "192.0.2.2")
	require.Equal(t, 200, from(server, "192.0.2.3", "/api/users/ada").Code)
	close(release)
	noisy()
	polite()
}

// Behind one address each principal is a client of its own, and from several addresses it is the same.
func TestAPrincipalIsOneClient(t *testing.T) {
	service, begun, release := holding()
	provider := authtest.NewProvider(t)
	guarded, _, _ := guarded(t, provider, Config{})
	server := newServer(t, service, Config{MaxInFlight: 100, MaxInFlightPerClient: 2, Auth: guarded.config.Auth})
	bearer := func(subject string) string { return "Bearer " + provider.Token(map[string]any{"sub": subject}) }
	ada := hold(t, server, begun, 2, "192.0.2.1", "Authorization", bearer("ada"))
	require.Equal(t, 429, from(server, "192.0.2.1", "/api/users/ada", "Authorization", bearer("ada")).Code)
	require.Equal(t, 429, from(server, "192.0.2.2", "/api/users/ada", "Authorization", bearer("ada")).Code)
	bob := hold(t, server, begun, 2, "192.0.2.1", "Authorization", bearer("bob"))
	require.Equal(t, 401, from(server, "192.0.2.1", "/api/users/ada").Code)
	close(release)
	ada()
	bob()
}

// Calls and streams of all protocols count, each for themselves.
func TestStreamsAreBoundedApart(t *testing.T) {
	release := make(chan struct{})
	begun := make(chan struct{}, 2)
	server := newStreams(t, &streams{download: func([]byte, grpc.ServerStreamingServer[streampb.DownloadResponse]) error {
		begun <- struct{}{}
		<-release
		return nil
	}}, Config{MaxStreams: 2, MaxStreamsPerClient: 2, MaxInFlight: 1, MaxInFlightPerClient: 1})
	r := run(t, server)
	client := streampb.NewStreamServiceClient(r.call(t))
	for range 2 {
		_, err := client.Download(t.Context(), &streampb.DownloadRequest{})
		require.NoError(t, err)
		<-begun
	}
	chat, err := client.Chat(t.Context())
	require.NoError(t, err)
	_, err = chat.Recv()
	st := status.Convert(err)
	require.Equal(t, codes.Unavailable, st.Code())
	require.Equal(t, "too many requests are in flight; try again later", st.Message())
	require.IsType(t, &errdetails.ErrorInfo{}, st.Details()[0])
	require.Equal(t, time.Second, st.Details()[1].(*errdetails.RetryInfo).GetRetryDelay().AsDuration())

	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	overConnect, err := connect.NewClient[streampb.DownloadRequest, streampb.DownloadResponse](
		&http.Client{Transport: transport}, "http://"+r.address+streampb.StreamService_Download_FullMethodName).
		CallServerStream(t.Context(), connect.NewRequest(&streampb.DownloadRequest{}))
	require.NoError(t, err)
	require.False(t, overConnect.Receive())
	require.Equal(t, connect.CodeUnavailable, connect.CodeOf(overConnect.Err()))
	require.NoError(t, overConnect.Close())
	close(release)
	r.stop()
	require.NoError(t, <-r.done)
}

// A call that would wait for too long is refused in every protocol, and counted for its method's clients only while it runs.
func TestACallThatWouldWaitIsRefused(t *testing.T) {
	waits := map[string]time.Duration{"/rating.v1.UserService/GetUser": 2500 * time.Millisecond}
	server := newServer(t, &users{}, Config{ExpectedWait: func(method string) (time.Duration, bool) {
		wait, known := waits[method]
		return wait, known
	}})
	w := from(server, "192.0.2.1", "/api/users/ada")
	require.Equal(t, 429, w.Code)
	require.Equal(t, "2", w.Header().Get("Retry-After"))
	require.Equal(t, strings.Replace(refusal(429, "so many requests are waiting that the answer would come late", "RESOURCE_EXHAUSTED", "BACKLOG"), "1s", "2s", 1), w.Body.String())
	require.Equal(t, 200, from(server, "192.0.2.1", "/api/users").Code, "another method")

	_, err := ratingv1.NewUserServiceClient(run(t, server).call(t)).GetUser(t.Context(), &ratingv1.GetUserRequest{Name: "users/ada"})
	require.Equal(t, codes.ResourceExhausted, status.Code(err))

	server = newServer(t, &users{}, Config{MaxWait: 2 * time.Second, ExpectedWait: server.config.ExpectedWait})
	require.Equal(t, 200, from(server, "192.0.2.1", "/api/users/ada").Code)
}

func TestLimitsOfAdmissionAreChecked(t *testing.T) {
	conn := dial(t, &users{})
	unknown := func(string) (time.Duration, bool) { return 0, false }
	for message, config := range map[string]Config{
		"server: admission: limits of -1 in flight and 1024 per client; want 1 or more": {MaxInFlight: -1},
		"server: admission: limits of 1024 in flight and -1 per client; want 1 or more": {MaxStreamsPerClient: -1},
		"server: admission: longest wait -1ns is not positive":                          {MaxWait: -1, ExpectedWait: unknown},
	} {
		_, err := New(conn, config)
		require.EqualError(t, err, message)
	}
	config, err := Config{}.withDefaults()
	require.NoError(t, err)
	require.Equal(t, []int{4096, 1024, 1024, 256}, []int{config.MaxInFlight, config.MaxInFlightPerClient, config.MaxStreams, config.MaxStreamsPerClient})
	require.Equal(t, time.Second, config.MaxWait)
}

// Clients are told of the header by which they say how long they wait.
func TestTheDocumentHasRequestTimeout(t *testing.T) {
	require.Contains(t, from(newServer(t, &users{}, Config{}), "192.0.2.1", "/openapi.json").Body.String(), `"name":"Request-Timeout"`)
}
