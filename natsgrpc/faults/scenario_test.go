package faults_test

import (
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/status"

	"github.com/codingflow/rating/natsgrpc"
)

// scenario is what all scenarios begin with: NATS server processes and the workers' database.
type scenario struct {
	t        *testing.T
	delivery delivery
	nats     []*natsRole
	servers  []*process
	database string
	began    time.Time
}

// newScenario starts one NATS server.
func newScenario(t *testing.T, d delivery) *scenario {
	t.Helper()
	return newScenarioOn(t, d, newNATS(t))
}

// newScenarioOn starts these NATS servers.
func newScenarioOn(t *testing.T, d delivery, servers ...*natsRole) *scenario {
	t.Helper()
	s := &scenario{t: t, delivery: d, nats: servers, database: newDatabase(t), began: time.Now()}
	for _, n := range servers {
		s.servers = append(s.servers, n.start(t))
	}
	return s
}

// url is where the NATS servers are.
func (s *scenario) url() string {
	urls := make([]string, len(s.nats))
	for i, n := range s.nats {
		urls[i] = n.url()
	}
	return strings.Join(urls, ",")
}

// restart starts the i-th NATS server again, which was killed.
func (s *scenario) restart(i int) {
	s.t.Helper()
	s.servers[i] = s.nats[i].start(s.t)
}

// newDatabase returns the path of an empty database of effects.
func newDatabase(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "effects.db")
	require.NoError(t, createEffects(t.Context(), path))
	return path
}

// worker returns the role of a worker that reaches NATS at url.
func (s *scenario) worker(url string) workerRole {
	return workerRole{URL: url, Database: s.database, Delivery: s.delivery}
}

// conn returns a connection of a client that reaches NATS at url.
func (s *scenario) conn(url string) *natsgrpc.Conn {
	s.t.Helper()
	return newConn(s.t, connect(s.t, url), s.delivery)
}

func newConn(t *testing.T, nc *nats.Conn, d delivery) *natsgrpc.Conn {
	t.Helper()
	descriptors, err := d.descriptors()
	require.NoError(t, err)
	conn, err := natsgrpc.NewConn(nc, natsgrpc.WithDescriptors(descriptors), natsgrpc.WithLogger(slog.New(slog.DiscardHandler)))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	return conn
}

// js returns a view on the scenario's streams.
func (s *scenario) js() jetstream.JetStream {
	s.t.Helper()
	js, err := jetstream.New(connect(s.t, s.url()))
	require.NoError(s.t, err)
	return js
}

// requireEmpty waits until a stream has no message.
func requireEmpty(t *testing.T, js jetstream.JetStream, name string) {
	t.Helper()
	require.Eventually(t, func() bool { return messages(t, js, name) == 0 }, patience, 10*time.Millisecond, "stream %s does not get empty", name)
}

// messages returns how many messages a stream has.
func messages(t *testing.T, js jetstream.JetStream, name string) uint64 {
	t.Helper()
	stream, err := js.Stream(t.Context(), name)
	require.NoError(t, err)
	return stream.CachedInfo().State.Msgs
}

// outcome is what the database says of a scenario's commands.
type outcome struct {
	effects     map[string]int // by payload
	redelivered int            // effects of a later attempt than the first
	replays     int            // answers that were given from the record
}

func (s *scenario) outcome() outcome {
	s.t.Helper()
	e, err := openEffects(s.database)
	require.NoError(s.t, err)
	defer func() { require.NoError(s.t, e.db.Close()) }()
	o := outcome{effects: map[string]int{}}
	rows, err := e.db.QueryContext(s.t.Context(), `SELECT payload, attempt FROM effects`)
	require.NoError(s.t, err)
	defer func() { require.NoError(s.t, rows.Close()) }()
	for rows.Next() {
		var payload string
		var attempt int
		require.NoError(s.t, rows.Scan(&payload, &attempt))
		o.effects[payload]++
		if attempt > 1 {
			o.redelivered++
		}
	}
	require.NoError(s.t, rows.Err())
	require.NoError(s.t, e.db.QueryRowContext(s.t.Context(), `SELECT count(*) FROM replays`).Scan(&o.replays))
	return o
}

// requireOnce requires that each command of a load was answered with success and had its effect, and that no command
// had it twice. It logs the counts.
func (s *scenario) requireOnce(l *load) outcome {
	s.t.Helper()
	return s.requireOnceOf(l, func(int) string { return goodPayload })
}

// requireOnceOf is requireOnce for payloads of the kinds that kind says. What is poisoned or deadly has no effect and
// fails with ATTEMPTS_EXHAUSTED.
func (s *scenario) requireOnceOf(l *load, kind func(i int) string) outcome {
	s.t.Helper()
	o := s.outcome()
	s.t.Logf("%d commands, %d answered, %d with an effect, %d redelivered before it, %d answered from the record; the longest call took %v, all %v",
		l.made(), l.answered, len(o.effects), o.redelivered, o.replays, l.longest.Round(time.Millisecond), time.Since(s.began).Round(time.Millisecond))
	for p, n := range o.effects {
		require.Equal(s.t, 1, n, "effects of %q", p)
	}
	wrong := 0
	for i := 1; i <= l.made(); i++ {
		p, err := payload(kind(i), i), l.failed[i]
		switch kind(i) {
		case poisonPayload, deadlyPayload:
			if reason(err) == natsgrpc.ReasonAttemptsExhausted && o.effects[p] == 0 {
				continue
			}
		default:
			if err == nil && o.effects[p] == 1 {
				continue
			}
		}
		if wrong++; wrong <= 5 {
			s.t.Errorf("call %q: %d effects; error: %v", p, o.effects[p], err)
		}
	}
	require.Zero(s.t, wrong, "calls with a wrong end")
	return o
}

// reason returns the reason in a status error's ErrorInfo.
func reason(err error) string { return natsgrpc.ReasonOf(status.Convert(err)) }
