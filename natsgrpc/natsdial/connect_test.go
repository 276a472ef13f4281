package natsdial_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/natsgrpc/natsdial"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
)

// serve runs a NATS server with a configuration, and returns its host and port.
func serve(t *testing.T, configuration string) (*server.Server, string) {
	t.Helper()
	options, err := server.ProcessConfigFile(write(t, configuration))
	require.NoError(t, err)
	ns := natsgrpctest.NewServerWith(t, options)
	return ns, ns.Addr().String()
}

// log is a logger's output.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// has returns a function that reports whether a record was logged.
func (l *log) has(record string) func() bool {
	return func() bool { return strings.Contains(l.String(), record) }
}

// dial connects until the test ends.
func dial(t *testing.T, config natsdial.Config) (*nats.Conn, *log) {
	t.Helper()
	l := new(log)
	nc, err := config.Connect("test", slog.New(slog.NewTextHandler(l, nil)))
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	return nc, l
}

// eventually waits for what happens between the server and the client.
func eventually(t *testing.T, condition func() bool) {
	t.Helper()
	require.Eventually(t, condition, 10*time.Second, 5*time.Millisecond)
}

func TestConnectSucceedsOrSaysWhy(t *testing.T) {
	authority, stranger := newAuthority(t), newAuthority(t)
	serverCert, serverKey := authority.issue(t, "127.0.0.1")
	otherCert, otherKey := authority.issue(t, "127.0.0.2")
	clientCert, clientKey := authority.issue(t, "")
	strangeCert, strangeKey := stranger.issue(t, "")
	public, seed := natsgrpctest.NewUser(t)
	_, strangeSeed := natsgrpctest.NewUser(t)
	operator := newOperator(t)
	creds, _ := operator.user(t)
	strangeCreds, _ := newOperator(t).user(t)

	_, plain := serve(t, "")
	_, encrypted := serve(t, fmt.Sprintf("tls: {cert_file: %q, key_file: %q}", serverCert, serverKey))
	_, misnamed := serve(t, fmt.Sprintf("tls: {cert_file: %q, key_file: %q}", otherCert, otherKey))
	_, verifying := serve(t, fmt.Sprintf("tls: {cert_file: %q, key_file: %q, ca_file: %q, verify: true}", serverCert, serverKey, authority.file))
	_, passwords := serve(t, "authorization: {users: [{user: me, password: s3cr3t}]}")
	_, tokens := serve(t, "authorization: {token: s3cr3t}")
	_, nkey := serve(t, fmt.Sprintf("authorization: {users: [{nkey: %s}]}", public))
	jwts := natsgrpctest.NewServerWith(t, operator.options()).Addr().String()

	const (
		untrusted = "has a certificate that is not trusted; give its authority's with --nats-ca: nats: tls error: tls: failed to verify certificate: x509: certificate signed by unknown authority"
		brokeOff  = "broke TLS off; it may want a certificate that it trusts, with --nats-cert and --nats-key: "
		violation = ": nats: Authorization Violation"
	)
	tests := []struct {
		name     string
		user     string // in the URL
		address  string
		security natsdial.Security
		want     string // how the error begins; none for success
	}{
		{"plain", "", plain, natsdial.Security{}, ""},
		{"plain where TLS is asked for", "", plain, natsdial.Security{CA: authority.file}, "has no TLS, which --nats-ca, --nats-cert and tls:// ask for: nats: secure connection not available"},
		{"TLS", "", encrypted, natsdial.Security{CA: authority.file}, ""},
		{"TLS without its authority", "", encrypted, natsdial.Security{}, untrusted},
		{"TLS with another authority", "", encrypted, natsdial.Security{CA: stranger.file}, untrusted},
		{"TLS with another's certificate", "", misnamed, natsdial.Security{CA: authority.file}, "has a certificate that is not valid: nats: tls error: tls: failed to verify certificate: x509: certificate is valid for 127.0.0.2, not 127.0.0.1"},
		{"client certificate", "", verifying, natsdial.Security{CA: authority.file, Cert: clientCert, Key: clientKey}, ""},
		{"no client certificate", "", verifying, natsdial.Security{CA: authority.file}, brokeOff},
		{"a stranger's client certificate", "", verifying, natsdial.Security{CA: authority.file, Cert: strangeCert, Key: strangeKey}, brokeOff},
		{"password", "me:s3cr3t@", passwords, natsdial.Security{}, ""},
		{"wrong password", "me:wr0ng@", passwords, natsdial.Security{}, "refuses the user in --nats" + violation},
		{"no user", "", passwords, natsdial.Security{}, "wants a user; give one with --nats-creds, --nats-nkey, or in the URL" + violation},
		{"token", "s3cr3t@", tokens, natsdial.Security{}, ""},
		{"wrong token", "wr0ng@", tokens, natsdial.Security{}, "refuses the user in --nats" + violation},
		{"NKey", "", nkey, natsdial.Security{NKey: seed}, ""},
		{"a stranger's NKey", "", nkey, natsdial.Security{NKey: strangeSeed}, "refuses the user in --nats-nkey" + violation},
		{"credentials", "", jwts, natsdial.Security{Creds: creds}, ""},
		{"a stranger's credentials", "", jwts, natsdial.Security{Creds: strangeCreds}, "refuses the user in --nats-creds" + violation},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			config := natsdial.Config{URL: "nats://" + test.user + test.address, Security: test.security}
			nc, err := config.Connect("test", slog.New(slog.DiscardHandler))
			if test.want == "" {
				require.NoError(t, err)
				defer nc.Close()
				require.NoError(t, nc.Flush())
				return
			}
			require.Error(t, err)
			require.True(t, strings.HasPrefix(err.Error(), "NATS at "+config.Redacted()+" "+test.want), err.Error())
			require.NotContains(t, err.Error(), "wr0ng")
		})
	}
	_, err := natsdial.Config{URL: "nats://me:s3cr3t@127.0.0.1:1"}.Connect("test", slog.New(slog.DiscardHandler))
	require.EqualError(t, err, "cannot reach NATS at nats://me:xxxxx@127.0.0.1:1: nats: no servers available for connection")
}

