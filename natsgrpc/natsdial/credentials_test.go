package natsdial_test

import (
	"os"
	"testing"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/natsgrpc/natsdial"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
)

// An operator has one account beside the system's, without which JetStream does not start.
type operator struct {
	claims   *jwt.OperatorClaims
	keys     nkeys.KeyPair
	account  *jwt.AccountClaims
	accounts nkeys.KeyPair // the account's
	system   *jwt.AccountClaims
	resolver *server.MemAccResolver
}

func newOperator(t *testing.T) *operator {
	t.Helper()
	o := &operator{resolver: &server.MemAccResolver{}}
	var err error
	o.keys, err = nkeys.CreateOperator()
	require.NoError(t, err)
	public, err := o.keys.PublicKey()
	require.NoError(t, err)
	o.claims = jwt.NewOperatorClaims(public)
	o.account, o.accounts = o.newAccount(t)
	o.system, _ = o.newAccount(t)
	return o
}

func (o *operator) newAccount(t *testing.T) (*jwt.AccountClaims, nkeys.KeyPair) {
	t.Helper()
	pair, err := nkeys.CreateAccount()
	require.NoError(t, err)
	public, err := pair.PublicKey()
	require.NoError(t, err)
	account := jwt.NewAccountClaims(public)
	o.store(t, account)
	return account, pair
}

// store gives an account's claims to the resolver.
func (o *operator) store(t *testing.T, account *jwt.AccountClaims) {
	t.Helper()
	token, err := account.Encode(o.keys)
	require.NoError(t, err)
	require.NoError(t, o.resolver.Store(account.Subject, token))
}

// options returns those of a server in operator mode.
func (o *operator) options() *server.Options {
	return &server.Options{TrustedOperators: []*jwt.OperatorClaims{o.claims}, AccountResolver: o.resolver, SystemAccount: o.system.Subject}
}

// user makes a user of the account, and returns the credentials file and the public key.
func (o *operator) user(t *testing.T) (file, public string) {
	t.Helper()
	pair, err := nkeys.CreateUser()
	require.NoError(t, err)
	public, err = pair.PublicKey()
	require.NoError(t, err)
	token, err := jwt.NewUserClaims(public).Encode(o.accounts)
	require.NoError(t, err)
	seed, err := pair.Seed()
	require.NoError(t, err)
	text, err := jwt.FormatUserConfig(token, seed)
	require.NoError(t, err)
	return write(t, string(text)), public
}

// revoke revokes a user, whom the server then disconnects.
func (o *operator) revoke(t *testing.T, ns *server.Server, public string) {
	t.Helper()
	o.account.Revoke(public)
	o.store(t, o.account)
	account, err := ns.LookupAccount(o.account.Subject)
	require.NoError(t, err)
	ns.UpdateAccountClaims(account, o.account)
}

// The connection outlives the time between the end of the old credentials and the coming of the new ones.
func TestNewCredentialsAreUsedAtTheNextConnection(t *testing.T) {
	operator := newOperator(t)
	ns := natsgrpctest.NewServerWith(t, operator.options())
	file, old := operator.user(t)
	renewed, current := operator.user(t)
	nc, l := dial(t, natsdial.Config{URL: ns.ClientURL(), Security: natsdial.Security{Creds: file}})
	require.Equal(t, old, userOf(t, ns, nc))

	operator.revoke(t, ns, old)
	eventually(t, l.has(`msg="NATS refuses this user" connection=test error="nats: authorization violation"`))
	refused := nc.Stats().Reconnects
	eventually(t, func() bool { return nc.Stats().Reconnects > refused+3 })

	text, err := os.ReadFile(renewed)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file+".new", text, 0o600))
	require.NoError(t, os.Rename(file+".new", file))
	eventually(t, nc.IsConnected)
	require.Equal(t, current, userOf(t, ns, nc))
}

// userOf returns the public key of a connection's user.
func userOf(t *testing.T, ns *server.Server, nc *nats.Conn) string {
	t.Helper()
	id, err := nc.GetClientID()
	require.NoError(t, err)
	connections, err := ns.Connz(&server.ConnzOptions{Username: true, CID: id})
	require.NoError(t, err)
	require.Len(t, connections.Conns, 1)
	return connections.Conns[0].AuthorizedUser
}
