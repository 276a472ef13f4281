package natsgrpc_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	pb "github.com/codingflow/rating/proto/natsgrpctest/v1"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
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

// health is a service of somebody else than echoService and streamService.
var (
	streamService = pb.File_natsgrpctest_v1_stream_proto.Services().ByName("StreamService")
	health        = grpc_health_v1.File_grpc_health_v1_health_proto.Services().ByName("Health")
)

// secured runs a NATS server with the queues of all services, an administrator, and a user for a server and a client of
// the test services and of health. It returns what connects each of them.
func secured(t *testing.T) func(name string) (nc *nats.Conn, violations func() []string) {
	t.Helper()
	ns := natsgrpctest.NewServerWith(t, &server.Options{Users: []*server.User{
		{Username: "admin", Password: "admin"},
		user("echo", natsgrpc.ServerPermissions("_INBOX_echo", echoService, streamService)),
		user("proxy", natsgrpc.ConnPermissions("_INBOX_proxy", echoService, streamService)),
		user("live", natsgrpc.ProxyPermissions("_INBOX_live")),
		user("health", natsgrpc.ServerPermissions("_INBOX_health", health)),
		user("probe", natsgrpc.ConnPermissions("_INBOX_probe", health)),
	}})
	admin, err := nats.Connect(ns.ClientURL(), nats.UserInfo("admin", "admin"))
	require.NoError(t, err)
	defer admin.Close()
	js, err := jetstream.New(admin)
	require.NoError(t, err)
	require.NoError(t, natsgrpc.Ensure(t.Context(), js, echoService, streamService, health))
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
				case <-time.After(soon):
					require.Fail(t, "the sentinel was not denied")
				}
			}
		}
	}
}

func TestAServiceAndAProxyWorkWithLeastPermissions(t *testing.T) {
	connectAs := secured(t)
	service, serviceViolations := connectAs("echo")
	serve(t, service, func(registrar grpc.ServiceRegistrar) {
		register(func(_ context.Context, payload []byte) ([]byte, error) {
			if string(payload) == "poison" {
				panic("a bug")
			}
			return payload, nil
		})(registrar)
		streams(natsgrpctest.Streams{OnChat: natsgrpctest.EchoChat})(registrar)
	}, natsgrpc.WithVerifyOnly())
	proxy, proxyViolations := connectAs("proxy")
	conn := connect(t, proxy)
	for name, call := range shapes {
		got, err := call(t.Context(), conn, "hello")
		require.NoError(t, err, name)
		require.Equal(t, "hello", got)
	}
	_, err := command(t.Context(), conn, "poison")
	require.Equal(t, natsgrpc.ReasonAttemptsExhausted, reason(err), "%v", err)
	chatting := chat(t.Context(), t, conn)
	require.NoError(t, chatting.CloseSend())
	require.ErrorIs(t, endOf(chatting), io.EOF)

	admin, _ := connectAs("admin")
	for _, subject := range []string{"alive.natsgrpctest_v1_EchoService", "alive.natsgrpctest_v1_StreamService"} {
		_, err = admin.Request(subject, nil, soon)
		require.NoError(t, err, "a probe is answered")
	}
	require.Empty(t, serviceViolations())
	require.Empty(t, proxyViolations())
	require.EqualValues(t, 1, pending(t, stream(t, admin, "DEAD")))
	require.Eventually(t, func() bool { return pending(t, stream(t, admin, commandStream)) == 0 }, soon, 10*time.Millisecond)
}

