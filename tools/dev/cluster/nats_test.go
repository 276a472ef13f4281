package cluster_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/nack/nacktest"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	"github.com/codingflow/rating/natsgrpc/registry"
	"github.com/codingflow/rating/proto/comments"
	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
	"github.com/codingflow/rating/proxy/auth"
	"github.com/codingflow/rating/proxy/natsproxy"
	"github.com/codingflow/rating/proxy/operations"
	proxy "github.com/codingflow/rating/proxy/server"
	rating "github.com/codingflow/rating/services/rating/server"
	"github.com/codingflow/rating/services/rating/store/database"
	"github.com/codingflow/rating/tools/dev/cluster"
)

func TestTheServerIsConfiguredForAPod(t *testing.T) {
	options, _ := configure(t, natsConf)
	require.Equal(t, "nats-0", options.ServerName)
	require.Equal(t, "0.0.0.0:4222", address(options.Host, options.Port))
	require.Equal(t, "0.0.0.0:8222", address(options.HTTPHost, options.HTTPPort))
	require.Equal(t, "/data", options.StoreDir)
	require.Equal(t, "/run/nats/nats.pid", options.PidFile)
	require.Equal(t, 2*time.Minute, options.SyncInterval)
	require.Equal(t, 10*time.Second, options.LameDuckGracePeriod)
	require.Equal(t, 30*time.Second, options.LameDuckDuration)
	require.EqualValues(t, 256<<20, options.JetStreamMaxMemory)
	require.EqualValues(t, 4<<30, options.JetStreamMaxStore)
	require.Zero(t, options.MaxPayload, "NATS's default")
	require.Equal(t, "SYS", options.SystemAccount)
	require.Len(t, options.Nkeys, 3+len(cluster.ProgramNames()))
	for _, user := range options.Nkeys {
		require.Equal(t, "APP", user.Account.Name)
	}
	require.Empty(t, options.Users)
	require.Empty(t, options.NoAuthUser)
	require.Empty(t, options.Cluster.Name)
}

func address(host string, port int) string { return fmt.Sprintf("%s:%d", host, port) }

func TestThreeServersFindEachOther(t *testing.T) {
	// as kustomize puts them together
	dir := t.TempDir()
	for name, file := range map[string]string{
		"nats.conf": natsConf, "users.conf": manifests + "base/nats/users.conf", "cluster.conf": manifests + "components/replicated/cluster.conf",
	} {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), text, 0o600))
	}
	options, _ := configure(t, filepath.Join(dir, "nats.conf"))
	require.Equal(t, "rating", options.Cluster.Name)
	require.Equal(t, "0.0.0.0:6222", address(options.Cluster.Host, options.Cluster.Port))
	require.True(t, options.Cluster.NoAdvertise)
	var routes []string
	for _, route := range options.Routes {
		routes = append(routes, route.String())
	}
	require.Equal(t, []string{"nats://nats-0.nats-headless:6222", "nats://nats-1.nats-headless:6222", "nats://nats-2.nats-headless:6222"}, routes)
}

