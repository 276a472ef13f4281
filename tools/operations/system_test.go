package operations

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsdial"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	"github.com/codingflow/rating/natsgrpc/registry"
	"github.com/codingflow/rating/proto/comments"
	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
	"github.com/codingflow/rating/proxy/auth"
	"github.com/codingflow/rating/proxy/natsproxy"
	proxy "github.com/codingflow/rating/proxy/server"
	rating "github.com/codingflow/rating/services/rating/server"
	"github.com/codingflow/rating/services/rating/store/database"
)

// discard is the log of parts that are not tested.
var discard = slog.New(slog.DiscardHandler)

// A system is the cluster's NATS, with the users and limits of k8s/base/nats, and what runs on it.
type system struct {
	ns    *server.Server
	seeds map[string]string // files, by the names of the users
	store string            // of NATS
	data  string            // the rating service's database
	urls  string            // of several servers, where there are more than ns
}

// newSystem makes the users' keys, and starts NATS.
func newSystem(t *testing.T) *system {
	t.Helper()
	s := &system{seeds: map[string]string{}, data: filepath.Join(t.TempDir(), "rating.db")}
	for _, name := range []string{"proxy", "rating", "nack", "admin"} {
		public, file := natsgrpctest.NewUser(t)
		t.Setenv(strings.ToUpper(name)+"_NKEY", public)
		s.seeds[name] = file
	}
	t.Setenv("POD_NAME", "nats-0")
	s.startNATS(t)
	return s
}

// startNATS starts a server with an empty store.
func (s *system) startNATS(t *testing.T) {
	t.Helper()
	options, err := server.ProcessConfigFile(root + "k8s/base/nats/nats.conf")
	require.NoError(t, err)
	s.store = t.TempDir()
	options.StoreDir, options.PidFile = s.store, ""
	options.Port, options.HTTPPort = server.RANDOM_PORT, 0
	s.ns = natsgrpctest.NewServerWith(t, options)
}

// loseNATS ends the server, and its store is gone.
func (s *system) loseNATS(t *testing.T) {
	t.Helper()
	s.ns.Shutdown()
	s.ns.WaitForShutdown()
	require.NoError(t, os.RemoveAll(s.store))
}

// connect connects as a user until the test ends.
func (s *system) connect(t *testing.T, name string) *nats.Conn {
	t.Helper()
	prefix := "_INBOX_" + name
	if name == "nack" {
		prefix = ""
	}
	url := s.urls
	if url == "" {
		url = s.ns.ClientURL()
	}
	config := natsdial.Config{URL: url, Security: natsdial.Security{NKey: s.seeds[name], InboxPrefix: prefix}}
	nc, err := config.Connect(name, discard)
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	return nc
}

// serve runs a worker that is the rating service's user and registers what register says, until it is stopped.
func (s *system) serve(t *testing.T, register func(*natsgrpc.Server), options ...natsgrpc.ServerOption) (stop func()) {
	t.Helper()
	worker, err := natsgrpc.NewServer(s.connect(t, "rating"), append(options, natsgrpc.WithVerifyOnly(), natsgrpc.WithLogger(discard))...)
	require.NoError(t, err)
	register(worker)
	return natsgrpctest.Serve(t, worker)
}

// serveRating runs the rating service, and waits until the descriptors of its three API services are published.
func (s *system) serveRating(t *testing.T) (stop func()) {
	t.Helper()
	store, err := database.Config{URL: s.data}.Open(t.Context(), discard, 4, 4)
	require.NoError(t, err)
	service, err := rating.New(store, rating.WithRequestID(natsgrpc.RequestID), rating.WithLogger(discard))
	require.NoError(t, err)
	drain := s.serve(t, func(w *natsgrpc.Server) { service.Register(w) },
		natsgrpc.WithUnaryInterceptors(service.Interceptor()), natsgrpc.WithPublishedDescriptors(comments.Add))
	closed := false
	stop = func() {
		if !closed {
			closed = true
			drain()
			require.NoError(t, store.Close())
		}
	}
	t.Cleanup(stop)
	admin := s.connect(t, "admin")
	require.Eventually(t, func() bool {
		published, err := registry.Read(t.Context(), admin)
		return err == nil && len(published.Services) == 3
	}, soon, tick)
	return stop
}

// broken is a user service with a bug.
type broken struct {
	ratingv1.UnimplementedUserServiceServer
}

// CreateUser panics.
func (broken) CreateUser(context.Context, *ratingv1.CreateUserRequest) (*ratingv1.User, error) {
	panic("a bug")
}

// A client sends requests to a proxy.
type client func(method, path, body string, header ...string) (code int, answer string)

// serveProxy runs a proxy until the test ends, or until stop is called.
func (s *system) serveProxy(t *testing.T) (request client, stop func()) {
	t.Helper()
	authenticator, err := auth.Config{}.New(discard)
	require.NoError(t, err)
	srv, closeConn, err := natsproxy.New(t.Context(), s.connect(t, "proxy"), natsproxy.Config{
		Server: proxy.Config{Title: "Rating API", Auth: authenticator, Logger: discard}, Logger: discard,
	})
	require.NoError(t, err)
	closed := false
	stop = func() {
		if !closed {
			closed = true
			require.NoError(t, closeConn())
			require.NoError(t, authenticator.Close())
		}
	}
	t.Cleanup(stop)
	return func(method, path, body string, header ...string) (int, string) {
		r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		w := httptest.NewRecorder()
		srv.ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}, stop
}

// names returns the display names of all users, in the order of a list.
func (c client) names(t *testing.T) []string {
	t.Helper()
	code, answer := c("GET", "/api/users?pageSize=100", "")
	require.Equal(t, 200, code, answer)
	var list struct {
		Users []struct{ DisplayName string }
	}
	require.NoError(t, json.Unmarshal([]byte(answer), &list))
	var names []string
	for _, user := range list.Users {
		names = append(names, user.DisplayName)
	}
	return names
}

// name returns the member "name" of an answer.
func name(t *testing.T, answer string) string {
	t.Helper()
	var resource struct{ Name string }
	require.NoError(t, json.Unmarshal([]byte(answer), &resource))
	require.NotEmpty(t, resource.Name, answer)
	return resource.Name
}
