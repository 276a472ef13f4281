package cluster_test

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/codingflow/rating/natsgrpc/natsdial"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	"github.com/codingflow/rating/tools/dev/cluster"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// soon is when something must have happened that takes a moment, on a busy machine too.
const soon = 20 * time.Second

// The manifests, from here.
const (
	manifests  = "../../../k8s/"
	natsConf   = manifests + "base/nats/nats.conf"
	queuesFile = manifests + "base/queues/queues.yaml"
)

// system is a NATS server with the configuration of the cluster, and the seeds of its users by their names.
type system struct {
	ns    *server.Server
	seeds map[string]string
}

// configure makes keys for the users, sets the environment that the configuration wants, and reads it.
func configure(t *testing.T, file string) (*server.Options, map[string]string) {
	t.Helper()
	seeds := map[string]string{}
	for _, name := range append([]string{"proxy", "nack", "admin"}, cluster.ProgramNames()...) {
		public, file := natsgrpctest.NewUser(t)
		t.Setenv(strings.ToUpper(name)+"_NKEY", public)
		seeds[name] = file
	}
	t.Setenv("POD_NAME", "nats-0")
	options, err := server.ProcessConfigFile(file)
	require.NoError(t, err)
	return options, seeds
}

// start starts the server, with the store and the ports of a test.
func start(t *testing.T) *system {
	t.Helper()
	options, seeds := configure(t, natsConf)
	options.StoreDir, options.PidFile = t.TempDir(), ""
	options.Port, options.HTTPPort = server.RANDOM_PORT, 0
	return &system{natsgrpctest.NewServerWith(t, options), seeds}
}

// connect connects as a user. The function that it returns tells what NATS has denied the connection so far.
func (s *system) connect(t *testing.T, name, inbox string) (*nats.Conn, func() []string) {
	t.Helper()
	denied := make(chan string, 100)
	config := natsdial.Config{URL: s.ns.ClientURL(), Security: natsdial.Security{NKey: s.seeds[name], InboxPrefix: inbox}}
	nc, err := config.Connect(name, slog.New(slog.DiscardHandler), nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
		if errors.Is(err, nats.ErrPermissionViolation) {
			denied <- err.Error()
		}
	}))
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	return nc, func() (all []string) {
		t.Helper()
		// Violations are told in order, so what comes before that of the sentinel is all there is.
		require.NoError(t, nc.Publish("sentinel", nil))
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
