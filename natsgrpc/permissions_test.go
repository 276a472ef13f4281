package natsgrpc_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/health/grpc_health_v1"
)

// user makes a NATS user with permissions, whose password is its name.
func user(name string, p natsgrpc.Permissions) *server.User {
	permissions := &server.Permissions{
		Publish:   &server.SubjectPermission{Allow: p.Publish},
		Subscribe: &server.SubjectPermission{Allow: p.Subscribe},
	}
	if p.Responses {
		permissions.Response = &server.ResponsePermission{MaxMsgs: 1, Expires: time.Minute}
	}
	return &server.User{Username: name, Password: name, Permissions: permissions}
}

// secured runs a NATS server with an administrator, a service's user and a proxy's, and returns what connects each.
func secured(t *testing.T) func(name string) (nc *nats.Conn, violations func() []string) {
	t.Helper()
	ns, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true,
		Users: []*server.User{
			{Username: "admin", Password: "admin"},
			user("echo", natsgrpc.ServerPermissions("_INBOX_echo", echoService)),
			user("proxy", natsgrpc.ConnPermissions("_INBOX_proxy", echoService)),
		},
	})
	require.NoError(t, err)
	ns.Start()
	t.Cleanup(func() {
		ns.Shutdown()
		ns.WaitForShutdown()
	})
	require.True(t, ns.ReadyForConnections(10*time.Second))
	return func(name string) (*nats.Conn, func() []string) {
		denied := make(chan string, 100)
		nc, err := nats.Connect(ns.ClientURL(), nats.UserInfo(name, name), nats.CustomInboxPrefix("_INBOX_"+name),
			nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
				if errors.Is(err, nats.ErrPermissionViolation) {
					denied <- err.Error()
				}
			}))
		require.NoError(t, err)
		t.Cleanup(nc.Close)
		return nc, func() []string {
			// Violations are told in order, so what comes before that of the sentinel is all there is.
			require.NoError(t, nc.Publish("sentinel", nil))
			var all []string
			for {
				select {
				case violation := <-denied:
					if strings.Contains(strings.ToLower(violation), `"sentinel"`) {
						return all
					}
					all = append(all, violation)
				case <-time.After(5 * time.Second):
					require.Fail(t, "the sentinel was not denied")
				}
			}
		}
	}
}

func TestAServiceAndAProxyWorkWithLeastPermissions(t *testing.T) {
	connectAs := secured(t)
	admin, _ := connectAs("admin")
	js, err := jetstream.New(admin)
	require.NoError(t, err)
	require.NoError(t, natsgrpc.Ensure(t.Context(), js, echoService))

	service, serviceViolations := connectAs("echo")
	serve(t, service, register(echo), natsgrpc.WithVerifyOnly())
	proxy, proxyViolations := connectAs("proxy")
	conn := connect(t, proxy)
	for name, call := range shapes {
		got, err := call(t.Context(), conn, "hello")
		require.NoError(t, err, name)
		require.Equal(t, "hello", got)
	}
	_, err = admin.Request("alive.natsgrpctest_v1_EchoService", nil, time.Second)
	require.NoError(t, err, "a probe is answered")
	require.Empty(t, serviceViolations())
	require.Empty(t, proxyViolations())
	require.Eventually(t, func() bool { return pending(t, stream(t, admin, commandStream)) == 0 }, 5*time.Second, 10*time.Millisecond)
}

func TestWhatAServiceMayNotDoIsDenied(t *testing.T) {
	connectAs := secured(t)
	admin, _ := connectAs("admin")
	js, err := jetstream.New(admin)
	require.NoError(t, err)
	other := grpc_health_v1.File_grpc_health_v1_health_proto.Services().ByName("Health")
	require.NoError(t, natsgrpc.Ensure(t.Context(), js, echoService, other))

	const otherQueue = "CMD_grpc_health_v1_Health_0"
	denied := map[string][]string{
		"echo": {
			"cmd.natsgrpctest_v1_EchoService.0.Command.id", "qry.natsgrpctest_v1_EchoService.0.Query.id", // calls are the proxy's
			"rsp.grpc_health_v1_Health.id.conn", "rep.grpc_health_v1_Health.conn.1", // answers of another service
			"$JS.API.CONSUMER.MSG.NEXT." + otherQueue + ".workers", "$JS.ACK." + otherQueue + ".workers.1.1.1.1.0",
			"$JS.API.STREAM.CREATE.X", "$JS.API.STREAM.UPDATE." + commandStream, "$JS.API.STREAM.DELETE." + commandStream,
			"$JS.API.STREAM.PURGE." + commandStream, "$JS.API.STREAM.MSG.GET." + commandStream, "$JS.API.DIRECT.GET.RESPONSES",
			"$JS.API.STREAM.MSG.DELETE." + commandStream,
			"$JS.API.CONSUMER.CREATE." + commandStream, "$JS.API.CONSUMER.CREATE." + commandStream + ".spy",
			"$JS.API.CONSUMER.DURABLE.CREATE." + commandStream + ".spy", "$JS.API.CONSUMER.DELETE." + commandStream + ".workers",
			"$JS.API.STREAM.INFO." + otherQueue, "$JS.API.STREAM.NAMES", "_INBOX_proxy.x", "alive.natsgrpctest_v1_EchoService",
		},
		"proxy": {
			"cmd.grpc_health_v1_Health.0.Check.id", // a service that it does not call
			"rsp.natsgrpctest_v1_EchoService.id.conn", "rep.natsgrpctest_v1_EchoService.conn.1",
			"$JS.API.CONSUMER.MSG.NEXT." + commandStream + ".workers", "$JS.ACK." + commandStream + ".workers.1.1.1.1.0",
			"$JS.API.STREAM.CREATE.X", "$JS.API.STREAM.DELETE." + commandStream, "$JS.API.STREAM.MSG.GET." + commandStream,
		},
	}
	for name, subjects := range denied {
		nc, violations := connectAs(name)
		for _, subject := range subjects {
			require.NoError(t, nc.Publish(subject, []byte("{}")))
			got := violations()
			require.Len(t, got, 1, "%s publishes to %s", name, subject)
			require.Contains(t, strings.ToLower(got[0]), strings.ToLower(`to "`+subject+`"`))
		}
	}
	forbidden := map[string][]string{
		"echo":  {">", "_INBOX_proxy.>", "cmd.>", "qry.>", "rsp.>", "rep.>", "alive.grpc_health_v1_Health", "$JS.API.>"},
		"proxy": {">", "_INBOX_echo.>", "cmd.>", "qry.>", "$JS.API.>", "$JS.ACK.>"},
	}
	for name, subjects := range forbidden {
		nc, violations := connectAs(name)
		for _, subject := range subjects {
			_, err := nc.SubscribeSync(subject)
			require.NoError(t, err)
			got := violations()
			require.True(t, slices.ContainsFunc(got, func(text string) bool { return strings.Contains(text, `"`+subject+`"`) }),
				"%s subscribes to %s: %v", name, subject, got)
		}
	}
	info, err := js.Stream(t.Context(), commandStream)
	require.NoError(t, err)
	require.Zero(t, info.CachedInfo().State.Msgs)
}