// All of it at work, each part as its user: NACK makes the queues of the committed resources, the rating service finds them
// right and serves, and the proxy calls it.
func TestEachProgramWorksAsItsUser(t *testing.T) {
	s := start(t)
	controller, controllerDenied := s.connect(t, "nack", "")
	text, err := os.ReadFile(queuesFile)
	require.NoError(t, err)
	nacktest.Apply(t, controller, text)
	require.Empty(t, controllerDenied())

	admin, _ := s.connect(t, "admin", "_INBOX_admin")
	js, err := jetstream.New(admin)
	require.NoError(t, err)
	require.NoError(t, natsgrpc.Verify(t.Context(), js, services()...))
	elsewhere, err := jetstream.New(natsgrpctest.Connect(t, natsgrpctest.NewServer(t)))
	require.NoError(t, err)
	require.NoError(t, operations.Ensure(t.Context(), elsewhere))
	require.Equal(t, bucket(t, elsewhere), bucket(t, js), "what a proxy would make")

	worker, workerDenied := s.connect(t, "rating", "_INBOX_rating")
	serveRating(t, worker)
	caller, callerDenied := s.connect(t, "proxy", "_INBOX_proxy")
	request := serveProxy(t, caller)

	code, body := request("POST", "/api/users", `{"displayName": "Ada"}`)
	require.Equal(t, 200, code, body)
	code, body = request("GET", "/api/users", "")
	require.Equal(t, 200, code, body)
	require.Contains(t, body, `"displayName":"Ada"`)
	code, body = request("POST", "/api/services", `{"displayName": "Café"}`, "Prefer", "respond-async")
	require.Equal(t, 202, code, body)
	var operation struct{ Name string }
	require.NoError(t, json.Unmarshal([]byte(body), &operation))
	code, body = request("POST", "/api/"+operation.Name+":wait", "{}")
	require.Equal(t, 200, code, body)
	require.Contains(t, body, `"displayName":"Café"`)

	letters, err := natsgrpc.NewDeadLetters(admin)
	require.NoError(t, err)
	_, err = letters.Get(t.Context(), "id")
	require.ErrorIs(t, err, natsgrpc.ErrNoDeadLetter)
	published, err := registry.Read(t.Context(), admin)
	require.NoError(t, err)
	require.Len(t, published.Services, len(services()))
	require.Empty(t, workerDenied())
	require.Empty(t, callerDenied())
}

// bucket returns how the proxy's bucket of operations is.
func bucket(t *testing.T, js jetstream.JetStream) jetstream.StreamConfig {
	t.Helper()
	stream, err := js.Stream(t.Context(), operations.Stream().Name)
	require.NoError(t, err)
	return stream.CachedInfo().Config
}

// services are those that the cluster runs.
func services() []protoreflect.ServiceDescriptor {
	return []protoreflect.ServiceDescriptor{
		ratingv1.File_rating_v1_user_proto.Services().Get(0),
		ratingv1.File_rating_v1_service_proto.Services().Get(0),
		ratingv1.File_rating_v1_rating_proto.Services().Get(0),
	}
}

// serveRating runs the rating service until the test ends, as it runs in the cluster: it makes no queues.
func serveRating(t *testing.T, nc *nats.Conn) {
	t.Helper()
	logger := slog.New(slog.DiscardHandler)
	st, err := database.Config{URL: filepath.Join(t.TempDir(), "rating.db")}.Open(t.Context(), logger, 4, 4)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, st.Close()) })
	service, err := rating.New(st, rating.WithRequestID(natsgrpc.RequestID), rating.WithLogger(logger))
	require.NoError(t, err)
	worker, err := natsgrpc.NewServer(nc, natsgrpc.WithVerifyOnly(), natsgrpc.WithUnaryInterceptors(service.Interceptor()),
		natsgrpc.WithPublishedDescriptors(comments.Add), natsgrpc.WithLogger(logger))
	require.NoError(t, err)
	service.Register(worker)
	natsgrpctest.Serve(t, worker)
}

// serveProxy runs a proxy until the test ends, and returns what sends it a request.
func serveProxy(t *testing.T, nc *nats.Conn) func(method, path, body string, header ...string) (int, string) {
	t.Helper()
	logger := slog.New(slog.DiscardHandler)
	authenticator, err := auth.Config{}.New(logger)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, authenticator.Close()) })
	srv, stop, err := natsproxy.New(t.Context(), nc, natsproxy.Config{
		Server: proxy.Config{Title: "Rating API", Auth: authenticator, Logger: logger}, Logger: logger,
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, stop()) })
	return func(method, path, body string, header ...string) (int, string) {
		r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		w := httptest.NewRecorder()
		srv.ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
}

