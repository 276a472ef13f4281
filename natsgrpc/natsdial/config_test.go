package natsdial_test

import (
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/codingflow/rating/natsgrpc/natsdial"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A program has the flags as a program embeds them.
type program struct {
	NATS natsdial.Config `embed:"" group:"NATS"`
}

// parse parses a command line, and returns what --help prints.
func parse(t *testing.T, arguments ...string) (p program, help string, err error) {
	t.Helper()
	var text strings.Builder
	parser, err := kong.New(&p, kong.Name("program"), kong.Writers(&text, &text), kong.Exit(func(int) {}))
	require.NoError(t, err)
	_, err = parser.Parse(arguments)
	return p, text.String(), err
}

func TestFlagsAndEnvironment(t *testing.T) {
	p, _, err := parse(t)
	require.NoError(t, err)
	require.Equal(t, natsdial.Config{URL: "nats://127.0.0.1:4222"}, p.NATS)

	authority := newAuthority(t)
	cert, key := authority.issue(t, "")
	_, seed := natsgrpctest.NewUser(t)
	want := natsdial.Config{URL: "tls://a,tls://b", Security: natsdial.Security{
		NKey: seed, CA: authority.file, Cert: cert, Key: key, InboxPrefix: "_INBOX_x",
	}}
	p, _, err = parse(t, "--nats=tls://a,tls://b", "--nats-nkey="+seed, "--nats-ca="+authority.file, "--nats-cert="+cert,
		"--nats-key="+key, "--nats-inbox-prefix=_INBOX_x")
	require.NoError(t, err)
	require.Equal(t, want, p.NATS)

	for name, value := range map[string]string{
		"NATS_URL": want.URL, "NATS_NKEY": want.NKey, "NATS_CA": want.CA, "NATS_CERT": want.Cert, "NATS_KEY": want.Key,
		"NATS_INBOX_PREFIX": want.InboxPrefix,
	} {
		t.Setenv(name, value)
	}
	p, _, err = parse(t)
	require.NoError(t, err)
	require.Equal(t, want, p.NATS)
}

func TestHelpIsComplete(t *testing.T) {
	_, help, err := parse(t, "--help")
	require.NoError(t, err)
	require.Equal(t, `Usage: program [flags]

Flags:
  -h, --help    Show context-sensitive help.

NATS
  --nats="nats://127.0.0.1:4222"
                                URL of the NATS server, or several, separated by
                                commas ($NATS_URL).
  --nats-domain=NAME            JetStream domain of the streams, where it is
                                not the server's own: of a leaf node's hub
                                ($NATS_DOMAIN).
  --nats-creds=FILE             Credentials of the NATS user: a file with its
                                JWT and its seed ($NATS_CREDS).
  --nats-nkey=FILE              NKey of the NATS user: a file with its seed
                                ($NATS_NKEY).
  --nats-ca=FILE                Certificates of the authorities to trust for
                                TLS, in PEM. Default: the system's ($NATS_CA).
  --nats-cert=FILE              Certificate of this program for TLS, in PEM,
                                for a server that asks for it ($NATS_CERT).
  --nats-key=FILE               Private key of the certificate, in PEM
                                ($NATS_KEY).
  --nats-inbox-prefix=PREFIX    What the NATS user's inboxes begin with,
                                where it may not subscribe to others. Default:
                                _INBOX ($NATS_INBOX_PREFIX).
`, help)
}

// The parser and Connect say the same.
func TestWhatCannotBeUsedIsSaid(t *testing.T) {
	_, seed := natsgrpctest.NewUser(t)
	cert, key := newAuthority(t).issue(t, "")
	const secret = "s3cr3t"
	garbage := write(t, secret)
	tests := []struct {
		name     string
		url      string
		security natsdial.Security
		want     string
	}{
		{"two users", "", natsdial.Security{Creds: seed, NKey: seed}, "--nats-creds and --nats-nkey exclude each other"},
		{"certificate alone", "", natsdial.Security{Cert: cert}, "--nats-cert needs --nats-key"},
		{"key alone", "", natsdial.Security{Key: key}, "--nats-key needs --nats-cert"},
		{"no credentials", "", natsdial.Security{Creds: "/no"}, "cannot use --nats-creds: nats: open /no: no such file or directory"},
		{"bad credentials", "", natsdial.Security{Creds: garbage}, `cannot use --nats-creds: unable to extract key pair from file "` + garbage + `": nkeys: no nkey seed found`},
		{"no NKey", "", natsdial.Security{NKey: "/no"}, "cannot use --nats-nkey: nats: open /no: no such file or directory"},
		{"bad NKey", "", natsdial.Security{NKey: garbage}, "cannot use --nats-nkey: nkeys: no nkey seed found"},
		{"no authority", "", natsdial.Security{CA: "/no"}, "cannot use --nats-ca: nats: error loading or parsing rootCA file: open /no: no such file or directory"},
		{"bad authority", "", natsdial.Security{CA: garbage}, `cannot use --nats-ca: nats: failed to parse root certificate from "` + garbage + `"`},
		{"no certificate", "", natsdial.Security{Cert: "/no", Key: key}, "cannot use --nats-cert: nats: error loading client certificate: open /no: no such file or directory"},
		{"no key", "", natsdial.Security{Cert: cert, Key: "/no"}, "cannot use --nats-cert: nats: error loading client certificate: open /no: no such file or directory"},
		{"bad inbox prefix", "", natsdial.Security{InboxPrefix: "x.>"}, "cannot use --nats-inbox-prefix: nats: invalid custom prefix"},
		{"bad URL", "nats://me:" + secret + "%zz@host", natsdial.Security{}, "--nats is not a URL; special characters in a user or a password must be percent-encoded"},
		{"bad port", "nats://host,nats://me:" + secret, natsdial.Security{}, "--nats is not a URL; special characters in a user or a password must be percent-encoded"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			config := natsdial.Config{URL: test.url, Security: test.security}
			require.EqualError(t, config.Validate(), test.want)
			_, err := config.Connect("test", nil)
			require.EqualError(t, err, test.want)
		})
	}
	_, _, err := parse(t, "--nats-cert="+cert)
	require.EqualError(t, err, "--nats-cert needs --nats-key")
}

func TestRedactedURLs(t *testing.T) {
	for text, want := range map[string]string{
		"":                                "nats://127.0.0.1:4222",
		"nats://a:1,tls://b":              "nats://a:1,tls://b",
		"nats://me:s3cr3t@a, b:4222":      "nats://me:xxxxx@a,nats://b:4222",
		"me:s3cr3t@a":                     "nats://me:xxxxx@a",
		"nats://s3cr3t@a":                 "nats://xxxxx@a", // a token
		"wss://me:s3%2Ccr3t@a/nats":       "wss://me:xxxxx@a/nats",
		"nats://me:s3c,r3t@a":             "an unknown URL",
		"nats://me:s3cr3t%zz@a,nats://b:": "an unknown URL",
	} {
		require.Equal(t, want, natsdial.Config{URL: text}.Redacted(), text)
	}
}