// Servers of two versions are one user, and hand calls to each other.
func TestACanaryWorksWithLeastPermissions(t *testing.T) {
	connectAs := secured(t)
	older, olderViolations := connectAs("echo")
	newer, newerViolations := connectAs("echo")
	serve(t, older, func(registrar grpc.ServiceRegistrar) {
		registrar.RegisterService(&grpc.ServiceDesc{ServiceName: pb.EchoService_ServiceDesc.ServiceName}, nil)
	}, natsgrpc.WithVerifyOnly())
	proxy, _ := connectAs("proxy")
	conn := connect(t, proxy)
	var calls []<-chan result
	for _, call := range shapes {
		calls = append(calls, begin(t.Context(), func(ctx context.Context) (string, error) { return call(ctx, conn, "x") }))
	}
	admin, _ := connectAs("admin")
	js, err := jetstream.New(admin)
	require.NoError(t, err)
	for _, queue := range []string{queryStream, commandStream} {
		require.Eventually(t, func() bool {
			consumer, err := js.Consumer(t.Context(), queue, "workers")
			return err == nil && consumer.CachedInfo().NumAckPending == 1
		}, soon, time.Millisecond)
	}
	serve(t, newer, register(echo), natsgrpc.WithVerifyOnly())
	for _, call := range calls {
		require.Equal(t, result{answer: "x"}, await(t, "a call", call))
	}
	require.Empty(t, olderViolations())
	require.Empty(t, newerViolations())
}