func TestEachUserIsRefusedWhatOthersDo(t *testing.T) {
	s := start(t)
	for name, test := range map[string]struct {
		inbox              string
		publish, subscribe []string
	}{
		"proxy": {
			inbox: "_INBOX_proxy",
			publish: []string{
				"rsp.rating_v1_UserService.id.conn", "rep.rating_v1_UserService.conn.1", "dead.rating_v1_UserService.CreateUser.id",
				"$JS.API.CONSUMER.MSG.NEXT.QRY_rating_v1_UserService_0.workers", "$JS.ACK.CMD_rating_v1_UserService_0.workers.1.1.1.1.0",
				"$KV.DESCRIPTORS.rating_v1_UserService.latest",
				"$JS.API.STREAM.CREATE.X", "$JS.API.STREAM.UPDATE.KV_OPERATIONS", "$JS.API.STREAM.DELETE.KV_OPERATIONS", "_INBOX_rating.x", "_INBOX.x",
			},
			subscribe: []string{">", "_INBOX.>", "_INBOX_rating.>", "cmd.>", "qry.>", "str.rating_v1_UserService.>", "alive.rating_v1_UserService"},
		},
		"rating": {
			inbox: "_INBOX_rating",
			publish: []string{
				"cmd.rating_v1_UserService.0.CreateUser.id", "qry.rating_v1_UserService.0.GetUser.id", "$KV.OPERATIONS.x.y",
				"$JS.API.DIRECT.GET.KV_OPERATIONS", "rsp.moderation_v1_ModerationService.id.conn",
				"$JS.API.STREAM.CREATE.X", "$JS.API.STREAM.DELETE.CMD_rating_v1_UserService_0", "$JS.API.STREAM.PURGE.CMD_rating_v1_UserService_0",
				"$JS.API.CONSUMER.CREATE.CMD_rating_v1_UserService_0.workers", "_INBOX_proxy.x", "_INBOX.x",
			},
			subscribe: []string{">", "_INBOX.>", "_INBOX_proxy.>", "rsp.*.*.*", "rep.*.*.*", "cmd.>"},
		},
		"nack": {
			publish: []string{
				"$JS.API.STREAM.DELETE.RESPONSES", "$JS.API.STREAM.PURGE.RESPONSES", "$JS.API.STREAM.MSG.GET.RESPONSES", "$JS.API.STREAM.MSG.DELETE.RESPONSES",
				"$JS.API.DIRECT.GET.RESPONSES", "$JS.API.CONSUMER.DELETE.CMD_rating_v1_UserService_0.workers",
				"$JS.API.CONSUMER.MSG.NEXT.CMD_rating_v1_UserService_0.workers", "cmd.rating_v1_UserService.0.CreateUser.id",
				"rsp.rating_v1_UserService.id.conn", "$KV.OPERATIONS.x.y", "_INBOX_proxy.x", "_INBOX_rating.x",
			},
			subscribe: []string{">", "_INBOX_proxy.>", "_INBOX_rating.>", "_INBOX_admin.>", "rsp.>", "cmd.>", "$JS.EVENT.>"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			nc, denied := s.connect(t, name, test.inbox)
			for _, subject := range test.publish {
				require.NoError(t, nc.PublishRequest(subject, nc.NewInbox(), nil))
				got := denied()
				require.Len(t, got, 1, "%s publishes to %s", name, subject)
				require.Contains(t, strings.ToLower(got[0]), strings.ToLower(`publish to "`+subject+`"`))
			}
			for _, subject := range test.subscribe {
				_, err := nc.SubscribeSync(subject)
				require.NoError(t, err)
				got := denied()
				require.Len(t, got, 1, "%s subscribes to %s", name, subject)
				require.Contains(t, got[0], `Subscription to "`+subject+`"`)
			}
		})
	}
}

func TestStrangersAreRefused(t *testing.T) {
	s := start(t)
	_, err := nats.Connect(s.ns.ClientURL())
	require.ErrorIs(t, err, nats.ErrAuthorization)
	_, err = nats.Connect(s.ns.ClientURL(), nats.UserInfo("admin", "admin"))
	require.ErrorIs(t, err, nats.ErrAuthorization)
	_, others := configure(t, natsConf) // new keys
	option, err := nats.NkeyOptionFromSeed(others["admin"])
	require.NoError(t, err)
	_, err = nats.Connect(s.ns.ClientURL(), option)
	require.ErrorIs(t, err, nats.ErrAuthorization)
}