func TestInboxesHaveThePrefix(t *testing.T) {
	_, address := serve(t, "")
	nc, _ := dial(t, natsdial.Config{URL: address, Security: natsdial.Security{InboxPrefix: "_INBOX_x"}})
	require.Regexp(t, `^_INBOX_x\.`, nc.NewInbox())
}

func TestWhatHappensToTheConnectionIsLogged(t *testing.T) {
	options, err := server.ProcessConfigFile(write(t, `authorization: {users: [{user: me, password: s3cr3t, permissions: {publish: mine, subscribe: mine}}]}`))
	require.NoError(t, err)
	ns := natsgrpctest.NewServerWith(t, options)
	nc, l := dial(t, natsdial.Config{URL: "me:s3cr3t@" + ns.Addr().String()})

	require.NoError(t, nc.Publish("others", nil))
	eventually(t, l.has(`level=ERROR msg="NATS denies this user a subject" connection=test error="nats: permissions violation: Permissions Violation for Publish to \"others\""`))

	sub, err := nc.SubscribeSync("mine")
	require.NoError(t, err)
	require.NoError(t, sub.SetPendingLimits(1, -1))
	for range 3 {
		require.NoError(t, nc.Publish("mine", nil))
	}
	eventually(t, l.has(`level=ERROR msg="NATS messages came faster than they were handled, and were dropped" connection=test error="nats: slow consumer, messages dropped" subject=mine`))

	id, err := nc.GetClientID()
	require.NoError(t, err)
	require.NoError(t, ns.DisconnectClientByID(id))
	eventually(t, l.has(`level=WARN msg="disconnected from NATS" connection=test error=EOF`))
	eventually(t, l.has(`level=INFO msg="connected to NATS again" connection=test nats=`+ns.Addr().String()))

	nc.Close()
	require.NotContains(t, l.String(), "s3cr3t")
	require.Equal(t, 1, strings.Count(l.String(), "disconnected"), "its own end is not logged")
}

// A server that restarts sends its clients away. Those of the others behind the same address can be had at once.
func TestAConnectionThatIsLostIsMadeAgainWithoutAWait(t *testing.T) {
	ns, address := serve(t, "")
	nc, _ := dial(t, natsdial.Config{URL: "nats://" + address})
	again := nc.StatusChanged(nats.CONNECTED)
	defer nc.RemoveStatusListener(again)
	lost := time.Now()
	id, err := nc.GetClientID()
	require.NoError(t, err)
	require.NoError(t, ns.DisconnectClientByID(id))
	select {
	case <-again:
	case <-time.After(10 * time.Second):
		require.Fail(t, "it is not made again")
	}
	require.Less(t, time.Since(lost), nats.DefaultReconnectWait/2)
}

func TestTriesToConnectBecomeRarer(t *testing.T) {
	for round, most := range map[int]time.Duration{
		1: 50 * time.Millisecond, 2: 100 * time.Millisecond, 6: 1600 * time.Millisecond,
		7: nats.DefaultReconnectWait, 8: nats.DefaultReconnectWait, 1 << 40: nats.DefaultReconnectWait,
	} {
		delay := natsdial.ReconnectDelay(round)
		require.GreaterOrEqual(t, delay, most/2, "round %d", round)
		require.Less(t, delay, most, "round %d", round)
	}
}