func TestWhatAUserMayNotDoIsDenied(t *testing.T) {
	connectAs := secured(t)
	admin, _ := connectAs("admin")
	js, err := jetstream.New(admin)
	require.NoError(t, err)

	// What others have, and may not be read or changed: a call that health has pulled, one that waits in echo's queue,
	// an answer, a dead letter, and subscriptions.
	const healthQueue = "CMD_grpc_health_v1_Health_0"
	for _, subject := range []string{
		"cmd.grpc_health_v1_Health.0.Check.id", "cmd.natsgrpctest_v1_EchoService.0.Command.id",
		"rsp.grpc_health_v1_Health.id.conn", "dead.grpc_health_v1_Health.Check.id",
	} {
		_, err := js.Publish(t.Context(), subject, nil)
		require.NoError(t, err)
	}
	before := everything(t, js)
	victim, _ := connectAs("health")
	pulled, err := victim.Request("$JS.API.CONSUMER.MSG.NEXT."+healthQueue+".workers", []byte(`{"batch": 1, "expires": 5000000000}`), 5*time.Second)
	require.NoError(t, err)
	require.Contains(t, pulled.Reply, "$JS.ACK.")
	probe, _ := connectAs("probe")
	subscriptions := map[string]*nats.Subscription{}
	subscribe := func(nc *nats.Conn, subject string) {
		sub, err := nc.SubscribeSync(subject)
		require.NoError(t, err)
		require.NoError(t, nc.Flush())
		subscriptions[subject] = sub
	}
	subscribe(victim, "str.grpc_health_v1_Health.>")
	subscribe(victim, "alive.grpc_health_v1_Health")
	subscribe(victim, "seek.grpc_health_v1_Health.>")
	subscribe(victim, "hand.grpc_health_v1_Health.>")
	subscribe(victim, "_INBOX_health.>")
	subscribe(probe, "rep.*.conn.*")
	subscribe(probe, "rsp.*.*.conn")
	subscribe(probe, "_INBOX_probe.>")

	// manage returns the requests to JetStream that only an administrator may make of a stream.
	manage := func(stream string) (subjects []string) {
		for _, request := range []string{
			"STREAM.CREATE.%s", "STREAM.UPDATE.%s", "STREAM.DELETE.%s", "STREAM.PURGE.%s", "STREAM.MSG.GET.%s",
			"STREAM.MSG.DELETE.%s", "STREAM.SNAPSHOT.%s", "STREAM.RESTORE.%s", "DIRECT.GET.%s", "DIRECT.GET.%s.rsp.x.id.conn",
			"CONSUMER.CREATE.%s", "CONSUMER.CREATE.%s.spy", "CONSUMER.CREATE.%s.spy.rsp.x.id.conn", "CONSUMER.CREATE.%s.workers",
			"CONSUMER.DURABLE.CREATE.%s.spy", "CONSUMER.DURABLE.CREATE.%s.workers", "CONSUMER.DELETE.%s.workers",
			"CONSUMER.PAUSE.%s.workers", "CONSUMER.UNPIN.%s.workers", "CONSUMER.NAMES.%s", "CONSUMER.LIST.%s",
		} {
			subjects = append(subjects, "$JS.API."+fmt.Sprintf(request, stream))
		}
		return subjects
	}
	nobody := slices.Concat(manage("X"), manage(commandStream), manage(healthQueue), manage("RESPONSES"), manage("DEAD"), manage("KV_DESCRIPTORS"), []string{
		"$KV.DESCRIPTORS.grpc_health_v1_Health.latest", "$KV.DESCRIPTORS.natsgrpctest_v1_Other.latest", "$KV.DESCRIPTORS.x",
		"$JS.API.DIRECT.GET.KV_DESCRIPTORS.$KV.DESCRIPTORS.grpc_health_v1_Health.latest", "$JS.FC.KV_DESCRIPTORS.x.y",
		"$JS.API.INFO", "$JS.API.STREAM.NAMES", "$JS.API.STREAM.LIST", "$JS.API.STREAM.INFO." + healthQueue,
		"$JS.API.CONSUMER.INFO." + healthQueue + ".workers", "$JS.API.CONSUMER.MSG.NEXT." + healthQueue + ".workers",
		pulled.Reply, // acknowledges the call that health has
		"$JS.ACK." + healthQueue + ".workers.1.1.1.1.0", "$JS.ACK._.hash." + healthQueue + ".workers.1.1.1.1.0.token",
		"str.grpc_health_v1_Health.server.1", "rsp.grpc_health_v1_Health.id.conn", "rep.grpc_health_v1_Health.conn.1",
		"dead.grpc_health_v1_Health.Check.id", "cmd.grpc_health_v1_Health.0.Check.id", "qry.grpc_health_v1_Health.0.Check.id",
		"alive.grpc_health_v1_Health", "_INBOX_health.x", "_INBOX_probe.x",
		"seek.grpc_health_v1_Health.cmd.0.Check.1", "hand.grpc_health_v1_Health.server.1.x",
	})
	for name, own := range map[string][]string{
		"echo": { // calls, streams to servers, and probes are a client's
			"cmd.natsgrpctest_v1_EchoService.0.Command.id", "qry.natsgrpctest_v1_EchoService.0.Query.id",
			"cmd.natsgrpctest_v1_StreamService.0.Chat.id", "qry.natsgrpctest_v1_StreamService.0.Download.id",
			"str.natsgrpctest_v1_StreamService.server.1", "alive.natsgrpctest_v1_EchoService", "_INBOX_proxy.x", "_INBOX_echo.x",
		},
		"proxy": { // answers, dead letters, queues, hand-overs and descriptors are a server's
			"seek.natsgrpctest_v1_EchoService.cmd.0.Command.1", "hand.natsgrpctest_v1_EchoService.server.1.x",
			"$KV.DESCRIPTORS.natsgrpctest_v1_EchoService.latest",
			"$JS.API.DIRECT.GET.KV_DESCRIPTORS.$KV.DESCRIPTORS.natsgrpctest_v1_EchoService.latest", "$JS.API.STREAM.INFO.KV_DESCRIPTORS",
			"rsp.natsgrpctest_v1_EchoService.id.conn", "rep.natsgrpctest_v1_StreamService.conn.1",
			"dead.natsgrpctest_v1_EchoService.Command.id", "_INBOX_echo.x", "_INBOX_proxy.x",
			"$JS.API.STREAM.INFO." + commandStream, "$JS.API.CONSUMER.INFO." + commandStream + ".workers",
			"$JS.API.CONSUMER.MSG.NEXT." + commandStream + ".workers", "$JS.ACK." + commandStream + ".workers.1.1.1.1.0",
			"$JS.ACK._.hash." + commandStream + ".workers.1.1.1.1.0.token",
		},
	} {
		nc, violations := connectAs(name)
		for _, subject := range slices.Concat(nobody, own) {
			require.NoError(t, nc.PublishRequest(subject, nc.NewInbox(), nil))
			got := violations()
			require.Len(t, got, 1, "%s publishes to %s", name, subject)
			require.Contains(t, strings.ToLower(got[0]), strings.ToLower(`publish to "`+subject+`"`))
		}
	}

	nobody = []string{
		">", "*", "*.>", "$JS.API.>", "$JS.ACK.>", "$KV.>", "$KV.DESCRIPTORS.natsgrpctest_v1_EchoService.>", "$JS.EVENT.>", "$SYS.>", "cmd.>", "qry.>", "rsp.>", "rep.>", "str.>", "dead.>", "alive.>",
		"str.grpc_health_v1_Health.>", "str.grpc_health_v1_Health.server.1", "str.*.*.*", "alive.grpc_health_v1_Health", "alive.*",
		"seek.>", "hand.>", "seek.grpc_health_v1_Health.>", "hand.grpc_health_v1_Health.>",
		"cmd.grpc_health_v1_Health.>", "dead.grpc_health_v1_Health.>", "_INBOX.>", "_INBOX_health.>", "_INBOX_probe.>", "_INBOX_probe.x",
	}
	for name, own := range map[string][]string{
		"echo": {
			"cmd.natsgrpctest_v1_EchoService.>", "dead.natsgrpctest_v1_EchoService.>", "_INBOX_proxy.>",
			"rsp.*.*.*", "rsp.natsgrpctest_v1_EchoService.*.*", "rep.*.*.*", "rep.natsgrpctest_v1_StreamService.*.*",
		},
		"proxy": {
			"cmd.natsgrpctest_v1_EchoService.>", "dead.natsgrpctest_v1_EchoService.>", "_INBOX_echo.>",
			"str.natsgrpctest_v1_StreamService.>", "alive.natsgrpctest_v1_EchoService",
		},
	} {
		nc, violations := connectAs(name)
		for _, subject := range slices.Concat(nobody, own) {
			for _, queue := range []string{"", "group"} {
				_, err := nc.QueueSubscribeSync(subject, queue)
				require.NoError(t, err)
				got := violations()
				require.Len(t, got, 1, "%s subscribes to %s", name, subject)
				require.Contains(t, got[0], `Subscription to "`+subject+`"`)
			}
		}
	}

	for subject, sub := range subscriptions {
		count, _, err := sub.Pending()
		require.NoError(t, err)
		require.Zero(t, count, "messages on %s", subject)
	}
	require.Equal(t, before, everything(t, js))
	reply, err := victim.Request(pulled.Reply, []byte("+ACK"), 5*time.Second)
	require.NoError(t, err)
	require.Empty(t, reply.Data, "health had its call all the time")
	require.Zero(t, pending(t, stream(t, admin, healthQueue)))
}

