package operations

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/natsgrpc/nack/nacktest"
	"github.com/codingflow/rating/natsgrpc/natsdial"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
)

// A user's key is replaced as docs/runbook.md has it: the servers take the new one in two steps, and the proxies are replaced in
// between. At each step the proxy in service answers, for it finds a server that knows its key. Reloading a server's
// configuration stands for its restart: it refuses the old key from then on, and ends the connections that had it.
func TestAKeyIsRotatedWithoutAPause(t *testing.T) {
	s := newSystem(t)
	s.ns.Shutdown()
	servers := clustered(t)
	var urls []string
	for _, ns := range servers {
		urls = append(urls, ns.ClientURL())
	}
	s.urls = strings.Join(urls, ",")
	nacktest.Apply(t, s.connect(t, "nack"), []byte(read(t, root+"k8s/base/queues/queues.yaml")))
	s.serveRating(t)
	old, stopOld := s.serveProxy(t)
	answers := func(request client) {
		t.Helper()
		require.Eventually(t, func() bool {
			code, _ := request("POST", "/api/users", `{"displayName": "Ada"}`)
			return code == 200
		}, soon, tick)
	}
	answers(old)

	public, file := natsgrpctest.NewUser(t)
	t.Setenv("PROXY_NKEY", public)
	servers[2].reload(t)
	answers(old)
	servers[1].reload(t)
	answers(old)

	oldSeed := s.seeds["proxy"]
	s.seeds["proxy"] = file              // the old proxy keeps its own, as subPath has it
	s.urls = strings.Join(urls[1:], ",") // the first server would refuse it; a pod that is refused is started again
	replaced, _ := s.serveProxy(t)
	answers(replaced)
	answers(old)
	stopOld()
	servers[0].reload(t)
	answers(replaced)

	s.urls = strings.Join(urls, ",")
	_, err := natsdial.Config{URL: s.urls, Security: natsdial.Security{NKey: oldSeed}}.Connect("old", discard)
	require.ErrorIs(t, err, nats.ErrAuthorization)
}

// A node is one of three servers.
type node struct {
	*server.Server
	configure func() *server.Options
}

// clustered runs three servers, as the component replicated does.
func clustered(t *testing.T) []node {
	t.Helper()
	ports := freePorts(t, 3)
	var routes []string
	for _, port := range ports {
		routes = append(routes, fmt.Sprintf("nats://127.0.0.1:%d", port))
	}
	clients := freePorts(t, 3)
	var nodes []node
	for i := range ports {
		store := t.TempDir()
		configure := func() *server.Options {
			options, err := server.ProcessConfigFile(root + "k8s/base/nats/nats.conf")
			require.NoError(t, err)
			options.PidFile, options.HTTPPort, options.NoSigs, options.NoLog = "", 0, true, true
			options.ServerName = fmt.Sprintf("nats-%d", i)
			options.StoreDir, options.Host, options.Port = store, "127.0.0.1", clients[i]
			options.Cluster = server.ClusterOpts{Name: "rating", Host: "127.0.0.1", Port: ports[i], NoAdvertise: true}
			options.Routes = server.RoutesFromStr(strings.Join(routes, ","))
			return options
		}
		nodes = append(nodes, node{natsgrpctest.NewServerWith(t, configure()), configure})
	}
	require.Eventually(t, func() bool {
		return slices.ContainsFunc(nodes, func(n node) bool {
			return n.JetStreamIsLeader() && len(n.JetStreamClusterPeers()) == len(nodes)
		})
	}, soon, tick)
	return nodes
}

// reload has a server read the users anew.
func (n node) reload(t *testing.T) {
	t.Helper()
	require.NoError(t, n.ReloadOptions(n.configure()))
}

// freePorts returns ports of the loopback interface that are free now, and so most likely in a moment too.
func freePorts(t *testing.T, n int) []int {
	t.Helper()
	var ports []int
	for range n {
		listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer func() { require.NoError(t, listener.Close()) }() // when all are open, so that they differ
		ports = append(ports, listener.Addr().(*net.TCPAddr).Port)
	}
	return ports
}