// The server checks the subject of a message, not its reply subject, and JetStream answers with its own rights. So within
// one account permissions stop mistakes, not a user who means harm. When this fails, NATS has mended it: then say so in
// the comment of Permissions.
func TestAReplySubjectReachesBeyondPermissions(t *testing.T) {
	connectAs := secured(t)
	admin, _ := connectAs("admin")
	js, err := jetstream.New(admin)
	require.NoError(t, err)
	nc, violations := connectAs("echo")
	// The status "no messages" has no body, and neither has a request to delete a stream.
	require.NoError(t, nc.PublishRequest("$JS.API.CONSUMER.MSG.NEXT."+commandStream+".workers", "$JS.API.STREAM.DELETE.DEAD",
		[]byte(`{"batch": 1, "no_wait": true}`)))
	require.Empty(t, violations())
	require.Eventually(t, func() bool {
		_, err := js.Stream(t.Context(), "DEAD")
		return errors.Is(err, jetstream.ErrStreamNotFound)
	}, soon, 10*time.Millisecond)
}

// everything returns all streams with the number of their messages, and their consumers.
func everything(t *testing.T, js jetstream.JetStream) map[string]any {
	t.Helper()
	all := map[string]any{}
	lister := js.ListStreams(t.Context())
	for info := range lister.Info() {
		all[info.Config.Name] = []any{info.Config, info.State.Msgs, info.State.LastSeq}
		s, err := js.Stream(t.Context(), info.Config.Name)
		require.NoError(t, err)
		consumers := s.ListConsumers(t.Context())
		for consumer := range consumers.Info() {
			all[info.Config.Name+"."+consumer.Name] = consumer.Config
		}
		require.NoError(t, consumers.Err())
	}
	require.NoError(t, lister.Err())
	return all
}
